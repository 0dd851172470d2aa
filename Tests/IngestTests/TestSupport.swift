import Foundation
import Ingest
import Messages
import ResyncCore
import Store
import Testing

/// Chunks of a small recording: two leads at 250 Hz, int16, 1 µV a unit, unless a test says otherwise.
enum Sample {
  static let identity = IngestDecider.Identity(recordingID: "rec", patient: "p-1", feedID: "feed")

  /// A whole recording's samples, [lead][sample], digital.
  static let digital: [[Int16]] = [
    (0..<3000).map { Int16(($0 * 37) % 2001 - 1000) }, (0..<3000).map { Int16(($0 * 91) % 1501 - 750) },
  ]

  static func chunk(_ sequence: UInt32, _ range: Range<Int> = 0..<500, last: Bool = false) -> ProtoEcgChunk {
    .with {
      $0.feedID = "feed"
      $0.recordingUid = "uid"
      $0.patientID = "patient"
      $0.sequence = sequence
      $0.last = last
      $0.sampleRateHz = 250
      $0.channels = [channel("II"), channel("V1")]
      $0.sampleType = .int16
      $0.samples = bytes(digital.map { Array($0[range]) })
    }
  }

  static func channel(_ lead: String, unit: String = "uV", gain: Double = 1, baseline: Double = 0) -> ProtoChannel {
    .with {
      $0.lead = lead
      $0.unit = unit
      $0.gain = gain
      $0.baseline = baseline
    }
  }

  /// Planar little-endian bytes.
  static func bytes<T>(_ planes: [[T]]) -> Data {
    planes.reduce(into: Data()) { data, plane in plane.withUnsafeBytes { data.append(contentsOf: $0) } }
  }

  static func reference(_ sample: Int64, _ symbol: String = "N") -> ProtoReferenceBeat {
    .with {
      $0.sample = sample
      $0.symbol = symbol
    }
  }

  /// What the decider forwards of `digital` as a whole.
  static var waveformSHA256: String {
    var hasher = WaveformHasher()
    hasher.update(planar: digital.map { $0.map { Float(Double($0) * 1e-3) } })
    return hasher.finalise()
  }
}

/// One recording's history at ingest: the decider, its state as the changelog keeps it, and what PostgreSQL knows.
struct History {
  var decider = IngestDecider()
  var state: ProtoIngestState?
  var prior: IngestDecider.Prior?
  /// Offset of the next message.
  var offset: Int64 = 0

  mutating func send(_ chunk: ProtoEcgChunk) throws -> IngestDecider.Action {
    defer { offset += 1 }
    let origin = Origin(topic: Topic.ingest, partition: 0, offset: offset)
    let known = state == nil ? prior : nil
    let action: IngestDecider.Action
    do {
      action = decider.handle(
        try ValidatedChunk(chunk), Sample.identity, state: &state, prior: known, origin: origin)
    } catch {
      action = decider.refuse(error, chunk, Sample.identity, state: &state, prior: known, origin: origin)
    }
    try write(action, origin)
    // Between two messages the state may live in the changelog alone.
    state = try state.map { try ProtoIngestState.decoded(from: $0.encoded()) }
    return action
  }

  mutating func expire() throws -> IngestDecider.Action {
    let action = decider.expire(state: &state)
    try write(action, Origin(topic: Topic.ingest, partition: 0, offset: offset))
    return action
  }

  /// As `Recordings` writes them: a complete recording stays, so does one opened by the same message, and an end needs
  /// an opened recording.
  private mutating func write(_ action: IngestDecider.Action, _ origin: Origin) throws {
    for row in action.rows {
      switch row {
      case .open(let opening):
        #expect(opening.origin == origin)
        if prior?.status != .complete, prior?.origin != origin {
          prior = IngestDecider.Prior(status: .open, origin: origin)
        }
      case .end(let ending):
        let opened = try #require(prior, "an end without an opened recording is an error of the store")
        prior = IngestDecider.Prior(
          status: ending.status, origin: opened.origin, waveformSHA256: ending.waveformSHA256)
      }
    }
  }
}

extension IngestDecider.Action {
  var pieces: [ProtoRecordingChunk] {
    events.compactMap { if case .chunk(let chunk) = $0.event { chunk } else { nil } }
  }

  var ends: [ProtoRecordingEnd] {
    events.compactMap { if case .end(let end) = $0.event { end } else { nil } }
  }

  /// Nothing goes anywhere, and the metric counts it.
  var isDropped: Bool { repeated && events.isEmpty && rows.isEmpty && rejection == nil }
}
