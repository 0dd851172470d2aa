import Foundation
import Messages
import ResyncCore
import ServiceKit
import Streaming

/// Recordings in, beats out: the streaming signal chain with its state per recording.
package struct PreprocessProcessor: StreamProcessor {
  static let service = "preprocess"

  var pipeline: PipelineConfiguration
  var metrics: ServiceMetrics

  package init(pipeline: PipelineConfiguration, metrics: ServiceMetrics) {
    self.pipeline = pipeline
    self.metrics = metrics
  }

  package func stateKey(of message: ConsumedMessage) -> String? { message.keyText }

  package mutating func process(_ message: ConsumedMessage, state: inout RecordingState?) throws -> [OutgoingMessage] {
    do {
      guard let event = try ProtoRecordingEvent.decoded(from: message.value).event else {
        throw Rejection(.malformedPayload, "an event that is neither chunk nor end")
      }
      switch event {
      case .chunk(let chunk): return try consume(chunk, message, state: &state)
      case .end(let end):
        try end.check(key: message.key)
        return finish(end, message, state: &state)
      }
    } catch let rejection as Rejection {
      metrics.rejected(code: rejection.code.rawValue)
      // The recording's own end closes it downstream; until then its chunks are dropped. What only came under its key is
      // none of its chunks, and no recording has a longer key, whose state would never see its end.
      if rejection.code != .keyMismatch, let key = message.key, key.count <= longestID {
        state = .rejected(code: rejection.code.rawValue)
      }
      return [.rejected(message, rejection, service: Self.service, recordingID: message.keyText)]
    }
  }

  // MARK: - Chunks

  private func consume(
    _ chunk: ProtoRecordingChunk, _ message: ConsumedMessage, state: inout RecordingState?
  ) throws -> [OutgoingMessage] {
    if case .rejected = state { return repeated() }
    let (leads, samples) = try chunk.sound(key: message.key)

    var open: OpenRecording
    if case .open(let current) = state {
      open = current
      state = nil  // One owner of the extractor's buffers: appending must not copy them.
    } else {
      guard chunk.firstSample == 0 else { return repeated() }
      do {
        open = try OpenRecording(pipeline: pipeline, first: chunk, leads: leads)
      } catch {
        throw Rejection(.rateOutOfRange, "\(error)")
      }
    }
    defer { if state == nil { state = .open(open) } }
    guard chunk.firstSample >= open.samples else { return repeated() }
    guard chunk.firstSample == open.samples else {
      throw Rejection(.chunkOutOfOrder, "the chunk starts at \(chunk.firstSample); \(open.samples) is expected")
    }
    guard open.leads == chunk.leads else { throw Rejection(.headerChanged, "leads changed within the recording") }

    let references = chunk.referenceBeats.map { ReferenceBeat(sample: $0.sample, symbol: $0.symbol) }
    return open.consume(samples, references: references).map {
      self.message(for: $0, recordingID: chunk.recordingID, of: open)
    }
  }

  private func repeated() -> [OutgoingMessage] {
    metrics.repeated(topic: Topic.recordings)
    return []
  }

  // MARK: - Ends

  private func finish(
    _ end: ProtoRecordingEnd, _ message: ConsumedMessage, state: inout RecordingState?
  ) -> [OutgoingMessage] {
    defer { state = nil }
    var end = end
    end.pipelineID = pipeline.id
    var outgoing: [OutgoingMessage] = []
    switch state {
    case .rejected(let code):
      end.status = .rejected
      end.code = code
    case .open(var open) where end.status == .complete:
      let (beats, count, measures) = open.finish(sex: PatientSex(end.patientFacts.sex))
      outgoing = beats.map { self.message(for: $0, recordingID: end.recordingID, of: open) }
      end.beats = count
      end.measures = measures
      if count == 0 {
        let rejection = Rejection(.noBeats, "no QRS complex was found in the recording")
        metrics.rejected(code: rejection.code.rawValue)
        end.status = .rejected
        end.code = rejection.code.rawValue
        outgoing.append(.rejected(message, rejection, service: Self.service, recordingID: end.recordingID))
      }
    case nil where end.status == .complete: return repeated()
    default: break
    }
    outgoing.append(Self.event(.end(end), recordingID: end.recordingID))
    return outgoing
  }

  // MARK: - Messages

  private func message(for beat: ExtractedBeat, recordingID: String, of open: OpenRecording) -> OutgoingMessage {
    var wire = ProtoBeat()
    wire.recordingID = recordingID
    wire.patient = open.patient
    wire.rPeakSample = beat.rPeakSample
    wire.rPeakSeconds = beat.rPeakSeconds
    wire.leads = open.leads
    wire.samples = Packing.pack(beat.samples)
    wire.rPeakOffset = Int32(beat.rPeakOffset)
    wire.features = beat.features.vector
    wire.qualityPassed = beat.qualityPassed
    wire.ectopicSuspected = beat.ectopicSuspected
    wire.referenceSymbol = beat.referenceSymbol ?? ""
    wire.pipelineID = pipeline.id
    wire.synthetic = open.synthetic
    wire.segmentSha256 = sha256(wire.samples)
    return Self.event(.beat(wire), recordingID: recordingID)
  }

  private static func event(_ event: ProtoBeatEvent.OneOf_Event, recordingID: String) -> OutgoingMessage {
    OutgoingMessage(
      topic: Topic.beats, key: Array(recordingID.utf8), value: ProtoBeatEvent.with { $0.event = event }.encoded())
  }
}
