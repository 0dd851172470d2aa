import Foundation
import ResyncCore
import Testing

@Suite("Network kernels")
struct NetworkKernelTests {
  static let convolutions: [(Convolution, Geometry)] = [
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
  ]

  @Test("a convolution forward equals the plain sum of products", arguments: convolutions)
  func convolutionForward(c: Convolution, g: Geometry) {
    let input = buffer("input", c.inputChannels * g.columns)
    let weights = buffer("weights", c.weightCount)
    let output = FloatBuffer(count: c.outputChannels * c.output(g).columns)
    team(c, g).forward(c, input: input.start, g, weights: weights.start, output: output.start)
    let expected = Oracle.convolution(c, g, input: input.values, weights: weights.values)
    #expect(relativeError(output.values, expected) < 1e-5)
  }

  @Test("a convolution's gradients equal the plain sums of products", arguments: convolutions)
  func convolutionBackward(c: Convolution, g: Geometry) {
    let input = buffer("input", c.inputChannels * g.columns)
    let weights = buffer("weights", c.weightCount)
    let gradient = buffer("gradient", c.outputChannels * c.output(g).columns)
    let (byWeight, byInput) = (FloatBuffer(count: weights.count), buffer("stale", input.count))
    team(c, g).backward(
      c, input: input.start, g, weights: weights.start, outputGradient: gradient.start,
      weightGradient: byWeight.start, inputGradient: byInput.start, accumulating: false)
    let expected = Oracle.convolutionGradients(
      c, g, input: input.values, weights: weights.values, outputGradient: gradient.values)
    #expect(relativeError(byWeight.values, expected.weights) < 1e-5)
    #expect(relativeError(byInput.values, expected.input) < 1e-5)

    team(c, g).backward(
      c, input: input.start, g, weights: weights.start, outputGradient: gradient.start, weightGradient: nil,
      inputGradient: byInput.start, accumulating: true)
    #expect(relativeError(byInput.values, expected.input.map { 2 * $0 }) < 1e-5)
  }

  @Test("batch normalisation equals its definition, with residual and ReLU")
  func normalisationForward() {
    let (x, residual) = (buffer("x", 103), buffer("residual", 103))
    let (mean, variance) = BatchNormalisation.statistics(x.start, x.count)
    let scale = 1.3 / (variance + BatchNormalisation.epsilon).squareRoot()
    let output = FloatBuffer(count: x.count)
    BatchNormalisation.apply(
      x.start, x.count, scale: scale, shift: -0.2 - mean * scale, residual: residual.start, rectifying: true,
      into: output.start)
    let plain = Oracle.normalised(x.values.map(Double.init), gain: 1.3, bias: -0.2)
    #expect(relativeError(output.values, zip(plain, residual.values).map { max(0, $0 + Double($1)) }) < 1e-5)
  }

  @Test("running statistics move by a tenth towards mean and unbiased variance")
  func runningStatistics() {
    var (mean, variance): (Float, Float) = (1, 2)
    BatchNormalisation.update(mean: &mean, variance: &variance, with: (mean: 3, variance: 4), count: 5)
    #expect(abs(mean - 1.2) < 1e-6)
    #expect(abs(variance - 2.3) < 1e-6)
  }

  @Test("batch normalisation's gradients equal central differences of its definition")
  func normalisationBackward() {
    let (x, g) = (buffer("x", 37), buffer("gradient", 37))
    let (gain, bias) = (1.3, -0.2)
    func weighted(_ x: [Double], _ gain: Double, _ bias: Double) -> Double {
      zip(Oracle.normalised(x, gain: gain, bias: bias), g.values).map { $0 * Double($1) }.reduce(0, +)
    }
    let (mean, variance) = BatchNormalisation.statistics(x.start, x.count)
    let byInput = FloatBuffer(count: x.count)
    let sums = BatchNormalisation.backward(
      gradient: g.start, x: x.start, x.count, mean: mean,
      deviation: (variance + BatchNormalisation.epsilon).squareRoot(), gain: Float(gain), into: byInput.start)
    let values = x.values.map(Double.init)
    #expect(relativeError(byInput.values, centralDifferences(values, step: 1e-5) { weighted($0, gain, bias) }) < 1e-4)
    #expect(relativeError([sums.gain], centralDifferences([gain], step: 1e-5) { weighted(values, $0[0], bias) }) < 1e-4)
    #expect(relativeError([sums.bias], centralDifferences([bias], step: 1e-5) { weighted(values, gain, $0[0]) }) < 1e-4)
  }

