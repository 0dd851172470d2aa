import Foundation

/// One training run: examples in, a model out.
///
/// Equal inputs give the same model bit for bit, whatever the order of the examples, the number of threads, and how often
/// the run was stopped and resumed from a checkpoint. One thread at a time may use an instance.
public final class TrainingRun {
  public let specification: TrainingSpecification
  public let pipeline: PipelineConfiguration
  public let provenance: TrainingProvenance
  /// SHA-256 over beat ids, tensor hashes and labels.
  public let fingerprint: String
  public let threads: Int
  /// Finished epochs.
  public var history: [EpochMetrics] { state.history }
  public var isFinished: Bool { state.epoch >= specification.epochs }
  public var trainingCount: Int { split.training.count }
  public var validationCount: Int { split.validation.count }

  package let network: ResNet
  package let optimiser: Optimiser
  package var state = State()
  package var bestTensors: [String: NamedTensor]?
  let parentModelID: String?
  private let examples: [TrainingExample]
  private let split: TrainingSplit
  private let weights: [Float]
  private let normalisation: BeatNormalisation
  private var images: [Float] = []

  /// What a checkpoint holds beside the weights.
  package struct State: Codable {
    /// Of the epoch now running.
    var epoch = 0
    /// Batches done in it.
    var batch = 0
    var lossSum = 0.0
    var history: [EpochMetrics] = []
    var bestEpoch: Int?
    var bestFigures: ValidationFigures?
  }

  /// - Parameters:
  ///   - examples: at least two, each with an id of its own.
  ///   - pipeline: the one that made the images.
  ///   - parent: a model whose trunk is taken over; the architecture must be the same but for the number of leads. One of
  ///     the same task is continued: its head, and the normalisation that the head was fitted to, are taken over as well.
  ///   - inflation: what becomes of the first layer of a parent with fewer leads.
  /// - Throws: `ModelError` saying which input cannot be used and what is expected.
  public init(
    specification: TrainingSpecification, examples: [TrainingExample], pipeline: PipelineConfiguration,
    provenance: TrainingProvenance, parent: ModelArtifact? = nil, inflation: LeadInflation = .mean,
    threads: Int? = nil
  ) throws {
    try specification.validate()
    try pipeline.image.validateForTraining()
    let ordered = try TrainingExample.ordered(examples, specification: specification, pipeline: pipeline)
    self.specification = specification
    self.pipeline = pipeline
    self.provenance = provenance
    self.threads = max(1, threads ?? WorkerPool.defaultThreads)
    self.examples = ordered
    fingerprint = TrainingExample.fingerprint(ordered)
    split = TrainingSplit(
      ordered, share: specification.validationShare, seed: Self.seed(specification, .split, 0))
    weights = SampleWeights.make(ordered, split.training, specification: specification)
    let continued = parent.flatMap { $0.metadata.task == specification.task ? $0 : nil }
    normalisation =
      continued?.metadata.normalisation
      ?? BeatNormalisation(
        fitting: split.training.map { ordered[$0] }, without: specification.withoutFeatures, threads: self.threads)
    parentModelID = parent?.modelID
    network = try ResNet(
      configuration: specification.architecture, seed: Self.seed(specification, .weights, 0), threads: self.threads)
    if let parent { try network.inherit(from: parent, continuing: continued != nil, inflation: inflation) }
    network.shareImageWeights(ofClasses: specification.imageAlike.filter { $0.count > 1 })
    network.freeze(prefixes: specification.freezePrefixes)
    optimiser = network.makeOptimiser(specification.optimiserConfiguration)
  }

  // MARK: - Random numbers

  /// Each use has streams of its own, made from the seed and a number: nothing needs to be stored to resume.
  private enum Purpose: UInt64 {
    case split = 1
    case weights, order, augmentation, jitter, hiding
  }

