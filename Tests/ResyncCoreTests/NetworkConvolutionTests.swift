import ResyncCore
import Testing

@Suite("Convolutions")
struct NetworkConvolutionTests {
  /// All methods, maps that tiles do not fill, channels that do not fill a panel, and tiles few and many.
  static let cases: [(Convolution, Geometry)] = [
    (
      .init(inputChannels: 3, outputChannels: 8, kernel: 7, stride: 2, padding: 3),
      .init(images: 5, height: 20, width: 17)
    ),
    (
      .init(inputChannels: 8, outputChannels: 16, kernel: 3, stride: 1, padding: 1),
      .init(images: 9, height: 8, width: 8)
    ),
    (
      .init(inputChannels: 16, outputChannels: 8, kernel: 3, stride: 2, padding: 1),
      .init(images: 3, height: 9, width: 6)
    ),
    (
      .init(inputChannels: 16, outputChannels: 24, kernel: 1, stride: 1, padding: 0),
      .init(images: 7, height: 5, width: 4)
    ),
    (
      .init(inputChannels: 8, outputChannels: 16, kernel: 1, stride: 2, padding: 0),
      .init(images: 2, height: 7, width: 8)
    ),
    (
      .init(inputChannels: 8, outputChannels: 8, kernel: 3, stride: 1, padding: 1),
      .init(images: 1, height: 1, width: 2)
    ),
    (
      .init(inputChannels: 1, outputChannels: 8, kernel: 7, stride: 2, padding: 3),
      .init(images: 1, height: 1, width: 1)
    ),
    (
      .init(inputChannels: 64, outputChannels: 8, kernel: 3, stride: 1, padding: 1),
      .init(images: 11, height: 16, width: 16)
    ),
    (
      .init(inputChannels: 24, outputChannels: 40, kernel: 3, stride: 1, padding: 1),
      .init(images: 3, height: 2, width: 2)
    ),
    (
      .init(inputChannels: 8, outputChannels: 40, kernel: 3, stride: 1, padding: 1),
      .init(images: 3, height: 1, width: 1)
    ),
    (
      .init(inputChannels: 144, outputChannels: 136, kernel: 3, stride: 1, padding: 1),
      .init(images: 2, height: 5, width: 7)
    ),
    (
      .init(inputChannels: 512, outputChannels: 520, kernel: 1, stride: 1, padding: 0),
      .init(images: 2, height: 3, width: 5)
    ),
  ]

  @Test("a convolution forward equals the plain sum of products", arguments: cases, Kernels.available)
  func forward(_ shape: (c: Convolution, g: Geometry), kernels: Kernels) {
    let trial = ConvolutionTrial(shape.c, shape.g, kernels: kernels)
    let expected = Oracle.convolution(shape.c, shape.g, input: trial.input, weights: trial.weights)
    #expect(relativeError(trial.forward(), expected) < 1e-5)
  }

  @Test("a convolution's gradients equal the plain sums of products", arguments: cases, Kernels.available)
  func gradients(_ shape: (c: Convolution, g: Geometry), kernels: Kernels) {
    let trial = ConvolutionTrial(shape.c, shape.g, kernels: kernels)
    let expected = Oracle.convolutionGradients(
      shape.c, shape.g, input: trial.input, weights: trial.weights, outputGradient: trial.outputGradient)
    #expect(relativeError(trial.weightGradient(), expected.weights) < 2e-5)
    #expect(relativeError(trial.inputGradient(accumulating: false), expected.input) < 1e-5)
    let sum = zip(expected.input, trial.stale).map { $0 + Double($1) }
    #expect(relativeError(trial.inputGradient(accumulating: true), sum) < 1e-5)
  }

  @Test("weights that are transformed again for few tiles give the same bits", arguments: Kernels.available)
  func filters(kernels: Kernels) {
    for (inputs, outputs, height, width) in [(24, 40, 5, 7), (256, 64, 4, 4), (64, 64, 16, 16)] {
      let c = Convolution(inputChannels: inputs, outputChannels: outputs, kernel: 3, stride: 1, padding: 1)
      for images in 1...3 {
        let trial = ConvolutionTrial(c, Geometry(images: images, height: height, width: width), kernels: kernels)
        #expect(same(trial.forward(), trial.forwardFromFilters()), "\(images) of \(height)×\(width)")
      }
    }
  }

