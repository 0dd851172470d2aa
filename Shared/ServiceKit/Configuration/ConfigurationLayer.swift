import Configuration
import Foundation

/// One place where values come from: the command line, the environment, or the configuration file.
struct ConfigurationLayer {
  struct Found {
    let text: String
    let source: String
  }

  /// Holds the texts of all keys that have one value.
  private let provider: any ConfigProvider
  /// What a key, or the `-file` twin of a secret, is called here, for messages; in order of precedence.
  private let lookups: @Sendable (String) -> [(key: String, source: String)]
  private let maps: [String: [String: Found]]
  /// A property value that has to be read from a file first, by key and property.
  private let mapFiles: [String: [String: Found]]

  private init(
    _ name: String, texts: [String: String],
    lookups: @escaping @Sendable (String) -> [(key: String, source: String)],
    maps: [String: [String: Found]] = [:], mapFiles: [String: [String: Found]] = [:]
  ) {
    let pairs = texts.map { (AbsoluteConfigKey([$0.key]), ConfigValue(.string($0.value), isSecret: true)) }
    provider = InMemoryProvider(name: name, values: Dictionary(uniqueKeysWithValues: pairs))
    self.lookups = lookups
    self.maps = maps
    self.mapFiles = mapFiles
  }

  /// The value of a key in this layer; a secret may come from the file that its `-file` twin names.
  func value(_ definition: KeyDefinition) throws -> Found? {
    let plain = try lookup(definition, definition.name)
    guard definition.isSecret, let file = try lookup(definition, definition.name + "-file") else { return plain }
    if let plain {
      throw ServiceKitError(
        .invalidConfiguration,
        "--\(definition.name) is given twice, by \(plain.source) and by \(file.source); allowed: one of the two")
    }
    return try Self.read(file, name: definition.name)
  }

  /// The named values of a map key in this layer.
  func map(_ definition: KeyDefinition) throws -> [String: Found] {
    var values = maps[definition.name] ?? [:]
    for (property, file) in mapFiles[definition.name] ?? [:] {
      values[property] = try Self.read(file, name: "\(definition.name) \(property)")
    }
    return values
  }

  private func lookup(_ definition: KeyDefinition, _ name: String) throws -> Found? {
    for candidate in lookups(name) {
      let result = try provider.value(forKey: AbsoluteConfigKey([candidate.key]), type: .string)
      if case .string(let text)? = result.value?.content { return Found(text: text, source: candidate.source) }
    }
    return nil
  }

  private static func read(_ file: Found, name: String) throws -> Found {
    guard let data = FileManager.default.contents(atPath: file.text), data.count <= 1 << 20,
      let text = String(data: data, encoding: .utf8)
    else {
      throw ServiceKitError(
        .invalidConfiguration,
        "--\(name) names the file '\(file.text)', from \(file.source), which cannot be read; "
          + "allowed: a readable text file of at most 1 MiB")
    }
    // Editors and `echo` end a file with a line break, which belongs to no secret.
    return Found(text: trimmed(text), source: "file \(file.text), from \(file.source)")
  }
}

extension ConfigurationLayer {
  /// Values given as flags; the last of a repeated flag counts.
  static func commandLine(_ keys: [any AnyConfigurationKey], _ flags: [String: [String]]) -> ConfigurationLayer {
    let mapNames = Set(keys.map(\.definition).filter(\.isMap).map(\.name))
    var maps: [String: [String: Found]] = [:]
    for name in mapNames {
      for text in flags[name] ?? [] {
        let equals = text.firstIndex(of: "=")
        // A text without "=" keeps a name that no property has, so that it is refused with what was typed.
        let property = equals.map { String(text[..<$0]) } ?? "\(text) (without =)"
        let value = equals.map { String(text[$0...].dropFirst()) } ?? ""
        maps[name, default: [:]][property] = Found(text: value, source: "the command line")
      }
    }
    return ConfigurationLayer(
      "command line", texts: flags.filter { !mapNames.contains($0.key) }.compactMapValues(\.last),
      lookups: { [($0, "the command line")] }, maps: maps)
  }

  static func environment(_ keys: [any AnyConfigurationKey], _ variables: [String: String]) -> ConfigurationLayer {
    var names: [String: [String]] = [:]
    var maps: [String: [String: Found]] = [:]
    var mapFiles: [String: [String: Found]] = [:]
    let set = variables.filter { !$0.value.isEmpty }
    for definition in keys.map(\.definition) {
      names[definition.name] = definition.environmentNames
      names[definition.name + "-file"] = definition.environmentNames.map { $0 + "_FILE" }
      guard definition.isMap else { continue }
      for (variable, text) in set {
        let isFile = variable.hasSuffix("_FILE")
        let bare = isFile ? String(variable.dropLast("_FILE".count)) : variable
        guard let property = KafkaPropertiesKey.property(environmentName: bare) else { continue }
        let found = Found(text: text, source: "environment variable \(variable)")
        if isFile {
          mapFiles[definition.name, default: [:]][property] = found
        } else {
          maps[definition.name, default: [:]][property] = found
        }
      }
    }
    return ConfigurationLayer(
      "environment", texts: set,
      lookups: { [names] key in (names[key] ?? []).map { ($0, "environment variable \($0)") } },
      maps: maps, mapFiles: mapFiles)
  }

  /// A JSON object: key names with text, number or boolean; map keys with an object of texts. A key that is not in the
  /// table is an error, so that a misspelt key does not go unnoticed.
  static func file(_ keys: [any AnyConfigurationKey], path: String) throws -> ConfigurationLayer {
    guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20 else {
      throw ServiceKitError(
        .invalidConfiguration,
        "--config is '\(path)', which cannot be read; allowed: a readable JSON file of at most 1 MiB")
    }
    guard let members = try? JSONDecoder().decode([String: FileValue].self, from: data) else {
      throw ServiceKitError(
        .invalidConfiguration,
        "--config is '\(path)', which is not JSON of the right form; allowed: one object of key names with text, "
          + "number or true/false, such as {\"http-port\": 8080}")
    }
    let definitions = keys.map(\.definition)
    let known = Set(definitions.map(\.name) + definitions.filter(\.isSecret).map { $0.name + "-file" })
    let mapNames = Set(definitions.filter(\.isMap).map(\.name))
    let source = "configuration file \(path)"
    var texts: [String: String] = [:]
    var maps: [String: [String: Found]] = [:]
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      switch value {
      case .text(let text) where known.contains(name) && !mapNames.contains(name):
        texts[name] = text
      case .map(let entries) where mapNames.contains(name):
        maps[name] = entries.mapValues { Found(text: $0, source: source) }
      default:
        throw ServiceKitError(
          .invalidConfiguration,
          "\"\(name)\" in \(source) is not a key of this program, or has the wrong form; "
            + "allowed: " + known.sorted().joined(separator: ", "))
      }
    }
    return ConfigurationLayer("file \(path)", texts: texts, lookups: { [($0, source)] }, maps: maps)
  }

  private enum FileValue: Decodable {
    case text(String)
    case map([String: String])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let value = try? container.decode(Bool.self) {
        self = .text(String(value))
      } else if let value = try? container.decode(Int.self) {
        self = .text(String(value))
      } else if let value = try? container.decode(Double.self) {
        self = .text(String(value))
      } else if let value = try? container.decode(String.self) {
        self = .text(value)
      } else {
        self = .map(try container.decode([String: String].self))
      }
    }
  }
}
