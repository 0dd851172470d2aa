import Foundation
import ResyncCore

/// Makes the report of what is kept.
package struct StudyReport {
  package let results: StudyResults
  package let outcomes: [StudyRunner.Outcome]
  package let provenance: StudyProvenance
  package let plan: CohortPlan
  /// nil where the preregistration cannot be read as it was registered.
  package let preregistration: Preregistration?
  package let isQuick: Bool
  package var bootstrap = Bootstrap()

  package init(
    _ results: StudyResults, outcomes: [StudyRunner.Outcome], provenance: StudyProvenance, isQuick: Bool,
    preregistration: Preregistration?
  ) {
    self.results = results
    self.outcomes = outcomes
    self.provenance = provenance
    self.isQuick = isQuick
    self.preregistration = preregistration
    plan = CohortPlan(quick: isQuick)
  }

  /// - Throws: `ModelError` when kept results contradict one another.
  package func document() throws -> ReportDocument {
    let beats = BeatsReport(results.beats)
    let cohort = try CohortReport(results, plan: plan, bootstrap: bootstrap)
    let run = RunReport(outcomes: outcomes, results: results, provenance: provenance, plan: plan, isQuick: isQuick)
    let sections =
      run.sections
      + beats.sections
      + TransferReport(results.transfers.map(\.self), preregistration: preregistration).sections
      + [PaperReport.section] + cohort.sections + CohortPictureReport(results).sections + [run.appendix]
      + [ReportingItems(results: results, plan: plan, preregistration: preregistration).section]
    return ReportDocument(
      title: isQuick ? "Resync study, quick run" : "Resync study",
      generatedAt: provenance.generatedAt.ISO8601Format(), sections: sections)
  }
}

/// Parts of a table that many sections share.
enum Words {
  static func yesNo(_ value: Bool?) -> ReportTable.Cell { value.map { .text($0 ? "yes" : "no") } ?? .text("unknown") }
  static func decimal(_ value: Double, _ digits: Int = 3) -> String { ReportNumber.fixed(value, digits) }
  static func interval(_ value: Double, _ low: Double?, _ high: Double?) -> String {
    guard let low, let high else { return decimal(value) }
    return "\(decimal(value)) (95 % interval \(decimal(low)) to \(decimal(high)))"
  }
}
