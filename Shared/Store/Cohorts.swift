import Foundation
import ResyncCore

/// Tables `cohorts`, `baselines`, `outcomes`.
public struct Cohorts {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// What an import did.
  public enum ImportResult: Hashable, Sendable { case imported, unchanged }

  /// Replaces the cohort by what is given, in one transaction: all of it or nothing. One that stands as it is given is
  /// not touched.
  ///
  /// - Throws: `StoreError`: `COHORT_INVALID` names the row (from 1) at fault, never the patient; `CONFLICT` when a
  ///   cohort of that name stands that is synthetic and this one is not, or the other way round.
  @discardableResult
  public func importCohort(_ cohort: Cohort) throws -> ImportResult {
    try Self.check(cohort)
    return try connection.transaction {
      // Held to the end: two imports of one name go one after the other.
      try connection.execute(
        "select pg_advisory_xact_lock(hashtextextended('resync.cohorts.' || $1, 0))", [.text(cohort.name)])
      let standing = try standing(cohort.name)
      if let standing, standing.synthetic != cohort.synthetic {
        throw StoreError(
          .conflict, "cohort '\(cohort.name)' stands with synthetic = \(!cohort.synthetic); import under another name")
      }
      guard standing != Self.ordered(cohort) else { return .unchanged }
      try connection.execute(
        """
        insert into cohorts as c (cohort, synthetic, note) values ($1, $2, $3)
        on conflict (cohort) do update set note = excluded.note, imported_at = now()
        """,
        [.text(cohort.name), .bool(cohort.synthetic), .text(cohort.note)])
      try connection.execute("delete from baselines where cohort = $1", [.text(cohort.name)])
      for baseline in cohort.baselines.sorted(by: { $0.patient < $1.patient }) {
        try Patients(connection).upsert(
          Patient(
            pseudonym: baseline.patient, sex: baseline.values["sex"]?.text.flatMap(Patient.Sex.init),
            synthetic: cohort.synthetic))
      }
      for (index, baseline) in cohort.baselines.enumerated() {
        try named("baselines", row: index + 1) { try insert(baseline, cohort: cohort.name) }
      }
      for (index, outcome) in cohort.outcomes.enumerated() {
        try named("outcomes", row: index + 1) { try insert(outcome, cohort: cohort.name) }
      }
      return .imported
    }
  }

  /// The cohort as it stands, its lists in the order of the pseudonyms; nil when there is none.
  private func standing(_ name: String) throws -> Cohort? {
    guard let row = try connection.execute("select synthetic, note from cohorts where cohort = $1", [.text(name)]).first
    else { return nil }
    let members = try members(name)
    return Cohort(
      name: name, synthetic: try row["synthetic", .bool], note: try row["note", .text],
      baselines: members.map(\.baseline), outcomes: members.compactMap(\.outcome))
  }

  private static func ordered(_ cohort: Cohort) -> Cohort {
    var ordered = cohort
    ordered.baselines.sort { $0.patient < $1.patient }
    ordered.outcomes.sort { $0.patient < $1.patient }
    return ordered
  }

  public func names() throws -> [String] {
    try connection.execute("select cohort from cohorts order by cohort").map { try $0["cohort", .text] }
  }

  /// The members in the order of their pseudonyms; empty when there is no such cohort.
  public func members(_ cohort: String) throws -> [CohortMember] {
    try connection.execute(
      """
      select b.patient, b.role, b.recording_id, \(CohortColumn.baselines.selected(from: "b")),
        o.patient is not null as has_outcome, o.followup_months, o.lvesv_before_ml::float8 as before_ml,
        o.lvesv_after_ml::float8 as after_ml, o.event, o.teichholz,
        o.response_threshold_percent::float8 as threshold_percent, o.change_percent, o.response, o.super_response,
        \(Outcome.courseColumns.selected(from: "o"))
      from baselines b left join outcomes o using (cohort, patient)
      where b.cohort = $1 order by b.patient collate "C"
      """, [.text(cohort)]
    ).map(CohortMember.init)
  }

  /// SHA-256 over baselines and outcomes: the fingerprint of the data that a model was fitted on.
  public func digest(_ cohort: String) throws -> String? {
    try connection.execute("select cohort_digest($1) as digest", [.text(cohort)])[0][optional: "digest", .text]
  }

  private func insert(_ baseline: Baseline, cohort: String) throws {
    let columns = CohortColumn.baselines
    try connection.execute(
      """
      insert into baselines (cohort, patient, role, recording_id, \(columns.map(\.name).joined(separator: ", ")))
      values ($1, $2, $3, $4, \(columns.parameterList(from: 5)))
      """,
      [.text(cohort), .text(baseline.patient), .text(baseline.role.rawValue), .text(baseline.recordingID)]
        + columns.parameters(baseline.values))
  }

