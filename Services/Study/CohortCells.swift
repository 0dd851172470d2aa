import Foundation
import ResyncCore

/// Table 1, and what the best reader could do.
package struct CohortBaselineCell: Cell {
  package struct Result: Codable, Sendable {
    package var table: BaselineTable
    package var ecgOnlyCeiling: SimulationCeiling
    package var ecgAndClinicalCeiling: SimulationCeiling
    /// Of the reader who reaches the ECG's ceiling, on these very patients: chance draws them above or below it.
    package var bestReaderAUC: Double
    package var isSynthetic = true
  }

  package var cohort: CohortChoice
  package var name: String { "cohort/table-1" }
  package var needs: [DataSet] { [] }
  package var inputs: CohortChoice { cohort }

  package func run(_ context: StudyContext) throws -> Result {
    let simulator = try cohort.simulator()
    let patients = simulator.cohort(size: cohort.size, responders: cohort.responders)
    return Result(
      table: BaselineTable(patients), ecgOnlyCeiling: simulator.ecgOnlyCeiling,
      ecgAndClinicalCeiling: simulator.ecgAndClinicalCeiling,
      bestReaderAUC: try ROCCurve(
        scores: patients.map { simulator.bayesProbability(of: $0) }, labels: patients.map(\.responded)
      ).auc)
  }
}

/// Predictions of models on a cohort, by the model's name.
package struct CohortPredictions: Codable, Sendable {
  package var models: [String: [FoldPredictions]]
  package var isSynthetic = true

  package init(models: [String: [FoldPredictions]]) { self.models = models }
}

/// The rivals that need no network.
package struct CohortTablesCell: Cell {
  package struct Inputs: Codable, Sendable {
    package var cohort: CohortChoice
    package var plan: CohortPlan
  }

  package var inputs: Inputs
  package var name: String { "cohort/\(inputs.cohort.link.rawValue)/tables" }
  package var needs: [DataSet] { [] }

  package func run(_ context: StudyContext) throws -> CohortPredictions {
    let cohort = try SimulatedCohort(inputs.cohort, context)
    return CohortPredictions(
      models: try Self.predictions(cohort.variables, inputs.plan, TableRival.allCases, context))
  }

  static func predictions(
    _ variables: CohortVariables, _ plan: CohortPlan, _ rivals: [TableRival], _ context: StudyContext
  ) throws -> [String: [FoldPredictions]] {
    let validation = NestedValidation(innerFolds: plan.tableInnerFolds)
    var models: [String: [FoldPredictions]] = [:]
    for repetition in 0..<plan.folds.repetitions {
      for fold in try plan.folds.folds(of: repetition, labels: variables.labels) {
        try context.checkStop()
        for rival in rivals {
          models[rival.rawValue, default: []].append(
            try rival.predictions(fold, variables: variables, validation: validation))
        }
      }
    }
    return models
  }
}

/// Where a network of the cohort starts.
package enum NetworkStart: String, Codable, Sendable { case scratch, pretrained }

/// A network and the classical models on its features, for the folds of one repetition.
package struct CohortNetworkCell: Cell {
  package struct Inputs: Codable, Sendable {
    package var cohort: CohortChoice
    package var start: NetworkStart
    package var repetition: Int
    package var plan: CohortPlan
  }

  package var inputs: Inputs
  package var model: String { "\(inputs.plan.network.depth.rawValue)-\(inputs.start.rawValue)" }
  package var name: String { "cohort/\(inputs.cohort.link.rawValue)/\(model)/repetition-\(inputs.repetition)" }
  package var needs: [DataSet] { inputs.start == .pretrained ? [inputs.plan.trunkNeeds] : [] }

  package func run(_ context: StudyContext) throws -> CohortPredictions {
    let pipeline = PipelineConfiguration()
    let plan = inputs.plan
    let beats = try SimulatedCohort(inputs.cohort, pipeline: pipeline, context)
      .networkBeats(most: plan.beatsOfPatient, pipeline: pipeline)
    let rival = try plan.rival(inputs.start, pipeline, context)
    return CohortPredictions(models: try plan.predictions(beats, rival, model, inputs.repetition, context))
  }
}

extension CohortPlan {
  func trunkArtifact(_ pipeline: PipelineConfiguration, _ context: StudyContext) throws -> ModelArtifact {
    try PretrainedTrunk(specification: trunk, records: trunkRecords, stride: trunkStride)
      .artifact(folder: context.folder(of: trunkNeeds), pipeline: pipeline, context)
  }

