import CKernels
import ResyncCore
import Testing

@Suite("Kernels over time")
struct SignalTimelineTests {
  private func values(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Float(generator.gaussian()) }
  }

  @Test("a convolution over time has the bits of the plain sums", arguments: [(5, 1, 130), (24, 4, 97), (48, 2, 1)])
  func convolution(inputs: Int, dilation: Int, count: Int) {
    let (outputs, taps) = (24, 7)
    let stride = (count + 47) / 48 * 48 + (taps - 1) * dilation
    let input = values(inputs * stride, seed: 1)
    let weights = values(taps * inputs * outputs, seed: 2)
    let bias = values(outputs, seed: 3)
    let untouched: Float = -7
    var output = [Float](repeating: untouched, count: outputs * stride)
    let shape = resync_timeline(inputs: inputs, outputs: outputs, taps: taps, dilation: dilation, count: count)
    resync_convolve_timeline(input, stride, shape, weights, bias, &output)

    for target in 0..<outputs {
      for place in 0..<stride {
        guard place < count else {
          #expect(output[target * stride + place] == untouched)
          continue
        }
        var sum = bias[target]
        for tap in 0..<taps {
          for source in 0..<inputs {
            sum +=
              weights[(tap * inputs + source) * outputs + target] * input[source * stride + place + tap * dilation]
          }
        }
        #expect(output[target * stride + place] == max(0, sum))
      }
    }
  }

  @Test(
    "a recording resampled in one piece has the bits of one resampled sample by sample",
    arguments: [(500.0, 360), (250, 360), (1_000, 360), (257, 360), (128, 360), (333.333, 360), (360, 500)])
  func resampling(inputRate: Double, outputRate: Int) {
    let input = values(Int(4 * inputRate), seed: 4)
    func resampled(pieces: Int) -> [Float] {
      var resampler = Resampler(inputRateHz: inputRate, outputRateHz: outputRate)
      var output: [Float] = []
      for start in stride(from: 0, to: input.count, by: pieces) {
        resampler.process(input[start..<min(input.count, start + pieces)], into: &output)
      }
      resampler.finish(into: &output)
      return output
    }
    let single = resampled(pieces: 1)
    #expect(single.count > 3 * outputRate)
    #expect(resampled(pieces: input.count) == single)
    #expect(resampled(pieces: 301) == single)
  }
}
