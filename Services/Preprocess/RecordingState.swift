import Messages
import ResyncCore
import Streaming

/// What preprocess keeps of a recording between messages.
package enum RecordingState: KeyedStateValue {
  case open(OpenRecording)
  /// A chunk was refused: the rest is dropped and the recording's end says so downstream.
  case rejected(code: String)

  package init(serialized: [UInt8]) throws {
    let stored = try ProtoPreprocessState.decoded(from: serialized)
    self = stored.rejectionCode.isEmpty ? .open(try OpenRecording(stored)) : .rejected(code: stored.rejectionCode)
  }

  /// A part of the recording is missing here: what follows is dropped, and its end says why.
  package static var unreadable: RecordingState? { .rejected(code: RejectionCode.chunkOutOfOrder.rawValue) }

  package func serialized() throws -> [UInt8] {
    switch self {
    case .open(let open): open.stored.encoded()
    case .rejected(let code): ProtoPreprocessState.with { $0.rejectionCode = code }.encoded()
    }
  }
}

/// An open recording: filters, detector, RR history, template and the beats kept for the twelve-lead measures, and how
/// far they have come.
package struct OpenRecording {
  private var extractor: BeatExtractor
  /// nil for a recording without the leads that the measures need.
  private var twelveLead: TwelveLeadAccumulator?
  var leads: [String]
  var patient: String
  var synthetic: Bool
  /// Samples a lead consumed so far; what starts earlier is a repeat.
  var samples: Int64 = 0

  init(pipeline: PipelineConfiguration, first chunk: ProtoRecordingChunk, leads: [Lead]) throws {
    extractor = try BeatExtractor(pipeline: pipeline, sampleRateHz: chunk.sampleRateHz, leads: leads)
    twelveLead = TwelveLeadAccumulator(leads: leads, nativeRateHz: chunk.sampleRateHz, pipeline: pipeline)
    self.leads = chunk.leads
    patient = chunk.patient
    synthetic = chunk.synthetic
  }

  init(_ stored: ProtoPreprocessState) throws {
    let extractor = try BeatExtractor(snapshot: Array(stored.extractor))
    let twelveLead =
      stored.twelveLead.isEmpty ? nil : try TwelveLeadAccumulator(snapshot: Array(stored.twelveLead))
    let rate = extractor.pipeline.canonicalRateHz
    guard extractor.leads.map(\.rawValue) == stored.leads, twelveLead?.leads ?? extractor.leads == extractor.leads,
      twelveLead?.segmentRateHz ?? rate == rate
    else {
      throw Rejection(.malformedPayload, "the parts of a stored state are of different recordings")
    }
    self.extractor = extractor
    self.twelveLead = twelveLead
    leads = stored.leads
    patient = stored.patient
    synthetic = stored.synthetic
    samples = stored.samples
  }

  /// - Parameters:
  ///   - samples: the recording's next samples, [lead][sample], mV.
  ///   - references: labels within them.
  /// - Returns: the beats that became complete.
  mutating func consume(_ samples: [[Float]], references: [ReferenceBeat]) -> [ExtractedBeat] {
    self.samples += Int64(samples[0].count)
    twelveLead?.watch(samples)
    let beats = extractor.consume(samples, references: references)
    for beat in beats { twelveLead?.add(beat) }
    return beats
  }

  /// Ends the recording.
  ///
  /// - Parameter sex: nil when unknown.
  mutating func finish(sex: PatientSex?) -> (beats: [ExtractedBeat], count: Int64, measures: ProtoEcgMeasures) {
    let (beats, ended) = extractor.finish()
    for beat in beats { twelveLead?.add(beat) }
    return (beats, ended.beatCount, ProtoEcgMeasures(ended, twelveLead: twelveLead, sex: sex))
  }

  var stored: ProtoPreprocessState {
    .with {
      $0.extractor = .init(extractor.snapshot())
      if let twelveLead { $0.twelveLead = .init(twelveLead.snapshot()) }
      $0.leads = leads
      $0.patient = patient
      $0.synthetic = synthetic
      $0.samples = samples
    }
  }
}
