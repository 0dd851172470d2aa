import Foundation
import Messages
import ResyncCore

/// A chunk whose every field has been checked: known leads, physical units, finite samples of a sane size.
package struct ValidatedChunk {
  /// Limits on what a feed may send; exceeding one is a rejection, never a crash.
  package struct Limits {
    var sampleRateHz: ClosedRange<Double> = 100...1000
    /// Values beyond mean that the unit is wrong.
    var maximumMillivolts = Messages.maximumMillivolts
    var identifierBytes = 1...256

    package init() {}
  }

  package var message: ProtoEcgChunk
  package var leads: [Lead]
  /// Planar [lead][sample], mV.
  package var millivolts: [[Float]]

  package var sampleCount: Int { millivolts.first?.count ?? 0 }

  package init(_ chunk: ProtoEcgChunk, limits: Limits = Limits()) throws(Rejection) {
    guard limits.sampleRateHz.contains(chunk.sampleRateHz) else {
      throw Rejection(
        .rateOutOfRange, "sample_rate_hz is \(chunk.sampleRateHz); \(describe(limits.sampleRateHz)) is allowed")
    }
    message = chunk
    leads = try Self.leads(of: chunk)
    millivolts = try Self.millivolts(of: chunk, leads: leads, limits: limits)
    try checkReferences()
    if let age = chunk.hasPatient && chunk.patient.hasAgeYears ? chunk.patient.ageYears : nil,
      !plausibleAgeYears.contains(age)
    {
      throw Rejection(.invalidField, "patient.age_years must lie within 0–130")
    }
  }

  /// What a chunk must have before anything can be said of its recording.
  package static func checkIdentifiers(_ chunk: ProtoEcgChunk, limits: Limits = Limits()) throws(Rejection) {
    for (name, value) in [
      ("feed_id", chunk.feedID), ("recording_uid", chunk.recordingUid), ("patient_id", chunk.patientID),
    ] {
      guard limits.identifierBytes.contains(value.utf8.count) else {
        throw Rejection(
          value.isEmpty ? .missingField : .invalidField,
          "\(name) has \(value.utf8.count) bytes; \(describe(limits.identifierBytes)) are allowed")
      }
      // PostgreSQL's text cannot hold all of them, and no log should.
      guard value.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
        throw Rejection(.invalidField, "\(name) has a control character; none is allowed")
      }
    }
  }

  private static func leads(of chunk: ProtoEcgChunk) throws(Rejection) -> [Lead] {
    guard !chunk.channels.isEmpty else { throw Rejection(.missingField, "channels is empty") }
    var leads: [Lead] = []
    for (index, channel) in chunk.channels.enumerated() {
      guard let lead = Lead(name: channel.lead) else {
        let known = Lead.allCases.map(\.rawValue).joined(separator: " ")
        throw Rejection(.unknownLead, "channel \(index) is not a lead that is known; known are \(known)")
      }
      guard !leads.contains(lead) else { throw Rejection(.duplicateLead, "two channels are lead \(lead.rawValue)") }
      leads.append(lead)
    }
    return leads
  }

  private static let millivoltsPerUnit: [String: Double] = ["mV": 1, "uV": 1e-3, "µV": 1e-3, "V": 1e3]

  private static func millivolts(of chunk: ProtoEcgChunk, leads: [Lead], limits: Limits) throws(Rejection) -> [[Float]]
  {
    let width: Int
    switch chunk.sampleType {
    case .int16: width = 2
    case .int32, .float32: width = 4
    case .unspecified: throw Rejection(.missingField, "sample_type is not given")
    case .UNRECOGNIZED(let number): throw Rejection(.invalidField, "sample_type \(number) is not one that is known")
    }
    guard chunk.samples.count % (width * leads.count) == 0 else {
      throw Rejection(
        .sampleCountMismatch,
        "samples has \(chunk.samples.count) bytes, no multiple of \(leads.count) channels × \(width) bytes")
    }
    let count = chunk.samples.count / (width * leads.count)
    guard count > 0 || chunk.last else {
      throw Rejection(.missingField, "samples is empty in a chunk that is not the last")
    }
    var planes: [[Float]] = []
    for (index, channel) in chunk.channels.enumerated() {
      guard let unit = millivoltsPerUnit[channel.unit] else {
        throw Rejection(.unknownUnit, "channel \(index) has an unknown unit; mV, uV or V is allowed")
      }
      let gain = channel.gain == 0 ? 1 : channel.gain
      guard gain.isFinite, channel.baseline.isFinite else {
        throw Rejection(.nonFiniteSample, "channel \(index): gain and baseline must be finite numbers")
      }
      let plane: [Float] = chunk.samples.withUnsafeBytes { raw in
        (0..<count).map { sample in
          let offset = (index * count + sample) * width
          let value: Double
          switch chunk.sampleType {
          case .int16: value = Double(Int16(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: Int16.self)))
          case .int32: value = Double(Int32(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
          default: value = Double(raw.loadUnaligned(fromByteOffset: offset, as: Float.self))
          }
          return Float((value - channel.baseline) / gain * unit)
        }
      }
      for (sample, value) in plane.enumerated() {
        guard value.isFinite else {
          throw Rejection(
            .nonFiniteSample, "lead \(leads[index].rawValue), sample \(sample) of the chunk is not a finite number")
        }
        guard abs(value) <= limits.maximumMillivolts else {
          throw Rejection(
            .amplitudeOutOfRange,
            "lead \(leads[index].rawValue), sample \(sample) of the chunk exceeds \(limits.maximumMillivolts) mV: check unit and gain"
          )
        }
      }
      planes.append(plane)
    }
    return planes
  }

  private func checkReferences() throws(Rejection) {
    var previous: Int64 = -1
    for beat in message.referenceBeats {
      guard beat.sample > previous, isSymbol(beat.symbol)
      else {
        throw Rejection(
          .invalidReference, "reference_beats must ascend and carry symbols of one printable ASCII character")
      }
      previous = beat.sample
    }
  }
}

private func describe<Bound>(_ range: ClosedRange<Bound>) -> String { "\(range.lowerBound)–\(range.upperBound)" }
