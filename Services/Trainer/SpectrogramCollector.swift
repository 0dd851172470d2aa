import Messages
import ResyncCore

/// Gathers the tensors of a job's recordings as they pass on `ecg.spectrograms`, whatever their order or repetitions.
package struct SpectrogramCollector {
  package struct Beat {
    package var image: SpectrogramImage
    package var features: BeatFeatures
    package var referenceSymbol: String
    package var usable: Bool
  }

  package struct Recording {
    package var id: String
    package var patient: String
    package var synthetic: Bool
    /// By R-peak sample, ascending.
    package var beats: [(rPeakSample: Int64, beat: Beat)]
  }

  let wanted: Set<String>
  let pipelineID: String
  /// Of the pipeline's images.
  let shape: (rows: Int, columns: Int)
  let leadSet: LeadSet
  private var beats: [String: [Int64: Beat]] = [:]
  private var ends: [String: ProtoRecordingEnd] = [:]
  /// Recordings without the leads that the model reads.
  package private(set) var lacking: Set<String> = []

  package init(wanted: Set<String>, pipelineID: String, shape: (rows: Int, columns: Int), leadSet: LeadSet) {
    self.wanted = wanted
    self.pipelineID = pipelineID
    self.shape = shape
    self.leadSet = leadSet
  }

  /// What is unsound is the predictor's to reject; here it counts as missing.
  ///
  /// - Parameter key: the message's in Kafka.
  /// - Returns: whether the event was news for this job.
  package mutating func add(_ event: ProtoSpectrogramEvent, key: [UInt8]?) -> Bool {
    switch event.event {
    case .spectrogram(let message): return add(message, key: key)
    case .end(let end):
      guard wanted.contains(end.recordingID), (try? end.check(key: key)) != nil else { return false }
      if end.status != .complete { beats[end.recordingID] = nil }
      return ends.updateValue(end, forKey: end.recordingID) == nil
    case nil: return false
    }
  }

  private mutating func add(_ message: ProtoSpectrogram, key: [UInt8]?) -> Bool {
    guard wanted.contains(message.recordingID), message.pipelineID == pipelineID,
      beats[message.recordingID]?[message.rPeakSample] == nil
    else { return false }
    guard let (image, features, leads) = try? message.sound(key: key), image.rows == shape.rows,
      image.columns == shape.columns
    else { return false }
    guard let channels = leadSet.channels(from: leads) else {
      lacking.insert(message.recordingID)
      return false
    }
    beats[message.recordingID, default: [:]][message.rPeakSample] = Beat(
      image: image.selecting(channels), features: features, referenceSymbol: message.referenceSymbol,
      usable: message.qualityPassed && !message.ectopicSuspected)
    return true
  }

  /// Every wanted recording has ended and none of its beats is missing.
  package var isComplete: Bool { ends.count == wanted.count && lost.isEmpty }

  /// Wanted recordings whose end has not been seen.
  package var waiting: [String] { wanted.subtracting(ends.keys).sorted() }

  /// Ended recordings of which beats are missing: retention removed them before they were read.
  package var lost: [String] {
    ends.values.filter {
      $0.status == .complete && !lacking.contains($0.recordingID) && (beats[$0.recordingID]?.count ?? 0) < Int($0.beats)
    }.map(\.recordingID).sorted()
  }

  package var beatCount: Int { beats.values.reduce(0) { $0 + $1.count } }
  package var endedCount: Int { ends.count }

  /// What training can use: complete recordings, ordered by id.
  package var recordings: [Recording] {
    ends.values.filter { $0.status == .complete }.sorted { $0.recordingID < $1.recordingID }.compactMap { end in
      guard let found = beats[end.recordingID] else { return nil }
      return Recording(
        id: end.recordingID, patient: end.patient, synthetic: end.synthetic,
        beats: found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }
  }
}
