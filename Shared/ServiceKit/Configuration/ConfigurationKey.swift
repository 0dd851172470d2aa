/// One row of a program's configuration table: the single source of its flag, its environment variable, its key in the
/// configuration file, `--help`, `--print-configuration` and the documentation.
public struct KeyDefinition: Sendable, Equatable {
  /// The flag without its dashes, and the key in the configuration file: `idle-timeout`.
  public let name: String
  /// Environment variables in order of precedence: `RESYNC_IDLE_TIMEOUT` and, for a few keys, a plain name besides.
  public let environmentNames: [String]
  /// What stands for the value in `--help`: `seconds`.
  public let valueName: String
  /// What holds when nothing is given; nil when the key is required.
  public let defaultText: String?
  /// The values allowed, in words: `1 to 3600 seconds`.
  public let allowed: String
  /// A secret is never printed, and may be given as the path of a file that holds it (`database-url-file`,
  /// `DATABASE_URL_FILE`).
  public let isSecret: Bool
  /// Holds many named values (`kafka-property`) in place of one.
  public let isMap: Bool
  public let help: String

  public var isRequired: Bool { defaultText == nil }

  /// `RESYNC_` and the name in capitals.
  public static func environmentName(_ name: String) -> String {
    "RESYNC_" + name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
  }

  init(
    name: String, environmentNames: [String], valueName: String, defaultText: String?, allowed: String,
    isSecret: Bool = false, isMap: Bool = false, help: String
  ) {
    precondition(
      !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "-") },
      "configuration key '\(name)' must be lower-case words joined by hyphens")
    self.name = name
    self.environmentNames = [Self.environmentName(name)] + environmentNames
    self.valueName = valueName
    self.defaultText = defaultText
    self.allowed = allowed
    self.isSecret = isSecret
    self.isMap = isMap
    self.help = help
  }
}

/// A key of any value type, so that keys can stand in one table.
public protocol AnyConfigurationKey: Sendable {
  var definition: KeyDefinition { get }
  /// Whether the text is a value of this key.
  func accepts(_ text: String) -> Bool
}

/// A key with the type of its value. Keys are made by the functions named after the kind of value:
/// ```swift
/// enum IngestKeys: ConfigurationKeySet {
///   static let idleTimeout = ConfigurationKey.seconds(
///     "idle-timeout", default: 60, range: 1...3600, help: "Ends a recording that sends no more chunks.")
///   static let keys: [any AnyConfigurationKey] = CommonKeys.keys + [idleTimeout]
/// }
/// ```
public struct ConfigurationKey<Value: Sendable>: AnyConfigurationKey {
  public let definition: KeyDefinition
  let parse: @Sendable (String) -> Value?
  /// The value when nothing is given; nil when the key is required.
  let absent: Value?

  init(_ definition: KeyDefinition, absent: Value?, parse: @escaping @Sendable (String) -> Value?) {
    precondition(definition.isRequired == (absent == nil), "key '\(definition.name)': a default needs its text")
    self.definition = definition
    self.absent = absent
    self.parse = parse
  }

  public func accepts(_ text: String) -> Bool { parse(text) != nil }
}

/// The keys of one program, in the order of its help.
public protocol ConfigurationKeySet {
  static var keys: [any AnyConfigurationKey] { get }
}
