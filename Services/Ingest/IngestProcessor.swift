import Foundation
import Messages
import ResyncCore
import ServiceKit
import Store
import Streaming

/// What ingest keeps of an open recording, in the changelog.
package struct IngestState: KeyedStateValue {
  var message: ProtoIngestState

  package init(_ message: ProtoIngestState) { self.message = message }

  package init(serialized: [UInt8]) throws {
    message = try ProtoIngestState.decoded(from: serialized)
    if message.samples > 0 {
      _ = try WaveformHasher(chain: Array(message.hashChain), pending: Array(message.hashPending))
    }
  }

  package func serialized() throws -> [UInt8] { message.encoded() }
}

/// Ingest's shell: decodes, asks the decider, and writes its rows before each commit.
package final class IngestProcessor: StreamProcessor {
  static let service = "ingest"

  private let pseudonymiser: Pseudonymiser
  private let ledger: IngestLedger
  private let metrics: ServiceMetrics
  private let idleTimeoutSeconds: Double
  private let decoder = ChunkDecoder()
  private let decider: IngestDecider
  /// Rows of the open transaction, in order.
  private var rows: [IngestDecider.RowChange] = []
  /// When each recording was last heard of by this process, milliseconds; a restart or a takeover begins the wait anew,
  /// so that a backlog never counts as silence.
  private var lastSeen: [String: Int64] = [:]
  /// The decoded form of the message at hand, between `stateKey` and `process`.
  private var current: (position: (Int32, Int64), decoded: Decoded)?

  private enum Decoded {
    case chunk(ProtoEcgChunk, IngestDecider.Identity)
    case refused(Rejection)
  }

  package init(
    pseudonymiser: Pseudonymiser, ledger: IngestLedger, metrics: ServiceMetrics, idleTimeoutSeconds: Double,
    maximumRecordingSeconds: Double
  ) {
    self.pseudonymiser = pseudonymiser
    self.ledger = ledger
    self.metrics = metrics
    self.idleTimeoutSeconds = idleTimeoutSeconds
    decider = IngestDecider(maximumRecordingSeconds: maximumRecordingSeconds)
  }

  /// The recording id: it depends on patient and feed, which stand inside the payload.
  package func stateKey(of message: ConsumedMessage) -> String? {
    guard case .chunk(_, let identity) = decoded(message) else { return nil }
    return identity.recordingID
  }

  package func process(_ message: ConsumedMessage, state: inout IngestState?) throws -> [OutgoingMessage] {
    switch decoded(message) {
    case .refused(let rejection):
      metrics.rejected(code: rejection.code.rawValue)
      return [.rejected(message, rejection, service: Self.service)]
    case .chunk(let chunk, let identity):
      lastSeen[identity.recordingID] = Self.nowMilliseconds
      let prior = try state == nil ? find(identity.recordingID) : nil
      let origin = Origin(topic: message.topic, partition: message.partition, offset: message.offset)
      var open = state?.message
      let action: IngestDecider.Action
      do {
        action = decider.handle(try ValidatedChunk(chunk), identity, state: &open, prior: prior, origin: origin)
      } catch {
        action = decider.refuse(
          error, chunk, identity, state: &open, prior: prior, origin: origin)
      }
      state = open.map(IngestState.init)
      if state == nil { lastSeen[identity.recordingID] = nil }
      return outgoing(action, message, identity.recordingID)
    }
  }

  package func punctuate(key: String, state: inout IngestState?, nowMilliseconds: Int64) throws -> [OutgoingMessage] {
    let seen = lastSeen[key] ?? nowMilliseconds
    lastSeen[key] = seen
    guard Double(nowMilliseconds - seen) >= idleTimeoutSeconds * 1000 else { return [] }
    var open = state?.message
    let action = decider.expire(state: &open)
    state = open.map(IngestState.init)
    lastSeen[key] = nil
    rows += action.rows
    return action.events.map { Self.event($0, recordingID: key) }
  }

  package func statesRestored() { lastSeen = [:] }

  /// The rows are upserts: after a crash before the commit, the same messages write the same rows again.
  package func prepareCommit() throws {
    guard !rows.isEmpty else { return }
    try ledger.write(rows)
    rows = []
  }

  package func transactionAborted() { rows = [] }

  // MARK: - Parts

  private static var nowMilliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

  private func decoded(_ message: ConsumedMessage) -> Decoded {
    if let current, current.position == (message.partition, message.offset) { return current.decoded }
    let result: Decoded
    do {
      let envelope = ChunkDecoder.Envelope(
        contentType: message.header(HeaderName.contentType), feedID: message.header(HeaderName.feedID),
        patientID: message.header(HeaderName.patientID), key: message.key)
      let chunk = try decoder.decode(message.value, envelope)
      try ValidatedChunk.checkIdentifiers(chunk)
      let patient = pseudonymiser.pseudonym(patientID: chunk.patientID)
      result = .chunk(
        chunk,
        IngestDecider.Identity(
          recordingID: recordingID(patient: patient, feedID: chunk.feedID, recordingUID: chunk.recordingUid),
          patient: patient, feedID: chunk.feedID))
    } catch {
      result = .refused(error)
    }
    current = ((message.partition, message.offset), result)
    return result
  }

  /// A row that is not yet committed belongs to this transaction and is looked up in it first.
  private func find(_ recordingID: String) throws -> IngestDecider.Prior? {
    if rows.contains(where: { $0.recordingID == recordingID }) { try prepareCommit() }
    return try ledger.find(recordingID)
  }

  private func outgoing(
    _ action: IngestDecider.Action, _ message: ConsumedMessage, _ recordingID: String
  ) -> [OutgoingMessage] {
    var action = action
    rows += action.rows
    if action.repeated, message.header(HeaderName.replayed) != nil {
      // Else an operator's replay would be swallowed like a feed's repetition.
      action.rejection = Rejection(
        .replayWithoutEffect,
        "the recording of this chunk has ended or has the chunk already; let the feed send the whole recording again")
    } else if action.repeated {
      metrics.repeated(topic: Topic.ingest)
    }
    var outgoing = action.events.map { Self.event($0, recordingID: recordingID) }
    if let rejection = action.rejection {
      metrics.rejected(code: rejection.code.rawValue)
      outgoing.append(.rejected(message, rejection, service: Self.service, recordingID: recordingID))
    }
    return outgoing
  }

  private static func event(_ event: ProtoRecordingEvent, recordingID: String) -> OutgoingMessage {
    OutgoingMessage(topic: Topic.recordings, key: Array(recordingID.utf8), value: event.encoded())
  }
}

extension IngestDecider.RowChange {
  fileprivate var recordingID: String {
    switch self {
    case .open(let opening): opening.recordingID
    case .end(let ending): ending.recordingID
    }
  }
}
