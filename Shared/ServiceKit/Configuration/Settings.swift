import Configuration

/// The values of a configuration table, validated, each with the place it came from.
///
/// Precedence: command line, then environment, then configuration file, then default. An empty environment variable
/// counts as not set, as `VARIABLE: ${VARIABLE:-}` of a compose file leaves it.
public struct Settings: Sendable {
  struct Resolved: Sendable {
    let text: String?
    let source: String
  }

  let keys: [any AnyConfigurationKey]
  private let values: [String: Resolved]
  private let maps: [String: [String: Resolved]]

  /// Reads and validates every key of the table.
  ///
  /// - Parameters:
  ///   - commandLine: values by key name, in the order given.
  ///   - environment: the process's environment.
  ///   - file: path of the configuration file, a JSON object of key names.
  /// - Throws: `ServiceKitError` `INVALID_CONFIGURATION` that names all that is wrong, one line each.
  public init(
    keys: [any AnyConfigurationKey], commandLine: [String: [String]] = [:], environment: [String: String] = [:],
    file: String? = nil
  ) throws {
    let names = keys.map(\.definition.name)
    precondition(Set(names).count == names.count, "a configuration key stands twice in the table: \(names)")
    var problems: [String] = []
    var layers = [
      ConfigurationLayer.commandLine(keys, commandLine), ConfigurationLayer.environment(keys, environment),
    ]
    if let file {
      do {
        layers.append(try ConfigurationLayer.file(keys, path: file))
      } catch let error as ServiceKitError {
        problems.append(error.message)
      }
    }
    var values: [String: Resolved] = [:]
    var maps: [String: [String: Resolved]] = [:]
    for key in keys {
      do {
        if key.definition.isMap {
          maps[key.definition.name] = try Self.resolveMap(key, layers)
        } else {
          values[key.definition.name] = try Self.resolve(key, layers)
        }
      } catch let error as ServiceKitError {
        problems.append(error.message)
      }
    }
    guard problems.isEmpty else {
      throw ServiceKitError(.invalidConfiguration, problems.joined(separator: "\n"))
    }
    self.keys = keys
    self.values = values
    self.maps = maps
  }

  /// Whether the key stands in the table.
  public func contains(_ key: some AnyConfigurationKey) -> Bool {
    keys.contains { $0.definition.name == key.definition.name }
  }

  /// The value of a key of the table.
  public subscript<Value>(key: ConfigurationKey<Value>) -> Value {
    guard let resolved = values[key.definition.name] else {
      preconditionFailure("configuration key '\(key.definition.name)' does not stand in this program's table")
    }
    guard let text = resolved.text else { return key.absent! }
    return key.parse(text)!
  }

  /// The librdkafka properties by name.
  public subscript(key: KafkaPropertiesKey) -> [String: String] {
    (maps[key.definition.name] ?? [:]).compactMapValues(\.text)
  }

  /// The error for a value that is allowed by itself but not together with others.
  public func invalid(_ key: some AnyConfigurationKey, allowed: String) -> ServiceKitError {
    let resolved = values[key.definition.name]
    return ServiceKitError(
      .invalidConfiguration,
      Self.refusal(
        key.definition, text: resolved?.text ?? key.definition.defaultText ?? "",
        source: resolved?.source ?? "default", allowed: allowed))
  }

  func resolved(_ key: any AnyConfigurationKey) -> Resolved? { values[key.definition.name] }

  func resolvedMap(_ key: any AnyConfigurationKey) -> [(name: String, value: Resolved)] {
    (maps[key.definition.name] ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private static func resolve(_ key: any AnyConfigurationKey, _ layers: [ConfigurationLayer]) throws -> Resolved {
    let definition = key.definition
    for layer in layers {
      guard let found = try layer.value(definition) else { continue }
      guard key.accepts(found.text) else {
        throw ServiceKitError(
          .invalidConfiguration,
          refusal(definition, text: found.text, source: found.source, allowed: definition.allowed))
      }
      return Resolved(text: found.text, source: found.source)
    }
    guard definition.isRequired else { return Resolved(text: nil, source: "default") }
    let file = definition.isSecret ? " (or --\(definition.name)-file FILE)" : ""
    throw ServiceKitError(
      .invalidConfiguration,
      """
      --\(definition.name) is not set; give --\(definition.name) <\(definition.valueName)>\(file), \
      \(definition.environmentNames.joined(separator: " or ")), or "\(definition.name)" in the configuration file; \
      allowed: \(definition.allowed)
      """)
  }

  private static func resolveMap(
    _ key: any AnyConfigurationKey, _ layers: [ConfigurationLayer]
  ) throws -> [String: Resolved] {
    var merged: [String: Resolved] = [:]
    for layer in layers.reversed() {
      for (name, found) in try layer.map(key.definition) {
        guard key.accepts("\(name)=\(found.text)") else {
          throw ServiceKitError(
            .invalidConfiguration,
            refusal(key.definition, text: name, source: found.source, allowed: key.definition.allowed))
        }
        merged[name] = Resolved(text: found.text, source: found.source)
      }
    }
    return merged
  }

  private static func refusal(_ definition: KeyDefinition, text: String, source: String, allowed: String) -> String {
    let shown = definition.isSecret ? Secret.redacted : "'\(text.prefix(200))'"
    return "--\(definition.name) is \(shown), from \(source); allowed: \(allowed)"
  }
}
