import Foundation
import ResyncCore
import Testing

struct SignalStreamingTests {
  private struct Excerpt {
    let signal: [[Float]]
    let leads: [Lead]
    let references: [ReferenceBeat]
  }

  private func excerpt() throws -> Excerpt {
    let record = try WFDBRecord.read(folder: SignalFixtures.wfdb, name: "m233")
    let annotations = try SignalFixtures.annotations(folder: SignalFixtures.wfdb, name: "m233")
    return Excerpt(
      signal: record.millivolts(), leads: try record.header.signals.map { try #require(Lead(name: $0.description)) },
      references: annotations.map { ReferenceBeat(sample: $0.sample, symbol: String($0.symbol)) })
  }

  @Test(
    "any chunking gives the same beats and measures, with a snapshot restored between any two chunks",
    arguments: [360.0, 500], [1, 7, 100, 1_000])
  func chunking(rate: Double, chunk: Int) throws {
    let excerpt = try excerpt()
    let whole = try BeatExtractor.beats(
      of: excerpt.signal, rateHz: rate, leads: excerpt.leads, references: excerpt.references)
    #expect(whole.beats.count > 90)

    var extractor = try BeatExtractor(pipeline: .init(), sampleRateHz: rate, leads: excerpt.leads)
    var beats: [ExtractedBeat] = []
    let count = excerpt.signal[0].count
    for start in stride(from: 0, to: count, by: chunk) {
      let end = min(count, start + chunk)
      let inside = excerpt.references.filter { ($0.sample >= start) && ($0.sample < end) }
      beats += extractor.consume(excerpt.signal.map { Array($0[start..<end]) }, references: inside)
      // Samples one by one: a snapshot now and then keeps the test short.
      if chunk > 1 || start % 97 == 0 { extractor = try BeatExtractor(snapshot: extractor.snapshot()) }
    }
    let (rest, measures) = extractor.finish()
    #expect(beats + rest == whole.beats)
    #expect(measures == whole.measures)
  }

  @Test(
    "real records cut at random, saved and restored at every cut, give the same beats and spectrograms",
    arguments: [("mitdb/118", 120.0), ("mitdb/119", 120), ("mitdb/213", 120), ("ludb/24", 10), ("ludb/145", 10)])
  func randomCuts(name: String, seconds: Double) throws {
    let path = SignalFixtures.records.appendingPathComponent(name)
    let record = try WFDBRecord.read(folder: path.deletingLastPathComponent(), name: path.lastPathComponent)
    let rate = record.header.sampleRateHz
    let signal = record.millivolts().map { Array($0.prefix(Int(seconds * rate))) }
    let leads = try record.header.signals.map { try #require(Lead(name: $0.description)) }
    let whole = try BeatExtractor.beats(of: signal, rateHz: rate, leads: leads)
    #expect(whole.beats.count > Int(seconds / 2))
    let images = try Self.images(whole.beats)

    for seed in 0..<UInt64(3) {
      var generator = SeededGenerator(seed: seed)
      var extractor = try BeatExtractor(pipeline: .init(), sampleRateHz: rate, leads: leads)
      var beats: [ExtractedBeat] = []
      var start = 0
      while start < signal[0].count {
        // Sizes of every order: 1 to some 3,000 samples.
        let size = Int(exp(Double.random(in: 0...8, using: &generator)))
        let end = min(signal[0].count, start + size)
        beats += extractor.consume(signal.map { Array($0[start..<end]) }, references: [])
        extractor = try BeatExtractor(snapshot: extractor.snapshot())
        start = end
      }
      let (rest, measures) = extractor.finish()
      #expect(beats + rest == whole.beats)
      #expect(measures == whole.measures)
      let again = try Self.images(beats + rest)
      #expect(again == images)
    }
  }

  /// Made by a transform of their own.
  private static func images(_ beats: [ExtractedBeat]) throws -> [SpectrogramImage] {
    let transform = try SpectrogramTransform(pipeline: .init())
    return beats.map { transform.image(of: $0.samples, rPeakOffset: $0.rPeakOffset) }
  }

  @Test("every reference beat of the excerpt is found once and keeps its label")
  func labels() throws {
    let excerpt = try excerpt()
    let (beats, measures) = try BeatExtractor.beats(
      of: excerpt.signal, rateHz: 360, leads: excerpt.leads, references: excerpt.references, chunk: 500)
    let labelled = excerpt.references.filter { BeatClass(annotationSymbol: Character($0.symbol)) != nil }
    #expect(beats.compactMap(\.referenceSymbol) == labelled.map(\.symbol))
    #expect(beats.count == labelled.count)
    #expect(measures.beatCount == Int64(beats.count))
    #expect(measures.sampleCount == 21_600)
    #expect(measures.quality > 0.95)
    #expect(!measures.paced)
    #expect(measures.qrsDurationMilliseconds == nil)
    let ventricular = beats.filter { $0.referenceSymbol == "V" }
    #expect(ventricular.count { $0.ectopicSuspected } > ventricular.count * 9 / 10)
    let normal = beats.filter { $0.referenceSymbol == "N" }
    #expect(normal.count { $0.ectopicSuspected } < normal.count / 10)
  }

  @Test("a segment holds the signal around its R-peak, which is its extremum")
  func segments() throws {
    let excerpt = try excerpt()
    for alignment in [SegmentConfiguration.Alignment.rCentred, .rStart] {
      let pipeline = PipelineConfiguration(segment: .init(alignment: alignment))
      let (beats, _) = try BeatExtractor.beats(
        of: excerpt.signal, rateHz: 360, leads: excerpt.leads, pipeline: pipeline)
      for beat in beats {
        #expect(beat.samples.count == 2)
        #expect(beat.samples[0].count == beat.samples[1].count)
        let share = Double(beat.rPeakOffset) / Double(beat.samples[0].count)
        #expect(abs(share - (alignment == .rStart ? 0 : 5.0 / 12)) < 0.01)
        let peak = abs(beat.samples[0][beat.rPeakOffset])
        let near = max(0, beat.rPeakOffset - 10)...beat.rPeakOffset + 10
        #expect(beat.samples[0][near].allSatisfy { abs($0) <= peak })
      }
    }
  }

  @Test("the same beats are found at any rate", arguments: [100.0, 128, 250, 360, 500, 1_000], [100, 360])
  func rates(rate: Double, canonical: Int) throws {
    let excerpt = try excerpt()
    let signal = excerpt.signal.map { lead in
      (0..<Int(Double(lead.count - 1) * rate / 360)).map { index in
        let place = Double(index) * 360 / rate
        let left = Int(place)
        return lead[left] + Float(place - Double(left)) * (lead[left + 1] - lead[left])
      }
    }
    let (beats, _) = try BeatExtractor.beats(
      of: signal, rateHz: rate, leads: excerpt.leads, pipeline: .init(canonicalRateHz: canonical))
    let references = excerpt.references.filter { BeatClass(annotationSymbol: Character($0.symbol)) != nil }
      .map { Int64(Double($0.sample) * rate / 360) }
    let score = PeakScore(
      references: references, detections: beats.map(\.rPeakSample), tolerance: Int64(0.15 * rate))
    #expect(score.missed + score.extra <= 1, "\(score)")
  }

  @Test("a flat line, silence, noise-free drift and wild values give no beats and no crash")
  func noBeats() throws {
    let wild: [Float] = [.nan, .infinity, -.infinity, 1e30, -1e30, 0]
    let signals: [[Float]] = [
      Array(repeating: 0, count: 8_000), Array(repeating: -3.2, count: 8_000),
      (0..<8_000).map { Float($0) * 1e-4 }, [], [0.5],
    ]
    for signal in signals {
      let (beats, measures) = try BeatExtractor.beats(of: [signal], rateHz: 360, leads: [.II], chunk: 777)
      #expect(beats.isEmpty)
      #expect(measures.beatCount == 0)
      #expect(measures.heartRateBPM == nil)
      #expect(measures.quality == 0)
    }
    let (beats, _) = try BeatExtractor.beats(
      of: [(0..<8_000).map { wild[$0 % wild.count] }], rateHz: 360, leads: [.II])
    #expect(beats.allSatisfy { beat in beat.samples.allSatisfy { $0.allSatisfy { $0.isFinite } } })
  }

  @Test("rates, lead numbers and configurations out of range are refused by name")
  func refusals() {
    #expect(throws: SignalError.self) { try BeatExtractor(pipeline: .init(), sampleRateHz: 99, leads: [.I]) }
    #expect(throws: SignalError.self) { try BeatExtractor(pipeline: .init(), sampleRateHz: .nan, leads: [.I]) }
    #expect(throws: SignalError.self) { try BeatExtractor(pipeline: .init(), sampleRateHz: 360, leads: []) }
    #expect(throws: SignalError.self) {
      try BeatExtractor(pipeline: .init(canonicalRateHz: 50), sampleRateHz: 360, leads: [.I])
    }
  }

  @Test("a cut or changed snapshot is refused; one with a valid seal but foreign content never crashes")
  func hostileSnapshots() throws {
    let excerpt = try excerpt()
    var extractor = try BeatExtractor(pipeline: .init(), sampleRateHz: 250, leads: excerpt.leads)
    _ = extractor.consume(excerpt.signal.map { Array($0.prefix(6_000)) }, references: excerpt.references)
    let snapshot = extractor.snapshot()
    for length in stride(from: 0, to: snapshot.count, by: 211) {
      #expect((try? BeatExtractor(snapshot: Array(snapshot.prefix(length)))) == nil)
    }
    var generator = SeededGenerator(seed: 11)
    let body = Array(snapshot.dropLast(SnapshotSeal.length))
    let next = excerpt.signal.map { Array($0[6_000..<9_000]) }
    var accepted = 0
    for round in 0..<600 {
      var changed = body
      let at = Int.random(in: 0..<changed.count, using: &generator)
      if round % 3 == 0 {
        changed.removeSubrange(at...)
      } else {
        changed[at] = changed[at] ^ UInt8.random(in: 1...255, using: &generator)
      }
      #expect((try? BeatExtractor(snapshot: changed + snapshot.suffix(8))) == nil)
      guard var restored = try? BeatExtractor(snapshot: SnapshotSeal.sealing(changed)) else { continue }
      accepted += 1
      _ = restored.consume(next, references: [])
      _ = restored.finish()
    }
    #expect(accepted > 0)
  }
}
