/// A residual network that trains: forward with batch statistics, backward, and an optimiser's step.
///
/// Parameters, gradients and running statistics each lie in one buffer, as `NetworkPlan` says. Buffers for activations
/// are made for the first batch and reused for every batch that is not larger. Weights after a step depend on seed and
/// data only, not on the thread count. One thread at a time may use an instance.
public final class ResNet {
  public let configuration: ResNetConfiguration
  public let threads: Int
  package let plan: NetworkPlan
  package let parameterBuffer: FloatBuffer
  package let gradientBuffer: FloatBuffer
  package let statisticBuffer: FloatBuffer
  /// Of the earlier parts of a batch while the next is computed.
  package private(set) lazy var earlierGradients = FloatBuffer(count: plan.parameterCount)
  package private(set) var freezing: Freezing
  package private(set) var sharedClasses: [[Int]] = []
  package var workspace: TrainingWorkspace?
  /// Counts time by kind of layer when set.
  package var profile: NetworkProfile?

  /// Fresh weights as torchvision draws them: convolutions normal with deviation √(2 / fan-out) (He 2015),
  /// normalisation 1 and 0, `fc` uniform within 1/√inputs.
  /// - Throws: `ModelError` with code `invalidConfiguration`.
  public init(configuration: ResNetConfiguration, seed: UInt64, threads: Int? = nil) throws {
    try configuration.validate()
    self.configuration = configuration
    self.threads = max(1, threads ?? WorkerPool.defaultThreads)
    plan = NetworkPlan(configuration)
    parameterBuffer = FloatBuffer(count: plan.parameterCount)
    gradientBuffer = FloatBuffer(count: plan.parameterCount)
    statisticBuffer = FloatBuffer(count: plan.statisticCount)
    freezing = Freezing(plan: plan, prefixes: [])
    var generator = SeededGenerator(seed: seed)
    for unit in plan.units { initialise(unit, &generator) }
    func linear(_ start: Int, _ count: Int, inputs: Int) {
      let bound = 1 / Double(inputs).squareRoot()
      for i in start..<start + count { parameterBuffer.start[i] = Float((2 * generator.uniform() - 1) * bound) }
    }
    linear(plan.headWeight, configuration.classCount * plan.headInputs, inputs: plan.headInputs)
    linear(plan.headBias, configuration.classCount, inputs: plan.headInputs)
    let (hidden, extra) = (configuration.auxiliaryHidden, configuration.auxiliaryCount)
    linear(plan.hiddenWeight, hidden * extra, inputs: extra)
    linear(plan.hiddenBias, hidden, inputs: extra)
  }

  private func initialise(_ unit: NetworkPlan.Unit, _ generator: inout SeededGenerator) {
    let c = unit.convolution
    let deviation = (2 / Double(c.outputChannels * c.kernel * c.kernel)).squareRoot()
    for i in unit.weight..<unit.weight + c.weightCount {
      parameterBuffer.start[i] = Float(generator.gaussian() * deviation)
    }
    (parameterBuffer.start + unit.gain).update(repeating: 1, count: c.outputChannels)
    (statisticBuffer.start + unit.variance).update(repeating: 1, count: c.outputChannels)
  }

  /// Keeps parameters whose key begins with one of the prefixes as they are. A frozen batch normalisation uses and keeps
  /// its running statistics, so that a wholly frozen trunk computes what it computes at inference.
  public func freeze(prefixes: [String]) { freezing = Freezing(plan: plan, prefixes: prefixes) }

  /// Gives the classes of each group one row of `fc` over the pooled vector, now and after every step: what tells them
  /// apart are the auxiliary features alone.
  package func shareImageWeights(ofClasses groups: [[Int]]) {
    sharedClasses = groups
    for group in groups {
      let source = parameterBuffer.start + plan.headWeight + group[0] * plan.headInputs
      for row in group.dropFirst() {
        (parameterBuffer.start + plan.headWeight + row * plan.headInputs).update(from: source, count: plan.featureCount)
      }
    }
  }

