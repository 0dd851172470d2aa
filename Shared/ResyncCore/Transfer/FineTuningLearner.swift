/// A residual network trained on all beats of the training patients, from fresh or from given weights; a patient's score
/// is the mean logit difference over the patient's beats.
package struct FineTuningLearner: TransferLearner {
  /// A point of the grid.
  package struct Setting: Codable, Hashable, Sendable {
    package var learningRate: Double
    package var epochs: Int

    package init(learningRate: Double, epochs: Int) {
      self.learningRate = learningRate
      self.epochs = epochs
    }
  }

  /// Beats of each patient of the task: image of the twelve leads in the standard order, and features.
  package let beats: [[TransferBeat]]
  package let pipeline: PipelineConfiguration
  /// Learning rate, epochs and seed are the grid's and the fold's.
  package let specification: TrainingSpecification
  /// Weights to start from; nil: fresh ones.
  package let parent: ModelArtifact?
  package let settings: [Setting]
  package let threads: Int
  /// Called after each batch.
  package let checkStop: @Sendable () throws -> Void

  package init(
    beats: [[TransferBeat]], pipeline: PipelineConfiguration, specification: TrainingSpecification,
    parent: ModelArtifact?, settings: [Setting], threads: Int, checkStop: @escaping @Sendable () throws -> Void = {}
  ) {
    self.beats = beats
    self.pipeline = pipeline
    self.specification = specification
    self.parent = parent
    self.settings = settings
    self.threads = threads
    self.checkStop = checkStop
  }

  package var grid: [String] { settings.map { "rate \($0.learningRate), epochs \($0.epochs)" } }

  /// One run for each learning rate, read after as many epochs as the points ask for.
  package func scores(
    training patients: [Int], labels: [Bool], scored: [Int], points: [Int], seed: UInt64
  ) throws -> [[Double]] {
    let examples = zip(patients, labels).flatMap { patient, label in
      beats[patient].enumerated().map { number, beat in
        TrainingExample(
          id: "\(patient)-\(number)", group: "\(patient)", image: beat.image, features: beat.features,
          label: label ? 1 : 0)
      }
    }
    var results: [Int: [Double]] = [:]
    for rate in Set(points.map { settings[$0].learningRate }).sorted() {
      let asked = points.filter { settings[$0].learningRate == rate }
      var specification = specification
      specification.seed = seed
      specification.learningRate = rate
      specification.epochs = asked.map { settings[$0].epochs }.max()!
      let run = try TrainingRun(
        specification: specification, examples: examples, pipeline: pipeline,
        provenance: TrainingProvenance(trainingRecordings: [], trainedOnSynthetic: false), parent: parent,
        threads: threads)
      while !run.isFinished {
        try run.runEpoch { _ in try checkStop() }
        for point in asked where settings[point].epochs == run.history.count {
          results[point] = try scores(of: scored, by: Classifier(run.finish()))
        }
      }
    }
    return points.map { results[$0]! }
  }

  private func scores(of patients: [Int], by classifier: Classifier) throws -> [Double] {
    let channels = Array(0..<LeadSet.standardTwelve.channelCount)
    let all = patients.flatMap { patient in beats[patient].map { ($0.image, channels, $0.features) } }
    let logits = try classifier.score(all, threads: threads).map { PatientScore.logitDifference($0.logits) }
    var next = 0
    return patients.map { patient in
      let own = logits[next..<next + beats[patient].count]
      next += own.count
      return own.reduce(0) { $0 + Double($1) } / Double(own.count)
    }
  }
}

/// One beat as the networks read it.
package struct TransferBeat: Sendable {
  package let image: SpectrogramImage
  package let features: BeatFeatures

  package init(image: SpectrogramImage, features: BeatFeatures) {
    self.image = image
    self.features = features
  }
}

extension TransferRecording {
  /// Images of at most `most` beats, spread evenly over the recording.
  package func images(by transform: SpectrogramTransform, most: Int) -> [TransferBeat] {
    let count = min(most, beats.count)
    return (0..<count).map { place in
      let beat = beats[place * beats.count / count]
      return TransferBeat(
        image: transform.image(of: beat.samples, rPeakOffset: beat.rPeakOffset), features: beat.features)
    }
  }
}
