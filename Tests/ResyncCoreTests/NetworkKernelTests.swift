import Foundation
import ResyncCore
import Testing

@Suite("Network kernels")
struct NetworkKernelTests {
  @Test("products of any shape equal the plain sums", arguments: Kernels.available)
  func products(kernels: Kernels) {
    for (m, n, k) in [(1, 16, 1), (3, 32, 7), (14, 48, 16), (15, 64, 33), (29, 16, 300), (57, 96, 65)] {
      let (a, b) = (filledBuffer("a", m * k), filledBuffer("b", k * n))
      let expected = (0..<m * n).map { index in
        (0..<k).map { Double(a.start[index / n * k + $0]) * Double(b.start[$0 * n + index % n]) }.reduce(0, +)
      }
      let packed = FloatBuffer(count: k * n)
      for panel in 0..<n / 16 { kernels.table.pack(b.start + panel * 16, k, n, 16, 1, packed.start + panel * 16 * k) }
      let (bias, residual, c) = (filledBuffer("bias", n), filledBuffer("residual", m * n), FloatBuffer(count: m * n))
      kernels.multiply(a.start, packed.start, into: c.start, rows: m, columns: n, depth: k)
      #expect(relativeError(c.values, expected) < 1e-5)

      let finished = filledBuffer("before", m * n)
      let whole = expected.indices.map {
        max(0, expected[$0] + Double(finished.start[$0]) + Double(bias.start[$0 % n]) + Double(residual.start[$0]))
      }
      kernels.multiply(
        a.start, packed.start, into: finished.start, rows: m, columns: n, depth: k,
        .init(bias: bias.start, residual: residual.start, accumulate: true, rectify: true))
      #expect(relativeError(finished.values, whole) < 1e-5)

      let transposed = FloatBuffer(count: k * m)
      for i in 0..<m { for p in 0..<k { transposed.start[p * m + i] = a.start[i * k + p] } }
      for (accumulating, times) in [(false, 1.0), (true, 2.0)] {
        kernels.table.transposed_product(m, n, k, transposed.start, m, b.start, n, c.start, n, accumulating)
        #expect(relativeError(c.values, expected.map { times * $0 }) < 1e-5)
      }
    }
  }

  @Test("every kernel gives the same bits with vectors of 256 and of 512 bits")
  func widths() {
    let wide = Kernels.available.filter { $0.description != "portable" }
    guard wide.count == 2 else { return }
    let results = wide.map { kernels in
      NetworkConvolutionTests.cases.map { c, g in
        let trial = ConvolutionTrial(c, g, kernels: kernels)
        return [trial.forward(), trial.weightGradient(), trial.inputGradient(accumulating: true)]
      }
    }
    #expect(same(results[0], results[1]))
  }

  @Test("batch normalisation equals its definition, with residual and ReLU", arguments: Kernels.available)
  func normalisationForward(kernels: Kernels) {
    // Channels whose mean is far above their deviation show sums that cancel.
    let trial = NormalisationTrial(pixels: 203, channels: 21, offset: 300, kernels: kernels)
    let residual = trial.rows("residual")
    let output = trial.forward(residual: residual, rectifying: true)
    for channel in 0..<trial.channels {
      let plain = Oracle.normalised(
        trial.column(trial.x, channel), gain: trial.gain(channel), bias: trial.bias(channel))
      let expected = zip(plain, trial.column(residual, channel)).map { max(0, $0 + $1) }
      #expect(relativeError(trial.column(output, channel).map(Float.init), expected) < 1e-4)
    }
    #expect((trial.channels..<32).allSatisfy { channel in trial.column(output, channel).allSatisfy { $0 == 0 } })
  }

  @Test("running statistics move by a tenth towards mean and unbiased variance")
  func runningStatistics() {
    let trial = NormalisationTrial(pixels: 5, channels: 2, offset: 0, kernels: .best)
    (trial.runningMean.start[1], trial.runningVariance.start[1]) = (1, 2)
    _ = trial.forward(residual: nil, rectifying: false)
    let x = trial.column(trial.x, 1)
    let mean = x.reduce(0, +) / 5
    let variance = x.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 4
    #expect(abs(Double(trial.runningMean.start[1]) - (0.9 + 0.1 * mean)) < 1e-6)
    #expect(abs(Double(trial.runningVariance.start[1]) - (1.8 + 0.1 * variance)) < 1e-6)
  }

