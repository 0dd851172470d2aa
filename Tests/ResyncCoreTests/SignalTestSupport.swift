import Foundation
import ResyncCore
import Testing

/// Folders and records that the signal tests share.
enum SignalFixtures {
  static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  static let wfdb = tests.appendingPathComponent("Fixtures/wfdb")
  /// The records that the demo publishes.
  static let records = tests.deletingLastPathComponent().appendingPathComponent("ops/dev/records")
  static let signal = tests.appendingPathComponent("Fixtures/signal")

  /// Folder with `mitdb` and `ludb`, from the environment; tests on whole databases run only when it is set.
  static let data = ProcessInfo.processInfo.environment["RESYNC_DATA"].map { URL(fileURLWithPath: $0) }

  static func annotations(folder: URL, name: String, kind: String = "atr") throws -> [WFDBAnnotation] {
    let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent("\(name).\(kind)")))
    return try WFDBAnnotations.parse(bytes, file: "\(name).\(kind)")
  }

  static func json<T: Decodable>(_ type: T.Type, _ folder: URL, _ name: String) throws -> T {
    try JSONDecoder().decode(type, from: try Data(contentsOf: folder.appendingPathComponent(name)))
  }
}

extension PeakScore {
  init(references: [Int64], detections: [Int64], tolerance: Int64) {
    self = PeakMatch(references: references, detections: detections, tolerance: tolerance).score()
  }
}

extension BeatExtractor {
  /// All beats of a signal given in one piece or in chunks.
  static func beats(
    of signal: [[Float]], rateHz: Double, leads: [Lead], references: [ReferenceBeat] = [],
    pipeline: PipelineConfiguration = .init(), chunk: Int = .max
  ) throws -> (beats: [ExtractedBeat], measures: RecordingMeasures) {
    var extractor = try BeatExtractor(pipeline: pipeline, sampleRateHz: rateHz, leads: leads)
    var beats: [ExtractedBeat] = []
    let count = signal[0].count
    var start = 0
    while start < count {
      let end = chunk > count - start ? count : start + chunk
      let inside = references.filter { ($0.sample >= start) && ($0.sample < end) }
      beats += extractor.consume(signal.map { Array($0[start..<end]) }, references: inside)
      start = end
    }
    let (rest, measures) = extractor.finish()
    return (beats + rest, measures)
  }
}