  private static func seed(_ specification: TrainingSpecification, _ purpose: Purpose, _ number: Int) -> UInt64 {
    var outer = SeededGenerator(seed: specification.seed)
    for _ in 0..<purpose.rawValue { _ = outer.next() }
    var inner = SeededGenerator(seed: outer.next() ^ UInt64(number))
    return inner.next()
  }

  // MARK: - An epoch

  private var batches: Int { (split.training.count + specification.batchSize - 1) / specification.batchSize }
  /// Beats scored between two calls of `progress`.
  private static let scoringSlice = 128

  /// Trains to the end of the epoch and validates.
  /// - Parameter progress: called after each batch; when it throws, the run stands after that batch: a checkpoint may be
  ///   taken, and a further call goes on.
  /// - Throws: what `progress` throws; `ModelError` with code `diverged`.
  @discardableResult
  public func runEpoch(progress: (TrainingProgress) throws -> Void = { _ in }) throws -> EpochMetrics {
    precondition(!isFinished, "all epochs have run")
    var order = Array(split.training.indices)
    var generator = SeededGenerator(seed: Self.seed(specification, .order, state.epoch))
    order.shuffle(using: &generator)
    let clock = ContinuousClock()
    let start = clock.now
    var seen = 0
    func speed() -> Double { Double(seen) / max(1e-9, (clock.now - start) / .seconds(1)) }
    while state.batch < batches {
      // Batches of even size: a last one of a single image would have no batch statistics.
      let range = state.batch * order.count / batches..<(state.batch + 1) * order.count / batches
      state.lossSum += try train(order[range]) * Double(range.count)
      state.batch += 1
      seen += range.count
      let now = speed()
      try progress(
        TrainingProgress(
          phase: .training, epoch: state.epoch, epochs: specification.epochs, batch: state.batch, batches: batches,
          loss: state.lossSum / Double(range.upperBound), imagesPerSecond: now,
          secondsLeft: Double((specification.epochs - state.epoch) * order.count - range.upperBound) / now))
    }
    let imagesPerSecond = speed()
    let trainLoss = state.lossSum / Double(order.count)
    let figures = try validate(trainLoss: trainLoss, progress)
    let metrics = EpochMetrics(
      epoch: state.epoch, trainLoss: trainLoss, validation: figures, imagesPerSecond: imagesPerSecond)
    keepIfBest(figures)
    state.history.append(metrics)
    state.epoch += 1
    state.batch = 0
    state.lossSum = 0
    return metrics
  }

  /// One step on some training examples, given as positions in the training part. Returns the loss.
  private func train(_ batch: ArraySlice<Int>) throws -> Double {
    let parts = (batch.count + specification.microBatchSize - 1) / specification.microBatchSize
    var loss = 0.0
    for part in 0..<parts {
      let (low, high) = (part * batch.count / parts, (part + 1) * batch.count / parts)
      loss += addGradients(
        batch[(batch.startIndex + low)..<(batch.startIndex + high)], of: batch.count, isFirst: part == 0)
    }
    guard loss.isFinite else { throw diverged("the loss is \(loss)") }
    let rate = specification.schedule.rate(
      base: specification.learningRate, step: state.epoch * batches + state.batch, total: specification.epochs * batches
    )
    network.step(optimiser, learningRate: rate, clipping: specification.gradientClipping)
    return loss
  }