  @Test("an image whose channels are not filled up gives the same convolution")
  func image() {
    for channels in [1, 12] {
      let c = Convolution(inputChannels: channels, outputChannels: 16, kernel: 7, stride: 2, padding: 3)
      let g = Geometry(images: 3, height: 21, width: 34)
      let trial = ConvolutionTrial(c, g, isImage: true)
      let expected = Oracle.convolution(c, g, input: trial.input, weights: trial.weights)
      #expect(relativeError(trial.forward(), expected) < 1e-5)
      let gradients = Oracle.convolutionGradients(
        c, g, input: trial.input, weights: trial.weights, outputGradient: trial.outputGradient)
      #expect(relativeError(trial.weightGradient(), gradients.weights) < 1e-5)
    }
  }
}

/// One convolution of filled values, in the oracles' layout: [channel, image, row, column].
struct ConvolutionTrial {
  let input, weights, outputGradient, stale: [Float]
  private let c: Convolution
  private let g: Geometry
  private let layout: ConvolutionLayout
  private let kernels: Kernels

  init(_ c: Convolution, _ g: Geometry, isImage: Bool = false, kernels: Kernels = .best) {
    self.c = c
    self.g = g
    self.kernels = kernels
    layout = ConvolutionLayout(c, g, isImage: isImage)
    input = filled("input", c.inputChannels * g.pixels)
    weights = filled("weights", c.weightCount)
    outputGradient = filled("gradient", c.outputChannels * c.output(g).pixels)
    stale = filled("stale", input.count)
  }

  private func rows(_ values: [Float], isOutput: Bool) -> FloatBuffer {
    ChannelLayout.interleaved(
      values, channels: isOutput ? c.outputChannels : c.inputChannels,
      stride: isOutput ? layout.outputStride : layout.inputStride)
  }

  private func compute(_ body: (ConvolutionPass, ConvolutionScratch, Crew) -> Void) {
    let scratch = ConvolutionScratch([layout], images: g.images, threads: 2, training: true)
    let pass = ConvolutionPass(layout, images: g.images, kernels: kernels)
    Crew.with(threads: 2) { body(pass, scratch, $0) }
  }

  func forward() -> [Float] {
    let (x, w) = (rows(input, isOutput: false), FloatBuffer(count: weights.count))
    let y = FloatBuffer(count: c.output(g).pixels * layout.outputStride)
    w.store(weights)
    compute { $0.forward(x.start, weights: w.start, into: y.start, $1, $2) }
    return ChannelLayout.planar(y, channels: c.outputChannels, stride: layout.outputStride)
  }

  /// With weights packed once, as for inference.
  func forwardFromFilters() -> [Float] {
    let (x, w) = (rows(input, isOutput: false), FloatBuffer(count: weights.count))
    let y = FloatBuffer(count: c.output(g).pixels * layout.outputStride)
    let (packed, filters) = (FloatBuffer(count: layout.packedCount), FloatBuffer(count: layout.filterCount))
    w.store(weights)
    compute { pass, scratch, crew in
      layout.pack(w.start, into: packed.start, kernels, crew)
      layout.packFilters(w.start, into: filters.start, kernels, crew)
      pass.forward(
        x.start, packed: packed.start, filters: filters.start, into: y.start, .init(accumulating: false), scratch, crew)
    }
    return ChannelLayout.planar(y, channels: c.outputChannels, stride: layout.outputStride)
  }

  func weightGradient() -> [Float] {
    let (x, g) = (rows(input, isOutput: false), rows(outputGradient, isOutput: true))
    let gradient = filledBuffer("stale", weights.count)
    compute { $0.weightGradient(x.start, g.start, into: gradient.start, $1, $2) }
    return gradient.values
  }

  func inputGradient(accumulating: Bool) -> [Float] {
    let (g, w) = (rows(outputGradient, isOutput: true), FloatBuffer(count: weights.count))
    let gradient = rows(stale, isOutput: false)
    w.store(weights)
    compute {
      $0.inputGradient(g.start, weights: w.start, into: gradient.start, accumulating: accumulating, $1, $2)
    }
    return ChannelLayout.planar(gradient, channels: c.inputChannels, stride: layout.inputStride)
  }
}
