import Foundation
import ResyncCore

/// Recordings for the tests of the twelve-lead measures, and the way through the streaming chain.
enum TwelveLeadFixtures {
  static let recipe = CohortSimulator(seed: 77).cohort(size: 1)[0].recipe

  /// Twelve seconds of a clean heart, [lead][sample], mV; leads in `Lead.allCases` order.
  static func samples(_ pattern: ActivationPattern, _ milliseconds: Double, rateHz: Double = 500) -> [[Float]] {
    var recipe = recipe.clean(pattern: pattern, qrsDurationMs: milliseconds)
    recipe.noiseMillivolts = 0.003
    return recipe.recording(seconds: 12, sampleRateHz: rateHz).samples
  }

  static func accumulator(
    _ samples: [[Float]], leads: [Lead] = Lead.allCases, rateHz: Double = 500, chunk: Int = .max,
    snapshots: Bool = false
  ) throws -> TwelveLeadAccumulator {
    let pipeline = PipelineConfiguration()
    var extractor = try BeatExtractor(pipeline: pipeline, sampleRateHz: rateHz, leads: leads)
    var accumulator = TwelveLeadAccumulator(
      leads: leads, nativeRateHz: rateHz, segmentRateHz: pipeline.canonicalRateHz)
    var (start, chunks) = (0, 0)
    while start < samples[0].count {
      let end = chunk > samples[0].count - start ? samples[0].count : start + chunk
      let piece = samples.map { Array($0[start..<end]) }
      accumulator.watch(piece)
      for beat in extractor.consume(piece, references: []) { accumulator.add(beat) }
      // Samples one by one: a snapshot now and then keeps the test short.
      if snapshots, chunk > 1 || chunks % 97 == 0 {
        accumulator = try TwelveLeadAccumulator(snapshot: accumulator.snapshot())
      }
      (start, chunks) = (end, chunks + 1)
    }
    for beat in extractor.finish().beats { accumulator.add(beat) }
    return accumulator
  }

  static func measures(
    _ samples: [[Float]], leads: [Lead] = Lead.allCases, rateHz: Double = 500, sex: PatientSex? = nil
  ) throws -> TwelveLeadMeasures? {
    try accumulator(samples, leads: leads, rateHz: rateHz).measures(sex: sex)
  }
}

extension TwelveLeadMeasures {
  func finding(_ rule: BundleBranchRule) -> BundleBranchFinding? { bundleBranch.first { $0.rule == rule } }
}
