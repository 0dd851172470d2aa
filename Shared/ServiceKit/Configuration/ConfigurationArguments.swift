import ArgumentParser
import Foundation

/// Where the configuration file is named.
public enum ConfigurationFileOption {
  public static let name = "config"
  public static let environmentName = "RESYNC_CONFIG"
}

/// The flags of a configuration table, for a command of swift-argument-parser:
/// ```swift
/// @OptionGroup var arguments: ConfigurationArguments<IngestKeys>
/// ```
/// Each key of the table becomes an option with its help; `--config FILE` and `--print-configuration` come with it.
///
/// swift-argument-parser finds a type's options by reflection over a fresh instance. The custom mirror shows it one
/// option for each row of the table, so that the table need not be repeated as properties.
public struct ConfigurationArguments<Keys: ConfigurationKeySet>: ParsableArguments, CustomReflectable, Sendable {
  private var flags: [String: [String]] = [:]
  private var file: String?
  /// The user asked to see the configuration in place of running.
  public private(set) var printsConfiguration = false

  public init() {}

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    for name in Self.optionNames {
      flags[name] = try container.decode([String].self, forKey: Name(name))
    }
    file = try container.decode([String].self, forKey: Name(ConfigurationFileOption.name)).last
    printsConfiguration = try container.decode(Bool.self, forKey: Name(Self.printName))
  }

  /// The validated settings.
  ///
  /// - Throws: `ServiceKitError` `INVALID_CONFIGURATION`.
  public func settings(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> Settings {
    let named = environment[ConfigurationFileOption.environmentName].flatMap { $0.isEmpty ? nil : $0 }
    return try Settings(
      keys: Keys.keys, commandLine: flags.filter { !$0.value.isEmpty }, environment: environment, file: file ?? named)
  }

  public var customMirror: Mirror {
    var children: [Mirror.Child] = Keys.keys.flatMap { key -> [Mirror.Child] in
      let definition = key.definition
      let option = Self.option(definition.name, definition.valueName, Self.help(definition))
      guard definition.isSecret else { return [option] }
      let twin = "File that holds --\(definition.name). (\(definition.environmentNames[0])_FILE)"
      return [option, Self.option(definition.name + "-file", "file", twin)]
    }
    children.append(
      Self.option(
        ConfigurationFileOption.name, "file",
        "JSON file of the keys above, read after flags and environment. (\(ConfigurationFileOption.environmentName))"))
    children.append(
      (
        label: Self.printName,
        value: Flag<Bool>(
          wrappedValue: false, name: .customLong(Self.printName),
          help: "Print every key, its value and where it came from, without secrets, and exit.")
      ))
    return Mirror(self, children: children)
  }

  private static var printName: String { "print-configuration" }

  private static var optionNames: [String] {
    Keys.keys.map(\.definition).flatMap { $0.isSecret ? [$0.name, $0.name + "-file"] : [$0.name] }
  }

  private static func option(_ name: String, _ valueName: String, _ help: String) -> Mirror.Child {
    let help = ArgumentHelp(help, valueName: valueName)
    return (label: name, value: Option<[String]>(wrappedValue: [], name: .customLong(name), help: help))
  }

  private static func help(_ definition: KeyDefinition) -> String {
    let environment = definition.environmentNames.joined(separator: ", ") + (definition.isMap ? "_<NAME>" : "")
    var notes = [environment]
    switch definition.defaultText {
    case nil: notes.append("required")
    case "": break
    case let text?: notes.append("default: \(text)")
    }
    if !definition.isMap { notes.append(definition.allowed) }
    return "\(definition.help) (\(notes.joined(separator: "; ")))"
  }

  private struct Name: CodingKey {
    let stringValue: String
    let intValue: Int? = nil

    init(_ name: String) { stringValue = name }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