  @Test(
    "batch normalisation's gradients equal central differences of its definition", arguments: Kernels.available,
    [true, false])
  func normalisationBackward(kernels: Kernels, keepingMasked: Bool) {
    let trial = NormalisationTrial(pixels: 137, channels: 3, offset: 0, kernels: kernels)
    let output = trial.forward(residual: nil, rectifying: true)
    let g = trial.rows("gradient")
    let byInput = FloatBuffer(count: g.count)
    let before = (0..<3).map { trial.column(g, $0) }
    let (byGain, byBias) = trial.backward(g, output: output, keepingMasked: keepingMasked, into: byInput)
    for channel in 0..<3 {
      func weighted(_ x: [Double], _ gain: Double, _ bias: Double) -> Double {
        zip(Oracle.normalised(x, gain: gain, bias: bias), before[channel]).map { max(0, $0) * $1 }.reduce(0, +)
      }
      let (x, gain, bias) = (trial.column(trial.x, channel), trial.gain(channel), trial.bias(channel))
      let differences = centralDifferences(x, step: 1e-6) { weighted($0, gain, bias) }
      #expect(relativeError(trial.column(byInput, channel).map(Float.init), differences) < 1e-4)
      let slopes = [
        centralDifferences([gain], step: 1e-6) { weighted(x, $0[0], bias) }[0],
        centralDifferences([bias], step: 1e-6) { weighted(x, gain, $0[0]) }[0],
      ]
      #expect(relativeError([byGain[channel], byBias[channel]], slopes) < 1e-4)
      let masked = zip(before[channel], trial.column(output, channel)).map { $1 > 0 || !keepingMasked ? $0 : 0 }
      #expect(trial.column(g, channel) == masked)
    }
  }

  @Test("max pooling takes each window's maximum and sends the gradient there", arguments: Kernels.available)
  func maximumPooling(kernels: Kernels) {
    let channels = 16
    for (height, width) in [(8, 8), (7, 5), (1, 1), (2, 3)] {
      let g = Geometry(images: 2, height: height, width: width)
      let out = Pooling.output(g)
      let x = filledBuffer("maps \(height)", g.pixels * channels)
      let y = FloatBuffer(count: out.pixels * channels)
      Pooling.maximum(images: 0..<2, x.start, g, channels: channels, into: y.start, kernels)
      let gradient = filledBuffer("gradient", y.count)
      let byInput = filledBuffer("stale", x.count)
      Pooling.maximumBackward(
        images: 0..<2, x.start, output: y.start, gradient: gradient.start, g, channels: channels, into: byInput.start,
        kernels)
      for (image, channel) in [(0, 0), (1, 7), (1, 15)] {
        func plane(_ buffer: FloatBuffer, _ count: Int) -> [Double] {
          (0..<count).map { Double(buffer.start[(image * count + $0) * channels + channel]) }
        }
        let (source, weights) = (plane(x, g.plane), plane(gradient, out.plane))
        #expect(plane(y, out.plane) == Oracle.maximumPool(g, plane: source))
        let differences = centralDifferences(source, step: 1e-6) { moved in
          zip(Oracle.maximumPool(g, plane: moved), weights).map(*).reduce(0, +)
        }
        #expect(relativeError(plane(byInput, g.plane).map(Float.init), differences) < 1e-4)
      }
    }
  }

