import Foundation

/// A patient before the implantation.
public struct Baseline: Hashable, Sendable {
  public enum Role: String, CaseIterable, Sendable { case train, holdout }

  public var patient: String
  public var role: Role
  public var ageYears: Double?
  public var sex: Patient.Sex?
  /// NYHA class, 1–4.
  public var nyha: Int?
  public var ischaemic: Bool?
  public var lvefPercent: Double?
  public var lvesvMl: Double?
  public var lvedvMl: Double?
  public var qrsDurationMs: Double?
  public var lbbb: Bool?
  /// E.g. `sinus`, `af`.
  public var rhythm: String?
  public var scarPercent: Double?
  /// The baseline ECG, when it is a recording of this suite.
  public var recordingID: String?
  /// Further columns of the cohort's table, as text.
  public var extra: [String: String]

  public init(
    patient: String, role: Role, ageYears: Double? = nil, sex: Patient.Sex? = nil, nyha: Int? = nil,
    ischaemic: Bool? = nil, lvefPercent: Double? = nil, lvesvMl: Double? = nil, lvedvMl: Double? = nil,
    qrsDurationMs: Double? = nil, lbbb: Bool? = nil, rhythm: String? = nil, scarPercent: Double? = nil,
    recordingID: String? = nil, extra: [String: String] = [:]
  ) {
    self.patient = patient
    self.role = role
    self.ageYears = ageYears
    self.sex = sex
    self.nyha = nyha
    self.ischaemic = ischaemic
    self.lvefPercent = lvefPercent
    self.lvesvMl = lvesvMl
    self.lvedvMl = lvedvMl
    self.qrsDurationMs = qrsDurationMs
    self.lbbb = lbbb
    self.rhythm = rhythm
    self.scarPercent = scarPercent
    self.recordingID = recordingID
    self.extra = extra
  }
}

/// What became of a patient. Response is computed in the database (METHODS, Outcome).
public struct Outcome: Hashable, Sendable {
  public enum Event: String, CaseIterable, Sendable { case none, death, transplant, lvad }

  public var patient: String
  public var followupMonths: Double?
  public var lvesvBeforeMl: Double?
  public var lvesvAfterMl: Double?
  /// Before follow-up; counts as non-response.
  public var event: Event
  /// Both volumes were computed from diameters.
  public var teichholz: Bool
  /// Response is a reduction strictly above this.
  public var responseThresholdPercent: Double

  public init(
    patient: String, followupMonths: Double? = nil, lvesvBeforeMl: Double?, lvesvAfterMl: Double?,
    event: Event = .none, teichholz: Bool = false, responseThresholdPercent: Double = 15
  ) {
    self.patient = patient
    self.followupMonths = followupMonths
    self.lvesvBeforeMl = lvesvBeforeMl
    self.lvesvAfterMl = lvesvAfterMl
    self.event = event
    self.teichholz = teichholz
    self.responseThresholdPercent = responseThresholdPercent
  }
}

/// A cohort as it is imported.
public struct Cohort: Hashable, Sendable {
  public var name: String
  public var synthetic: Bool
  public var note: String
  public var baselines: [Baseline]
  public var outcomes: [Outcome]

  public init(name: String, synthetic: Bool, note: String = "", baselines: [Baseline], outcomes: [Outcome]) {
    self.name = name
    self.synthetic = synthetic
    self.note = note
    self.baselines = baselines
    self.outcomes = outcomes
  }
}

/// A patient of a cohort with what the database made of the outcome.
public struct CohortMember: Hashable, Sendable {
  public var baseline: Baseline
  public var outcome: Outcome?
  /// Reduction of LVESV in percent of the value before.
  public var changePercent: Double?
  /// nil when unknown.
  public var response: Bool?
  /// Reduction of at least 30 %.
  public var superResponse: Bool?
}

/// Tables `cohorts`, `baselines`, `outcomes`.
public struct Cohorts {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// Replaces the cohort by what is given, in one transaction: all of it or nothing.
  ///
  /// - Throws: `StoreError`: `COHORT_INVALID` names the row (from 1) at fault, never the patient; `CONFLICT` when a
  ///   cohort of that name stands that is synthetic and this one is not, or the other way round.
  public func importCohort(_ cohort: Cohort) throws {
    try Self.check(cohort)
    try connection.transaction {
      let standing = try connection.execute(
        """
        insert into cohorts as c (cohort, synthetic, note) values ($1, $2, $3)
        on conflict (cohort) do update set note = excluded.note, imported_at = now()
        returning c.synthetic
        """,
        [.text(cohort.name), .bool(cohort.synthetic), .text(cohort.note)])
      guard try standing[0]["synthetic", .bool] == cohort.synthetic else {
        throw StoreError(
          .conflict, "cohort '\(cohort.name)' stands with synthetic = \(!cohort.synthetic); import under another name")
      }
      try connection.execute("delete from baselines where cohort = $1", [.text(cohort.name)])
      for baseline in cohort.baselines.sorted(by: { $0.patient < $1.patient }) {
        try Patients(connection).upsert(
          Patient(pseudonym: baseline.patient, sex: baseline.sex, synthetic: cohort.synthetic))
      }
      for (index, baseline) in cohort.baselines.enumerated() {
        try named("baselines", row: index + 1) { try insert(baseline, cohort: cohort.name) }
      }
      for (index, outcome) in cohort.outcomes.enumerated() {
        try named("outcomes", row: index + 1) { try insert(outcome, cohort: cohort.name) }
      }
    }
  }

