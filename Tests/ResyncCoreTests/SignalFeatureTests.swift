import Foundation
import ResyncCore
import Testing

/// Features of made-up rhythms, of which every R-peak and wave is known.
@Suite("Features of a beat")
struct SignalFeatureTests {
  private struct Wave {
    /// Seconds from the R-peak, deviation in seconds, height in mV.
    var at: Double
    var width: Double
    var height: Double
  }

  private struct Beat {
    var interval: Double
    var hasP = true
    var isWide = false

    var waves: [Wave] {
      let qrs =
        isWide
        ? [Wave(at: 0, width: 0.035, height: 1.4), Wave(at: 0.06, width: 0.02, height: -0.5)]
        : [Wave(at: 0, width: 0.01, height: 1), Wave(at: 0.03, width: 0.01, height: -0.2)]
      return qrs + [Wave(at: 0.25, width: 0.04, height: 0.2)]
        + (hasP ? [Wave(at: -0.16, width: 0.02, height: 0.15)] : [])
    }
  }

  /// Two leads, the second smaller and upside down.
  private func features(_ beats: [Beat]) throws -> [BeatFeatures] {
    var times: [Double] = [1]
    for beat in beats.dropFirst() { times.append(times.last! + beat.interval) }
    let count = Int((times.last! + 2) * 360)
    var lead = [Float](repeating: 0, count: count)
    for (beat, time) in zip(beats, times) {
      for wave in beat.waves {
        for index in max(0, Int((time - 1) * 360))..<min(count, Int((time + 1) * 360)) {
          let distance = (Double(index) / 360 - time - wave.at) / wave.width
          lead[index] += Float(wave.height * exp(-distance * distance / 2))
        }
      }
    }
    var extractor = try BeatExtractor(
      pipeline: .init(), sampleRateHz: 360, leads: [.II, .V1], complexes: .annotated)
    let references = times.map { ReferenceBeat(sample: Int64(($0 * 360).rounded()), symbol: "N") }
    let found = extractor.consume([lead, lead.map { -0.6 * $0 }], references: references) + extractor.finish().beats
    return found.map(\.features)
  }

  private func regular(_ count: Int, _ interval: Double = 0.8) -> [Beat] {
    Array(repeating: Beat(interval: interval), count: count)
  }

  @Test("a run of premature beats stays premature, while a median of the last ten calls it usual")
  func run() throws {
    let found = try features(regular(40) + regular(20, 0.5) + regular(5))
    #expect(abs(found[39].rrBeforeOverUsual - 1) < 0.01 && found[39].prematureRun == 0)
    #expect(found[40..<60].allSatisfy { (0.6...0.68).contains($0.rrBeforeOverUsual) })
    #expect(found[59].rrBeforeOverRecent > 0.98)
    #expect(found[43].prematureRun == 0.3 && found[59].prematureRun == 1)
    #expect(found[61].prematureRun == 0 && found[61].rrBeforeOverUsual > 1)
  }

  @Test("of bigeminy the long intervals are usual, of a slow change all are")
  func usual() throws {
    let bigeminy = try features(regular(20) + (0..<60).flatMap { _ in [Beat(interval: 0.5), Beat(interval: 1)] })
    #expect(bigeminy.suffix(40).filter { $0.rrBefore < 0.6 }.allSatisfy { $0.rrBeforeOverUsual < 0.7 })
    let faster = try features((0..<120).map { Beat(interval: 0.9 * pow(0.996, Double($0))) })
    #expect(faster.dropFirst().allSatisfy { (0.95...1.05).contains($0.rrBeforeOverUsual) })
  }

  @Test("irregularity is 0 in a regular rhythm and near 1 in a wild one")
  func irregularity() throws {
    var generator = SeededGenerator(seed: 5)
    #expect(try features(regular(30)).allSatisfy { $0.irregularity == 0 })
    let wild = try features((0..<60).map { _ in Beat(interval: 0.4 + 0.8 * generator.uniform()) })
    #expect(wild.last!.irregularity > 0.6)
  }

