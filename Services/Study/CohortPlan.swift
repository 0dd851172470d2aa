import Foundation
import ResyncCore

/// How the study of the cohort is laid out. Fixed beforehand; the quick form differs in amount, not in kind.
package struct CohortPlan: Codable, Hashable, Sendable {
  package var folds: RepeatedFolds
  package var tableInnerFolds = 5
  package var networkInnerFolds: Int
  package var beatsOfPatient: Int
  package var network: TrainingSpecification
  package var trunk: TrainingSpecification
  package var trunkRecords: [String]
  package var trunkStride: Int
  /// Networks that are trained for the first repetitions only, for what they cost; their frozen trunks for all.
  package var deeper: [ResNetConfiguration.Depth]
  package var deeperRepetitions = 4
  /// Cohorts that the checks of chance are averaged over: for rivals without, and with a network.
  package var chanceCohorts: Int
  package var chanceNetworkCohorts: Int
  package var chanceStarts: [NetworkStart]

  package init(quick: Bool) {
    folds = RepeatedFolds(repetitions: quick ? 3 : 20)
    networkInnerFolds = quick ? 2 : 3
    beatsOfPatient = quick ? 3 : 8
    network = TrainingSpecification(task: .crtResponse)
    network.validationShare = 0
    network.widthMultiplier = 0.25
    network.epochs = quick ? 4 : 10
    network.learningRate = 1e-3
    trunk = TrainingSpecification(task: .beatClass)
    trunk.validationShare = 0
    trunk.epochs = quick ? 2 : 6
    // DS1 of de Chazal (IEEE Trans Biomed Eng 51:1196, 2004) without 201; what the repository brings along of it.
    trunkRecords =
      quick
      ? ["118", "119", "208", "209", "223"]
      : [
        "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122", "124", "203", "205", "207", "208",
        "209", "215", "220", "223", "230",
      ]
    trunkStride = quick ? 4 : 1
    deeper = quick ? [] : [.resnet50, .resnet101]
    chanceCohorts = quick ? 6 : 30
    chanceNetworkCohorts = quick ? 2 : 10
    chanceStarts = quick ? [.pretrained] : [.scratch, .pretrained]
  }

  /// The same with networks of another depth.
  package func with(_ depth: ResNetConfiguration.Depth) -> CohortPlan {
    var plan = self
    plan.network.depth = depth
    plan.trunk.depth = depth
    return plan
  }

  /// - Parameter name: as `CohortPredictions` has it.
  package func repetitions(ofModel name: String) -> Int {
    let isDeeperNetwork = deeper.contains { name.hasPrefix($0.rawValue + "-") } && !name.contains("-frozen")
    return isDeeperNetwork ? deeperRepetitions : folds.repetitions
  }

  package var trunkNeeds: DataSet { trunkRecords.count > 8 ? .mitdb : .demoRecords }
}

/// The cells of the synthetic cohort. Everything in their results is synthetic.
package enum CohortCells {
  /// Seed of the cohort of the tables.
  private static let seed: UInt64 = 1

  package static func all(quick: Bool) -> [any Cell] {
    let plan = CohortPlan(quick: quick)
    let cohort = CohortChoice(seed: seed)
    var cells: [any Cell] = [
      CohortBaselineCell(cohort: cohort), CohortPicturesCell(cohort: cohort),
      CohortTablesCell(inputs: .init(cohort: cohort, plan: plan)),
    ]
    for link in [CohortSimulatorConfiguration.Link.nullOutcome, .nuisanceOnlyECG] {
      cells.append(ChanceCell(inputs: .init(link: link, plan: plan)))
    }
    for start in [NetworkStart.scratch, .pretrained] {
      for repetition in 0..<plan.folds.repetitions {
        cells.append(CohortNetworkCell(inputs: .init(cohort: cohort, start: start, repetition: repetition, plan: plan)))
      }
    }
    cells.append(FrozenTrunkCell(inputs: .init(cohort: cohort, plan: plan)))
    cells.append(CohortAdaptationCell(inputs: .init(cohort: cohort, plan: plan)))
    cells.append(CohortExplanationCell(inputs: .init(cohort: cohort, plan: plan)))
    cells.append(LeakyCell(inputs: .init(cohort: cohort, plan: plan)))
    for plan in plan.deeper.map(plan.with) {
      cells.append(FrozenTrunkCell(inputs: .init(cohort: cohort, plan: plan)))
      for start in [NetworkStart.scratch, .pretrained] {
        for repetition in 0..<plan.deeperRepetitions {
          cells.append(
            CohortNetworkCell(inputs: .init(cohort: cohort, start: start, repetition: repetition, plan: plan)))
        }
      }
    }
    for link in [CohortSimulatorConfiguration.Link.nullOutcome, .nuisanceOnlyECG] {
      cells.append(ChanceNetworkCell(inputs: .init(link: link, plan: plan)))
    }
    cells.append(LeakyCell(inputs: .init(cohort: CohortChoice(.nullOutcome, seed: seed), plan: plan)))
    return cells
  }
}
