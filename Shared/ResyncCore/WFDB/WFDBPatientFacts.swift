/// What a header's comments tell of the patient.
public struct WFDBPatientFacts: Hashable, Sendable {
  public var ageYears: Double?
  /// "F" or "M".
  public var sex: Character?
}

extension WFDBHeader {
  /// Reads the two styles in use: `<age>: 51` with `<sex>: F` (LUDB, PTB), and the first comment of MIT-BIH records,
  /// `69 M 1085 1629 x1`. An age of 0 or −1 means unknown.
  public var patientFacts: WFDBPatientFacts {
    var facts = WFDBPatientFacts()
    for comment in comments {
      guard let colon = comment.firstIndex(of: ":") else { continue }
      let key = comment[..<colon].lowercased().filter(\.isLetter)
      let value = comment[comment.index(after: colon)...].split(whereSeparator: \.isWhitespace).first
      guard let value else { continue }
      if key == "age" { facts.ageYears = Self.age(value) }
      if key == "sex" || key == "gender" { facts.sex = Self.sex(value) }
    }
    if facts == WFDBPatientFacts(), let first = comments.first?.split(whereSeparator: \.isWhitespace), first.count >= 2,
      Double(first[0]) != nil, first[1].count == 1
    {
      facts = WFDBPatientFacts(ageYears: Self.age(first[0]), sex: Self.sex(first[1]))
    }
    return facts
  }

  private static func age(_ field: Substring) -> Double? {
    guard let age = Double(field), age > 0, age <= 130 else { return nil }
    return age
  }

  private static func sex(_ field: Substring) -> Character? {
    guard let letter = field.uppercased().first, "FM".contains(letter) else { return nil }
    return letter
  }
}
