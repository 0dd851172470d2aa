import Foundation
import ResyncCore

/// In a comment of a WFDB header: the record was made by a simulator.
public let syntheticMark = "synthetic"

extension ProtoEcgChunk {
  /// A stretch of a WFDB record as a chunk: digital samples as they are, with each signal's gain and baseline.
  ///
  /// Feed, patient, uid, sequence and `last` are left to the caller.
  /// - Parameter range: sample indices; the whole record when nil.
  public init(record: WFDBRecord, annotations: [WFDBAnnotation], range: Range<Int>? = nil) {
    self.init()
    let available = record.digital.first?.count ?? 0
    let range = (range ?? 0..<available).clamped(to: 0..<available)
    sampleRateHz = record.header.sampleRateHz
    channels = record.header.signals.map { signal in
      .with {
        $0.lead = signal.description
        $0.unit = signal.units
        $0.gain = signal.gain
        $0.baseline = Double(signal.baseline)
      }
    }
    // Formats 16 and 212 always fit 16 bits; wider ones may not. One type serves a whole recording.
    let narrow = record.digital.allSatisfy { $0.allSatisfy { Int16(exactly: $0) != nil } }
    sampleType = narrow ? .int16 : .int32
    var bytes = Data(capacity: range.count * record.digital.count * (narrow ? 2 : 4))
    for signal in record.digital {
      if narrow {
        signal[range].map { Int16($0) }.withUnsafeBytes { bytes.append(contentsOf: $0) }
      } else {
        Array(signal[range]).withUnsafeBytes { bytes.append(contentsOf: $0) }
      }
    }
    samples = bytes
    referenceBeats = Self.references(annotations, in: range)
    synthetic = record.header.comments.contains { $0.localizedCaseInsensitiveContains(syntheticMark) }
    let facts = record.header.patientFacts
    if let age = facts.ageYears { patient.ageYears = age }
    switch facts.sex {
    case "F": patient.sex = .female
    case "M": patient.sex = .male
    default: break
    }
  }

  /// Beats only, one for each sample: some annotators mark two at one place.
  private static func references(_ annotations: [WFDBAnnotation], in range: Range<Int>) -> [ProtoReferenceBeat] {
    var beats: [ProtoReferenceBeat] = []
    for annotation in annotations
    where BeatClass(annotationSymbol: annotation.symbol) != nil && range.contains(Int(annotation.sample)) {
      guard annotation.sample > (beats.last?.sample ?? -1) else { continue }
      beats.append(
        .with {
          $0.sample = annotation.sample
          $0.symbol = String(annotation.symbol)
        })
    }
    return beats
  }
}