  @Test("of equal largest values the first takes the gradient")
  func ties() {
    let (x, y) = (FloatBuffer(count: 4 * 16), FloatBuffer(count: 16))
    let (gradient, byInput) = (filledBuffer("gradient", 16), FloatBuffer(count: 64))
    let g = Geometry(images: 1, height: 2, width: 2)
    Pooling.maximum(images: 0..<1, x.start, g, channels: 16, into: y.start)
    Pooling.maximumBackward(
      images: 0..<1, x.start, output: y.start, gradient: gradient.start, g, channels: 16, into: byInput.start)
    #expect(byInput.values == gradient.values + [Float](repeating: 0, count: 48))
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

  @Test("the focal loss and its gradient equal the definition, also where an example is certain", arguments: [0.5, 2])
  func focalLoss(focusing: Double) {
    let logits: [Float] = [1, -2, 0.5, 3, 3, -1]
    let (loss, gradient) = Loss.crossEntropy(
      logits: logits, labels: [2, 0], weights: [1.5, 0.5], classes: 3, focusing: focusing, total: 4)
    func definition(_ z: [Double]) -> Double {
      [(Array(z[0..<3]), 2, 1.5), (Array(z[3..<6]), 0, 0.5)].map { row, label, weight in
        let p = exp(row[label]) / row.map { exp($0) }.reduce(0, +)
        return -weight * pow(1 - p, focusing) * log(p) / 4
      }.reduce(0, +)
    }
    let wide = logits.map(Double.init)
    #expect(abs(loss - definition(wide)) < 1e-9)
    #expect(relativeError(gradient, centralDifferences(wide, step: 1e-5, definition)) < 1e-6)

    let certain = Loss.crossEntropy(logits: [1e4, 0], labels: [0], weights: [1], classes: 2, focusing: focusing)
    #expect(certain.loss == 0 && certain.gradient == [0, 0])
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

  @Test("every step of a crew does each item once, before the next begins")
  func crew() {
    for threads in 1...3 {
      let counts = FloatBuffer(count: 100)
      let orderly = Crew.with(threads: threads) { crew in
        (0..<2000).allSatisfy { step in
          crew.run(step % 100) { item, worker in counts.start[item] += worker < threads ? 1 : 1e6 }
          crew.split(100, grain: 8) { range in for item in range { counts.start[item] *= 1 } }
          return (0..<100).allSatisfy {
            counts.start[$0] == Float(step / 100 * (99 - $0) + max(0, step % 100 - $0))
          }
        }
      }
      #expect(orderly)
    }
  }
}

/// Batch normalisation of filled rows, a channel's deviation far from its neighbour's.
struct NormalisationTrial {
  let pixels, channels: Int
  let x: FloatBuffer
  let runningMean, runningVariance: FloatBuffer
  private let gains, biases: FloatBuffer
  private let memory: BatchNormalisation.Memory
  private let normalisation: BatchNormalisation

  init(pixels: Int, channels: Int, offset: Float, kernels: Kernels) {
    self.pixels = pixels
    self.channels = channels
    gains = filledBuffer("gains", channels)
    biases = filledBuffer("biases", channels)
    (runningMean, runningVariance) = (FloatBuffer(count: channels), FloatBuffer(count: channels))
    memory = .init(channels: channels)
    normalisation = BatchNormalisation(
      pixels: pixels, channels: channels,
      scratch: FloatBuffer(count: BatchNormalisation.scratchCount(channels: channels)), kernels: kernels)
    x = Self.rows("x", pixels, channels)
    for pixel in 0..<pixels { for channel in 0..<channels { x.start[pixel * stride + channel] += offset } }
  }

  private var stride: Int { Kernels.padded(channels) }
  func gain(_ channel: Int) -> Double { Double(gains.start[channel]) }
  func bias(_ channel: Int) -> Double { Double(biases.start[channel]) }
  func column(_ rows: FloatBuffer, _ channel: Int) -> [Double] {
    (0..<pixels).map { Double(rows.start[$0 * stride + channel]) }
  }
  func rows(_ name: String) -> FloatBuffer { Self.rows(name, pixels, channels) }

  private static func rows(_ name: String, _ pixels: Int, _ channels: Int) -> FloatBuffer {
    ChannelLayout.interleaved(filled(name, pixels * channels), channels: channels, stride: Kernels.padded(channels))
  }

  private var parameters: BatchNormalisation.Parameters {
    .init(
      channels: channels, gain: gains.start, bias: biases.start, runningMean: runningMean.start,
      runningVariance: runningVariance.start, frozen: false)
  }

  func forward(residual: FloatBuffer?, rectifying: Bool) -> FloatBuffer {
    let output = FloatBuffer(count: x.count)
    Crew.with(threads: 2) {
      normalisation.forward(
        x.start, parameters, memory, residual: residual.map { UnsafePointer($0.start) }, rectifying: rectifying,
        into: output.start, $0)
    }
    return output
  }

  func backward(
    _ gradient: FloatBuffer, output: FloatBuffer, keepingMasked: Bool, into byInput: FloatBuffer
  ) -> (gain: [Float], bias: [Float]) {
    let (byGain, byBias) = (FloatBuffer(count: channels), FloatBuffer(count: channels))
    Crew.with(threads: 2) {
      normalisation.backward(
        gradient.start, output: output.start, x: x.start, parameters, memory, keepingMasked: keepingMasked,
        parameterGradients: (byGain.start, byBias.start), into: byInput.start, $0)
    }
    return (byGain.values, byBias.values)
  }
}
