import CKernels
import Foundation

/// A network that only predicts: batch normalisation folded into the convolutions, immutable, for any number of threads.
///
/// How an image is computed depends on its size alone, so its bits do not depend on the images beside it or on the
/// thread count.
public final class InferenceNetwork: Sendable {
  public let configuration: ResNetConfiguration
  private let plan: NetworkPlan
  /// Laid out as the plan's parameters; a unit's convolution carries its normalisation's scale, `bias` its shift.
  private let folded: FloatBuffer
  private let cache = InferenceCache()

  /// - Parameter tensors: torchvision's keys; all of them, and no others.
  /// - Throws: `ModelError` naming each missing, extra or misshaped key with expected and actual shape.
  public init(configuration: ResNetConfiguration, tensors: [String: NamedTensor]) throws {
    try configuration.validate()
    let plan = NetworkPlan(configuration)
    try plan.check(tensors)
    self.configuration = configuration
    self.plan = plan
    folded = FloatBuffer(count: plan.parameterCount)
    let statistics = FloatBuffer(count: plan.statisticCount)
    for entry in plan.entries {
      (entry.arena == .parameters ? folded : statistics).store(tensors[entry.key]!.values, at: entry.offset)
    }
    for unit in plan.units {
      let patch = unit.convolution.patch
      for channel in 0..<unit.convolution.outputChannels {
        let variance = max(0, statistics.start[unit.variance + channel])
        let scale = folded.start[unit.gain + channel] / (variance + BatchNormalisation.epsilon).squareRoot()
        for i in unit.weight + channel * patch..<unit.weight + (channel + 1) * patch { folded.start[i] *= scale }
        folded.start[unit.bias + channel] -= statistics.start[unit.mean + channel] * scale
      }
    }
  }

  /// Length of each row of features.
  public var featureCount: Int { plan.featureCount }

  /// Images computed at once, a power of two.
  private static let most = 64

  /// - Parameters:
  ///   - images: [count, inputChannels, height, width].
  ///   - auxiliary: [count, auxiliaryCount].
  ///   - threads: how many may work at once.
  /// - Returns: logits [count, classCount] and the penultimate pooled features [count, featureCount].
  public func forward(
    images: [Float], auxiliary: [Float], count: Int, height: Int, width: Int, threads: Int
  ) -> (logits: [Float], features: [Float]) {
    forward(
      images: images, auxiliary: auxiliary, count: count, height: height, width: width, threads: threads, profile: nil)
  }

  /// As above, counting time by kind of layer.
  package func forward(
    images: [Float], auxiliary: [Float], count: Int, height: Int, width: Int, threads: Int, profile: NetworkProfile?
  ) -> (logits: [Float], features: [Float]) {
    precondition(height > 0 && width > 0, "an image needs pixels")
    precondition(images.count == count * configuration.inputChannels * height * width, "images and shape disagree")
    precondition(auxiliary.count == count * configuration.auxiliaryCount, "auxiliary features and count disagree")
    var logits = [Float](repeating: 0, count: count * configuration.classCount)
    var features = [Float](repeating: 0, count: count * plan.featureCount)
    guard count > 0 else { return (logits, features) }
    // A power of two, so that batches of all sizes soon find a workspace that is large enough.
    var capacity = 1
    while capacity < min(count, Self.most) { capacity *= 2 }
    let g = Geometry(images: capacity, height: height, width: width)
    let weights = cache.weights(g) { PackedWeights(plan, folded, g) }
    let workspace = cache.take(g) ?? InferenceWorkspace(plan: plan, layouts: weights.layouts, capacity: g)
    defer { cache.give(workspace) }
    images.withUnsafeBufferPointer { images in
      auxiliary.withUnsafeBufferPointer { auxiliary in
        logits.withUnsafeMutableBufferPointer { logits in
          features.withUnsafeMutableBufferPointer { features in
            let lent = Lent(images: images, auxiliary: auxiliary, logits: logits, features: features)
            Crew.with(threads: min(threads, InferenceWorkspace.mostThreads)) { crew in
              for low in stride(from: 0, to: count, by: Self.most) {
                Pass(
                  network: self, weights: weights, w: workspace, images: low..<min(count, low + Self.most), crew: crew,
                  profile: profile
                ).compute(lent)
              }
            }
          }
        }
      }
    }
    return (logits, features)
  }

