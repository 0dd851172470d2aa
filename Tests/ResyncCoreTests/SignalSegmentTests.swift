import Foundation
import ResyncCore
import Testing

/// Segments, features and canvas where rhythm is none or extreme: drawn beats at given times, 360 Hz, one lead.
struct SignalSegmentTests {
  private static let rate = 360.0

  /// Beats of 1 mV with a T wave at the given times, seconds, in a recording of the given length.
  private func recording(beats: [Double], seconds: Double) -> [Float] {
    (0..<Int(seconds * Self.rate)).map { index in
      let t = Double(index) / Self.rate
      func wave(_ height: Double, at centre: Double, width: Double) -> Double {
        abs(t - centre) < 6 * width ? height * exp(-pow((t - centre) / width, 2) / 2) : 0
      }
      return Float(
        beats.reduce(0) { $0 + wave(1, at: $1, width: 0.01) + wave(0.15, at: $1 + 0.16, width: 0.03) })
    }
  }

  /// The beats found from `start` on, seconds, which must be those drawn there.
  private func beats(at all: [Double], seconds: Double, from start: Double = 0) throws -> [ExtractedBeat] {
    let found = try BeatExtractor.beats(
      of: [recording(beats: all, seconds: seconds)], rateHz: Self.rate, leads: [.II], chunk: 400
    ).beats.filter { $0.rPeakSeconds >= start }
    let times = all.filter { $0 >= start }
    try #require(found.count == times.count)
    for (beat, time) in zip(found, times) { #expect(abs(beat.rPeakSeconds - time) <= 2 / Self.rate) }
    return found
  }

  private func times(from first: Double, every interval: Double, count: Int) -> [Double] {
    (0..<count).map { first + Double($0) * interval }
  }

  @Test("at the recording's ends a segment keeps its length and is zero outside the recording")
  func ends() throws {
    let seconds = 15.7
    let found = try beats(at: times(from: 0.2, every: 0.8, count: 20), seconds: seconds)
    let length = Int((1.2 * 0.8 * Self.rate).rounded())
    for beat in [found.first!, found.last!] { #expect(abs(beat.samples[0].count - length) <= 2) }
    let first = found[0]
    let outside = first.rPeakOffset - Int(first.rPeakSample)
    #expect(outside > 50)
    #expect(first.samples[0][..<outside].allSatisfy { $0 == 0 })
    #expect(first.samples[0][outside...].contains { $0 != 0 })
    let last = found[found.count - 1]
    let inside = Int(seconds * Self.rate) - Int(last.rPeakSample) + last.rPeakOffset
    #expect(inside < length)
    #expect(last.samples[0][inside...].allSatisfy { $0 == 0 })
  }

  @Test("a first beat takes the interval that follows, a last one the median: no feature is missing")
  func endFeatures() throws {
    let found = try beats(at: times(from: 0.5, every: 0.75, count: 12) + [0.5 + 11 * 0.75 + 1.2], seconds: 11.5)
    #expect(abs(found[0].features.rrBefore - 0.75) < 0.01 && abs(found[0].features.rrAfter - 0.75) < 0.01)
    let last = found[found.count - 1].features
    #expect(abs(last.rrBefore - 1.2) < 0.01 && abs(last.rrAfter - 0.75) < 0.01)
    #expect(abs(last.rrBeforeOverMedian - 1.6) < 0.02)
    #expect(found.allSatisfy { $0.features.vector.allSatisfy { $0.isFinite } })
  }

  @Test("a pause of five seconds is no interval: the beats beside it take the median, the segments keep their length")
  func pause() throws {
    let found = try beats(
      at: times(from: 0.5, every: 0.8, count: 15) + times(from: 16.7, every: 0.8, count: 10), seconds: 25)
    let (before, after) = (found[14], found[15])
    #expect(abs(before.features.rrAfter - 0.8) < 0.01)
    #expect(abs(after.features.rrBefore - 0.8) < 0.01)
    for beat in [before, after] { #expect(abs(Double(beat.samples[0].count) / Self.rate - 0.96) < 0.01) }
  }

  @Test(
    "from 24 to 214 beats a minute segments are 1.2 RR, RR held between 0.3 and 2 s; the canvas never changes",
    arguments: [(2.5, 2.0), (1.5, 1.5), (0.6, 0.6), (0.28, 0.3)])
  func extremeRates(interval: Double, held: Double) throws {
    // A recording that begins at 214 beats a minute loses its second and third beat to the usual interval.
    let found = try beats(
      at: times(from: 0.6, every: interval, count: 40), seconds: 40 * interval + 0.6, from: 1.3)
    for alignment in [SegmentConfiguration.Alignment.rCentred, .rStart] {
      let pipeline = PipelineConfiguration(segment: .init(alignment: alignment))
      let transform = try SpectrogramTransform(pipeline: pipeline)
      #expect(transform.canvasSamples == 512)
      let segment = found[10].samples
      if alignment == .rCentred { #expect(abs(Double(segment[0].count) / Self.rate - 1.2 * held) < 0.01) }
      let image = transform.image(of: segment, rPeakOffset: found[10].rPeakOffset)
      #expect(image.values.count == 64 * 64)
      #expect(image.values.allSatisfy { $0.isFinite })
    }
  }
}