  @Test("max pooling takes each window's maximum and sends the gradient there")
  func maximumPooling() {
    for (height, width) in [(8, 8), (7, 5), (1, 1), (2, 3)] {
      let g = Geometry(images: 1, height: height, width: width)
      let out = Pooling.output(g)
      let x = buffer("plane \(height)", g.plane)
      let y = FloatBuffer(count: out.plane)
      let winners = UnsafeMutablePointer<Int32>.allocate(capacity: out.plane)
      defer { winners.deallocate() }
      Pooling.maximum(planes: 0..<1, x.start, g, into: y.start, winners: winners)
      #expect(y.values.map(Double.init) == Oracle.maximumPool(g, plane: x.values.map(Double.init)))

      let gradient = buffer("gradient", out.plane)
      let byInput = buffer("stale", g.plane)
      Pooling.maximumBackward(planes: 0..<1, gradient: gradient.start, winners: winners, g, into: byInput.start)
      let differences = centralDifferences(x.values.map(Double.init), step: 1e-6) { moved in
        zip(Oracle.maximumPool(g, plane: moved), gradient.values).map { $0 * Double($1) }.reduce(0, +)
      }
      #expect(relativeError(byInput.values, differences) < 1e-4)
    }
  }

  @Test("cross-entropy and its gradient equal the definition, also for huge logits")
  func crossEntropy() {
    let logits: [Float] = [1, -2, 0.5, 3, 3, -1]
    let (loss, gradient) = Loss.crossEntropy(logits: logits, labels: [2, 0], weights: [1.5, 0.5], classes: 3)
    func definition(_ z: [Double]) -> Double {
      let rows = [(Array(z[0..<3]), 2, 1.5), (Array(z[3..<6]), 0, 0.5)]
      return rows.map { row, label, weight in
        weight * (log(row.map(exp).reduce(0, +)) - row[label]) / 2
      }.reduce(0, +)
    }
    let wide = logits.map(Double.init)
    #expect(abs(loss - definition(wide)) < 1e-9)
    #expect(relativeError(gradient, centralDifferences(wide, step: 1e-5, definition)) < 1e-6)

    let huge = Loss.crossEntropy(logits: [1e4, -1e4], labels: [1], weights: [1], classes: 2)
    #expect(abs(huge.loss - 2e4) < 1e-6)
    #expect(huge.gradient == [1, -1])
    #expect(Loss.softmax([1e4, 1e4]) == [0.5, 0.5])
  }

  @Test("every item of a job runs once, also when jobs come from several threads")
  func pool() async {
    let pool = WorkerPool(helpers: 3)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask {
          let hits = FloatBuffer(count: 1000)
          pool.run(1000, threads: 4) { item, worker in hits.start[item] += worker < 4 ? 1 : 100 }
          return hits.values.allSatisfy { $0 == 1 }
        }
      }
      for await once in group { #expect(once) }
    }
  }

  private func buffer(_ name: String, _ count: Int) -> FloatBuffer {
    let buffer = FloatBuffer(count: count)
    buffer.store(filled(name, count))
    return buffer
  }

  private func team(_ c: Convolution, _ g: Geometry) -> Team {
    Team(threads: 2, scratchCount: c.scratchCount(g), partialCount: c.weightCount)
  }
}
