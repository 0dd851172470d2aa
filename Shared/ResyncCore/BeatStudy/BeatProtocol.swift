/// How MIT-BIH is split into beats to learn from and beats to be judged on. Every result carries one, and its words.
public enum BeatProtocol: String, CaseIterable, Codable, Hashable, Sendable {
  /// De Chazal's halves (IEEE Trans Biomed Eng 51:1196, 2004) without record 201, which is of the person of 202.
  case ds1ToDS2 = "ds1-ds2"
  /// Inside DS1, for choices: five groups of its records judge in turn, the others teach. DS2 is not touched.
  case ds1Folds = "ds1-folds"
  /// Beats of all 48 records drawn without regard to persons.
  case randomByBeat = "random-by-beat"
  /// The same on the 44 records that are not paced.
  case randomByBeatNotPaced = "random-by-beat-not-paced"

  /// What a table of this protocol says above its figures.
  public var words: String {
    switch self {
    case .ds1ToDS2: "between persons: trained on DS1 (21 records, without 201), judged on DS2 (22 records)"
    case .ds1Folds:
      "between persons, inside DS1: five groups of records judge in turn, the others teach; for choices, no final figure"
    case .randomByBeat: "random split by beat, all 48 records; optimistic: neighbours leak"
    case .randomByBeatNotPaced: "random split by beat, the 44 records that are not paced; optimistic: neighbours leak"
    }
  }

  /// The records that it needs.
  public var records: [String] {
    switch self {
    case .ds1ToDS2: MITBIH.ds1 + MITBIH.ds2
    case .ds1Folds: MITBIH.ds1
    case .randomByBeat: MITBIH.all
    case .randomByBeatNotPaced: MITBIH.all.filter { !MITBIH.paced.contains($0) }
    }
  }

  /// Whether beats of one person are on both sides by design.
  public var leaks: Bool { self == .randomByBeat || self == .randomByBeatNotPaced }
}

/// The records of the MIT-BIH Arrhythmia Database.
public enum MITBIH {
  public static let ds1 = [
    "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122", "124", "203", "205", "207", "208",
    "209",
    "215", "220", "223", "230",
  ]
  public static let ds2 = [
    "100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210", "212", "213", "214", "219", "221",
    "222",
    "228", "231", "232", "233", "234",
  ]
  public static let paced = ["102", "104", "107", "217"]
  /// Of the person of 202; in neither half.
  public static let repeated = "201"
  public static let all = (ds1 + ds2 + paced + [repeated]).sorted()

  /// DS1's records in the groups that judge choices in turn, with S and V in each. All but 40 of DS1's fusion beats are
  /// record 208's, so F cannot be judged inside DS1.
  public static let ds1Folds = [
    ["101", "106", "116", "209", "230"], ["109", "118", "203", "220"], ["112", "115", "207", "223"],
    ["108", "122", "124", "208"], ["114", "119", "205", "215"],
  ]

  /// Whose record it is: 201 and 202 are one person's.
  public static func person(of record: String) -> String { record == repeated ? "202" : record }
}
