import ResyncCore

/// Small made-up beats: each class has its own stripe of frequency and its own RR interval, under noise.
enum MadeUp {
  static let pipeline = PipelineConfiguration(image: ImageConfiguration(rows: 24, columns: 24))

  static func features(_ rr: Float) -> BeatFeatures {
    BeatFeatures(vector: [rr, rr, rr, 1, rr, 1, 1, 0.9] + Array(repeating: 1, count: BeatFeatures.count - 8))!
  }

  static func image(leads: Int, stripe: Int, _ generator: inout SeededGenerator) -> SpectrogramImage {
    let values = (0..<leads * 24 * 24).map { i in
      let row = i / 24 % 24
      return Float16(abs(generator.gaussian()) * 0.3 + (row / 4 == stripe ? 1 : 0))
    }
    return SpectrogramImage(leadCount: leads, rows: 24, columns: 24, values: values)
  }

  /// - Parameter labelOf: the label of a beat of a group.
  static func examples(
    groups: Int, beats: Int, leads: Int = 1, seed: UInt64 = 1, labelOf: (_ group: Int, _ beat: Int) -> Int
  ) -> [TrainingExample] {
    var generator = SeededGenerator(seed: seed)
    var examples: [TrainingExample] = []
    for group in 0..<groups {
      for beat in 0..<beats {
        let label = labelOf(group, beat)
        examples.append(
          TrainingExample(
            id: "g\(group)-b\(beat)", group: "g\(group)", image: image(leads: leads, stripe: label, &generator),
            features: features(0.8 - 0.1 * Float(label) + 0.05 * Float(generator.gaussian())), label: label))
      }
    }
    return examples
  }

  static func beatExamples(groups: Int = 6, beats: Int = 10) -> [TrainingExample] {
    examples(groups: groups, beats: beats) { ($0 + $1) % 3 }
  }

  static func responseExamples(patients: Int = 12, leads: Int = 12) -> [TrainingExample] {
    examples(groups: patients, beats: 4, leads: leads) { group, _ in group % 2 }
  }

  static func specification(_ task: ModelTask, epochs: Int = 3) -> TrainingSpecification {
    var specification = TrainingSpecification(task: task)
    specification.widthMultiplier = 0.125
    specification.epochs = epochs
    specification.batchSize = 16
    specification.learningRate = 2e-3
    return specification
  }

  static let provenance = TrainingProvenance(trainingRecordings: ["r2", "r1", "r2"], trainedOnSynthetic: true)

  static func run(
    _ specification: TrainingSpecification, _ examples: [TrainingExample], parent: ModelArtifact? = nil,
    threads: Int = 2
  ) throws -> TrainingRun {
    try TrainingRun(
      specification: specification, examples: examples, pipeline: pipeline, provenance: provenance, parent: parent,
      threads: threads)
  }

  static func trained(
    _ specification: TrainingSpecification, _ examples: [TrainingExample], parent: ModelArtifact? = nil,
    threads: Int = 2
  ) throws -> ModelArtifact {
    let run = try run(specification, examples, parent: parent, threads: threads)
    while !run.isFinished { try run.runEpoch() }
    return try run.finish()
  }
}
