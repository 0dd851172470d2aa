import ResyncCore

/// Small models that know nothing, made in a moment: what matters here is that the same ones serve two runs.
package enum TinyModels {
  /// - Parameter width: of the network, relative to the paper's; 1 where its speed matters.
  package static func make(_ task: ModelTask, seed: UInt64 = 1, width: Double = 0.125) throws -> ModelArtifact {
    var specification = TrainingSpecification(task: task)
    specification.widthMultiplier = width
    specification.epochs = 1
    specification.batchSize = 8
    specification.seed = seed
    let pipeline = PipelineConfiguration.Name.compact.configuration
    let run = try TrainingRun(
      specification: specification, examples: examples(specification, pipeline.image), pipeline: pipeline,
      provenance: TrainingProvenance(trainingRecordings: [], trainedOnSynthetic: true), parent: nil, threads: 2)
    while !run.isFinished { try run.runEpoch() }
    return try run.finish()
  }

  private static func examples(_ specification: TrainingSpecification, _ image: ImageConfiguration) -> [TrainingExample]
  {
    var generator = SeededGenerator(seed: specification.seed)
    let leads = specification.leadSet.channelCount
    let classes = specification.task.classNames.count
    return (0..<32).map { index in
      let group = index / 4
      let values = (0..<leads * image.rows * image.columns).map { _ in Float16(abs(generator.gaussian())) }
      let rr = 0.8 + 0.1 * Float(generator.gaussian())
      return TrainingExample(
        id: "beat-\(index)", group: "group-\(group)",
        image: SpectrogramImage(leadCount: leads, rows: image.rows, columns: image.columns, values: values),
        features: BeatFeatures(
          vector: [rr, rr] + (2..<BeatFeatures.count).map { _ in 1 + 0.01 * Float(generator.gaussian()) })!,
        // A patient has one outcome.
        label: specification.task == .crtResponse ? group % 2 : index % classes)
    }
  }
}

extension RunningSuite {
  /// Makes a tiny model live for each task.
  package func registerTinyModels() throws {
    for task in ModelTask.allCases { try register(try TinyModels.make(task)) }
  }
}
