import Foundation
import ResyncCore

// What a message between two services must be before anything is made of it. The services write no other; whatever else
// lies on their topics gets one rejection here, and no state, table or network ever sees it.

/// Longest that the id of a recording or patient takes, bytes; ids of the suite have 64 and fewer.
public let longestID = 256

/// Years that a patient's age may have.
public let plausibleAgeYears = 0.0...130

/// Whose a message is.
private enum Owner {
  /// - Parameter key: the message's Kafka key. State and order hang on it.
  static func check(recordingID: String, patient: String, key: [UInt8]?) throws(Rejection) {
    guard !recordingID.isEmpty, isPlain(recordingID, atMost: longestID), isPlain(patient, atMost: longestID) else {
      throw Rejection(.malformedPayload, "recording_id or patient is empty, too long or has a control character")
    }
    guard let key, key.elementsEqual(recordingID.utf8) else {
      throw Rejection(.keyMismatch, "the message's key must be its recording_id")
    }
  }
}

/// No surface ECG comes near. What filters make of it stays below ten times as much.
public let maximumMillivolts: Float = 50

/// Of a lead: 49 days at 1,000 Hz.
private let mostSamples: Int64 = 1 << 32

/// Whether a table's column and a log can take a text.
private func isPlain(_ text: String, atMost bytes: Int) -> Bool {
  text.utf8.count <= bytes && text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
}

/// Whether a text can be the symbol of an annotation.
public func isSymbol(_ symbol: String) -> Bool {
  symbol.utf8.count == 1 && symbol.utf8.allSatisfy { (0x21...0x7E).contains($0) }
}

private func soundLeads(_ names: [String]) throws(Rejection) -> [Lead] {
  guard let leads = leads(named: names), (1...Lead.allCases.count).contains(leads.count) else {
    throw Rejection(.malformedPayload, "leads are none, too many or unknown")
  }
  return leads
}

private func soundSamples(
  _ bytes: Data, of leads: [Lead], atMostMillivolts limit: Float
) throws(Rejection) -> [[Float]] {
  guard let samples = Packing.unpack(bytes, leadCount: leads.count) else {
    throw Rejection(.malformedPayload, "samples are no multiple of \(leads.count) leads × 4 bytes")
  }
  guard samples.allSatisfy({ $0.allSatisfy { abs($0) <= limit } }) else {
    throw Rejection(.malformedPayload, "a sample is not a number or beyond \(limit) mV")
  }
  return samples
}

extension ProtoRecordingChunk {
  /// Leads and samples, planar mV.
  /// - Throws: `Rejection`.
  public func sound(key: [UInt8]?) throws(Rejection) -> (leads: [Lead], samples: [[Float]]) {
    try Owner.check(recordingID: recordingID, patient: patient, key: key)
    let leads = try soundLeads(self.leads)
    let samples = try soundSamples(self.samples, of: leads, atMostMillivolts: maximumMillivolts)
    guard (0...mostSamples).contains(firstSample) else {
      throw Rejection(.malformedPayload, "first_sample is out of range")
    }
    var previous = firstSample - 1
    for beat in referenceBeats {
      guard beat.sample > previous, beat.sample < firstSample + Int64(samples[0].count), isSymbol(beat.symbol) else {
        throw Rejection(.malformedPayload, "reference_beats do not ascend, lie outside the chunk or have no symbol")
      }
      previous = beat.sample
    }
    return (leads, samples)
  }
}

extension ProtoRecordingEnd {
  /// - Throws: `Rejection`.
  public func check(key: [UInt8]?) throws(Rejection) {
    try Owner.check(recordingID: recordingID, patient: patient, key: key)
    let isHash = waveformSha256.utf8.count == 64 && waveformSha256.utf8.allSatisfy { Self.hexadecimal.contains($0) }
    guard status == .complete || status == .rejected, isPlain(code, atMost: 64), isPlain(pipelineID, atMost: 64),
      samples >= 0, beats >= 0, waveformSha256.isEmpty || isHash, leads.isEmpty || (try? soundLeads(leads)) != nil,
      !patientFacts.hasAgeYears || plausibleAgeYears.contains(patientFacts.ageYears)
    else { throw Rejection(.malformedPayload, "status, code, counts, hash, leads or age of the end cannot be") }
    let measured = [measures.heartRateBpm, measures.qrsDurationMs, measures.quality]
    guard measured.allSatisfy(\.isFinite), measures.twelveLead.isSound else {
      throw Rejection(.malformedPayload, "a measure of the recording holds an impossible value")
    }
  }

  private static let hexadecimal = Set("0123456789abcdef".utf8)
}

extension ProtoBeat {
  /// Leads and samples of the segment, planar mV.
  /// - Throws: `Rejection`.
  public func sound(key: [UInt8]?) throws(Rejection) -> (leads: [Lead], segment: [[Float]]) {
    try Owner.check(recordingID: recordingID, patient: patient, key: key)
    let leads = try soundLeads(self.leads)
    let segment = try soundSamples(samples, of: leads, atMostMillivolts: 10 * maximumMillivolts)
    guard (0..<max(1, segment[0].count)).contains(Int(rPeakOffset)), isPlain(pipelineID, atMost: 64) else {
      throw Rejection(.malformedPayload, "the R-peak's offset lies outside the segment, or pipeline_id is no id")
    }
    try checkBeat(
      rPeakSample: rPeakSample, rPeakSeconds: rPeakSeconds, features: features, symbol: referenceSymbol)
    guard segmentSha256 == sha256(samples) else {
      throw Rejection(.malformedPayload, "the segment is not the one that its hash names")
    }
    return (leads, segment)
  }
}

extension ProtoSpectrogram {
  /// The tensor with its leads and features.
  /// - Throws: `Rejection`.
  public func sound(
    key: [UInt8]?
  ) throws(Rejection) -> (image: SpectrogramImage, features: BeatFeatures, leads: [Lead]) {
    try Owner.check(recordingID: recordingID, patient: patient, key: key)
    guard isPlain(pipelineID, atMost: 64) else { throw Rejection(.malformedPayload, "pipeline_id is no id") }
    let leads = try soundLeads(self.leads)
    guard let image, let features = beatFeatures, segmentSha256.count == 32, tensorSha256.count == 32 else {
      throw Rejection(.malformedPayload, "tensor, shape, leads, features and hashes disagree")
    }
    guard sha256(tensor) == tensorSha256 else {
      throw Rejection(.malformedPayload, "the tensor is not the one that its hash names")
    }
    guard HalfPrecision.areFinite(image.values) else {
      throw Rejection(.malformedPayload, "the tensor holds a value that is not a number")
    }
    try checkBeat(
      rPeakSample: rPeakSample, rPeakSeconds: rPeakSeconds, features: features.vector, symbol: referenceSymbol)
    return (image, features, leads)
  }
}

/// What neither a network nor PostgreSQL can take.
private func checkBeat(
  rPeakSample: Int64, rPeakSeconds: Double, features: [Float], symbol: String
) throws(Rejection) {
  guard rPeakSample >= 0, rPeakSeconds.isFinite, features.count == BeatFeatures.count,
    features.allSatisfy(\.isFinite), symbol.isEmpty || isSymbol(symbol)
  else { throw Rejection(.malformedPayload, "features, R-peak or symbol of the beat hold an impossible value") }
}
