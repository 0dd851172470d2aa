/// The buffers of one training step, made once for the largest batch.
package final class TrainingWorkspace {
  /// What a unit leaves for its backward pass.
  package struct UnitBuffers {
    /// Before normalisation.
    package let convolved: FloatBuffer
    /// After normalisation, residual and ReLU; empty for a projection, whose output goes into the sum at once.
    package let output: FloatBuffer
    /// Per channel.
    package let mean: FloatBuffer
    package let deviation: FloatBuffer
  }

  package let capacity: Geometry
  package let team: Team
  package let input: FloatBuffer
  package let pooled: FloatBuffer
  package let winners: UnsafeMutablePointer<Int32>
  package let units: [UnitBuffers]
  /// Output of the projection now being computed.
  package let projected: FloatBuffer
  /// Input of `fc`: [images, features + auxiliary], and its gradient.
  package let head: FloatBuffer
  package let headGradient: FloatBuffer
  /// Gradients of activations; they change places from layer to layer.
  package var gradients: [FloatBuffer]
  /// The batch last sent forward.
  package var geometry: Geometry

  package init(plan: NetworkPlan, capacity: Geometry, threads: Int) {
    self.capacity = capacity
    geometry = capacity
    let stem = plan.stem.convolution
    let stemOutput = stem.output(capacity)
    let poolOutput = Pooling.output(stemOutput)
    var scratch = stem.scratchCount(capacity)
    var largest = stem.outputChannels * stemOutput.columns
    var largestProjection = 0
    var buffers: [Int: UnitBuffers] = [:]

    func make(_ unit: NetworkPlan.Unit, _ input: Geometry, keepingOutput: Bool) -> Geometry {
      let output = unit.convolution.output(input)
      let count = unit.convolution.outputChannels * output.columns
      scratch = max(scratch, unit.convolution.scratchCount(input))
      largest = max(largest, count, unit.convolution.inputChannels * input.columns)
      if !keepingOutput { largestProjection = max(largestProjection, count) }
      buffers[unit.index] = UnitBuffers(
        convolved: FloatBuffer(count: count), output: FloatBuffer(count: keepingOutput ? count : 0),
        mean: FloatBuffer(count: unit.convolution.outputChannels),
        deviation: FloatBuffer(count: unit.convolution.outputChannels))
      return output
    }

    _ = make(plan.stem, capacity, keepingOutput: true)
    var geometry = poolOutput
    for block in plan.blocks {
      let input = geometry
      for unit in block.units { geometry = make(unit, geometry, keepingOutput: true) }
      if let shortcut = block.shortcut { _ = make(shortcut, input, keepingOutput: false) }
    }
    units = (0..<plan.unitCount).map { buffers[$0]! }
    input = FloatBuffer(count: stem.inputChannels * capacity.columns)
    pooled = FloatBuffer(count: stem.outputChannels * poolOutput.columns)
    winners = .allocate(capacity: max(1, pooled.count))
    winners.initialize(repeating: 0, count: max(1, pooled.count))
    projected = FloatBuffer(count: largestProjection)
    head = FloatBuffer(count: capacity.images * plan.headInputs)
    headGradient = FloatBuffer(count: capacity.images * plan.headInputs)
    gradients = (0..<3).map { _ in FloatBuffer(count: largest) }
    team = Team(
      threads: threads, scratchCount: scratch,
      partialCount: plan.units.map(\.convolution.weightCount).max() ?? 0)
  }

  deinit { winners.deallocate() }

  package func holds(_ g: Geometry) -> Bool {
    g.height == capacity.height && g.width == capacity.width && g.images <= capacity.images
  }
}
