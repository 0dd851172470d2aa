import Logging

/// What every service knows about its place in the suite, parsed and validated.
public struct CommonConfiguration: Sendable {
  /// The service's name as operators type it: `ingest`.
  public let serviceName: String
  /// Stable name of this replica.
  public let instance: String
  public let kafka: KafkaSettings
  /// Nil for programs without `DatabaseKeys` in their table.
  public let database: DatabaseSettings?
  public let http: HTTPSettings
  /// Longest wait for work in progress at a stop.
  public let stopTimeoutSeconds: Double
  public let logLevel: Logger.Level
  public let logFormat: LogFormat

  /// - Parameter settings: made from a table that contains `CommonKeys.keys`.
  public init(serviceName: String, settings: Settings) {
    self.serviceName = serviceName
    instance = settings[CommonKeys.instance]
    kafka = KafkaSettings(
      bootstrapServers: settings[CommonKeys.kafkaBootstrapServers].joined(separator: ","),
      topicPrefix: settings[CommonKeys.topicPrefix], properties: settings[CommonKeys.kafkaProperties])
    database =
      settings.contains(DatabaseKeys.url)
      ? DatabaseSettings(url: settings[DatabaseKeys.url], schema: settings[DatabaseKeys.schema]) : nil
    http = HTTPSettings(host: settings[CommonKeys.httpHost], port: settings[CommonKeys.httpPort])
    stopTimeoutSeconds = settings[CommonKeys.stopTimeout]
    logLevel = settings[CommonKeys.logLevel]
    logFormat = settings[CommonKeys.logFormat]
  }
}

/// Where the brokers are and how to talk to them. May hold secrets in `properties`: printing shows none.
public struct KafkaSettings: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
  /// `host:port`, separated by commas.
  public let bootstrapServers: String
  public let topicPrefix: String
  /// librdkafka properties, by name.
  public let properties: [String: String]

  public var description: String {
    "kafka \(bootstrapServers), topic prefix '\(topicPrefix)', properties \(properties.keys.sorted())"
  }
  public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}

public struct DatabaseSettings: Sendable, Equatable {
  /// A libpq URI or connection string.
  public let url: Secret
  public let schema: String
}

public struct HTTPSettings: Sendable, Equatable {
  public let host: String
  /// 0: any free port.
  public let port: Int
  /// How many ports after `port` are tried when it is in use.
  public let furtherPorts: Int

  public init(host: String, port: Int, furtherPorts: Int = 20) {
    self.host = host
    self.port = port
    self.furtherPorts = furtherPorts
  }
}
