import Messages
import ResyncCore
import Streaming
import SuiteKit

/// Ten-second twelve-lead recordings in one message each, as an ECG cart sends them: the bundled ones of LUDB again and
/// again, each time of another patient under another uid.
struct StreamFeed {
  private let recordings: [FeedRecording]
  private let chunks: [ProtoEcgChunk]
  private let name: String

  /// - Parameter name: keeps its recordings apart from another feed's.
  init(_ name: String) throws {
    recordings = try BundledRecord.twelveLeads.map { try BundledRecord.twelveLead($0) }
    chunks = recordings.map(\.single)
    self.name = name
  }

  func recording(_ number: Int) -> (id: String, message: OutgoingMessage) {
    var recording = recordings[number % recordings.count]
    (recording.uid, recording.patient) = ("\(name)-\(number)", "\(name)-\(number)")
    var chunk = chunks[number % chunks.count]
    (chunk.recordingUid, chunk.patientID) = (recording.uid, recording.patient)
    return (recording.recordingID, OutgoingMessage(chunk))
  }

  /// Beats as spectrogram writes them to `ecg.spectrograms`, of all bundled recordings.
  static func spectrograms() throws -> [ProtoSpectrogram] {
    try BundledRecord.twelveLeads.flatMap { try spectrograms(of: BundledRecord.twelveLead($0).record, leads: .max) }
  }

  /// A beat of one lead.
  static func oneLeadSpectrogram() throws -> ProtoSpectrogram {
    try spectrograms(of: BundledRecord.twelveLead(BundledRecord.twelveLeads[0]).record, leads: 1)[0]
  }

  /// - Parameter leads: the recording's first leads, of which alone they are made.
  private static func spectrograms(of record: WFDBRecord, leads: Int) throws -> [ProtoSpectrogram] {
    let pipeline = PipelineConfiguration.Name.compact.configuration
    let names = Array(record.header.signals.compactMap { Lead(name: $0.description) }.prefix(leads))
    var extractor = try BeatExtractor(pipeline: pipeline, sampleRateHz: record.header.sampleRateHz, leads: names)
    let samples = Array(record.millivolts().prefix(names.count))
    let beats = extractor.consume(samples, references: []) + extractor.finish().beats
    let transform = try SpectrogramTransform(pipeline: pipeline)
    return beats.map { beat in
      let image = transform.image(of: beat.samples, rPeakOffset: beat.rPeakOffset)
      return .with {
        $0.leads = names.map(\.rawValue)
        $0.shape = [UInt32(image.leadCount), UInt32(image.rows), UInt32(image.columns)]
        $0.tensor = Packing.pack(image.values)
        $0.tensorSha256 = sha256($0.tensor)
        $0.segmentSha256 = sha256(Packing.pack(beat.samples))
        $0.features = beat.features.vector
        $0.qualityPassed = true
        $0.pipelineID = pipeline.id
      }
    }
  }
}
