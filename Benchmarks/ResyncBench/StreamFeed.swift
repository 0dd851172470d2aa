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

  /// A message of `ecg.spectrograms` as spectrogram writes it.
  /// - Parameter leads: the recording's first leads, of which alone it is made; nil for all.
  static func spectrogram(leads: Int? = nil) throws -> ProtoSpectrogram {
    let source = try BundledRecord.twelveLead(BundledRecord.twelveLeads[0])
    let pipeline = PipelineConfiguration.Name.compact.configuration
    let names = Array(source.record.header.signals.compactMap { Lead(name: $0.description) }.prefix(leads ?? .max))
    var extractor = try BeatExtractor(
      pipeline: pipeline, sampleRateHz: source.record.header.sampleRateHz, leads: names)
    let samples = Array(source.record.millivolts().prefix(names.count))
    let beats = extractor.consume(samples, references: []) + extractor.finish().beats
    let beat = beats[beats.count / 2]
    let image = try SpectrogramTransform(pipeline: pipeline).image(of: beat.samples, rPeakOffset: beat.rPeakOffset)
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
