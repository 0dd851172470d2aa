/// The buffers of one training step, made once for the largest batch.
package final class TrainingWorkspace {
  /// What a unit leaves for its backward pass.
  package struct UnitBuffers {
    /// Before normalisation.
    package let convolved: FloatBuffer
    /// After normalisation, residual and ReLU; empty for a projection, whose output goes into the sum at once.
    package let output: FloatBuffer
    package let normalisation: BatchNormalisation.Memory
  }

  package let capacity: Geometry
  /// By unit.
  package let layouts: [ConvolutionLayout]
  package let units: [UnitBuffers]
  package let scratch: ConvolutionScratch
  package let normalisationScratch: FloatBuffer
  package let input: FloatBuffer
  package let pooled: FloatBuffer
  /// Output of the projection now being computed.
  package let projected: FloatBuffer
  /// Input of `fc`: [images, features + auxiliary], and its gradient.
  package let head: FloatBuffer
  package let headGradient: FloatBuffer
  /// Gradients of activations; they change places from layer to layer.
  package var gradients: [FloatBuffer]
  /// Images of the batch last sent forward.
  package var images: Int
  /// Places in it of images whose pooled vector counts as 0.
  package var hidden: Set<Int> = []

  package init(plan: NetworkPlan, capacity: Geometry, threads: Int) {
    self.capacity = capacity
    images = capacity.images
    let layouts = plan.layouts(capacity)
    self.layouts = layouts
    func floats(_ layout: ConvolutionLayout) -> Int { capacity.images * layout.output.plane * layout.outputStride }
    let projections = Set(plan.blocks.compactMap(\.shortcut?.index))
    units = layouts.indices.map { index in
      UnitBuffers(
        convolved: FloatBuffer(count: floats(layouts[index])),
        output: FloatBuffer(count: projections.contains(index) ? 0 : floats(layouts[index])),
        normalisation: .init(channels: layouts[index].convolution.outputChannels))
    }
    let stem = layouts[plan.stem.index]
    input = FloatBuffer(count: stem.inputStride * capacity.pixels)
    pooled = FloatBuffer(count: stem.outputStride * capacity.images * Pooling.output(stem.output).plane)
    projected = FloatBuffer(count: projections.map { floats(layouts[$0]) }.max() ?? 0)
    head = FloatBuffer(count: capacity.images * plan.headInputs)
    headGradient = FloatBuffer(count: capacity.images * plan.headInputs)
    let largest = layouts.map(floats).max() ?? 0
    gradients = (0..<3).map { _ in FloatBuffer(count: largest) }
    scratch = ConvolutionScratch(layouts, images: capacity.images, threads: threads, training: true)
    normalisationScratch = FloatBuffer(
      count: layouts.map { BatchNormalisation.scratchCount(channels: $0.outputStride) }.max() ?? 0)
  }

  package func holds(_ g: Geometry) -> Bool {
    g.height == capacity.height && g.width == capacity.width && g.images <= capacity.images
  }
}