  private func insert(_ outcome: Outcome, cohort: String) throws {
    let columns = Outcome.courseColumns
    try connection.execute(
      """
      insert into outcomes (cohort, patient, followup_months, lvesv_before_ml, lvesv_after_ml, event, teichholz,
        response_threshold_percent, \(columns.map(\.name).joined(separator: ", ")))
      values ($1, $2, $3, $4::float8, $5::float8, $6, $7, $8::float8, \(columns.parameterList(from: 9)))
      """,
      [
        .text(cohort), .text(outcome.patient), .double(outcome.followupMonths), .double(outcome.lvesvBeforeMl),
        .double(outcome.lvesvAfterMl), .text(outcome.event.rawValue), .bool(outcome.teichholz),
        .double(outcome.responseThresholdPercent),
      ] + columns.parameters(outcome.course))
  }

  /// Says which row a constraint refused.
  private func named(_ list: String, row: Int, _ insert: () throws -> Void) throws {
    do {
      try insert()
    } catch let error as StoreError where !error.isRetriable && error.code != .connectionLost {
      throw StoreError(.cohortInvalid, "row \(row) of the \(list): \(error.text)", sqlState: error.sqlState)
    }
  }

  private static func check(_ cohort: Cohort) throws(StoreError) {
    try checkUnique(cohort.baselines.map(\.patient), in: "baselines")
    try checkUnique(cohort.outcomes.map(\.patient), in: "outcomes")
    let known = Set(cohort.baselines.map(\.patient))
    if let index = cohort.outcomes.firstIndex(where: { !known.contains($0.patient) }) {
      throw StoreError(.cohortInvalid, "row \(index + 1) of the outcomes is of a patient without a baseline")
    }
  }

  private static func checkUnique(_ patients: [String], in list: String) throws(StoreError) {
    var firstRow: [String: Int] = [:]
    for (index, patient) in patients.enumerated() {
      if let earlier = firstRow.updateValue(index, forKey: patient) {
        throw StoreError(
          .cohortInvalid, "row \(index + 1) of the \(list) repeats the patient of row \(earlier + 1); keep one of them")
      }
    }
  }
}

extension [CohortColumn] {
  /// A select list in types that are read back as the kinds say.
  fileprivate func selected(from table: String) -> String {
    map { "\(table).\($0.name)::\($0.sqlType.read) as \($0.name)" }.joined(separator: ", ")
  }

  fileprivate func parameterList(from first: Int) -> String {
    enumerated().map { "$\(first + $0)::\($1.sqlType.write)" }.joined(separator: ", ")
  }

  fileprivate func parameters(_ values: [String: CohortValue]) -> [SQLValue] {
    map { column in
      let value = values[column.name]
      return switch column.kind {
      case .number, .whole: .double(value?.number)
      case .yesNo: .bool(value?.yesNo)
      case .text, .choice, .date: .text(value?.text)
      }
    }
  }

  fileprivate func values(_ row: Row) throws -> [String: CohortValue] {
    var values: [String: CohortValue] = [:]
    for column in self {
      values[column.name] =
        switch column.kind {
        case .number, .whole: try row[optional: column.name, .double].map { .number($0) }
        case .yesNo: try row[optional: column.name, .bool].map { .yesNo($0) }
        case .text, .choice, .date: try row[optional: column.name, .text].map { .text($0) }
        }
    }
    return values
  }
}

extension CohortColumn {
  /// How a parameter is cast, and how the column is read.
  fileprivate var sqlType: (write: String, read: String) {
    switch kind {
    case .number, .whole: ("float8", "float8")
    case .yesNo: ("boolean", "boolean")
    case .text, .choice: ("text", "text")
    case .date: ("text::date", "text")
    }
  }
}

extension CohortMember {
  init(_ row: Row) throws {
    baseline = Baseline(
      patient: try row["patient", .text], role: try row.oneOf("role"), values: try CohortColumn.baselines.values(row),
      recordingID: try row[optional: "recording_id", .text])
    changePercent = try row[optional: "change_percent", .double]
    response = try row[optional: "response", .bool]
    superResponse = try row[optional: "super_response", .bool]
    outcome =
      try row["has_outcome", .bool]
      ? Outcome(
        patient: baseline.patient, followupMonths: try row[optional: "followup_months", .double],
        lvesvBeforeMl: try row[optional: "before_ml", .double], lvesvAfterMl: try row[optional: "after_ml", .double],
        event: try row.oneOf("event"), teichholz: try row["teichholz", .bool],
        responseThresholdPercent: try row["threshold_percent", .double], course: try Outcome.courseColumns.values(row))
      : nil
  }
}
