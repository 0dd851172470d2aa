import Foundation

/// How to reach Kafka, and under which names this installation works there.
public struct KafkaConfiguration: Sendable {
  /// `host:port`, several separated by commas.
  public var bootstrapServers: String
  /// Put before every topic, group and transactional id; "" for none. Lets several installations share a cluster.
  public var topicPrefix: String
  /// Any further property of librdkafka, such as TLS and SASL settings.
  public var properties: [String: String]
  /// The name of this client in the broker's logs and quotas.
  public var clientID: String

  public init(
    bootstrapServers: String, topicPrefix: String = "", properties: [String: String] = [:], clientID: String = "resync"
  ) {
    self.bootstrapServers = bootstrapServers
    self.topicPrefix = topicPrefix
    self.properties = properties
    self.clientID = clientID
  }

  /// The largest message the suite may write, bytes.
  public static let maximumMessageBytes = 1_000_000

  func fullName(_ name: String) -> String { topicPrefix + name }

  func shortName(_ fullName: String) -> String {
    fullName.hasPrefix(topicPrefix) ? String(fullName.dropFirst(topicPrefix.count)) : fullName
  }
}

extension KafkaConfiguration: CustomStringConvertible {
  /// Without values of the further properties: they hold secrets.
  public var description: String {
    "bootstrap.servers=\(bootstrapServers) prefix=\(topicPrefix) client.id=\(clientID)"
      + properties.keys.sorted().map { " \($0)=…" }.joined()
  }
}

extension KafkaConfiguration {
  enum Role {
    case producer
    case consumer
  }

  /// What a user may not change, because no loss and no double depend on it, or because a setting of its own sets it.
  public static let reservedProperties: [String: String] = [
    "bootstrap.servers": "the brokers are set by the client's own configuration",
    "metadata.broker.list": "the brokers are set by the client's own configuration",
    "client.id": "it is made of service and instance",
    "max.in.flight": "the order of messages rests on it",
    "max.in.flight.requests.per.connection": "the order of messages rests on it",
    "enable.idempotence": "it is always on", "acks": "it is always all",
    "request.required.acks": "it is always all", "transactional.id": "it is made of group and instance",
    "transaction.timeout.ms": "set it in the service's own configuration",
    "session.timeout.ms": "set it in the service's own configuration",
    "group.id": "each service has its own",
    "group.instance.id": "it is the service's instance name",
    "enable.auto.commit": "offsets are committed by hand", "enable.auto.offset.store": "offsets are committed by hand",
    "isolation.level": "each reader has its own", "auto.offset.reset": "it is always earliest",
    "partitioner": "it is always murmur2_random, as Java clients use",
    "partition.assignment.strategy": "it is always range", "enable.partition.eof": "it is always on",
  ]

  /// Sized for messages up to 900 KB, with every queue bounded.
  private static let common: [String: String] = [
    "message.max.bytes": "1000000", "socket.keepalive.enable": "true", "reconnect.backoff.max.ms": "2000",
    // The default since librdkafka 2.0; before, a certificate of any host was taken.
    "ssl.endpoint.identification.algorithm": "https",
  ]

  private static let byRole: [Role: [String: String]] = [
    .producer: [
      "enable.idempotence": "true", "compression.codec": "lz4", "partitioner": "murmur2_random", "linger.ms": "5",
      "queue.buffering.max.messages": "20000", "queue.buffering.max.kbytes": "65536",
    ],
    .consumer: [
      "enable.auto.commit": "false", "enable.auto.offset.store": "false", "auto.offset.reset": "earliest",
      "enable.partition.eof": "true", "partition.assignment.strategy": "range", "fetch.message.max.bytes": "1048576",
      "fetch.max.bytes": "16777216", "queued.min.messages": "1000",
      "queued.max.messages.kbytes": "16384",
    ],
  ]

  private static let files = [
    "ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.keystore.location", "ssl.crl.location",
  ]

  /// Every property of one client: defaults, then the user's, then what the client itself needs.
  func resolvedProperties(_ role: Role, _ own: [String: String]) throws(StreamingError) -> [String: String] {
    for name in properties.keys.sorted() {
      if let reason = Self.reservedProperties[name] {
        throw StreamingError(.configurationInvalid, "Kafka property '\(name)' can't be changed: \(reason)")
      }
    }
    // librdkafka names the property, but not the file.
    for name in Self.files {
      // "probe" lets librdkafka look in the usual places.
      if let path = properties[name], path != "probe", access(path, R_OK) != 0 {
        throw StreamingError(
          .configurationInvalid, "Kafka property '\(name)' is '\(path)'; expected a path that this user may read")
      }
    }
    guard !bootstrapServers.isEmpty else {
      throw StreamingError(.configurationInvalid, "bootstrapServers is empty; expected host:port[,host:port…]")
    }
    return Self.common
      .merging(Self.byRole[role] ?? [:]) { $1 }
      .merging(properties) { $1 }
      .merging(["bootstrap.servers": bootstrapServers, "client.id": clientID]) { $1 }
      .merging(own) { $1 }
  }
}
