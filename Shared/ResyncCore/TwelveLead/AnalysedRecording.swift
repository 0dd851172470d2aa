/// One recording through the streaming chain and the accumulator of the twelve-lead measures.
package struct AnalysedRecording: Sendable {
  package let beats: [ExtractedBeat]
  package let paced: Bool
  package let measures: TwelveLeadMeasures?

  /// - Parameters:
  ///   - samples: [lead][sample] at `nativeHz`, mV.
  ///   - pipeline: its canonical rate is that of the beats' segments; they must not begin at the R-peak.
  package init(
    _ samples: [[Float]], leads: [Lead], nativeHz: Double, pipeline: PipelineConfiguration = .init(),
    sex: PatientSex? = nil
  ) throws {
    var extractor = try BeatExtractor(pipeline: pipeline, sampleRateHz: nativeHz, leads: leads)
    var accumulator = TwelveLeadAccumulator(
      leads: leads, nativeRateHz: nativeHz, segmentRateHz: pipeline.canonicalRateHz)
    accumulator.watch(samples)
    let first = extractor.consume(samples, references: [])
    let (rest, ended) = extractor.finish()
    beats = first + rest
    for beat in beats { accumulator.add(beat) }
    paced = ended.paced
    measures = accumulator.measures(sex: sex)
  }
}