  /// Sends a part of a batch of `total` examples forward and back. Returns its share of the loss.
  private func addGradients(_ part: ArraySlice<Int>, of total: Int, isFirst: Bool) -> Double {
    let image = pipeline.image
    let channels = Array(0..<specification.leadSet.channelCount)
    let size = channels.count * image.rows * image.columns
    let members = part.map { (position: $0, example: examples[split.training[$0]]) }
    images = [Float](repeating: 0, count: members.count * size)
    let first = state.epoch * split.training.count
    images.withUnsafeMutableBufferPointer { target in
      let start = target.baseAddress!
      WorkerPool.shared.run(members.count, threads: threads) { [specification, normalisation] i, _ in
        let (position, example) = members[i]
        let seed = Self.seed(specification, .augmentation, first + position)
        normalisation.fill(
          example.image, channels: channels, augmentation: Augmentation(specification, seed: seed),
          into: start + i * size)
      }
    }
    let logits = network.forward(
      images: images,
      auxiliary: members.flatMap {
        jittered(normalisation.standardised($0.example.features), first + $0.position)
      },
      count: members.count, height: image.rows, width: image.columns,
      hidden: Set(members.indices.filter { hides(first + members[$0].position) }))
    let (loss, gradient) = Loss.crossEntropy(
      logits: logits, labels: members.map(\.example.label), weights: members.map { weights[$0.position] },
      classes: specification.task.classNames.count, focusing: specification.focusing, total: total)
    network.backward(logitGradients: gradient, accumulating: !isFirst)
    return loss
  }

  private func jittered(_ features: [Float], _ number: Int) -> [Float] {
    guard specification.featureJitter > 0 else { return features }
    var generator = SeededGenerator(seed: Self.seed(specification, .jitter, number))
    var values = features.map { $0 + Float(specification.featureJitter * generator.gaussian()) }
    for place in normalisation.auxiliaryUnused { values[place] = 0 }
    return values
  }

  private func hides(_ number: Int) -> Bool {
    guard specification.imageDropout > 0 else { return false }
    var generator = SeededGenerator(seed: Self.seed(specification, .hiding, number))
    return generator.uniform() < specification.imageDropout
  }

  private func diverged(_ what: String) -> ModelError {
    ModelError(
      .diverged,
      "training diverged in epoch \(state.epoch), batch \(state.batch): \(what); lower learningRate (now "
        + "\(specification.learningRate)) or set gradientClipping")
  }

  // MARK: - Validation

  private func metadata(
    bestEpoch: Int, figures: ValidationFigures?, known: ModelMetadata.OutOfDistribution? = nil
  ) -> ModelMetadata {
    ModelMetadata(
      task: specification.task, architecture: specification.architecture, leadSet: specification.leadSet,
      pipeline: pipeline, classNames: specification.task.classNames, normalisation: normalisation,
      threshold: figures?.threshold ?? 0.5, outOfDistribution: known,
      trainedOnSynthetic: provenance.trainedOnSynthetic, parentModelID: parentModelID,
      trainingFingerprint: fingerprint, trainingRecordings: Array(Set(provenance.trainingRecordings)).sorted(),
      specification: specification, bestEpoch: bestEpoch, validation: figures)
  }

  private func beat(_ index: Int) -> Classifier.Beat {
    (examples[index].image, Array(0..<specification.leadSet.channelCount), examples[index].features)
  }

  private func validate(
    trainLoss: Double, _ progress: (TrainingProgress) throws -> Void
  ) throws -> ValidationFigures? {
    guard !split.validation.isEmpty else { return nil }
    let tensors = modelTensors
    guard tensors.values.allSatisfy({ $0.values.allSatisfy(\.isFinite) }) else {
      throw diverged("a weight is not finite")
    }
    let classifier = try Classifier(metadata: metadata(bestEpoch: state.epoch, figures: nil), tensors: tensors)
    let scores = try inSlices(split.validation, .validating, trainLoss, progress) { beats in
      try classifier.score(beats, threads: threads)
    }
    return try ValidationFigures(split.validation.map { examples[$0] }, scores, task: specification.task)
  }

