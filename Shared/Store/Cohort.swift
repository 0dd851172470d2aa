import Foundation
import ResyncCore

/// A patient before the implantation.
public struct Baseline: Hashable, Sendable {
  public enum Role: String, CaseIterable, Sendable { case train, holdout }

  public var patient: String
  public var role: Role
  /// By the names of `CohortColumn.baselines`; what is not known is not there.
  public var values: [String: CohortValue]
  /// The baseline ECG, when it is a recording of this suite.
  public var recordingID: String?

  public init(patient: String, role: Role, values: [String: CohortValue] = [:], recordingID: String? = nil) {
    self.patient = patient
    self.role = role
    self.values = values
    self.recordingID = recordingID
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
  /// What else is known from the implant on, by the names of `courseColumns`.
  public var course: [String: CohortValue]

  /// Columns of the cohort's table that the response does not depend on.
  public static let courseColumns = CohortColumn.outcomes.filter {
    !["followup_months", "lvesv_after_ml", "event"].contains($0.name)
  }

  public init(
    patient: String, followupMonths: Double? = nil, lvesvBeforeMl: Double?, lvesvAfterMl: Double?,
    event: Event = .none, teichholz: Bool = false, responseThresholdPercent: Double = 15,
    course: [String: CohortValue] = [:]
  ) {
    self.patient = patient
    self.followupMonths = followupMonths
    self.lvesvBeforeMl = lvesvBeforeMl
    self.lvesvAfterMl = lvesvAfterMl
    self.event = event
    self.teichholz = teichholz
    self.responseThresholdPercent = responseThresholdPercent
    self.course = course
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
