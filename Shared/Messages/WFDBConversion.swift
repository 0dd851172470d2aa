import Foundation
import ResyncCore

/// In a comment of a WFDB header: the record was made by a simulator.
public let syntheticMark = "synthetic"

extension ProtoEcgChunk {
  /// A stretch of a WFDB record as a chunk: digital samples as they are, with each signal's gain and baseline. A record
  /// with invalid samples travels as floats, those samples as NaN.
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
    // One type serves a whole recording.
    sampleType = Self.sampleType(for: record)
    var bytes = Data(capacity: range.count * record.digital.count * (sampleType == .int16 ? 2 : 4))
    for signal in record.digital {
      switch sampleType {
      case .int16: signal[range].map { Int16($0) }.withUnsafeBytes { bytes.append(contentsOf: $0) }
      case .int32: Array(signal[range]).withUnsafeBytes { bytes.append(contentsOf: $0) }
      default:
        signal[range].map { $0 == WFDBRecord.invalidSample ? .nan : Float($0) }
          .withUnsafeBytes { bytes.append(contentsOf: $0) }
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

  /// The narrowest type that holds all samples.
  private static func sampleType(for record: WFDBRecord) -> ProtoSampleType {
    var type = ProtoSampleType.int16
    for sample in record.digital.joined() {
      if sample == WFDBRecord.invalidSample { return .float32 }
      if Int16(exactly: sample) == nil { type = .int32 }
    }
    return type
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
