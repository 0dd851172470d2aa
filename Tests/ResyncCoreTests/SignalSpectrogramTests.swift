import CKernels
import Foundation
import ResyncCore
import Testing

struct SignalSpectrogramTests {
  private struct Case: Decodable {
    let window: STFTConfiguration.Window
    let length: Int
    let hop: Int
    let fft: Int
    let count: Int
    let zeros: Bool
    let frames: Int
    let magnitudes: [Float]
  }

  /// The same wave as in the fixtures' script.
  private func wave(_ count: Int) -> [Float] {
    (0..<count).map { n in
      let n = Double(n)
      return Float(sin(0.1 * n) + 0.5 * sin(0.73 * n + 1) + 0.25 * cos(n * n / 900))
    }
  }

  @Test("STFT magnitudes equal SciPy's within 1e-5 of the largest")
  func golden() throws {
    for golden in try SignalFixtures.json([Case].self, SignalFixtures.signal, "stft.json") {
      let stft = try STFT(
        configuration: STFTConfiguration(
          window: golden.window, windowSamples: golden.length, hopSamples: golden.hop, fftLength: golden.fft))
      let boundary: STFT.Boundary = golden.zeros ? .zeros : .none
      #expect(stft.frameCount(samples: golden.count, boundary: boundary) == golden.frames)
      let magnitudes = stft.magnitudes(of: wave(golden.count), boundary: boundary)
      try #require(magnitudes.count == golden.magnitudes.count)
      let largest = golden.magnitudes.max()!
      let worst = zip(magnitudes, golden.magnitudes).map { abs($0 - $1) }.max()!
      #expect(worst < 1e-5 * largest)
    }
  }

  @Test("an image of samples is the canvas itself, the R-peak at its place, for each lead")
  func samples() throws {
    let pipeline = PipelineConfiguration(image: .samples(columns: 512))
    let transform = try SpectrogramTransform(pipeline: pipeline)
    let image = transform.image(of: [[1, 2, 4], [0.5, 0.25, 8]], rPeakOffset: 1)
    #expect((image.leadCount, image.rows, image.columns) == (2, 1, 512))
    for (lead, values) in [[1, 2, 4], [0.5, 0.25, 8] as [Float16]].enumerated() {
      let row = Array(image.values[lead * 512..<(lead + 1) * 512])
      #expect(Array(row[transform.canvasRPeak - 1...transform.canvasRPeak + 1]) == values)
      #expect(row.count { $0 != 0 } == 3)
    }
    #expect(pipeline.id != PipelineConfiguration().id)
    for wrong in [ImageConfiguration.samples(columns: 513), .samples(columns: 0)] {
      #expect(throws: SignalError.self) { try PipelineConfiguration(image: wrong).validate() }
    }
    var rows = ImageConfiguration.samples(columns: 512)
    rows.rows = 2
    #expect(throws: SignalError.self) { try PipelineConfiguration(image: rows).validate() }
  }

  @Test("any window, hop, FFT length and number of frames: magnitudes are those of the definition")
  func definition() throws {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<60 {
      let window = Int.random(in: 2...96, using: &generator)
      let configuration = STFTConfiguration(
        window: Bool.random(using: &generator) ? .hann : .hamming, windowSamples: window,
        hopSamples: Int.random(in: 1...window, using: &generator),
        fftLength: window + Int.random(in: 0...40, using: &generator))
      let signal = wave(Int.random(in: 0...260, using: &generator))
      let boundary: STFT.Boundary = Bool.random(using: &generator) ? .zeros : .none
      let stft = try STFT(configuration: configuration)
      let frames = stft.frameCount(samples: signal.count, boundary: boundary)
      let (bins, wanted) = (
        Int.random(in: 1...stft.binCount, using: &generator), Int.random(in: 0...frames + 3, using: &generator)
      )
      let magnitudes = stft.magnitudes(of: signal, boundary: boundary, bins: bins, frames: wanted)
      let expected = Self.naive(signal, configuration, boundary, bins: bins, frames: wanted, available: frames)
      try #require(magnitudes.count == bins * wanted)
      let worst = zip(magnitudes, expected).map { abs(Double($0) - $1) }.max() ?? 0
      #expect(worst <= 1e-6, "\(configuration), \(signal.count) samples, \(boundary)")
    }
  }

