import Foundation

/// A network that only predicts: batch normalisation folded into the convolutions, immutable, for any number of threads.
///
/// Each image is computed by itself, so its bits do not depend on the images beside it or on the thread count.
public final class InferenceNetwork: Sendable {
  public let configuration: ResNetConfiguration
  private let plan: NetworkPlan
  /// Laid out as the plan's parameters; a unit's convolution carries its normalisation's scale, `bias` its shift.
  private let folded: FloatBuffer
  private let workspaces = WorkspaceCache()

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

  /// - Parameters:
  ///   - images: [count, inputChannels, height, width].
  ///   - auxiliary: [count, auxiliaryCount].
  ///   - threads: how many may work at once.
  /// - Returns: logits [count, classCount] and the penultimate pooled features [count, featureCount].
  public func forward(
    images: [Float], auxiliary: [Float], count: Int, height: Int, width: Int, threads: Int
  ) -> (logits: [Float], features: [Float]) {
    precondition(height > 0 && width > 0, "an image needs pixels")
    precondition(images.count == count * configuration.inputChannels * height * width, "images and shape disagree")
    precondition(auxiliary.count == count * configuration.auxiliaryCount, "auxiliary features and count disagree")
    let g = Geometry(images: 1, height: height, width: width)
    var logits = [Float](repeating: 0, count: count * configuration.classCount)
    var features = [Float](repeating: 0, count: count * plan.featureCount)
    images.withUnsafeBufferPointer { images in
      auxiliary.withUnsafeBufferPointer { auxiliary in
        logits.withUnsafeMutableBufferPointer { logits in
          features.withUnsafeMutableBufferPointer { features in
            let lent = Lent(images: images, auxiliary: auxiliary, logits: logits, features: features)
            WorkerPool.shared.run(count, threads: max(1, threads)) { [self] image, _ in compute(image, g, lent) }
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

  private func compute(_ image: Int, _ g: Geometry, _ lent: Lent) {
    let w = workspaces.take(g) ?? InferenceWorkspace(plan: plan, geometry: g)
    defer { workspaces.give(w) }
    let start = lent.images.baseAddress! + image * configuration.inputChannels * g.plane
    let (activation, geometry) = trunk(start, g, w)
    let features = lent.features.baseAddress! + image * plan.featureCount
    for feature in 0..<plan.featureCount {
      features[feature] = Pooling.mean(activation + feature * geometry.plane, geometry.plane)
    }
    let extra = configuration.auxiliaryCount
    for k in 0..<configuration.classCount {
      let weights = folded.start + plan.headWeight + k * plan.headInputs
      var logit = Vector.dot(weights, features, plan.featureCount)
      for i in 0..<extra { logit += weights[plan.featureCount + i] * lent.auxiliary[image * extra + i] }
      lent.logits[image * configuration.classCount + k] = logit + folded.start[plan.headBias + k]
    }
  }

  /// The last block's output for one image.
  private func trunk(
    _ image: UnsafePointer<Float>, _ g: Geometry, _ w: InferenceWorkspace
  ) -> (UnsafePointer<Float>, Geometry) {
    var current = w.activations[0]
    var (first, second) = (w.activations[1], w.activations[2])
    let projected = w.activations[3]
    let stem = plan.stem.convolution.output(g)
    apply(plan.stem, image, g, residual: nil, rectifying: true, into: first.start, w)
    Pooling.maximum(
      planes: 0..<plan.stem.convolution.outputChannels, first.start, stem, into: current.start, winners: nil)
    var geometry = Pooling.output(stem)
    for block in plan.blocks {
      var residual = current
      if let shortcut = block.shortcut {
        apply(shortcut, current.start, geometry, residual: nil, rectifying: false, into: projected.start, w)
        residual = projected
      }
      var input = current
      for (number, unit) in block.units.enumerated() {
        let isLast = number == block.units.count - 1
        apply(
          unit, input.start, geometry, residual: isLast ? residual.start : nil, rectifying: true, into: first.start, w)
        geometry = unit.convolution.output(geometry)
        input = first
        swap(&first, &second)
      }
      // The block's output now lies in `second`; its old input is free.
      swap(&current, &second)
    }
    return (UnsafePointer(current.start), geometry)
  }

  private func apply(
    _ unit: NetworkPlan.Unit, _ input: UnsafePointer<Float>, _ g: Geometry, residual: UnsafePointer<Float>?,
    rectifying: Bool, into output: UnsafeMutablePointer<Float>, _ w: InferenceWorkspace
  ) {
    unit.convolution.forward(
      images: 0..<1, input: input, g, weights: folded.start + unit.weight, output: output, scratch: w.scratch.start)
    let plane = unit.convolution.output(g).plane
    for channel in 0..<unit.convolution.outputChannels {
      BatchNormalisation.apply(
        output + channel * plane, plane, scale: 1, shift: folded.start[unit.bias + channel],
        residual: residual.map { $0 + channel * plane }, rectifying: rectifying, into: output + channel * plane)
    }
  }
}

/// The buffers for one image.
private final class InferenceWorkspace: Sendable {
  let geometry: Geometry
  /// Block input, two that take turns inside a block, and the projection.
  let activations: [FloatBuffer]
  let scratch: FloatBuffer

  init(plan: NetworkPlan, geometry: Geometry) {
    self.geometry = geometry
    var largest = 0
    var scratchCount = 0
    var input = geometry
    func measure(_ convolution: Convolution, _ g: Geometry) -> Geometry {
      scratchCount = max(scratchCount, convolution.scratchCount(g))
      largest = max(largest, convolution.outputChannels * convolution.output(g).columns)
      return convolution.output(g)
    }
    input = Pooling.output(measure(plan.stem.convolution, input))
    for block in plan.blocks {
      if let shortcut = block.shortcut { _ = measure(shortcut.convolution, input) }
      for unit in block.units { input = measure(unit.convolution, input) }
    }
    activations = (0..<4).map { _ in FloatBuffer(count: largest) }
    scratch = FloatBuffer(count: scratchCount)
  }
}

/// Workspaces not in use, so that a second image finds the buffers of the first.
private final class WorkspaceCache: @unchecked Sendable {
  private let lock = NSLock()
  private var free: [InferenceWorkspace] = []
  private static let mostKept = 64

  func take(_ geometry: Geometry) -> InferenceWorkspace? {
    lock.lock()
    defer { lock.unlock() }
    return free.lastIndex { $0.geometry == geometry }.map { free.remove(at: $0) }
  }

  func give(_ workspace: InferenceWorkspace) {
    lock.lock()
    defer { lock.unlock() }
    if free.count < Self.mostKept { free.append(workspace) }
  }
}
