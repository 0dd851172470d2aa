extension Settings {
  /// Every key with its value and where it came from, one a line, secrets redacted: what `--print-configuration`
  /// prints.
  public func report() -> String {
    var rows: [(String, String)] = []
    for key in keys {
      let definition = key.definition
      if definition.isMap {
        for (name, value) in resolvedMap(key) {
          let shown = KafkaPropertiesKey.isSecret(name) ? Secret.redacted : value.text ?? ""
          rows.append(("\(definition.name) \(name) = \(shown)", value.source))
        }
      } else if let resolved = resolved(key) {
        let shown = definition.isSecret ? Secret.redacted : resolved.text ?? definition.defaultText ?? ""
        rows.append(("\(definition.name) = \(shown)", resolved.source))
      }
    }
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { $0.0 + String(repeating: " ", count: width - $0.0.count) + "  # " + $0.1 }
      .joined(separator: "\n")
  }
}

/// Documentation made from configuration tables.
public enum ConfigurationDocumentation {
  /// The table as Markdown: key, environment, default, allowed, meaning.
  public static func markdown(_ keys: [any AnyConfigurationKey]) -> String {
    let rows = keys.map(\.definition).map { definition -> String in
      let environment =
        definition.isMap
        ? "`\(definition.environmentNames[0])_…`"
        : definition.environmentNames.map { "`\($0)`" }.joined(separator: ", ")
      let absent = definition.name == CommonKeys.instance.definition.name ? "the host's name" : definition.defaultText
      let cells = [
        "`--\(definition.name)`", environment, absent.map { $0.isEmpty ? "" : "`\($0)`" } ?? "required",
        definition.allowed, definition.help,
      ]
      return "| " + cells.map { $0.split(separator: "|").joined(separator: "\\|") }.joined(separator: " | ") + " |"
    }
    return (["| flag and file key | environment | default | allowed | meaning |", "|---|---|---|---|---|"] + rows)
      .joined(separator: "\n")
  }

  /// Whether an environment variable is read by a program with these keys; for holding deployment files to the table.
  public static func isEnvironmentName(_ variable: String, of keys: [any AnyConfigurationKey]) -> Bool {
    if variable == ConfigurationFileOption.environmentName { return true }
    return keys.map(\.definition).contains { definition in
      if definition.isMap {
        return KafkaPropertiesKey.property(environmentName: variable).map(KafkaPropertiesKey.isAllowed) ?? false
      }
      return definition.environmentNames.contains(variable)
        || definition.isSecret && definition.environmentNames.contains { $0 + "_FILE" == variable }
    }
  }
}
