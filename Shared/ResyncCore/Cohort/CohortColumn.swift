import Foundation

/// What a cell of a cohort's table says.
public enum CohortValue: Hashable, Sendable {
  case number(Double)
  case yesNo(Bool)
  /// A choice, a name, or a date as YYYY-MM-DD, whose order is that of the days.
  case text(String)

  public var number: Double? { if case .number(let value) = self { value } else { nil } }
  public var yesNo: Bool? { if case .yesNo(let value) = self { value } else { nil } }
  public var text: String? { if case .text(let value) = self { value } else { nil } }
}

extension CohortValue: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByStringLiteral
{
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(integerLiteral value: Int) { self = .number(Double(value)) }
  public init(booleanLiteral value: Bool) { self = .yesNo(value) }
  public init(stringLiteral value: String) { self = .text(value) }
}

/// One column of a cohort's table: the name carries the unit, the kind what a cell may hold.
public struct CohortColumn: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case text
    case choice([String])
    case number(ClosedRange<Double>)
    case whole(ClosedRange<Int>)
    case yesNo
    /// YYYY-MM-DD.
    case date
  }

  /// When a clinician knows it. What is known from the implant on can never be a predictor.
  public enum Moment: String, CaseIterable, Sendable {
    case identity
    case baseline = "before implant"
    case implant = "at implant"
    case followUp = "follow-up"
  }

  public let name: String
  public let kind: Kind
  /// nil where there is none to state.
  public let unit: String?
  public let moment: Moment
  public let meaning: String

  init(_ name: String, _ kind: Kind, unit: String? = nil, _ moment: Moment, _ meaning: String) {
    (self.name, self.kind, self.unit, self.moment, self.meaning) = (name, kind, unit, moment, meaning)
  }

  public var isKnownAfterImplant: Bool { moment == .implant || moment == .followUp }

  /// Whether every line must have it.
  public var isRequired: Bool { Self.required.contains(name) }

  /// The cell's value; nil when it is not of the column's kind.
  /// - Parameter cell: not empty.
  public func value(of cell: String) -> CohortValue? {
    switch kind {
    case .text: return .text(cell)
    case .choice(let allowed): return allowed.contains(cell) ? .text(cell) : nil
    case .number(let range): return Double(cell).flatMap { range.contains($0) ? .number($0) : nil }
    case .whole(let range): return Int(cell).flatMap { range.contains($0) ? .number(Double($0)) : nil }
    case .yesNo: return Self.words[cell.lowercased()].map { .yesNo($0) }
    case .date: return Self.isDate(cell) ? .text(cell) : nil
    }
  }

  private static let words = ["true": true, "1": true, "false": false, "0": false]

  private static func isDate(_ text: String) -> Bool {
    guard text.wholeMatch(of: /[0-9]{4}-[0-9]{2}-[0-9]{2}/) != nil else { return false }
    let parts = text.split(separator: "-").compactMap { Int($0) }
    let calendar = Calendar(identifier: .gregorian)
    return years.contains(parts[0])
      && DateComponents(calendar: calendar, year: parts[0], month: parts[1], day: parts[2]).isValidDate(in: calendar)
  }

  /// CRT began in the nineties.
  private static let years = 1990...2100

  /// What is allowed, as a reader is told.
  public var expectation: String {
    func plain(_ value: Double) -> String { value.formatted(.number.grouping(.never).locale(Locale(identifier: "en"))) }
    switch kind {
    case .text: return "text"
    case .choice(let allowed): return allowed.joined(separator: ", ")
    case .number(let range): return "a number from \(plain(range.lowerBound)) to \(plain(range.upperBound))"
    case .whole(let range): return "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .yesNo: return "true or false"
    case .date: return "a date as YYYY-MM-DD, \(Self.years.lowerBound) to \(Self.years.upperBound)"
    }
  }
}

/// A variable that a model may be given: known before the implant, and neither a date nor a name.
///
/// The only way from a cohort's table into a `FeatureTable`, so that nothing that came after the implant gets there.
public struct CohortPredictor: Hashable, Sendable {
  public let column: CohortColumn

  /// - Throws: `ModelError` with code `invalidExamples` for a column that may not predict, or that there is none of.
  public init(_ name: String) throws {
    guard let column = CohortColumn.named[name] else {
      throw ModelError(.invalidExamples, "predictor \(name): no such column; `resync cohort columns` lists them")
    }
    guard !column.isKnownAfterImplant else {
      throw ModelError(
        .invalidExamples,
        "predictor \(name) is not known before the implant (\(column.moment.rawValue)); a model may be given what is")
    }
    guard column.moment == .baseline, column.kind != .date, column.kind != .text else {
      throw ModelError(.invalidExamples, "predictor \(name) says who or when, which must not predict")
    }
    self.column = column
  }

  /// One for each variable that may predict, in the table's order.
  public static let all = CohortColumn.all.compactMap { try? CohortPredictor($0.name) }

  /// One column a value, or for a choice one column each of its values: 0 or 1.
  package var featureCount: Int {
    if case .choice(let allowed) = column.kind { allowed.count } else { 1 }
  }

  /// NaN where missing.
  package func features(_ value: CohortValue?) -> [Double] {
    switch (column.kind, value) {
    case (_, nil): return Array(repeating: .nan, count: featureCount)
    case (.choice(let allowed), let value?): return allowed.map { $0 == value.text ? 1 : 0 }
    case (_, let value?): return [value.number ?? (value.yesNo == true ? 1 : 0)]
    }
  }
}

extension FeatureTable {
  /// - Parameter patients: of each, the values by the column's name; one that is missing is NaN.
  public init(_ patients: [[String: CohortValue]], predictors: [CohortPredictor]) {
    self.init(
      featureCount: predictors.reduce(0) { $0 + $1.featureCount },
      rows: patients.map { values in predictors.flatMap { $0.features(values[$0.column.name]) } })
  }
}