  /// The caller's arrays while `forward` runs.
  private struct Lent {
    let images: UnsafeBufferPointer<Float>
    let auxiliary: UnsafeBufferPointer<Float>
    let logits: UnsafeMutableBufferPointer<Float>
    let features: UnsafeMutableBufferPointer<Float>
  }

  /// Some images on their way through the network.
  private struct Pass {
    let network: InferenceNetwork
    let weights: PackedWeights
    let w: InferenceWorkspace
    let images: Range<Int>
    let crew: Crew
    let profile: NetworkProfile?

    private var plan: NetworkPlan { network.plan }

    func compute(_ lent: Lent) {
      let configuration = network.configuration
      let size = configuration.inputChannels * w.capacity.plane
      let pixels = ImageLayout.interleaved(
        lent.images.baseAddress! + images.lowerBound * size, channels: configuration.inputChannels, images.count,
        plane: w.capacity.plane, into: w.input)
      let activation = trunk(pixels)
      let output = weights.layouts[plan.blocks.last!.units.last!.index]
      let (features, extra) = (plan.featureCount, configuration.auxiliaryCount)
      let parameters = network.folded.start
      for image in images {
        let row = lent.features.baseAddress! + image * features
        Pooling.mean(
          activation + (image - images.lowerBound) * output.output.plane * output.outputStride,
          plane: output.output.plane, channels: output.outputStride, count: features, into: row)
        let auxiliary = lent.auxiliary.baseAddress.map { $0 + image * extra }
        let units = (0..<configuration.auxiliaryHidden).map { unit in
          let sum = Vector.dot(parameters + plan.hiddenWeight + unit * extra, auxiliary!, extra)
          return max(0, sum + parameters[plan.hiddenBias + unit])
        }
        for k in 0..<configuration.classCount {
          let weights = parameters + plan.headWeight + k * plan.headInputs
          var logit = Vector.dot(weights, row, features)
          for i in 0..<extra { logit += weights[features + i] * auxiliary![i] }
          for (unit, value) in units.enumerated() { logit += weights[features + extra + unit] * value }
          lent.logits[image * configuration.classCount + k] = logit + parameters[plan.headBias + k]
        }
      }
    }

    /// The last block's output.
    private func trunk(_ pixels: UnsafePointer<Float>) -> UnsafePointer<Float> {
      var current = w.activations[0]
      var (first, second) = (w.activations[1], w.activations[2])
      let projected = w.activations[3]
      apply(plan.stem, pixels, residual: nil, rectifying: true, into: first.start)
      let stem = weights.layouts[plan.stem.index]
      let (source, target) = (first.start, current.start)
      profile.time("pooling") {
        crew.split(images.count) {
          Pooling.maximum(images: $0, source, stem.output, channels: stem.outputStride, into: target)
        }
      }
      for block in plan.blocks {
        var residual = current
        if let shortcut = block.shortcut {
          apply(shortcut, current.start, residual: nil, rectifying: false, into: projected.start)
          residual = projected
        }
        var input = current
        for (number, unit) in block.units.enumerated() {
          let isLast = number == block.units.count - 1
          apply(unit, input.start, residual: isLast ? residual.start : nil, rectifying: true, into: first.start)
          input = first
          swap(&first, &second)
        }
        // The block's output now lies in `second`; its old input is free.
        swap(&current, &second)
      }
      return UnsafePointer(current.start)
    }