  @Test("where most beats are premature they are still shorter than the mean, which pauses draw up")
  func mean() throws {
    // Runs of premature beats ended by pauses, the longest above 3 s: the median is the premature interval.
    let run = [Beat(interval: 2)] + regular(5, 0.6) + [Beat(interval: 5)] + regular(5, 0.6)
    let found = try features(regular(1) + (0..<12).flatMap { _ in run })
    let late = found.suffix(48)
    let premature = late.filter { $0.rrBefore < 0.7 && $0.rrBeforeOverMean < 2.5 }
    #expect(premature.count == 40)
    #expect(premature.allSatisfy { $0.rrBeforeOverMedian > 0.95 && $0.rrBeforeOverMean < 0.7 })
    // A pause has no interval, but is as long as 3 s: the mean of ten times 0.6 s, 2 s and 3 s is 0.92 s.
    let pauses = late.filter { $0.rrBeforeOverMean > 2.5 }
    #expect(pauses.count == 4 && pauses.allSatisfy { abs($0.rrBeforeOverMean - 3 / 0.917) < 0.15 })
  }

  @Test("variation of the last ten intervals, without the one that it is held against")
  func variability() throws {
    let intervals = [0.8, 0.9, 0.7, 0.8, 1.0, 0.8, 0.7, 0.9, 0.8, 0.6]
    let found = try features(regular(15) + intervals.map { Beat(interval: $0) } + [Beat(interval: 0.5)] + regular(2))
    let mean = intervals.reduce(0, +) / 10
    let deviation = (intervals.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 10).squareRoot()
    let successive = zip(intervals, intervals.dropFirst()).map { ($1 - $0) * ($1 - $0) }.reduce(0, +) / 9
    let beat = found[25]
    #expect(abs(Double(beat.variation) - deviation / mean) < 0.005)
    #expect(abs(Double(beat.successiveVariation) - successive.squareRoot() / mean) < 0.005)
    #expect(abs(Double(beat.rrBeforeDeviation) - (0.5 - mean) / (deviation + 0.02)) < 0.1)
    let steady = found[14]
    #expect(steady.variation < 0.003 && steady.successiveVariation < 0.005 && abs(steady.rrBeforeDeviation) < 0.2)
    #expect(found[0].variation == 0 && found[0].rrBeforeOverMean == 1 && found[3].rrBeforeDeviation == 0)
    // A pause is six deviations off at most.
    #expect(try features(regular(12) + [Beat(interval: 4)] + regular(2))[12].rrBeforeDeviation == 6)
  }

  @Test("a P wave that is missing shows, unless it is missing always")
  func missingP() throws {
    let once = try features(regular(30) + [Beat(interval: 0.8, hasP: false)] + regular(5))
    let (missing, before) = (once[30], once[29])
    for shape in [missing.primaryShape, missing.otherShape] {
      #expect(shape.pLikeness < -0.2 && shape.pDifference > 1)
    }
    #expect(missing.primaryShape.pEnergy < before.primaryShape.pEnergy - 1)
    #expect(abs(before.primaryShape.pLikeness) < 0.1 && abs(missing.primaryShape.qrsLikeness) < 0.1)
    let always = try features(Array(repeating: Beat(interval: 0.8, hasP: false), count: 40))
    // The last beat has no neighbour, so that its baseline differs.
    #expect(always.dropLast().suffix(10).allSatisfy { abs($0.primaryShape.pLikeness) < 0.1 })
  }

  @Test("a wide beat is wide, high and unlike, in both leads")
  func wide() throws {
    let found = try features(regular(30) + [Beat(interval: 0.5, hasP: false, isWide: true)] + regular(5))
    for shape in [found[30].primaryShape, found[30].otherShape] {
      #expect(shape.qrsWidth > 0.02 && shape.qrsHeight > 0.2)
      #expect(shape.qrsLikeness < -0.2 && shape.qrsDifference > 1 && shape.likenessToPrevious < -0.1)
    }
    #expect(found[30].templateCorrelation < 0.9 && found[29].templateCorrelation > 0.99)
  }

  @Test("the vector holds every feature once, in order; one of another length is refused")
  func vector() throws {
    let vector = (0..<BeatFeatures.count).map { Float($0) }
    let features = try #require(BeatFeatures(vector: vector))
    #expect(features.vector == vector)
    #expect(features.irregularity == 13 && features.rrBeforeDeviation == 18)
    #expect(features.primaryShape.pLikeness == 19 && features.otherShape.likenessToPrevious == 38)
    #expect(BeatFeatures(vector: vector + [0]) == nil && BeatFeatures(vector: []) == nil)
    #expect(BeatFeatureGroup.allCases.flatMap(\.places).sorted() == Array(0..<BeatFeatures.count))
  }
}
