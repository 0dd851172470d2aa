/// The kinds of keys. In all of them `default: nil`, where it is allowed, makes the key required, and `environment`
/// names further variables that are read when `RESYNC_…` is not set.

extension ConfigurationKey where Value == String {
  /// Text; `where` decides which texts are allowed and `allowed` says so in words.
  public static func string(
    _ name: String, default absent: String? = nil, environment: [String] = [], valueName: String = "text",
    allowed: String = "any text that is not empty",
    where accepts: @escaping @Sendable (String) -> Bool = { !$0.isEmpty },
    help: String
  ) -> Self {
    ConfigurationKey(
      KeyDefinition(
        name: name, environmentNames: environment, valueName: valueName, defaultText: absent, allowed: allowed,
        help: help),
      absent: absent, parse: { accepts($0) ? $0 : nil })
  }
}

extension ConfigurationKey where Value == String? {
  /// Text that may be absent.
  public static func optionalString(
    _ name: String, environment: [String] = [], valueName: String = "text",
    allowed: String = "any text that is not empty",
    where accepts: @escaping @Sendable (String) -> Bool = { !$0.isEmpty },
    help: String
  ) -> Self {
    ConfigurationKey(
      KeyDefinition(
        name: name, environmentNames: environment, valueName: valueName, defaultText: "", allowed: allowed, help: help),
      absent: .some(nil), parse: { accepts($0) ? .some($0) : nil })
  }
}

extension ConfigurationKey where Value == Int {
  /// A whole number within a range.
  public static func integer(
    _ name: String, default absent: Int?, range: ClosedRange<Int>, valueName: String = "number", help: String
  ) -> Self {
    precondition(absent.map(range.contains) ?? true, "the default of '\(name)' is outside its range")
    return ConfigurationKey(
      KeyDefinition(
        name: name, environmentNames: [], valueName: valueName, defaultText: absent.map(String.init),
        allowed: "a whole number from \(range.lowerBound) to \(range.upperBound)", help: help),
      absent: absent, parse: { Int($0).flatMap { range.contains($0) ? $0 : nil } })
  }
}

extension ConfigurationKey where Value == Double {
  /// A number within a range.
  public static func number(
    _ name: String, default absent: Double?, range: ClosedRange<Double>, valueName: String = "number",
    unit: String = "", help: String
  ) -> Self {
    precondition(absent.map(range.contains) ?? true, "the default of '\(name)' is outside its range")
    let suffix = unit.isEmpty ? "" : " \(unit)"
    return ConfigurationKey(
      KeyDefinition(
        name: name, environmentNames: [], valueName: valueName, defaultText: absent.map(plain),
        allowed: "a number from \(plain(range.lowerBound)) to \(plain(range.upperBound))\(suffix)", help: help),
      // A range contains no NaN, so that NaN and infinity are refused here.
      absent: absent, parse: { Double($0).flatMap { range.contains($0) ? $0 : nil } })
  }

  /// A duration in seconds, with a fraction if wanted.
  public static func seconds(
    _ name: String, default absent: Double?, range: ClosedRange<Double>, help: String
  ) -> Self {
    number(name, default: absent, range: range, valueName: "seconds", unit: "seconds", help: help)
  }
}

extension ConfigurationKey where Value == Bool {
  /// `true` or `false`.
  public static func boolean(_ name: String, default absent: Bool, help: String) -> Self {
    ConfigurationKey(
      KeyDefinition(
        name: name, environmentNames: [], valueName: "true|false", defaultText: String(absent),
        allowed: "true or false", help: help),
      absent: absent, parse: { Bool($0.lowercased()) })
  }
}

extension ConfigurationKey where Value: RawRepresentable<String> & CaseIterable {
  /// One of the cases of an enumeration.
  public static func choice(_ name: String, default absent: Value?, help: String) -> Self {
    let names = Value.allCases.map(\.rawValue)
    return ConfigurationKey(
      KeyDefinition(
        name: name, environmentNames: [], valueName: names.joined(separator: "|"), defaultText: absent?.rawValue,
        allowed: "one of " + names.joined(separator: ", "), help: help),
      absent: absent, parse: { Value(rawValue: $0) })
  }
}

extension ConfigurationKey where Value == [String] {
  /// Texts separated by commas; spaces around them do not count. `default: []` means none.
  public static func list(
    _ name: String, default absent: [String]?, environment: [String] = [], valueName: String = "a,b,…",
    allowed: String = "texts separated by commas", where accepts: @escaping @Sendable (String) -> Bool = { _ in true },
    help: String
  ) -> Self {
    ConfigurationKey(
      KeyDefinition(
        name: name, environmentNames: environment, valueName: valueName,
        defaultText: absent.map { $0.joined(separator: ",") }, allowed: allowed, help: help),
      absent: absent,
      parse: { text in
        let items = text.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
        return items.allSatisfy { !$0.isEmpty && accepts($0) } ? items : nil
      })
  }
}

extension ConfigurationKey where Value == Secret {
  /// A required secret, given as a value or as the path of a file that holds it.
  public static func secret(
    _ name: String, environment: [String] = [], valueName: String = "secret",
    allowed: String = "any text that is not empty",
    where accepts: @escaping @Sendable (String) -> Bool = { !$0.isEmpty },
    help: String
  ) -> Self {
    ConfigurationKey(
      KeyDefinition(
        name: name, environmentNames: environment, valueName: valueName, defaultText: nil, allowed: allowed,
        isSecret: true, help: help),
      absent: nil, parse: { accepts($0) ? Secret($0) : nil })
  }
}

/// A number as people write it: `60`, not `60.0`.
private func plain(_ value: Double) -> String {
  Int(exactly: value).map(String.init) ?? String(value)
}

/// The text without spaces and tabs at its ends.
func trimmed(_ text: some StringProtocol) -> String {
  let isSpace = { (character: Character) in character.isWhitespace }
  return String(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
}