  func rival(
    _ start: NetworkStart, _ pipeline: PipelineConfiguration, _ context: StudyContext
  ) throws -> NetworkRival {
    NetworkRival(
      network, parent: try start == .pretrained ? trunkArtifact(pipeline, context) : nil, threads: context.threads)
  }

  /// Of one repetition, by the model's name and, for the classical models, what is done with its features.
  func predictions(
    _ beats: CohortBeats, _ rival: NetworkRival, _ model: String, _ repetition: Int, _ context: StudyContext
  ) throws -> [String: [FoldPredictions]] {
    let validation = NestedValidation(innerFolds: networkInnerFolds)
    var models: [String: [FoldPredictions]] = [:]
    for fold in try folds.folds(of: repetition, labels: beats.labels) {
      let heads = try validation.predictions(fold, labels: beats.labels, heads: NetworkRival.heads.count) {
        try rival.scores(beats, training: $0, scored: $1, seed: $2) { try context.checkStop() }
      }
      for (head, predictions) in zip(NetworkRival.heads, heads) {
        models[head == NetworkRival.heads[0] ? model : "\(model)/\(head)", default: []].append(predictions)
      }
    }
    return models
  }
}

/// Classical models on the features of the pretrained trunk as it is, each lead read by itself.
package struct FrozenTrunkCell: Cell {
  package struct Inputs: Codable, Sendable {
    package var cohort: CohortChoice
    package var plan: CohortPlan
  }

  package var inputs: Inputs
  package var name: String { "cohort/\(inputs.cohort.link.rawValue)/\(model)" }
  package var needs: [DataSet] { [inputs.plan.trunkNeeds] }
  private var model: String { "\(inputs.plan.trunk.depth.rawValue)-frozen" }

  package func run(_ context: StudyContext) throws -> CohortPredictions {
    let pipeline = PipelineConfiguration()
    let plan = inputs.plan
    let trunk = try Classifier(plan.trunkArtifact(pipeline, context))
    let cohort = try SimulatedCohort(inputs.cohort, pipeline: pipeline, context)
    let table = try DeepFeatures.ofEachLead(
      trunk, cohort.networkBeats(most: plan.beatsOfPatient, pipeline: pipeline), threads: context.threads)
    let labels = cohort.variables.labels
    let validation = NestedValidation(innerFolds: plan.tableInnerFolds)
    var models: [String: [FoldPredictions]] = [:]
    for repetition in 0..<plan.folds.repetitions {
      for fold in try plan.folds.folds(of: repetition, labels: labels) {
        try context.checkStop()
        let heads = try validation.predictions(fold, labels: labels, heads: ClassicalModel.heads.count) {
          training, scored, seed in
          try ClassicalModel.heads.map {
            try $0.scores(
              fitting: table.selecting(training), labels: training.map { labels[$0] }, of: table.selecting(scored),
              seed: seed)
          }
        }
        for (head, predictions) in zip(ClassicalModel.heads, heads) {
          models["\(model)/deep-features-\(head.rawValue)", default: []].append(predictions)
        }
      }
    }
    return CohortPredictions(models: models)
  }
}

/// Beats of one patient on both sides: what the leak gives, marked as such.
package struct LeakyCell: Cell {
  package struct Inputs: Codable, Sendable {
    package var cohort: CohortChoice
    package var plan: CohortPlan
  }

  package struct Result: Codable, Sendable {
    package var diagnostic: LeakyDiagnostic
    package var warning = "leaky: beats of one patient are on both sides; counts are of beats; no result"
    package var isSynthetic = true
  }

  package var inputs: Inputs
  package var name: String {
    "cohort/\(inputs.cohort.link.rawValue)/leaky-\(inputs.plan.network.depth.rawValue)-scratch"
  }
  package var needs: [DataSet] { [] }

  package func run(_ context: StudyContext) throws -> Result {
    let pipeline = PipelineConfiguration()
    let plan = inputs.plan
    let beats = try SimulatedCohort(inputs.cohort, pipeline: pipeline, context)
      .networkBeats(most: plan.beatsOfPatient, pipeline: pipeline)
    return Result(
      diagnostic: try LeakyDiagnostic(
        beats, rival: plan.rival(.scratch, pipeline, context), folds: plan.folds.folds, seed: plan.folds.seed
      ) { try context.checkStop() })
  }
}