  /// Σ w[n] x[n] exp(−2πikn / N) / Σ w in double precision, [frame, bin].
  private static func naive(
    _ signal: [Float], _ configuration: STFTConfiguration, _ boundary: STFT.Boundary, bins: Int, frames: Int,
    available: Int
  ) -> [Double] {
    let count = configuration.windowSamples
    let offset = configuration.window == .hann ? 0.5 : 0.54
    let window = (0..<count).map { offset - (1 - offset) * cos(2 * .pi * Double($0) / Double(count)) }
    let lead = boundary == .zeros ? count / 2 : 0
    return (0..<frames).flatMap { frame in
      (0..<bins).map { bin in
        var (re, im) = (0.0, 0.0)
        for n in 0..<(frame < available ? count : 0) {
          let place = frame * configuration.hopSamples - lead + n
          guard signal.indices.contains(place) else { continue }
          let angle = 2 * .pi * Double(bin * n) / Double(configuration.fftLength)
          re += window[n] * Double(signal[place]) * cos(angle)
          im -= window[n] * Double(signal[place]) * sin(angle)
        }
        return (re * re + im * im).squareRoot() / window.reduce(0, +)
      }
    }
  }

  @Test("an image's logarithm is right from nothing to the largest amplitudes, for any numbers of rows and columns")
  func logarithm() throws {
    for (rows, columns) in [(1, 1), (16, 16), (5, 33), (64, 64), (17, 3)] {
      let magnitudes = (0..<rows * columns).map { $0 == 0 ? 0 : Float(exp(Double($0 % 1_900) / 97 - 12)) }
      var image = [UInt16](repeating: 0, count: rows * columns)
      resync_log_image(magnitudes, rows, columns, 100, &image)
      for row in 0..<rows {
        for column in 0..<columns {
          let expected = log1p(100 * Double(magnitudes[column * rows + row]))
          let value = Double(Float16(bitPattern: image[row * columns + column]))
          // Half precision rounds by 2⁻¹¹; 1 + x rounds by 2⁻²⁴.
          #expect(abs(value - expected) <= expected * 0x1.01p-11 + 0x1.1p-24)
        }
      }
    }
  }

  @Test("an image is log(1 + magnitude / reference), frequency by time")
  func imageValues() throws {
    let pipeline = PipelineConfiguration()
    let transform = try SpectrogramTransform(pipeline: pipeline)
    let segment = wave(512)
    let image = transform.image(of: [segment, segment.map { -$0 }], rPeakOffset: transform.canvasRPeak)
    let stft = try STFT(configuration: pipeline.stft)
    let magnitudes = stft.magnitudes(of: segment, boundary: .zeros)
    #expect(image.leadCount == 2)
    for (row, column) in [(0, 0), (3, 10), (63, 63), (20, 40)] {
      let expected = Float16(log(1 + magnitudes[column * stft.binCount + row] / 0.01))
      #expect(abs(image.values[row * 64 + column] - expected) <= 0.004)
      #expect(image.values[64 * 64 + row * 64 + column] == image.values[row * 64 + column])
    }
  }

  @Test("the R-peak's place on the canvas does not depend on the segment's length")
  func canvas() throws {
    let transform = try SpectrogramTransform(pipeline: PipelineConfiguration())
    func image(before: Int, after: Int) -> SpectrogramImage {
      var segment = [Float](repeating: 0, count: before + after)
      segment[before] = 1
      return transform.image(of: [segment], rPeakOffset: before)
    }
    let short = image(before: 60, after: 80)
    #expect(short == image(before: 150, after: 210))
    #expect(short == image(before: 900, after: 1_200))
    #expect(short.values.contains { $0 > 0 })
  }

  @Test("lengths that do not fit are refused by name")
  func refusals() throws {
    var pipeline = PipelineConfiguration()
    pipeline.stft.fftLength = 32
    let error = try #require(throws: SignalError.self, performing: { try SpectrogramTransform(pipeline: pipeline) })
    #expect(error.message.contains("image.rows"))
    pipeline = PipelineConfiguration()
    pipeline.stft.hopSamples = 0
    #expect(throws: SignalError.self) { try SpectrogramTransform(pipeline: pipeline) }
    pipeline = PipelineConfiguration()
    pipeline.highPassHz = .nan
    #expect(throws: SignalError.self) { try SpectrogramTransform(pipeline: pipeline) }
  }
}
