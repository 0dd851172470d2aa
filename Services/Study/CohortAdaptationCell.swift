import Foundation
import ResyncCore

/// How a network of one lead is best made one of twelve, and how much of it should stay as it is: judged on inner folds of
/// each training part. Each patient is in most training parts, so nothing of Table 2 may be chosen by the mean.
package struct CohortAdaptationCell: Cell {
  package struct Inputs: Codable, Sendable {
    package var cohort: CohortChoice
    package var plan: CohortPlan
    package var ways = Way.all
  }

  package struct Way: Codable, Hashable, Sendable {
    package var inflation: LeadInflation
    /// Parameters that begin so are not trained.
    package var frozen: [String]

    private static let stages = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]

    /// What Table 2 does comes first; a frozen first layer must be one that was taken over.
    package static let all =
      LeadInflation.allCases.map { Way(inflation: $0, frozen: []) }
      + (2...stages.count).map { Way(inflation: .mean, frozen: Array(stages[..<$0])) }
  }

  package struct Result: Codable, Sendable {
    package struct Judged: Codable, Sendable {
      package var way: Way
      /// Of each inner fold of each fold of the first repetition.
      package var aucs: [Double]

      package init(way: Way, aucs: [Double]) {
        self.way = way
        self.aucs = aucs
      }
    }

    package var ways: [Judged]
    package var innerFolds: Int
    package var isSynthetic = true

    package init(ways: [Judged], innerFolds: Int) {
      self.ways = ways
      self.innerFolds = innerFolds
    }
  }

  package var inputs: Inputs
  package var name: String {
    "cohort/\(inputs.cohort.link.rawValue)/adaptation-\(inputs.plan.network.depth.rawValue)"
  }
  package var needs: [DataSet] { [inputs.plan.trunkNeeds] }

  package func run(_ context: StudyContext) throws -> Result {
    let pipeline = PipelineConfiguration()
    let plan = inputs.plan
    let beats = try SimulatedCohort(inputs.cohort, pipeline: pipeline, context)
      .networkBeats(most: plan.beatsOfPatient, pipeline: pipeline)
    let parent = try plan.trunkArtifact(pipeline, context)
    let ways = try inputs.ways.map { way in
      var specification = plan.network
      specification.freezePrefixes = way.frozen
      let rival = NetworkRival(specification, parent: parent, inflation: way.inflation, threads: context.threads)
      let aucs = try plan.folds.folds(of: 0, labels: beats.labels).flatMap { fold in
        try rival.innerAUCs(beats, training: fold.training, folds: plan.networkInnerFolds, seed: UInt64(fold.number)) {
          try context.checkStop()
        }
      }
      return Result.Judged(way: way, aucs: aucs)
    }
    return Result(ways: ways, innerFolds: plan.networkInnerFolds)
  }
}
