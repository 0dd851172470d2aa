import Foundation
import ResyncCore

/// A model found something where there is nothing: a leak, or a wrong figure.
package struct ChanceExceeded: Error, CustomStringConvertible {
  package let models: [String: ChanceCheck]

  package var description: String {
    models.sorted { $0.key < $1.key }.map { model, check in
      String(format: "%@ has AUC %.3f ± %.3f", model, check.mean, check.standardError)
    }.joined(separator: "; ") + " on cohorts without anything to find, expected .5"
  }
}

package struct ChanceResult: Codable, Sendable {
  package var checks: [String: ChanceCheck]
  package var isSynthetic = true

  /// - Throws: `ChanceExceeded`.
  package init(_ aucs: [String: [Double]]) throws {
    checks = aucs.mapValues(ChanceCheck.init)
    let failed = checks.filter { !$0.value.isPassed }
    guard failed.isEmpty else { throw ChanceExceeded(models: failed) }
  }
}

extension CohortSimulatorConfiguration.Link {
  /// Rivals without a network that can find nothing in such a cohort.
  fileprivate var blindRivals: [TableRival] {
    TableRival.allCases.filter { self == .nullOutcome || $0.readsECGAlone }
  }
}

/// Rivals without a network, on cohorts in which they have nothing to find.
package struct ChanceCell: Cell {
  package struct Inputs: Codable, Sendable {
    package var link: CohortSimulatorConfiguration.Link
    package var plan: CohortPlan
  }

  package var inputs: Inputs
  package var name: String { "cohort/\(inputs.link.rawValue)/chance-tables" }
  package var needs: [DataSet] { [] }

  package func run(_ context: StudyContext) throws -> ChanceResult {
    var plan = inputs.plan
    plan.folds.repetitions = 1
    var aucs: [String: [Double]] = [:]
    for seed in 1...plan.chanceCohorts {
      let cohort = try SimulatedCohort(CohortChoice(inputs.link, seed: UInt64(seed)), context)
      let models = try CohortTablesCell.predictions(cohort.variables, plan, inputs.link.blindRivals, context)
      for (model, predictions) in models {
        aucs[model, default: []].append(try PatientTally(predictions).aucOfPairs())
      }
    }
    return try ChanceResult(aucs)
  }
}

/// Networks, on cohorts in which they have nothing to find; one repetition each.
package struct ChanceNetworkCell: Cell {
  package struct Inputs: Codable, Sendable {
    package var link: CohortSimulatorConfiguration.Link
    package var plan: CohortPlan
  }

  package var inputs: Inputs
  package var name: String { "cohort/\(inputs.link.rawValue)/chance-networks" }
  package var needs: [DataSet] { [inputs.plan.trunkNeeds] }

  package func run(_ context: StudyContext) throws -> ChanceResult {
    let pipeline = PipelineConfiguration()
    let plan = inputs.plan
    var aucs: [String: [Double]] = [:]
    for seed in 1...plan.chanceNetworkCohorts {
      let beats = try SimulatedCohort(CohortChoice(inputs.link, seed: UInt64(seed)), pipeline: pipeline, context)
        .networkBeats(most: plan.beatsOfPatient, pipeline: pipeline)
      for start in plan.chanceStarts {
        let model = "\(plan.network.depth.rawValue)-\(start.rawValue)"
        let models = try plan.predictions(beats, plan.rival(start, pipeline, context), model, 0, context)
        for (name, predictions) in models {
          aucs[name, default: []].append(try PatientTally(predictions).aucOfPairs())
        }
      }
    }
    return try ChanceResult(aucs)
  }
}
