import Streaming

/// librdkafka properties that are handed through untouched: TLS, SASL, timeouts.
///
/// Given as `--kafka-property name=value` (repeatable), as `RESYNC_KAFKA_PROPERTY_SASL_USERNAME=…` (an underscore is a
/// dot, two are an underscore; with `_FILE` at the end the value is read from that file), or in the configuration
/// file as `"kafka-property": {"sasl.username": "…"}`.
public struct KafkaPropertiesKey: AnyConfigurationKey {
  public let definition: KeyDefinition

  static let environmentPrefix = "RESYNC_KAFKA_PROPERTY_"
  private static let secretWords = [
    "password", "secret", "token", "pem", "ssl.key", "ssl_key", "sasl.oauthbearer.config",
  ]

  init(_ name: String, help: String) {
    definition = KeyDefinition(
      name: name, environmentNames: [], valueName: "name=value", defaultText: "",
      allowed: "name=value with a property of librdkafka other than "
        + KafkaConfiguration.reservedProperties.keys.sorted().joined(separator: ", "),
      isMap: true, help: help)
  }

  public func accepts(_ text: String) -> Bool { Self.split(text) != nil }

  /// `name=value` in its two parts, or nil if the name is missing or reserved.
  static func split(_ text: String) -> (name: String, value: String)? {
    guard let equals = text.firstIndex(of: "=") else { return nil }
    let name = String(text[..<equals])
    guard isAllowed(name) else { return nil }
    return (name, String(text[text.index(after: equals)...]))
  }

  static func isAllowed(_ name: String) -> Bool {
    !name.isEmpty && KafkaConfiguration.reservedProperties[name] == nil
      && name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "." || $0 == "_" || $0 == "-") }
  }

  /// The property that an environment variable names: `RESYNC_KAFKA_PROPERTY_SASL_USERNAME` is `sasl.username`.
  static func property(environmentName: String) -> String? {
    guard environmentName.hasPrefix(environmentPrefix) else { return nil }
    let words = environmentName.dropFirst(environmentPrefix.count).lowercased()
    return words.split(separator: "__", omittingEmptySubsequences: false)
      .map { $0.map { $0 == "_" ? "." : String($0) }.joined() }
      .joined(separator: "_")
  }

  static func isSecret(_ property: String) -> Bool {
    secretWords.contains { property.contains($0) }
  }
}
