import Foundation
import ResyncCore
import Testing

/// Figures on whole databases; they run when RESYNC_DATA names the folder that holds them.
@Suite(.enabled(if: SignalFixtures.data != nil), .serialized)
struct SignalDatabaseTests {
  private static let mitdb = SignalFixtures.data?.appendingPathComponent("mitdb")
  private static let ludb = SignalFixtures.data?.appendingPathComponent("ludb/data")

  private func records(_ folder: URL) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".hea") }
      .map { String($0.dropLast(4)) }.sorted()
  }

  @Test("R-peaks of MIT-BIH, first channel and both: whole records, ±150 ms, every beat annotation")
  func rPeaksOfMITBIH() throws {
    let folder = try #require(Self.mitdb)
    for (channels, least) in [(1, 99.9), (2, 99.5)] {
      var sum = PeakScore()
      var distances: [Int] = []
      for name in try records(folder) {
        let record = try WFDBRecord.read(folder: folder, name: name)
        let references = try SignalFixtures.annotations(folder: folder, name: name)
          .filter { BeatClass(annotationSymbol: $0.symbol) != nil }.map(\.sample)
        let leads = try record.header.signals.map { try #require(Lead(name: $0.description)) }
        let (beats, _) = try BeatExtractor.beats(
          of: Array(record.millivolts().prefix(channels)), rateHz: record.header.sampleRateHz,
          leads: Array(leads.prefix(channels)), chunk: 3_600)
        let detections = beats.map(\.rPeakSample)
        let score = PeakScore(references: references, detections: detections, tolerance: 54)
        sum += score
        distances += Self.distances(references, detections)
      }
      distances.sort()
      let near = [0.5, 0.9, 0.95, 0.99].map { distances[Int($0 * Double(distances.count - 1))] }
      print("MIT-BIH, \(channels) channel(s): \(sum); |distance| at 50/90/95/99 %: \(near) samples")
      #expect(sum.found + sum.missed == 109_494)
      #expect(sum.sensitivity > 99.9)
      #expect(sum.positivePredictivity > least)
    }
  }

  @Test("LUDB, twelve leads at 500 Hz: annotated QRS complexes are found and QRS durations agree")
  func ludb() throws {
    let folder = try #require(Self.ludb)
    var sum = PeakScore()
    var errors: [Double] = []
    var signed: [Double] = []
    for name in try records(folder) {
      let record = try WFDBRecord.read(folder: folder, name: name)
      let leads = try record.header.signals.map { try #require(Lead(name: $0.description)) }
      let (beats, measures) = try BeatExtractor.beats(
        of: record.millivolts(), rateHz: record.header.sampleRateHz, leads: leads, chunk: 999)
      let marks = try SignalFixtures.annotations(folder: folder, name: name, kind: "ii")
      let references = marks.filter { $0.symbol == "N" }.map(\.sample)
      // The annotators left out what lies at the ends.
      guard let first = references.first, let last = references.last else { continue }
      let detections = beats.map(\.rPeakSample).filter { (first - 75...last + 75).contains($0) }
      let score = PeakScore(references: references, detections: detections, tolerance: 75)
      if score.missed + score.extra > 0 { print("LUDB \(name): \(score)") }
      sum += score
      if let reference = try Self.globalDuration(folder: folder, name: name, leads: record.header.signals),
        let duration = measures.qrsDurationMilliseconds
      {
        errors.append(abs(duration - reference))
        signed.append(duration - reference)
      }
    }
    errors.sort()
    signed.sort()
    let quantiles = [0.5, 0.9].map { errors[Int($0 * Double(errors.count - 1))] }
    print(
      "LUDB: \(sum); QRS duration: \(errors.count) records, |error| at 50/90 %: \(quantiles) ms,",
      "median error \(signed[signed.count / 2]) ms")
    #expect(sum.sensitivity > 99.9)
    #expect(sum.positivePredictivity > 99.9)
    #expect(quantiles[0] < 15)
  }

  /// Median over beats of third-latest offset less third-earliest onset over the leads, ms.
  private static func globalDuration(folder: URL, name: String, leads: [WFDBHeader.Signal]) throws -> Double? {
    var complexes: [[(onset: Int64, offset: Int64)]] = []
    for lead in leads {
      let marks = try SignalFixtures.annotations(folder: folder, name: name, kind: lead.description)
      complexes.append(
        marks.indices.dropFirst().dropLast()
          .filter { marks[$0].symbol == "N" && marks[$0 - 1].symbol == "(" && marks[$0 + 1].symbol == ")" }
          .map { (marks[$0 - 1].sample, marks[$0 + 1].sample) })
    }
    let durations = complexes[1].compactMap { beat -> Double? in
      let same = complexes.compactMap { $0.first { $0.onset < beat.offset && $0.offset > beat.onset } }
      guard same.count >= 8 else { return nil }
      let (onsets, offsets) = (same.map(\.onset).sorted(), same.map(\.offset).sorted())
      return Double(offsets[offsets.count - 3] - onsets[2]) * 2
    }
    return durations.isEmpty ? nil : durations.sorted()[durations.count / 2]
  }

  private static func distances(_ references: [Int64], _ detections: [Int64]) -> [Int] {
    var at = 0
    return references.compactMap { reference in
      while at + 1 < detections.count, abs(detections[at + 1] - reference) <= abs(detections[at] - reference) {
        at += 1
      }
      guard at < detections.count else { return nil }
      let distance = Int(abs(detections[at] - reference))
      return distance <= 54 ? distance : nil
    }
  }
}
