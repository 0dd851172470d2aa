import Foundation
import ResyncCore

enum MITBIH {
  static let records =
    (Array(100...109) + Array(111...119) + Array(121...124) + Array(200...203) + [205] + Array(207...210)
    + Array(212...215) + Array(217...217) + Array(219...223) + [228] + Array(230...234)).map(String.init)

  /// The half that parameters are chosen on, by subject: de Chazal's DS1 less 201 (the person of 202), and two of the
  /// four paced records.
  static let halfA: Set<String> = [
    "101", "102", "104", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122", "124", "203", "205",
    "207", "208", "209", "215", "220", "223", "230",
  ]
}

/// One record of MIT-BIH in the three countings.
struct RPeaksRecord {
  var name: String
  var match: PeakMatch
  /// Stretches between `[` and `]`, samples.
  var flutter: [ClosedRange<Int64>]

  private static let rateHz = 360.0
  private static let toleranceSeconds = 0.15
  /// EC57 begins to count here.
  private static let learningSeconds = 300.0

  var whole: PeakScore { match.score() }
  var flutterFree: PeakScore { match.score { !isFlutter($0) } }
  var ec57: PeakScore {
    match.score { Double($0) >= Self.learningSeconds * Self.rateHz && !isFlutter($0) }
  }

  private func isFlutter(_ sample: Int64) -> Bool { flutter.contains { $0.contains(sample) } }

  /// The record's score, with the peaks that the streaming chain gives, and the time that the detector alone takes.
  static func measured(_ name: String, folder: URL) throws -> (record: RPeaksRecord, seconds: Double) {
    let record = try WFDBRecord.read(folder: folder, name: name)
    let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent("\(name).atr")))
    let annotations = try WFDBAnnotations.parse(bytes, file: "\(name).atr")
    let beats = annotations.filter { BeatClass(annotationSymbol: $0.symbol) != nil }.map(\.sample)
    let signal = record.millivolts()[0]
    let flutter = zip(
      annotations.filter { $0.symbol == "[" }.map(\.sample), annotations.filter { $0.symbol == "]" }.map(\.sample)
    ).map { $0...$1 }

    // Time of this one thread's processor, so that a busy machine does not count.
    let start = clock()
    var detector = RPeakDetector(rateHz: Int(rateHz), leadCount: 1)
    var positions = detector.process([signal[...]])
    positions += detector.finish()
    let time = Double(clock() - start) / Double(CLOCKS_PER_SEC)

    let peaks = try BeatExtractor.rPeaks(
      of: [signal], rateHz: record.header.sampleRateHz, leads: [Lead(name: record.header.signals[0].description)])
    guard peaks.count == positions.count else {
      throw BenchmarkError(
        description: "\(name): the detector gives \(positions.count) peaks, the chain \(peaks.count)")
    }
    let match = PeakMatch(references: beats, detections: peaks, tolerance: Int64(toleranceSeconds * rateHz))
    return (RPeaksRecord(name: name, match: match, flutter: flutter), time)
  }

  func printErrors() {
    func times(_ samples: [Int64]) -> String {
      samples.map { String(format: "%.1f", Double($0) / Self.rateHz) }.joined(separator: " ")
    }
    if !match.missed.isEmpty { print("\(name) missed at \(times(match.missed)) s") }
    if !match.extra.isEmpty { print("\(name) extra at \(times(match.extra)) s") }
  }
}

/// LUDB's annotated stretch: from the first to the last annotated QRS complex of lead II, ±150 ms.
enum LUDBPeaks {
  /// - Parameter leads: lower-case names of the leads to detect in; nil for all twelve.
  static func score(folder: URL, leads: [String]?) throws -> PeakScore {
    let data = folder.appendingPathComponent("data")
    var sum = PeakScore()
    for number in 1...200 {
      let record = try WFDBRecord.read(folder: data, name: String(number))
      let chosen = record.header.signals.indices.filter {
        leads?.contains(record.header.signals[$0].description.lowercased()) ?? true
      }
      let bytes = [UInt8](try Data(contentsOf: data.appendingPathComponent("\(number).ii")))
      let references = try WFDBAnnotations.parse(bytes, file: "\(number).ii").filter { $0.symbol == "N" }.map(\.sample)
      guard let first = references.first, let last = references.last else { continue }
      let signal = record.millivolts()
      let rate = record.header.sampleRateHz
      let tolerance = Int64(0.15 * rate)
      let peaks = try BeatExtractor.rPeaks(
        of: chosen.map { signal[$0] }, rateHz: rate,
        leads: chosen.map { Lead(name: record.header.signals[$0].description) })
      sum +=
        PeakMatch(
          references: references, detections: peaks.filter { (first - tolerance...last + tolerance).contains($0) },
          tolerance: tolerance
        ).score()
    }
    return sum
  }
}

extension BeatExtractor {
  /// All R-peaks of a signal, samples at its own rate.
  fileprivate static func rPeaks(of signal: [[Float]], rateHz: Double, leads: [Lead?]) throws -> [Int64] {
    var extractor = try BeatExtractor(
      pipeline: .init(), sampleRateHz: rateHz, leads: leads.map { $0 ?? .II })
    var peaks: [Int64] = []
    for start in stride(from: 0, to: signal[0].count, by: 3_600) {
      let end = min(signal[0].count, start + 3_600)
      peaks += extractor.consume(signal.map { Array($0[start..<end]) }, references: []).map(\.rPeakSample)
    }
    return peaks + extractor.finish().beats.map(\.rPeakSample)
  }
}

struct BenchmarkError: Error, CustomStringConvertible {
  var description: String
}
