import Foundation
import ResyncCore

/// A network trained and judged on beats of MIT-BIH.
package struct BeatsCell: Cell {
  package struct Inputs: Codable, Sendable {
    package var beatProtocol: BeatProtocol
    package var specification: TrainingSpecification
    package var pipeline: PipelineConfiguration
    /// The repository's few records in place of the whole database.
    package var quick: Bool
    /// Of a record's beats of class N every so-many-th teaches, and weighs as many: neighbours are alike.
    package var normalStride: Int
    /// Rhythms made of the beats that teach; nil for none.
    package var simulated: SimulatedRhythms?

    package init(
      beatProtocol: BeatProtocol, specification: TrainingSpecification, pipeline: PipelineConfiguration = .init(),
      quick: Bool, normalStride: Int = 1, simulated: SimulatedRhythms? = nil
    ) {
      self.beatProtocol = beatProtocol
      self.specification = specification
      self.pipeline = pipeline
      self.quick = quick
      self.normalStride = normalStride
      self.simulated = simulated
    }
  }

  package struct Result: Codable, Sendable {
    package var figures: BeatFigures
    package var specification: TrainingSpecification
    package var pipelineID: String
    /// One, or one for each fold.
    package var trainings: [Training]
  }

  package struct Training: Codable, Sendable {
    package var records: [String]
    package var beats: Int
    package var epochs: [EpochMetrics]
    /// SHA-256 over ids, tensors and labels of the beats.
    package var fingerprint: String
    /// SHA-256 of the model file, weights in half precision, which judged.
    package var model: String
  }

  package let name: String
  package let inputs: Inputs

  package init(name: String, inputs: Inputs) {
    self.name = name
    self.inputs = inputs
  }

  package var needs: [DataSet] { [inputs.quick ? .demoRecords : .mitdb] }

  package func run(_ context: StudyContext) throws -> Result {
    let data = try BeatsOfRecords(inputs, folder: context.folder(of: needs[0]), context)
    let splits = try data.splits(inputs.beatProtocol, allowingRandomByBeat: context.allowsRandomByBeat)
    let folder = context.cache.appendingPathComponent("beats-runs/\(try CellStore.identity(self).prefix(24))")
    var (trainings, judged, predictions) = ([Training](), [Int](), [Int]())
    for (number, split) in splits.enumerated() {
      let taught = data.taught(split, normalStride: inputs.normalStride)
      let simulated = inputs.simulated?
        .examples(from: taught.examples, canonicalRateHz: inputs.pipeline.canonicalRateHz)
      let fold = FoldTraining(
        inputs: inputs, file: folder.appendingPathComponent("\(number)"),
        examples: taught.examples + (simulated ?? []), records: taught.records)
      let (training, model) = try fold.trained(context)
      trainings.append(training)
      judged += split.test
      predictions += try data.predictions(split.test, model, threads: context.threads) { try context.checkStop() }
      if inputs.beatProtocol == .ds1ToDS2 { try keep(model, context) }
    }
    let figures = try BeatFigures(
      inputs.beatProtocol, records: judged.map { data.records[$0] }, labels: judged.map { data.examples[$0].label },
      predictions: predictions)
    try? FileManager.default.removeItem(at: folder)
    return Result(
      figures: figures, specification: inputs.specification, pipelineID: inputs.pipeline.id, trainings: trainings)
  }

  /// A model that no record of DS2 taught may be used elsewhere: `models/<cell>.safetensors` in the cache.
  private func keep(_ model: ModelArtifact, _ context: StudyContext) throws {
    let folder = context.cache.appendingPathComponent("models")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appendingPathComponent(name.replacingOccurrences(of: "/", with: ".") + ".safetensors")
    try Data(model.encoded(as: .float16)).writeWhole(to: file)
    context.note("  model in \(file.path)")
  }
}

/// The training of one fold, which goes on where a stop left it.
private struct FoldTraining {
  let inputs: BeatsCell.Inputs
  /// Without extension: of the checkpoint, and of what a finished training gave.
  let file: URL
  let examples: [TrainingExample]
  let records: [String]

  private var provenance: TrainingProvenance {
    TrainingProvenance(trainingRecordings: records, trainedOnSynthetic: false)
  }
  private var checkpoint: URL { file.appendingPathExtension("checkpoint") }
  private var finished: URL { file.appendingPathExtension("safetensors") }

