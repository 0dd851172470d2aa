import Foundation
import ResyncCore
import Testing

/// What the R-peak detector makes of signals that are hard or no ECG at all: a real excerpt, spoiled on purpose.
struct SignalHardCaseTests {
  private static let rate = 360

  /// The first channel of the excerpt of 233 (normal and ventricular beats) and its reference beats.
  private func excerpt() throws -> (signal: [Float], beats: [Int64]) {
    let record = try WFDBRecord.read(folder: SignalFixtures.wfdb, name: "m233")
    let beats = try SignalFixtures.annotations(folder: SignalFixtures.wfdb, name: "m233")
      .filter { BeatClass(annotationSymbol: $0.symbol) != nil }.map(\.sample)
    return (record.millivolts()[0], beats)
  }

  private func peaks(_ signal: [Float]) throws -> [Int64] {
    try BeatExtractor.beats(of: [signal], rateHz: Double(Self.rate), leads: [.II], chunk: 500).beats.map(\.rPeakSample)
  }

  private func noise(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    // The sum of twelve uniform values is near a normal one.
    return (0..<count).map { _ in (0..<12).reduce(Float(-6)) { sum, _ in sum + .random(in: 0...1, using: &generator) } }
  }

  @Test("white noise of 0.1 mV (the QRS complexes have 2 mV) costs at most one beat in a hundred")
  func mildNoise() throws {
    let (signal, beats) = try excerpt()
    let noisy = zip(signal, noise(signal.count, seed: 1)).map { $0 + 0.1 * $1 }
    let score = PeakScore(references: beats, detections: try peaks(noisy), tolerance: 54)
    #expect(score.missed + score.extra <= 1, "\(score)")
  }

  @Test("in a burst of white noise of 0.5 mV the errors stay in the burst")
  func burst() throws {
    let (signal, beats) = try excerpt()
    let burst = 7_200..<9_000
    let noisy = zip(signal.indices, zip(signal, noise(signal.count, seed: 2))).map { index, pair in
      burst.contains(index) ? pair.0 + 0.5 * pair.1 : pair.0
    }
    let match = PeakMatch(references: beats, detections: try peaks(noisy), tolerance: 54)
    let outside = match.score { !(burst.lowerBound - 360...burst.upperBound + 360).contains(Int($0)) }
    #expect(outside.missed + outside.extra == 0, "\(outside)")
    #expect(match.extra.count <= 6)
  }

  @Test("a flat line of 12 s has no beat; those before and after it are found")
  func flatLine() throws {
    let (signal, beats) = try excerpt()
    var flat = signal
    let gap = 7_200..<11_520
    for index in gap { flat[index] = signal[gap.lowerBound] }
    let found = try peaks(flat)
    #expect(!found.contains { (gap.lowerBound + 180..<gap.upperBound - 36).contains(Int($0)) })
    let rest = beats.filter { !(gap.lowerBound - 108...gap.upperBound + 720).contains(Int($0)) }
    let match = PeakMatch(references: beats, detections: found, tolerance: 54)
    #expect(!match.missed.contains { rest.contains($0) })
  }

  @Test("a lead that falls off (step to saturation, slow return) adds at most two beats and hides none afterwards")
  func leadOff() throws {
    let (signal, beats) = try excerpt()
    var spoiled = signal
    let off = 7_200..<9_000
    for index in off { spoiled[index] = -5 }
    for index in off.upperBound..<signal.count {
      spoiled[index] = max(-5, signal[index] - 5 * expf(-Float(index - off.upperBound) / 700))
    }
    let match = PeakMatch(references: beats, detections: try peaks(spoiled), tolerance: 54)
    #expect(match.extra.count <= 2)
    #expect(match.missed.allSatisfy { (off.lowerBound - 108...off.upperBound + 1_440).contains(Int($0)) })
  }

  @Test("pacing spikes of 2 mV and 4 ms before each QRS complex neither add beats nor hide them")
  func pacingSpikes() throws {
    let (signal, beats) = try excerpt()
    var paced = signal
    for beat in beats where beat > 60 {
      let onset = Int(beat) - 50
      for index in onset..<onset + 2 { paced[index] += 2 }
    }
    let score = PeakScore(references: beats, detections: try peaks(paced), tolerance: 54)
    #expect(score.missed + score.extra <= 1, "\(score)")
  }

  @Test("ventricular flutter of 30 s, a sine of 1 mV at 4.5 Hz between beats, gives at most five beats")
  func flutter() throws {
    let (signal, beats) = try excerpt()
    let length = 30 * Self.rate
    let cut = 7_200
    let sine = (0..<length).map { index in
      let t = Float(index) / Float(Self.rate)
      return (0.8 + 0.2 * sinf(0.9 * t)) * sinf(2 * .pi * (4.5 * t + 0.1 * sinf(1.7 * t)))
    }
    let found = try peaks(Array(signal[..<cut]) + sine + Array(signal[cut...]))
    #expect(found.count { (cut + 180..<cut + length - 180).contains(Int($0)) } <= 5)
    let after = beats.filter { $0 > cut + 1_440 }.map { $0 + Int64(length) }
    let score = PeakScore(references: after, detections: found.filter { $0 > cut + length + 1_440 }, tolerance: 54)
    #expect(score.missed <= 1 && score.extra <= 1, "\(score)")
  }

  @Test("noise alone, however long, leaves the detector's state bounded")
  func boundedState() throws {
    var extractor = try BeatExtractor(pipeline: .init(), sampleRateHz: 360, leads: [.II])
    var largest = 0
    for seed in 0..<60 {
      _ = extractor.consume([noise(3_600, seed: UInt64(seed)).map { 0.3 * $0 }], references: [])
      largest = max(largest, extractor.snapshot().count)
    }
    #expect(largest < 150_000)
  }
}
