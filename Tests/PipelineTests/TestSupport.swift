import Foundation
import Messages
import Preprocess
import Resync
import ResyncCore
import ServiceKit
import Streaming
import Testing

let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// Metrics whose counters tests read.
struct CountedMetrics {
  let registry = PrometheusRegistry()
  var metrics: ServiceMetrics { ServiceMetrics(factory: registry) }

  func repeated(_ topic: String) -> Int { count("resync_messages_repeated_total{topic=\"\(topic)\"}") }
  func rejected(_ code: RejectionCode) -> Int { count("resync_messages_rejected_total{code=\"\(code.rawValue)\"}") }

  private func count(_ series: String) -> Int {
    let line = registry.text().split(separator: "\n").first { $0.hasPrefix(series) }
    return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
  }
}

/// A recording as ingest forwards it.
struct ValidRecording {
  var id: String
  var rateHz: Double
  var leads: [String]
  /// Planar, mV.
  var millivolts: [[Float]]
  var references: [ProtoReferenceBeat] = []

  var sampleCount: Int { millivolts[0].count }

  /// The first seconds of one of the bundled records.
  static func bundled(_ path: String, seconds: Double) throws -> ValidRecording {
    let file = try RecordFile.find([repository.appendingPathComponent("ops/dev/records/\(path)").path])[0]
    let (record, annotations, _) = try file.load()
    let count = min(record.digital[0].count, Int(seconds * record.header.sampleRateHz))
    let chunk = ProtoEcgChunk(record: record, annotations: annotations, range: 0..<count)
    return ValidRecording(
      id: path, rateHz: chunk.sampleRateHz,
      leads: try chunk.channels.map { try #require(Lead(name: $0.lead)).rawValue },
      millivolts: record.millivolts().map { Array($0[..<count]) }, references: chunk.referenceBeats)
  }

  static func flat(seconds: Int) -> ValidRecording {
    ValidRecording(
      id: "flat", rateHz: 360, leads: ["II"], millivolts: [[Float](repeating: 0.1, count: 360 * seconds)])
  }

  func chunk(_ range: Range<Int>) -> ProtoRecordingChunk {
    .with {
      $0.recordingID = id
      $0.patient = "p-1"
      $0.firstSample = Int64(range.lowerBound)
      $0.sampleRateHz = rateHz
      $0.leads = leads
      $0.samples = Packing.pack(millivolts.map { Array($0[range]) })
      $0.referenceBeats = references.filter { range.contains(Int($0.sample)) }
    }
  }

  /// All of it in chunks of these lengths in turn, then the end.
  func events(_ lengths: [Int]) -> [ProtoRecordingEvent] {
    var events: [ProtoRecordingEvent] = []
    var start = 0
    while start < sampleCount {
      let stop = min(sampleCount, start + lengths[events.count % lengths.count])
      let piece = chunk(start..<stop)
      events.append(.with { $0.chunk = piece })
      start = stop
    }
    return events + [end()]
  }

  func end(_ status: ProtoRecordingStatus = .complete, code: String = "") -> ProtoRecordingEvent {
    let end = ProtoRecordingEnd.with {
      $0.recordingID = id
      $0.patient = "p-1"
      $0.status = status
      $0.code = code
      $0.samples = Int64(sampleCount)
      $0.leads = leads
      $0.waveformSha256 = String(repeating: "a", count: 64)
    }
    return .with { $0.end = end }
  }
}

func consumed(_ value: [UInt8], key: String?, topic: String, offset: Int64 = 0) -> ConsumedMessage {
  ConsumedMessage(topic: topic, partition: 3, offset: offset, key: key.map { Array($0.utf8) }, value: value)
}

/// Preprocess with the state of one key, which goes through its serialised form between any two messages.
struct PreprocessStage {
  let counted = CountedMetrics()
  var processor: PreprocessProcessor
  var stored: [UInt8]?

  init(pipeline: PipelineConfiguration = .init()) {
    processor = PreprocessProcessor(pipeline: pipeline, metrics: counted.metrics)
  }

  mutating func send(_ event: ProtoRecordingEvent, key: String) throws -> [OutgoingMessage] {
    try send(event.encoded(), key: key)
  }

  mutating func send(_ value: [UInt8], key: String?) throws -> [OutgoingMessage] {
    var state = try stored.map { try RecordingState(serialized: $0) }
    let outgoing = try processor.process(consumed(value, key: key, topic: Topic.recordings), state: &state)
    stored = try state?.serialized()
    return outgoing
  }
}

extension OutgoingMessage {
  /// The value of the first header with this name.
  func header(_ name: String) -> String? { headers.first { $0.name == name }?.text }
  var rejectionCode: String? { topic == Topic.rejected ? header(HeaderName.errorCode) : nil }

  var beatEvent: ProtoBeatEvent.OneOf_Event? {
    topic == Topic.beats ? value.flatMap { try? ProtoBeatEvent.decoded(from: $0).event } : nil
  }
}

extension [OutgoingMessage] {
  var beats: [ProtoBeat] { compactMap { if case .beat(let beat) = $0.beatEvent { beat } else { nil } } }
  var beatEnds: [ProtoRecordingEnd] { compactMap { if case .end(let end) = $0.beatEvent { end } else { nil } } }
  var rejectionCodes: [String] { compactMap(\.rejectionCode) }
}
