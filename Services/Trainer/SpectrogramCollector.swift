import Messages
import ResyncCore

/// Gathers the tensors of a job's recordings as they pass on `ecg.spectrograms`, whatever their order or repetitions.
struct SpectrogramCollector {
  struct Beat {
    var image: SpectrogramImage
    var features: BeatFeatures
    var referenceSymbol: String
    var usable: Bool
  }

  struct Recording {
    var id: String
    var patient: String
    var synthetic: Bool
    /// By R-peak sample, ascending.
    var beats: [(rPeakSample: Int64, beat: Beat)]
  }

  let wanted: Set<String>
  let pipelineID: String
  let leadSet: LeadSet
  private var beats: [String: [Int64: Beat]] = [:]
  private var ends: [String: ProtoRecordingEnd] = [:]
  /// Recordings without the leads that the model reads.
  private(set) var lacking: Set<String> = []

  init(wanted: Set<String>, pipelineID: String, leadSet: LeadSet) {
    self.wanted = wanted
    self.pipelineID = pipelineID
    self.leadSet = leadSet
  }

  /// - Returns: whether the event was news for this job.
  mutating func add(_ event: ProtoSpectrogramEvent) -> Bool {
    switch event.event {
    case .spectrogram(let message): return add(message)
    case .end(let end):
      guard wanted.contains(end.recordingID) else { return false }
      if end.status != .complete { beats[end.recordingID] = nil }
      return ends.updateValue(end, forKey: end.recordingID) == nil
    case nil: return false
    }
  }

  private mutating func add(_ message: ProtoSpectrogram) -> Bool {
    guard wanted.contains(message.recordingID), message.pipelineID == pipelineID,
      beats[message.recordingID]?[message.rPeakSample] == nil
    else { return false }
    guard let leads = leads(named: message.leads), let channels = leadSet.channels(from: leads) else {
      lacking.insert(message.recordingID)
      return false
    }
    guard let image = message.image, let features = message.beatFeatures else { return false }
    beats[message.recordingID, default: [:]][message.rPeakSample] = Beat(
      image: image.selecting(channels), features: features, referenceSymbol: message.referenceSymbol,
      usable: message.qualityPassed && !message.ectopicSuspected)
    return true
  }

  /// Every wanted recording has ended and none of its beats is missing.
  var isComplete: Bool { ends.count == wanted.count && lost.isEmpty }

  /// Wanted recordings whose end has not been seen.
  var waiting: [String] { wanted.subtracting(ends.keys).sorted() }

  /// Ended recordings of which beats are missing: retention removed them before they were read.
  var lost: [String] {
    ends.values.filter {
      $0.status == .complete && !lacking.contains($0.recordingID) && (beats[$0.recordingID]?.count ?? 0) < Int($0.beats)
    }.map(\.recordingID).sorted()
  }

  var beatCount: Int { beats.values.reduce(0) { $0 + $1.count } }
  var endedCount: Int { ends.count }

  /// What training can use: complete recordings, ordered by id.
  var recordings: [Recording] {
    ends.values.filter { $0.status == .complete }.sorted { $0.recordingID < $1.recordingID }.compactMap { end in
      guard let found = beats[end.recordingID] else { return nil }
      return Recording(
        id: end.recordingID, patient: end.patient, synthetic: end.synthetic,
        beats: found.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }
  }
}