  /// The model is the one of the file, its weights in half precision.
  func trained(_ context: StudyContext) throws -> (BeatsCell.Training, ModelArtifact) {
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    let notes = file.appendingPathExtension("json")
    if let bytes = try? Data(contentsOf: finished), let model = try? ModelArtifact(decoding: Array(bytes)),
      let training = try? JSONDecoder().decode(BeatsCell.Training.self, from: Data(contentsOf: notes)),
      training.model == model.weightsSHA256
    {
      return (training, model)
    }
    let run = try run(context)
    let bytes = try run.finish { _ in try context.checkStop() }.encoded(as: .float16)
    let model = try ModelArtifact(decoding: bytes)
    let training = BeatsCell.Training(
      records: records, beats: examples.count, epochs: run.history, fingerprint: run.fingerprint,
      model: model.weightsSHA256)
    try Data(bytes).writeWhole(to: finished)
    try JSONEncoder().encode(training).writeWhole(to: notes)
    return (training, model)
  }

  /// All epochs. At a stop the run is kept and the stop thrown on.
  private func run(_ context: StudyContext) throws -> TrainingRun {
    let run = try resumed(context)
    do {
      while !run.isFinished {
        let epoch = try run.runEpoch { _ in try context.checkStop() }
        context.note(
          String(
            format: "  epoch %d, loss %.4f, %.0f images/s", epoch.epoch + 1, epoch.trainLoss, epoch.imagesPerSecond))
        try Data(run.checkpoint()).writeWhole(to: checkpoint)
      }
      return run
    } catch let stop as StudyStopped {
      try Data(run.checkpoint()).writeWhole(to: checkpoint)
      throw stop
    }
  }

  private func resumed(_ context: StudyContext) throws -> TrainingRun {
    // A checkpoint of other data or of a former version counts as absent.
    if let kept = try? Data(contentsOf: checkpoint),
      let run = try? TrainingRun(
        resuming: Array(kept), specification: inputs.specification, examples: examples, pipeline: inputs.pipeline,
        provenance: provenance, threads: context.threads)
    {
      return run
    }
    return try TrainingRun(
      specification: inputs.specification, examples: examples, pipeline: inputs.pipeline, provenance: provenance,
      threads: context.threads)
  }
}

/// The beats that a protocol needs, one after the other.
package struct BeatsOfRecords {
  package private(set) var records: [String] = []
  package private(set) var examples: [TrainingExample] = []

  package init(_ inputs: BeatsCell.Inputs, folder: URL, _ context: StudyContext) throws {
    let cache = BeatCache(folder: context.cache.appendingPathComponent("beats"))
    let wanted = Set(inputs.beatProtocol.records)
    for file in try RecordFile.find([folder.path]) where wanted.contains(file.name) {
      try context.checkStop()
      let beats = try cache.beats(of: file, pipeline: inputs.pipeline)
      examples += try beats.examples(leadSet: inputs.specification.leadSet)
      records += Array(repeating: file.name, count: beats.beats.count)
    }
  }

  /// - Throws: `PersonLeak`.
  package func splits(_ beatProtocol: BeatProtocol, allowingRandomByBeat allowed: Bool) throws -> [BeatSplit] {
    try BeatSplit.all(beatProtocol, records: records, labels: examples.map(\.label))
      .map { try $0.checked(persons: examples.map(\.group), allowingRandomByBeat: allowed) }
  }

  /// What a split teaches, with the records that it comes from.
  package func taught(_ split: BeatSplit, normalStride: Int) -> (examples: [TrainingExample], records: [String]) {
    var normal = 0
    let places = split.training.filter { place in
      switch BeatClass.allCases[examples[place].label] {
      case .N:
        normal += 1
        return normal % normalStride == 0
      // DS1 has eight beats of class Q: weighted for their rarity they teach noise, so between persons none is taught.
      case .Q: return split.beatProtocol.leaks
      default: return true
      }
    }
    let chosen = places.map { place in
      var example = examples[place]
      if example.label == BeatClass.N.index { example.weight *= Float(normalStride) }
      return example
    }
    return (chosen, Array(Set(places.map { records[$0] })).sorted())
  }

  private static let slice = 2_048

  /// Classes of the largest logit.
  package func predictions(
    _ places: [Int], _ model: ModelArtifact, threads: Int, between: () throws -> Void
  ) throws -> [Int] {
    let classifier = try Classifier(model)
    let channels = Array(0..<model.metadata.leadSet.channelCount)
    return try stride(from: 0, to: places.count, by: Self.slice).flatMap { low in
      try between()
      let part = places[low..<min(places.count, low + Self.slice)]
      return try classifier.score(part.map { (examples[$0].image, channels, examples[$0].features) }, threads: threads)
        .map { score in score.logits.indices.max { score.logits[$0] < score.logits[$1] }! }
    }
  }
}
