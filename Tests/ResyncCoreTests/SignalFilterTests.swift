import Foundation
import ResyncCore
import Testing

struct SignalFilterTests {
  private func wave(_ frequencyHz: Double, rateHz: Double, seconds: Double) -> [Float] {
    (0..<Int(rateHz * seconds)).map { Float(sin(2 * .pi * frequencyHz * Double($0) / rateHz)) }
  }

  @Test(
    "the high-pass has −3 dB at its cut-off, passes the ECG band and delays nothing",
    arguments: [100, 360, 1_000], [(0.05, 0.0118, 0.001), (0.5, 0.7071, 0.015), (2.0, 1, 0.003), (15.0, 1, 0.001)])
  func highPassResponse(rate: Int, expectation: (frequency: Double, gain: Double, tolerance: Double)) {
    let input = wave(expectation.frequency, rateHz: Double(rate), seconds: 60)
    var filter = HighPass(cutoffHz: 0.5, rateHz: rate)
    var output: [Float] = []
    filter.process(input[...], into: &output)
    filter.finish(into: &output)
    #expect(output.count == input.count)
    let worst = (20 * rate..<40 * rate).map { abs(Double(output[$0]) - expectation.gain * Double(input[$0])) }.max()!
    #expect(worst < expectation.tolerance)
  }

  @Test("the high-pass takes a constant away exactly, from the first sample to the last")
  func highPassConstant() {
    var filter = HighPass(cutoffHz: 0.5, rateHz: 360)
    var output: [Float] = []
    filter.process([Float](repeating: 3.7, count: 5_000)[...], into: &output)
    filter.finish(into: &output)
    #expect(output.count == 5_000)
    #expect(output.allSatisfy { abs($0) < 1e-6 })
  }

  @Test(
    "resampling keeps a wave's amplitude and place, and the last sample's time",
    arguments: [100.0, 128, 250, 257.31, 500, 1_000], [100, 360])
  func resampling(inputRate: Double, outputRate: Int) {
    // Inside the pass band of every pair.
    let frequency = 0.4 * min(inputRate, Double(outputRate))
    let input = wave(frequency, rateHz: inputRate, seconds: 20)
    var resampler = Resampler(inputRateHz: inputRate, outputRateHz: outputRate)
    var output: [Float] = []
    resampler.process(input[...], into: &output)
    resampler.finish(into: &output)
    let expectedCount = Int((Double(input.count) * Double(outputRate) / inputRate).rounded(.up))
    #expect(abs(output.count - expectedCount) <= 1)
    let inner = 2 * outputRate..<18 * outputRate
    let worst = inner.map {
      abs(Double(output[$0]) - sin(2 * .pi * frequency * Double($0) / Double(outputRate)))
    }.max()!
    // A place between two samples is taken to the nearest 1,024th.
    #expect(worst < 0.004)
  }

  @Test("resampling keeps what would alias out")
  func antiAliasing() {
    var resampler = Resampler(inputRateHz: 1_000, outputRateHz: 360)
    var output: [Float] = []
    resampler.process(wave(200, rateHz: 1_000, seconds: 10)[...], into: &output)
    #expect(output[720..<2_880].allSatisfy { abs($0) < 2e-4 })
  }

  private struct Response: Decodable {
    let rate: Double
    let response: [Double]
  }

  @Test("the detector's band-pass is SciPy's cheby1")
  func bandPass() throws {
    for golden in try SignalFixtures.json([Response].self, SignalFixtures.signal, "bandpass.json") {
      var filter = BandPass(lowHz: 8, highHz: 20, rippleDecibels: 0.5, rateHz: golden.rate)
      for (index, expected) in golden.response.enumerated() {
        #expect(abs(filter.step(index == 0 ? 1 : 0) - expected) < 1e-9)
      }
    }
  }
}
