import Foundation
import ResyncCore

/// Where a network that was fine-tuned on one fold's training patients looks in its test patients, and where the same
/// network with random weights would look (the sanity check of Adebayo et al., NeurIPS 2018).
package struct CohortExplanationCell: Cell {
  package struct Inputs: Codable, Sendable {
    package var cohort: CohortChoice
    package var plan: CohortPlan
  }

  package struct Explained: Codable, Sendable {
    package var id: String
    package var responded: Bool
    /// Evidence for response: the patient's mean difference of logits.
    package var score: Double
    /// Correlation of the trained network's map with the random one's, by layer in the order of `layers`; nil where one
    /// of the two is 0 everywhere.
    package var correlations: [Double?]
  }

  package struct Result: Codable, Sendable {
    package var layers: [Int]
    /// The test patients of the fold.
    package var patients: [Explained]
    /// Maps of the first of them, each over its own largest value.
    package var maps: EvaluationReport.Spectrograms
    package var isSynthetic = true
  }

  package var inputs: Inputs
  package var name: String { "cohort/\(inputs.cohort.link.rawValue)/grad-cam" }
  package var needs: [DataSet] { [inputs.plan.trunkNeeds] }

  /// Layer 4 is the last; its maps are coarse, those of layer 2 four times as fine in each direction.
  private static let layers = [2, 4]
  private static let shown = 4

  package func run(_ context: StudyContext) throws -> Result {
    let pipeline = PipelineConfiguration()
    let plan = inputs.plan
    let simulated = try SimulatedCohort(inputs.cohort, pipeline: pipeline, context)
    let beats = try simulated.networkBeats(most: plan.beatsOfPatient, pipeline: pipeline)
    guard let fold = try plan.folds.folds(of: 0, labels: beats.labels).first else {
      preconditionFailure("cross-validation has folds")
    }
    let model = try plan.rival(.pretrained, pipeline, context).model(
      fold.training.flatMap { beats.examples[$0] }, pipeline: pipeline, seed: plan.folds.seed
    ) { try context.checkStop() }
    let classifier = try Classifier(model)
    let trained = try GradCAM(model, threads: context.threads)
    let random = try GradCAM(
      model.randomised(keepsMoments: false, seed: plan.folds.seed), threads: context.threads)
    var patients: [Explained] = []
    var pictures: [EvaluationReport.Spectrograms.Picture] = []
    for patient in fold.test {
      try context.checkStop()
      guard let beat = beats.beats(of: patient).first else { continue }
      let scores = try classifier.score(beats.beats(of: patient), threads: context.threads)
      let maps = Self.layers.map { (trained.map(beat, layer: $0), random.map(beat, layer: $0)) }
      let responded = simulated.patients[patient].responded
      patients.append(
        Explained(
          id: simulated.patients[patient].id, responded: responded,
          score: scores.reduce(0) { $0 + Double(PatientScore.logitDifference($1.logits)) } / Double(scores.count),
          correlations: maps.map { $0.0.correlation(with: $0.1) }))
      if pictures.count < Self.shown {
        pictures.append(
          Self.picture(
            beat, maps, caption: "\(simulated.patients[patient].id), \(responded ? "responder" : "non-responder")"))
      }
    }
    return Result(
      layers: Self.layers, patients: patients,
      maps: .init(
        title: "Maps of test patients", synthetic: true, pipeline: pipeline,
        quantity: "share of the largest value", pictures: pictures))
  }

  /// The beat in two leads beside the four maps, each from 0 to its own largest value.
  private static func picture(
    _ beat: Classifier.Beat, _ maps: [(trained: GradCAM.Map, random: GradCAM.Map)], caption: String
  ) -> EvaluationReport.Spectrograms.Picture {
    let (rows, columns) = (beat.image.rows, beat.image.columns)
    func relative(_ values: [Float]) -> [Float16] {
      let most = values.max() ?? 0
      return values.map { most > 0 ? Float16($0 / most) : 0 }
    }
    let leads: [Lead] = [.II, .V5]
    let planes =
      leads.map { lead in
        let start = Lead.allCases.firstIndex(of: lead)! * rows * columns
        return (lead.rawValue, relative(beat.image.values[start..<start + rows * columns].map { Float($0) }))
      }
      + zip(layers, maps).flatMap { layer, maps in
        [
          ("trained, layer \(layer)", relative(maps.trained.resized(rows: rows, columns: columns))),
          ("random weights, layer \(layer)", relative(maps.random.resized(rows: rows, columns: columns))),
        ]
      }
    return .init(
      caption: caption, leadNames: planes.map(\.0),
      image: SpectrogramImage(leadCount: planes.count, rows: rows, columns: columns, values: planes.flatMap(\.1)))
  }
}
