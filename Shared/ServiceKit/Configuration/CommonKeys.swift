import Logging

/// The keys every program of Resync has.
public enum CommonKeys: ConfigurationKeySet {
  public static let instance = ConfigurationKey.string(
    "instance", default: hostInstanceName(), valueName: "name",
    allowed: "1 to 64 letters, digits, '.', '_' or '-'", where: { isName($0, length: 1...64) },
    help: """
      Stable name of this replica, the same after a restart and different from its siblings'; part of the \
      transactional id. Defaults to the host's name.
      """)
  public static let kafkaBootstrapServers = ConfigurationKey.list(
    "kafka-bootstrap-servers", default: nil, environment: ["KAFKA_BOOTSTRAP_SERVERS"], valueName: "host:port,…",
    allowed: "host:port, or several separated by commas", where: isHostAndPort,
    help: "The Kafka brokers to start from.")
  public static let topicPrefix = ConfigurationKey.string(
    "topic-prefix", default: "", valueName: "prefix",
    allowed: "up to 64 letters, digits, '.', '_' or '-'", where: { isName($0, length: 0...64) },
    help: "Put before the name of every topic and consumer group, so that several suites can share brokers.")
  public static let kafkaProperties = KafkaPropertiesKey(
    "kafka-property", help: "A librdkafka property handed through (TLS, SASL); repeatable.")
  public static let httpHost = ConfigurationKey.string(
    "http-host", default: "127.0.0.1", valueName: "host", allowed: "a host name or an IP address",
    help: "Address of the health and metrics endpoint; 0.0.0.0 for all.")
  public static let httpPort = ConfigurationKey.integer(
    "http-port", default: 8080, range: 0...65535, valueName: "port",
    help: "Port of the health and metrics endpoint; 0 takes any free port; a port in use steps to the next ones.")
  public static let stopTimeout = ConfigurationKey.seconds(
    "stop-timeout", default: 10, range: 0.1...600,
    help: "Longest wait for work in progress after SIGTERM or Ctrl-C.")
  public static let logLevel = ConfigurationKey<Logger.Level>.choice(
    "log-level", default: .info, help: "Least level that is logged.")
  public static let logFormat = ConfigurationKey<LogFormat>.choice(
    "log-format", default: .json, help: "JSON lines or text, on standard error.")

  public static let keys: [any AnyConfigurationKey] = [
    instance, kafkaBootstrapServers, topicPrefix, kafkaProperties, httpHost, httpPort, stopTimeout, logLevel, logFormat,
  ]
}

/// The keys of programs that use PostgreSQL.
public enum DatabaseKeys: ConfigurationKeySet {
  public static let url = ConfigurationKey.secret(
    "database-url", environment: ["DATABASE_URL"], valueName: "url",
    allowed: "postgresql://user:password@host:port/database, or a libpq connection string",
    where: { $0.hasPrefix("postgresql://") || $0.hasPrefix("postgres://") || $0.contains("=") },
    help: "The PostgreSQL database.")
  public static let schema = ConfigurationKey.string(
    "schema", default: "resync", valueName: "name",
    allowed: "1 to 63 lower-case letters, digits or '_', not starting with a digit or with pg_", where: isSchemaName,
    help: "The schema that holds Resync's tables.")

  public static let keys: [any AnyConfigurationKey] = [url, schema]
}

private func isName(_ text: String, length: ClosedRange<Int>) -> Bool {
  length.contains(text.count)
    && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "_" || $0 == "-") }
}

/// `host:port` or `[IPv6 address]:port`.
@Sendable private func isHostAndPort(_ text: String) -> Bool {
  guard let colon = text.lastIndex(of: ":") else { return false }
  let host = text[..<colon]
  let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.count > 2
  let isHost = !host.isEmpty && !host.contains(where: { $0.isWhitespace || $0 == ":" || $0 == "/" })
  guard let port = Int(text[text.index(after: colon)...]), (1...65535).contains(port) else { return false }
  return isBracketed || isHost
}

@Sendable private func isSchemaName(_ text: String) -> Bool {
  guard let first = text.first, (1...63).contains(text.utf8.count) else { return false }
  return !first.isNumber && !text.hasPrefix("pg_")
    && text.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") }
}