    private func apply(
      _ unit: NetworkPlan.Unit, _ input: UnsafePointer<Float>, residual: UnsafePointer<Float>?, rectifying: Bool,
      into output: UnsafeMutablePointer<Float>
    ) {
      profile.time(unit.convolution.kind) {
        ConvolutionPass(weights.layouts[unit.index], images: images.count).forward(
          input, packed: weights.packed[unit.index].start, filters: weights.filters[unit.index].start, into: output,
          resync_epilogue(
            bias: weights.biases[unit.index].start, residual: residual, accumulate: false, rectify: rectifying),
          w.scratch, crew)
      }
    }
  }
}

/// Weights packed for images of one size, by unit.
private final class PackedWeights: Sendable {
  let layouts: [ConvolutionLayout]
  let packed: [FloatBuffer]
  let filters: [FloatBuffer]
  let biases: [FloatBuffer]

  init(_ plan: NetworkPlan, _ folded: FloatBuffer, _ g: Geometry) {
    let layouts = plan.layouts(g)
    self.layouts = layouts
    packed = layouts.map { FloatBuffer(count: $0.packedCount) }
    filters = layouts.map { FloatBuffer(count: $0.filterCount) }
    biases = layouts.map { FloatBuffer(count: $0.outputStride) }
    let (packed, filters, biases) = (packed, filters, biases)
    Crew.with(threads: WorkerPool.defaultThreads) { crew in
      for unit in plan.units {
        layouts[unit.index].pack(folded.start + unit.weight, into: packed[unit.index].start, .best, crew)
        layouts[unit.index].packFilters(folded.start + unit.weight, into: filters[unit.index].start, .best, crew)
        biases[unit.index].start.update(from: folded.start + unit.bias, count: unit.convolution.outputChannels)
      }
    }
  }
}

/// The buffers for some images of one size.
private final class InferenceWorkspace: Sendable {
  let capacity: Geometry
  let input: FloatBuffer
  /// Block input, two that take turns inside a block, and the projection.
  let activations: [FloatBuffer]
  let scratch: ConvolutionScratch
  static let mostThreads = WorkerPool.defaultThreads

  init(plan: NetworkPlan, layouts: [ConvolutionLayout], capacity: Geometry) {
    self.capacity = capacity
    input = FloatBuffer(count: plan.stem.convolution.inputChannels * capacity.pixels)
    let largest = layouts.map { $0.output.plane * $0.outputStride }.max()! * capacity.images
    activations = (0..<4).map { _ in FloatBuffer(count: largest) }
    scratch = ConvolutionScratch(layouts, images: capacity.images, threads: Self.mostThreads, training: false)
  }
}

/// Packed weights, and workspaces not in use, by size of the images.
private final class InferenceCache: @unchecked Sendable {
  private let lock = NSLock()
  private var packed: [(size: Geometry, weights: PackedWeights)] = []
  private var free: [InferenceWorkspace] = []
  private static let mostWorkspaces = 16
  private static let mostSizes = 4

  func weights(_ g: Geometry, _ make: () -> PackedWeights) -> PackedWeights {
    let size = Geometry(images: 1, height: g.height, width: g.width)
    return lock.withLock {
      if let found = packed.first(where: { $0.size == size }) { return found.weights }
      if packed.count == Self.mostSizes { packed.removeFirst() }
      packed.append((size, make()))
      return packed.last!.weights
    }
  }

  /// A workspace for at least so many images.
  func take(_ g: Geometry) -> InferenceWorkspace? {
    lock.withLock {
      free.lastIndex {
        $0.capacity.height == g.height && $0.capacity.width == g.width && $0.capacity.images >= g.images
      }.map { free.remove(at: $0) }
    }
  }

  /// Smaller ones for the same images go: were they kept until there is no room, each larger batch would make its own
  /// and lose it again.
  func give(_ workspace: InferenceWorkspace) {
    let given = workspace.capacity
    lock.withLock {
      free.removeAll {
        $0.capacity.height == given.height && $0.capacity.width == given.width && $0.capacity.images < given.images
      }
      if free.count < Self.mostWorkspaces { free.append(workspace) }
    }
  }
}