  /// Every parameter and running statistic under torchvision's key.
  public var tensors: [String: NamedTensor] {
    tensors(parameters: parameterBuffer, arenas: [.parameters, .statistics])
  }
  /// What the optimiser changes.
  public var parameters: [String: NamedTensor] { tensors(parameters: parameterBuffer, arenas: [.parameters]) }
  /// The gradient of each parameter after `backward`.
  public var gradients: [String: NamedTensor] { tensors(parameters: gradientBuffer, arenas: [.parameters]) }

  private func tensors(parameters: FloatBuffer, arenas: [NetworkPlan.Arena]) -> [String: NamedTensor] {
    let chosen = plan.entries.filter { arenas.contains($0.arena) }
    return Dictionary(
      uniqueKeysWithValues: chosen.map { entry in
        let buffer = entry.arena == .parameters ? parameters : statisticBuffer
        return (entry.key, NamedTensor(shape: entry.shape, values: buffer.values(entry.range)))
      })
  }

  /// Replaces weights and running statistics; on an error nothing has changed.
  /// - Parameter exceptions: keys that begin with one of these are left as they are, whatever `tensors` holds for them.
  /// - Throws: `ModelError` naming each missing, extra or misshaped key with expected and actual shape.
  public func load(_ tensors: [String: NamedTensor], allow exceptions: [String] = []) throws {
    try plan.check(tensors, except: exceptions)
    for entry in plan.entries where !exceptions.contains(where: { entry.key.hasPrefix($0) }) {
      guard let tensor = tensors[entry.key] else { continue }
      (entry.arena == .parameters ? parameterBuffer : statisticBuffer).store(tensor.values, at: entry.offset)
    }
  }

  /// Changes the parameters by the gradients of the last `backward`.
  /// - Parameter clipping: largest Euclidean norm of all gradients together; larger ones are scaled down to it.
  public func step(_ optimiser: Optimiser, learningRate: Double, clipping: Double? = nil) {
    if let clipping { clip(to: clipping) }
    profile.time("optimiser") {
      optimiser.step(
        parameters: parameterBuffer, gradients: gradientBuffer, ranges: freezing.trainable, learningRate: learningRate,
        threads: threads)
    }
  }

  /// An optimiser for this network's parameters.
  public func makeOptimiser(_ configuration: OptimiserConfiguration) -> Optimiser {
    Optimiser(configuration, count: plan.parameterCount)
  }

  private func clip(to limit: Double) {
    var squares = 0.0
    for range in freezing.trainable {
      let start = gradientBuffer.start + range.lowerBound
      squares += Double(Vector.dot(start, start, range.count))
    }
    let norm = squares.squareRoot()
    guard norm > limit else { return }
    let scale = Float(limit / norm)
    for range in freezing.trainable {
      for i in range { gradientBuffer.start[i] *= scale }
    }
  }
}

/// Which parameters stay as they are.
package struct Freezing {
  /// By unit index.
  package let convolution: [Bool]
  package let normalisation: [Bool]
  /// Parameters that train, as ranges of the arena.
  package let trainable: [Range<Int>]
  /// Blocks before this one, and the stem if it is above 0, train nothing: no gradient need reach them.
  package let firstTrainableBlock: Int
  package let stemTrains: Bool

  package init(plan: NetworkPlan, prefixes: [String]) {
    func frozen(_ key: String) -> Bool { prefixes.contains { key.hasPrefix($0) } }
    let units = plan.units.sorted { $0.index < $1.index }
    convolution = units.map { frozen($0.convolutionKey + ".weight") }
    normalisation = units.map { frozen($0.normalisationKey + ".weight") && frozen($0.normalisationKey + ".bias") }
    var ranges: [Range<Int>] = []
    for entry in plan.entries where entry.arena == .parameters && !frozen(entry.key) {
      if let last = ranges.last, last.upperBound == entry.offset {
        ranges[ranges.count - 1] = last.lowerBound..<entry.range.upperBound
      } else {
        ranges.append(entry.range)
      }
    }
    trainable = ranges
    let (convolution, normalisation) = (convolution, normalisation)
    func trains(_ unit: NetworkPlan.Unit) -> Bool { !convolution[unit.index] || !normalisation[unit.index] }
    stemTrains = trains(plan.stem)
    firstTrainableBlock =
      stemTrains
      ? 0
      : plan.blocks.firstIndex { ($0.units + [$0.shortcut].compactMap { $0 }).contains(where: trains) }
        ?? plan.blocks.count
  }
}
