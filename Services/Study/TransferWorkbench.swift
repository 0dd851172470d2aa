import Foundation
import ResyncCore
import Synchronization

/// What several transfer cells of a run share: it is made when first asked for and kept for the run; pretrained networks
/// are kept in the cache folder as well.
final class TransferWorkbench: Sendable {
  /// A task's patients, their beats as images, and the tables of the classical arms.
  struct Material: Sendable {
    let patients: [TransferPatient]
    let beats: [[TransferBeat]]
    let tables: [TransferArm: FeatureTable]
  }

  private let materials = Mutex([TransferTask: Material]())

  func material(_ task: TransferTask, _ plan: Preregistration, _ context: StudyContext) throws -> Material {
    if let known = materials.withLock({ $0[task.cohort] }) { return known }
    let cohort = try TransferCohort(
      task: task.cohort, data: PTBXLFolder(folder: context.folder(of: .ptbxl)), pipeline: plan.pipeline,
      threads: context.threads)
    let made = try Material(cohort, task: task.cohort, plan: plan, threads: context.threads)
    materials.withLock { $0[task.cohort] = made }
    return made
  }

  /// The network pretrained on MIT-BIH, from the cache if it is there.
  func model(
    _ source: TransferSource, _ network: Preregistration.Network, _ plan: Preregistration, _ context: StudyContext
  ) throws -> ModelArtifact {
    let inputs = TransferSourceInputs(source: source, network: network, plan: plan)
    let folder = context.cache.appendingPathComponent("transfer")
    let file = folder.appendingPathComponent("\(try inputs.identity).safetensors")
    if let bytes = try? Data(contentsOf: file) { return try ModelArtifact(decoding: [UInt8](bytes)) }
    context.note("  pretraining on MIT-BIH: \(source.rawValue), \(network.depth.rawValue)")
    let examples = try TransferSourceData.examples(
      folder: context.folder(of: .mitdb), source: source, pipeline: plan.pipeline,
      mostOfClass: plan.pretraining.mostBeats, seed: inputs.seed, threads: context.threads)
    let run = try TrainingRun(
      specification: inputs.specification, examples: examples, pipeline: plan.pipeline,
      provenance: TrainingProvenance(
        trainingRecordings: Set(examples.map(\.group)).sorted(), trainedOnSynthetic: false),
      threads: context.threads)
    while !run.isFinished {
      let figures = try run.runEpoch { _ in try context.checkStop() }
      context.note(String(format: "  epoch %d: loss %.4f", figures.epoch + 1, figures.trainLoss))
    }
    let artifact = try run.finish()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(artifact.encoded()).writeWhole(to: file)
    return artifact
  }

  /// The weights with which an arm begins; nil: fresh ones.
  func parent(
    _ start: TransferArm.Start, frozen: Bool, _ network: Preregistration.Network, _ plan: Preregistration,
    _ context: StudyContext
  ) throws -> ModelArtifact? {
    let seed = TransferSeed.make("transfer", "randomised", network.depth.rawValue)
    switch start {
    case .learnt(let source): return try model(source, network, plan, context)
    case .moments: return try model(.aami, network, plan, context).randomised(keepsMoments: true, seed: seed)
    case .fresh:
      return frozen ? try model(.aami, network, plan, context).randomised(keepsMoments: false, seed: seed) : nil
    }
  }
}

/// All that decides a pretrained network.
struct TransferSourceInputs: Encodable {
  let source: TransferSource
  let pipeline: PipelineConfiguration
  let mostBeats: Int
  let specification: TrainingSpecification
  let seed: UInt64

  init(source: TransferSource, network: Preregistration.Network, plan: Preregistration) {
    self.source = source
    pipeline = plan.pipeline
    mostBeats = plan.pretraining.mostBeats
    seed = TransferSeed.make("transfer", "source", network.depth.rawValue)
    var specification = TrainingSpecification(task: .beatClass)
    specification.depth = network.depth
    specification.widthMultiplier = network.width
    specification.epochs = plan.pretraining.epochs
    specification.batchSize = plan.pretraining.batchSize
    specification.learningRate = plan.pretraining.learningRate
    specification.timeShiftColumns = plan.fineTuning.timeShiftColumns
    specification.withoutFeatures = Preregistration.withoutFeatures
    // All three sources train to their last epoch: held-out beats would choose well for one and at random for another.
    specification.validationShare = 0
    specification.seed = seed
    self.specification = specification
  }

  var identity: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      return String(format: "%016lx", TransferSeed.make(String(decoding: try encoder.encode(self), as: UTF8.self)))
    }
  }
}

extension TransferWorkbench.Material {
  /// Recorders' families with patients enough for a column of their own.
  private static let families = ["CS100", "CS-12", "AT-6", "AT-60"]

  init(_ cohort: TransferCohort, task: TransferTask, plan: Preregistration, threads: Int) throws {
    let transform = try SpectrogramTransform(pipeline: plan.pipeline)
    let made = Mutex([[TransferBeat]](repeating: [], count: cohort.recordings.count))
    WorkerPool.shared.run(cohort.recordings.count, threads: threads) { index, _ in
      let beats = cohort.recordings[index].images(by: transform, most: plan.mostBeats)
      made.withLock { $0[index] = beats }
    }
    patients = cohort.patients
    beats = made.withLock { $0 }
    let pairs = zip(cohort.entries, cohort.recordings)
    let rows: [TransferArm: [[Double]]] = [
      .nuisances: cohort.entries.map { TransferFeatures.nuisances($0, families: Self.families) },
      .measures: pairs.map { TransferFeatures.measures($0, $1.measures, withSex: task != .sex) },
      .components: try cohort.recordings.map { recording in
        guard let median = recording.median else {
          throw ModelError(.invalidExamples, "transfer: a recording without a normal beat, expected one in each")
        }
        return median.samples.joined().map(Double.init)
      },
    ]
    tables = rows.mapValues { FeatureTable(featureCount: $0[0].count, rows: $0) }
    guard beats.allSatisfy({ !$0.isEmpty }) else {
      throw ModelError(.invalidExamples, "transfer: a recording has no beat fit for scoring, expected one in each")
    }
  }
}
