/// The five beat classes of ANSI/AAMI EC57.
public enum BeatClass: String, CaseIterable, Codable, Hashable, Sendable {
  // The names are those of the standard.
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case N, S, V, F, Q

  /// The class of an MIT-BIH annotation symbol; nil when the symbol marks no beat (rhythm, noise, comment).
  ///
  /// N = N L R e j; S = A a J S; V = V E; F = F; Q = / f Q (de Chazal 2004, table I).
  public init?(annotationSymbol: Character) {
    guard let found = Self.bySymbol[annotationSymbol] else { return nil }
    self = found
  }

  private static let bySymbol: [Character: BeatClass] = {
    let table: [(BeatClass, String)] = [(.N, "NLRej"), (.S, "AaJS"), (.V, "VE"), (.F, "F"), (.Q, "/fQ")]
    return Dictionary(uniqueKeysWithValues: table.flatMap { entry in entry.1.map { ($0, entry.0) } })
  }()
}
