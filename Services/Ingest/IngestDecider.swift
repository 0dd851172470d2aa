import Foundation
import Messages
import ResyncCore
import Store

/// What becomes of each chunk, as a value: no I/O, the same answer for the same history.
package struct IngestDecider {
  package struct Identity: Hashable {
    package var recordingID: String
    package var patient: String
    package var feedID: String

    package init(recordingID: String, patient: String, feedID: String) {
      self.recordingID = recordingID
      self.patient = patient
      self.feedID = feedID
    }
  }

  /// What PostgreSQL knows of a recording that is not open here.
  package struct Prior: Hashable {
    package var status: RecordingRow.Status
    package var origin: Origin
    package var waveformSHA256: String?
    package var endReason: String?

    package init(
      status: RecordingRow.Status, origin: Origin, waveformSHA256: String? = nil, endReason: String? = nil
    ) {
      self.status = status
      self.origin = origin
      self.waveformSHA256 = waveformSHA256
      self.endReason = endReason
    }

    init(_ row: RecordingRow) {
      self.init(
        status: row.status, origin: row.origin, waveformSHA256: row.waveformSHA256, endReason: row.endReason)
    }
  }

  /// Rows to write before the Kafka transaction commits; repeating them changes nothing.
  package enum RowChange: Hashable {
    case open(RecordingOpening)
    case end(RecordingEnding)
  }

  package struct Action {
    package var events: [ProtoRecordingEvent] = []
    package var rows: [RowChange] = []
    package var rejection: Rejection?
    /// The chunk added nothing: it had come before, or its recording was already refused.
    package var repeated = false
  }

  static let feedEnded = "feed"
  package static let idleTimeout = "idle-timeout"

  /// Values of one output chunk: 800 KB of float32.
  package var maximumValuesPerChunk = 200_000
  /// Samples and reference beats of one output chunk, bytes; what else is in it takes less than the rest of a message.
  private static let maximumPieceBytes = maximumMessageBytes - 20_000
  /// A reference beat of a printable symbol takes no more.
  private static let referenceBytes = 16
  var maximumRecordingSeconds: Double

  package init(maximumRecordingSeconds: Double = 48 * 3600) {
    self.maximumRecordingSeconds = maximumRecordingSeconds
  }

  // MARK: - Decisions

  package func handle(
    _ chunk: ValidatedChunk, _ identity: Identity, state: inout ProtoIngestState?, prior: Prior?, origin: Origin
  ) -> Action {
    switch state?.phase {
    case nil:
      return begin(chunk, identity, state: &state, prior: prior, origin: origin)
    case .rejected:
      if chunk.message.last { state = nil }
      return Action(repeated: true)
    case .verifying:
      return verify(chunk, state: &state)
    default:
      return append(chunk, identity, state: &state, origin: origin)
    }
  }

  /// Refuses a chunk that did not validate, and with it the recording, unless that has already ended.
  package func refuse(
    _ rejection: Rejection, _ chunk: ProtoEcgChunk, _ identity: Identity, state: inout ProtoIngestState?, prior: Prior?,
    origin: Origin
  ) -> Action {
    switch state?.phase {
    case nil where hasEnded(prior, origin) && chunk.sequence > 0 && prior?.endReason == Self.idleTimeout:
      // New data of a feed that was silent for too long: one answer for all that is left of the recording.
      state =
        chunk.last
        ? nil
        : .with {
          $0.phase = .rejected
          $0.recordingID = identity.recordingID
        }
      return Action(rejection: Self.tooLate)
    case nil where hasEnded(prior, origin) && chunk.sequence > 0:
      return Action(repeated: true)
    case nil where isRepeat(prior, origin):
      return Action(rejection: rejection)
    case .rejected:
      if chunk.last { state = nil }
      return Action(repeated: true)
    case .verifying:
      state = nil
      return Action(rejection: rejection)
    default:
      var action = Action(rejection: rejection)
      // Of a chunk that did not validate, the age may be any number.
      var facts = chunk.patient
      if facts.hasAgeYears, !plausibleAgeYears.contains(facts.ageYears) { facts.clearAgeYears() }
      var end = ProtoRecordingEnd()
      end.recordingID = identity.recordingID
      end.patient = identity.patient
      end.status = .rejected
      end.code = rejection.code.rawValue
      end.samples = state?.samples ?? 0
      end.patientFacts = state?.patientFacts ?? facts
      end.synthetic = state?.synthetic ?? chunk.synthetic
      action.events = [.with { $0.end = end }]
      if state == nil {
        action.rows = [
          .open(
            RecordingOpening(
              recordingID: identity.recordingID, feedID: identity.feedID,
              patient: Self.patient(identity.patient, facts, synthetic: chunk.synthetic), sampleRateHz: nil,
              leads: [], synthetic: chunk.synthetic, ageYears: Self.age(facts), origin: origin))
        ]
      }
      action.rows.append(
        .end(
          RecordingEnding(
            recordingID: identity.recordingID, status: .rejected, code: rejection.code.rawValue, samples: end.samples,
            waveformSHA256: nil, reason: Self.feedEnded)))
      if chunk.last {
        state = nil
      } else {
        var refused = state ?? ProtoIngestState()
        refused.phase = .rejected
        refused.recordingID = identity.recordingID
        state = refused
      }
      return action
    }
  }

  /// Called when no chunk has come for the idle timeout: an open recording ends with what it has.
  package func expire(state: inout ProtoIngestState?) -> Action {
    guard let open = state, open.phase == .open else {
      state = nil
      return Action()
    }
    return end(open, state: &state, reason: Self.idleTimeout)
  }

  // MARK: - Phases

  /// A redelivery of the message that opened it, after a crash between the row and the Kafka commit, finds its own row.
  private func hasEnded(_ prior: Prior?, _ origin: Origin) -> Bool {
    prior.map { $0.status != .open && $0.origin != origin } ?? false
  }

  private func isRepeat(_ prior: Prior?, _ origin: Origin) -> Bool {
    prior?.status == .complete && hasEnded(prior, origin)
  }

  private func begin(
    _ chunk: ValidatedChunk, _ identity: Identity, state: inout ProtoIngestState?, prior: Prior?, origin: Origin
  ) -> Action {
    let again = isRepeat(prior, origin)
    guard chunk.message.sequence == 0 else {
      return refuse(
        Rejection(
          .chunkOutOfOrder, "the recording's first chunk has sequence \(chunk.message.sequence); 0 is expected"),
        chunk.message, identity, state: &state, prior: prior, origin: origin)
    }
    var fresh = ProtoIngestState()
    fresh.recordingID = identity.recordingID
    fresh.patient = identity.patient
    fresh.feedID = identity.feedID
    fresh.phase = again ? .verifying : .open
    fresh.expectedSha256 = again ? prior?.waveformSHA256 ?? "" : ""
    fresh.sampleRateHz = chunk.message.sampleRateHz
    fresh.channels = chunk.message.channels
    fresh.sampleType = chunk.message.sampleType
    fresh.patientFacts = chunk.message.patient
    fresh.synthetic = chunk.message.synthetic
    state = fresh
    if again { return verify(chunk, state: &state) }

    var action = append(chunk, identity, state: &state, origin: origin)
    // Also when the chunk was refused: an end needs an opened recording.
    action.rows.insert(
      .open(
        RecordingOpening(
          recordingID: identity.recordingID, feedID: identity.feedID,
          patient: Self.patient(identity.patient, chunk.message.patient, synthetic: chunk.message.synthetic),
          sampleRateHz: chunk.message.sampleRateHz, leads: chunk.leads.map(\.rawValue),
          synthetic: chunk.message.synthetic, ageYears: Self.age(chunk.message.patient), origin: origin)), at: 0)
    return action
  }

  private func append(
    _ chunk: ValidatedChunk, _ identity: Identity, state: inout ProtoIngestState?, origin: Origin
  ) -> Action {
    guard var open = state else { return Action() }
    let sequence = chunk.message.sequence
    if sequence < open.nextSequence { return Action(repeated: true) }
    if let rejection = objection(to: chunk, in: open) {
      return refuse(rejection, chunk.message, identity, state: &state, prior: nil, origin: origin)
    }
    var action = Action()
    action.events = pieces(of: chunk, identity, from: open.samples)
    advance(&open, by: chunk)
    state = open
    guard chunk.message.last else { return action }
    if open.samples == 0 {
      return refuse(
        Rejection(.missingField, "the recording ends without a sample"), chunk.message, identity, state: &state,
        prior: nil, origin: origin)
    }
    let ending = end(open, state: &state, reason: Self.feedEnded)
    action.events += ending.events
    action.rows += ending.rows
    return action
  }

  private func verify(_ chunk: ValidatedChunk, state: inout ProtoIngestState?) -> Action {
    guard var open = state, chunk.message.sequence >= open.nextSequence else { return Action(repeated: true) }
    if objection(to: chunk, in: open) != nil {
      state = nil
      return Action(rejection: Self.conflict)
    }
    advance(&open, by: chunk)
    state = chunk.message.last ? nil : open
    let differs = chunk.message.last && hash(of: open).finalise() != open.expectedSha256
    return differs ? Action(rejection: Self.conflict) : Action(repeated: true)
  }

  private static let tooLate = Rejection(
    .recordingEnded,
    "nothing had come for the idle timeout, so the recording was ended; send what is left under another recording_uid")
  private static let conflict = Rejection(
    .contentConflict,
    "a recording with this id has already ended with other content; send it under another recording_uid")

  /// What is wrong with a well-formed chunk at this point of its recording.
  private func objection(to chunk: ValidatedChunk, in open: ProtoIngestState) -> Rejection? {
    let message = chunk.message
    if message.sequence > open.nextSequence {
      return Rejection(.chunkOutOfOrder, "sequence is \(message.sequence); \(open.nextSequence) is expected")
    }
    if message.sampleRateHz != open.sampleRateHz || message.channels != open.channels
      || message.sampleType != open.sampleType
    {
      return Rejection(.headerChanged, "rate, channels and sample type must be those of the recording's first chunk")
    }
    if Double(open.samples + Int64(chunk.sampleCount)) / open.sampleRateHz > maximumRecordingSeconds {
      return Rejection(
        .recordingTooLong, "longer than \(Int(maximumRecordingSeconds)) s; send it as several recordings")
    }
    let range = open.samples..<open.samples + Int64(chunk.sampleCount)
    if let stray = message.referenceBeats.first(where: { !range.contains($0.sample) }) {
      return Rejection(.invalidReference, "reference beat at sample \(stray.sample) lies outside its chunk \(range)")
    }
    return nil
  }

  // MARK: - Parts

  private func hash(of state: ProtoIngestState) -> WaveformHasher {
    guard state.samples > 0 else { return WaveformHasher() }
    do {
      return try WaveformHasher(chain: Array(state.hashChain), pending: Array(state.hashPending))
    } catch {
      preconditionFailure("the state was checked when it was read: \(error)")
    }
  }

  private func advance(_ state: inout ProtoIngestState, by chunk: ValidatedChunk) {
    var hasher = hash(of: state)
    hasher.update(planar: chunk.millivolts)
    state.hashChain = Data(hasher.chain)
    state.hashPending = Data(hasher.pending)
    state.nextSequence = chunk.message.sequence + 1
    state.samples += Int64(chunk.sampleCount)
  }

  private func pieces(of chunk: ValidatedChunk, _ identity: Identity, from firstSample: Int64) -> [ProtoRecordingEvent]
  {
    cuts(of: chunk, from: firstSample).map { range in
      let samples = firstSample + Int64(range.lowerBound)..<firstSample + Int64(range.upperBound)
      var piece = ProtoRecordingChunk()
      piece.recordingID = identity.recordingID
      piece.patient = identity.patient
      piece.firstSample = samples.lowerBound
      piece.sampleRateHz = chunk.message.sampleRateHz
      piece.leads = chunk.leads.map(\.rawValue)
      piece.samples = Packing.pack(chunk.millivolts.map { Array($0[range]) })
      piece.referenceBeats = chunk.message.referenceBeats.filter { samples.contains($0.sample) }
      piece.synthetic = chunk.message.synthetic
      return .with { $0.chunk = piece }
    }
  }

  /// Where a chunk is cut: by its samples, and further where reference beats are many.
  private func cuts(of chunk: ValidatedChunk, from firstSample: Int64) -> [Range<Int>] {
    let perPiece = max(1, maximumValuesPerChunk / chunk.leads.count)
    var cuts: [Range<Int>] = []
    var references = chunk.message.referenceBeats[...]
    var start = 0
    while start < chunk.sampleCount {
      var stop = min(start + perPiece, chunk.sampleCount)
      func labels() -> Int { references.prefix { $0.sample < firstSample + Int64(stop) }.count }
      while stop - start > 1,
        MemoryLayout<Float>.size * chunk.leads.count * (stop - start) + Self.referenceBytes * labels()
          > Self.maximumPieceBytes
      { stop = start + (stop - start) / 2 }
      references = references.dropFirst(labels())
      cuts.append(start..<stop)
      start = stop
    }
    return cuts
  }

  private func end(_ open: ProtoIngestState, state: inout ProtoIngestState?, reason: String) -> Action {
    state = nil
    var end = ProtoRecordingEnd()
    end.recordingID = open.recordingID
    end.patient = open.patient
    end.status = .complete
    end.samples = open.samples
    end.waveformSha256 = hash(of: open).finalise()
    end.leads = open.channels.compactMap { Lead(name: $0.lead)?.rawValue }
    end.patientFacts = open.patientFacts
    end.synthetic = open.synthetic
    let ending = RecordingEnding(
      recordingID: open.recordingID, status: .complete, samples: end.samples, waveformSHA256: end.waveformSha256,
      reason: reason)
    return Action(events: [.with { $0.end = end }], rows: [.end(ending)])
  }

  private static func age(_ facts: ProtoPatientFacts) -> Double? { facts.hasAgeYears ? facts.ageYears : nil }

  private static func patient(_ pseudonym: String, _ facts: ProtoPatientFacts, synthetic: Bool) -> Patient {
    let sexes: [ProtoSex: Patient.Sex] = [.female: .female, .male: .male]
    return Patient(pseudonym: pseudonym, sex: sexes[facts.sex], synthetic: synthetic)
  }
}
