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

    package init(
      beatProtocol: BeatProtocol, specification: TrainingSpecification, pipeline: PipelineConfiguration = .init(),
      quick: Bool
    ) {
      self.beatProtocol = beatProtocol
      self.specification = specification
      self.pipeline = pipeline
      self.quick = quick
    }
  }

  package struct Result: Codable, Sendable {
    package var figures: BeatFigures
    package var specification: TrainingSpecification
    package var pipelineID: String
    package var trainingRecords: [String]
    package var trainingBeats: Int
    package var epochs: [EpochMetrics]
    /// SHA-256 over ids, tensors and labels of the training beats.
    package var fingerprint: String
    /// SHA-256 of the weights as a model file.
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
    let split = try data.split(inputs.beatProtocol, allowingRandomByBeat: context.allowsRandomByBeat)
    // DS1 has eight beats of class Q: weighted for their rarity they teach noise, so between persons none is taught.
    let taught = split.training.filter {
      inputs.beatProtocol.leaks || data.examples[$0].label != BeatClass.Q.index
    }
    let training = taught.map { data.examples[$0] }
    let records = Array(Set(taught.map { data.records[$0] })).sorted()
    let (run, model) = try train(
      training, TrainingProvenance(trainingRecordings: records, trainedOnSynthetic: false), context)
    let predictions = try data.predictions(split.test, model, threads: context.threads) { try context.checkStop() }
    return Result(
      figures: try BeatFigures(
        inputs.beatProtocol, records: split.test.map { data.records[$0] },
        labels: split.test.map { data.examples[$0].label }, predictions: predictions),
      specification: inputs.specification, pipelineID: inputs.pipeline.id, trainingRecords: records,
      trainingBeats: training.count, epochs: run.history, fingerprint: run.fingerprint, model: model.weightsSHA256)
  }
}

extension BeatsCell {
  /// Trains to the end, or to a stop, after which the next call goes on where this one stood.
  private func train(
    _ examples: [TrainingExample], _ provenance: TrainingProvenance, _ context: StudyContext
  ) throws -> (TrainingRun, ModelArtifact) {
    let folder = context.cache.appendingPathComponent("beats-runs")
    let file = folder.appendingPathComponent(try CellStore.identity(self) + ".safetensors")
    let run = try resumed(file, examples, provenance, context)
    do {
      while !run.isFinished {
        let epoch = try run.runEpoch { _ in try context.checkStop() }
        context.note(
          String(
            format: "  epoch %d, loss %.4f, %.0f images/s", epoch.epoch + 1, epoch.trainLoss, epoch.imagesPerSecond))
      }
      let model = try run.finish { _ in try context.checkStop() }
      try? FileManager.default.removeItem(at: file)
      return (run, model)
    } catch let stop as StudyStopped {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(run.checkpoint()).write(to: file, options: .atomic)
      throw stop
    }
  }

  private func resumed(
    _ file: URL, _ examples: [TrainingExample], _ provenance: TrainingProvenance, _ context: StudyContext
  ) throws -> TrainingRun {
    // A checkpoint of other data or of a former version counts as absent.
    if let kept = try? Data(contentsOf: file),
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
  package func split(_ beatProtocol: BeatProtocol, allowingRandomByBeat allowed: Bool) throws -> BeatSplit {
    try BeatSplit(beatProtocol, records: records, labels: examples.map(\.label))
      .checked(persons: examples.map(\.group), allowingRandomByBeat: allowed)
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
