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
