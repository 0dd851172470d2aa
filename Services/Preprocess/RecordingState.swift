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

  package func serialized() throws -> [UInt8] {
    switch self {
    case .open(let open): open.stored.encoded()
    case .rejected(let code): ProtoPreprocessState.with { $0.rejectionCode = code }.encoded()
    }
  }
}

/// An open recording: filters, detector, RR history and template, and how far they have come.
package struct OpenRecording {
  var extractor: BeatExtractor
  var leads: [String]
  var patient: String
  var synthetic: Bool
  /// Samples a lead consumed so far; what starts earlier is a repeat.
  var samples: Int64 = 0

  init(pipeline: PipelineConfiguration, first chunk: ProtoRecordingChunk, leads: [Lead]) throws {
    extractor = try BeatExtractor(pipeline: pipeline, sampleRateHz: chunk.sampleRateHz, leads: leads)
    self.leads = chunk.leads
    patient = chunk.patient
    synthetic = chunk.synthetic
  }

  init(_ stored: ProtoPreprocessState) throws {
    extractor = try BeatExtractor(snapshot: Array(stored.extractor))
    leads = stored.leads
    patient = stored.patient
    synthetic = stored.synthetic
    samples = stored.samples
  }

  var stored: ProtoPreprocessState {
    .with {
      $0.extractor = .init(extractor.snapshot())
      $0.leads = leads
      $0.patient = patient
      $0.synthetic = synthetic
      $0.samples = samples
    }
  }
}