  public func names() throws -> [String] {
    try connection.execute("select cohort from cohorts order by cohort").map { try $0["cohort", .text] }
  }

  /// The members in the order of their pseudonyms; empty when there is no such cohort.
  public func members(_ cohort: String) throws -> [CohortMember] {
    try connection.execute(
      """
      select b.*, o.patient is not null as has_outcome, o.followup_months, o.lvesv_before_ml::float8 as before_ml,
        o.lvesv_after_ml::float8 as after_ml, o.event, o.teichholz,
        o.response_threshold_percent::float8 as threshold_percent, o.change_percent, o.response, o.super_response
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
    // Keys and values are strings: encoding cannot fail.
    let extra = String(decoding: try! JSONEncoder().encode(baseline.extra), as: UTF8.self)
    try connection.execute(
      """
      insert into baselines (cohort, patient, role, age_years, sex, nyha, ischaemic, lvef_percent, lvesv_ml, lvedv_ml,
        qrs_duration_ms, lbbb, rhythm, scar_percent, recording_id, extra)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
      """,
      [
        .text(cohort), .text(baseline.patient), .text(baseline.role.rawValue), .double(baseline.ageYears),
        .text(baseline.sex?.rawValue), .int(baseline.nyha), .bool(baseline.ischaemic), .double(baseline.lvefPercent),
        .double(baseline.lvesvMl), .double(baseline.lvedvMl), .double(baseline.qrsDurationMs), .bool(baseline.lbbb),
        .text(baseline.rhythm), .double(baseline.scarPercent), .text(baseline.recordingID), .json(extra),
      ])
  }

  private func insert(_ outcome: Outcome, cohort: String) throws {
    try connection.execute(
      """
      insert into outcomes (cohort, patient, followup_months, lvesv_before_ml, lvesv_after_ml, event, teichholz,
        response_threshold_percent)
      values ($1, $2, $3, $4::float8, $5::float8, $6, $7, $8::float8)
      """,
      [
        .text(cohort), .text(outcome.patient), .double(outcome.followupMonths), .double(outcome.lvesvBeforeMl),
        .double(outcome.lvesvAfterMl), .text(outcome.event.rawValue), .bool(outcome.teichholz),
        .double(outcome.responseThresholdPercent),
      ])
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

extension CohortMember {
  init(_ row: Row) throws {
    baseline = Baseline(
      patient: try row["patient", .text], role: try row.oneOf("role"),
      ageYears: try row[optional: "age_years", .double],
      sex: try row[optional: "sex", .text].flatMap(Patient.Sex.init),
      nyha: try row[optional: "nyha", .int].map(Int.init),
      ischaemic: try row[optional: "ischaemic", .bool], lvefPercent: try row[optional: "lvef_percent", .double],
      lvesvMl: try row[optional: "lvesv_ml", .double], lvedvMl: try row[optional: "lvedv_ml", .double],
      qrsDurationMs: try row[optional: "qrs_duration_ms", .double], lbbb: try row[optional: "lbbb", .bool],
      rhythm: try row[optional: "rhythm", .text], scarPercent: try row[optional: "scar_percent", .double],
      recordingID: try row[optional: "recording_id", .text], extra: try row.decoded("extra"))
    changePercent = try row[optional: "change_percent", .double]
    response = try row[optional: "response", .bool]
    superResponse = try row[optional: "super_response", .bool]
    outcome =
      try row["has_outcome", .bool]
      ? Outcome(
        patient: baseline.patient, followupMonths: try row[optional: "followup_months", .double],
        lvesvBeforeMl: try row[optional: "before_ml", .double], lvesvAfterMl: try row[optional: "after_ml", .double],
        event: try row.oneOf("event"), teichholz: try row["teichholz", .bool],
        responseThresholdPercent: try row["threshold_percent", .double])
      : nil
  }
}