  private func inSlices<T>(
    _ indices: [Int], _ phase: TrainingProgress.Phase, _ loss: Double, _ progress: (TrainingProgress) throws -> Void,
    _ body: ([Classifier.Beat]) throws -> [T]
  ) throws -> [T] {
    let clock = ContinuousClock()
    let start = clock.now
    var results: [T] = []
    let slices = (indices.count + Self.scoringSlice - 1) / Self.scoringSlice
    for slice in 0..<slices {
      let range = slice * Self.scoringSlice..<min(indices.count, (slice + 1) * Self.scoringSlice)
      results += try body(indices[range].map(beat))
      try progress(
        TrainingProgress(
          phase: phase, epoch: min(state.epoch, specification.epochs - 1), epochs: specification.epochs,
          batch: slice + 1, batches: slices, loss: loss,
          imagesPerSecond: Double(range.upperBound) / max(1e-9, (clock.now - start) / .seconds(1))))
    }
    return results
  }

  /// The network's, as a model has them.
  private var modelTensors: [String: NamedTensor] {
    network.tensors.scalingImageWeights(network.configuration, by: Float(1 - specification.imageDropout))
  }

  /// Without held-out groups the last epoch is the best there is.
  private func keepIfBest(_ figures: ValidationFigures?) {
    if let figures, let best = state.bestFigures, !figures.isBetter(than: best) { return }
    state.bestEpoch = state.epoch
    state.bestFigures = figures
    bestTensors = modelTensors
  }

  // MARK: - The model

  /// Training examples that tell what known beats look like; more change nothing.
  private static let mostKnown = 4096

  /// The model of the best epoch so far; at least one must have run.
  /// - Throws: what `progress` throws; `ModelError` when the weights are not usable.
  public func finish(progress: (TrainingProgress) throws -> Void = { _ in }) throws -> ModelArtifact {
    guard let bestEpoch = state.bestEpoch, let tensors = bestTensors else {
      preconditionFailure("finish needs a finished epoch")
    }
    let figures = state.bestFigures
    let classifier = try Classifier(metadata: metadata(bestEpoch: bestEpoch, figures: figures), tensors: tensors)
    func features(_ indices: [Int]) throws -> [[Float]] {
      let few = min(indices.count, Self.mostKnown)
      let chosen = (0..<few).map { indices[$0 * indices.count / few] }
      let flat = try inSlices(chosen, .finishing, state.history.last?.trainLoss ?? 0, progress) { beats in
        try classifier.features(beats, threads: threads)
      }
      return (0..<few).map { Array(flat[$0 * classifier.featureCount..<($0 + 1) * classifier.featureCount]) }
    }
    let training = try features(split.training)
    let heldOut = split.validation.count >= 20 ? try features(split.validation) : training
    let known = ModelMetadata.OutOfDistribution(describing: training, limitFrom: heldOut)
    return try ModelArtifact(
      metadata: metadata(bestEpoch: bestEpoch, figures: figures, known: known), tensors: tensors)
  }
}

extension ModelMetadata.OutOfDistribution {
  /// Share of unseen beats of known kind that lie above the limit.
  private static let tail = 0.005

  /// - Parameters:
  ///   - training: pooled features, one row a beat; at least one.
  ///   - unseen: beats of which nearly all must count as known.
  package init(describing training: [[Float]], limitFrom unseen: [[Float]]) {
    let (count, n) = (training[0].count, Double(training.count))
    var mean = [Double](repeating: 0, count: count)
    var variance = mean
    for row in training { for i in 0..<count { mean[i] += Double(row[i]) / n } }
    for row in training {
      for i in 0..<count { variance[i] += (Double(row[i]) - mean[i]) * (Double(row[i]) - mean[i]) / n }
    }
    // A feature that hardly moves in training must not make every new beat look strange.
    let floor = max(1e-12, 0.01 * variance.reduce(0, +) / Double(count))
    self.init(
      featureMean: mean.map { Float($0) }, featureVariance: variance.map { Float(max($0, floor)) }, limit: 0)
    let distances = unseen.map { distance($0[...]) }.sorted()
    limit = distances[min(distances.count - 1, Int((Double(distances.count) * (1 - Self.tail)).rounded(.down)))]
  }
}
