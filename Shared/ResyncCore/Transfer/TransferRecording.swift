import Foundation

/// What the transfer tasks use of one twelve-lead recording.
package struct TransferRecording: Sendable {
  /// Beats fit for scoring (quality passed, not suspected ectopic), in order of time.
  package let beats: [ExtractedBeat]
  /// [lead][sample], mV at the pipeline's rate; nil without a normal beat.
  package let median: MedianBeat?
  package let measures: TwelveLeadMeasures?

  /// - Parameters:
  ///   - samples: [lead][sample] at `rateHz`, mV.
  ///   - leads: the standard twelve in any order.
  /// - Throws: `SignalError` when rate or pipeline are out of range.
  package init(
    samples: [[Float]], leads: [Lead], rateHz: Double, pipeline: PipelineConfiguration, sex: PatientSex?
  ) throws {
    var extractor = try BeatExtractor(pipeline: pipeline, sampleRateHz: rateHz, leads: leads)
    let first = extractor.consume(samples, references: [])
    let all = first + extractor.finish().beats
    beats = all.filter { $0.qualityPassed && !$0.ectopicSuspected }
    var aligned = AlignedBeats(rateHz: pipeline.canonicalRateHz, leadCount: leads.count)
    var accumulator = TwelveLeadAccumulator(
      leads: leads, nativeRateHz: rateHz, segmentRateHz: pipeline.canonicalRateHz)
    accumulator.watch(samples)
    for beat in all {
      aligned.add(beat)
      accumulator.add(beat)
    }
    median = MedianBeat(of: aligned, leads: leads)
    measures = accumulator.measures(sex: sex)
  }
}

/// What the classical arms read of a patient. NaN is unknown.
package enum TransferFeatures {
  /// Age, QRS duration (ms), QRS area (µV·s), the axis as cosine and sine, and sex unless that is what is asked.
  package static func measures(_ entry: PTBXLEntry, _ measures: TwelveLeadMeasures?, withSex: Bool) -> [Double] {
    let axis = (measures?.axisDegrees ?? .nan) * .pi / 180
    let values = [
      entry.age ?? .nan, measures?.qrsMilliseconds ?? .nan, measures?.qrsArea?.length ?? .nan, cos(axis), sin(axis),
    ]
    return withSex ? values + [entry.sex.map { $0 == .female ? 1 : 0 } ?? .nan] : values
  }

  /// Age, and the recorder's family: one column for each.
  package static func nuisances(_ entry: PTBXLEntry, families: [String]) -> [Double] {
    [entry.age ?? .nan] + families.map { $0 == entry.device ? 1 : 0 }
  }
}
