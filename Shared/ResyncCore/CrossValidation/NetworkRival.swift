/// A network made anew on each training part, and classical models on what it makes of the beats.
package struct NetworkRival: Sendable {
  /// Nothing is held out: the number of epochs is fixed beforehand.
  package let specification: TrainingSpecification
  /// Its trunk is where training starts; nil for training from scratch.
  package let parent: ModelArtifact?
  package let inflation: LeadInflation
  package let threads: Int

  /// The network itself, then each classical model on its pooled features.
  package static let heads = ["network"] + ClassicalModel.heads.map { "deep-features-" + $0.rawValue }

  /// - Precondition: a specification for `crt-response` that holds nothing out.
  package init(
    _ specification: TrainingSpecification, parent: ModelArtifact?, inflation: LeadInflation = .mean, threads: Int
  ) {
    precondition(
      specification.task == .crtResponse && specification.validationShare == 0, "nothing may be held out of training")
    self.specification = specification
    self.parent = parent
    self.inflation = inflation
    self.threads = threads
  }

  /// Scores of patients by a network made of others, one list for each of `heads`.
  ///
  /// The network's score is the mean logit difference over a patient's beats; of a patient without beats it is 0. The
  /// classical models read the mean of the pooled features.
  /// - Parameter between: called after each step; what it throws ends the training.
  /// - Throws: `ModelError`.
  package func scores(
    _ cohort: CohortBeats, training: [Int], scored: [Int], seed: UInt64, between: () throws -> Void
  ) throws -> [[Double]] {
    let classifier = try classifier(
      training.flatMap { cohort.examples[$0] }, pipeline: cohort.pipeline, seed: seed, between: between)
    let network = try scores(cohort, scored, by: classifier)
    let known = try DeepFeatures.table(classifier, cohort, training, threads: threads)
    let asked = try DeepFeatures.table(classifier, cohort, scored, threads: threads)
    return try [network]
      + ClassicalModel.heads.map {
        try $0.scores(fitting: known, labels: training.map { cohort.labels[$0] }, of: asked, seed: seed)
      }
  }

  /// The network's alone.
  package func scores(_ cohort: CohortBeats, _ scored: [Int], by classifier: Classifier) throws -> [Double] {
    try scored.map { patient in
      let beats = try classifier.score(cohort.beats(of: patient), threads: threads)
      return beats.reduce(0) { $0 + Double(PatientScore.logitDifference($1.logits)) } / Double(max(1, beats.count))
    }
  }

  /// AUC of the network on each inner fold of a training part, trained on the others: what choices may be made by.
  /// - Throws: `ModelError`; what `between` throws.
  package func innerAUCs(
    _ cohort: CohortBeats, training: [Int], folds: Int, seed: UInt64, between: () throws -> Void
  ) throws -> [Double] {
    var seeds = SeededGenerator(seed: seed)
    let inner = try RepeatedFolds.stratified(training.map { cohort.labels[$0] }, folds: folds, seed: seeds.next())
    return try inner.map { held in
      let out = Set(held)
      let rest = training.indices.filter { !out.contains($0) }.flatMap { cohort.examples[training[$0]] }
      let scored = held.map { training[$0] }
      let classifier = try classifier(rest, pipeline: cohort.pipeline, seed: seeds.next(), between: between)
      return try ROCCurve(
        scores: scores(cohort, scored, by: classifier), labels: scored.map { cohort.labels[$0] }
      ).auc
    }
  }

  /// Trains on the given beats.
  package func classifier(
    _ examples: [TrainingExample], pipeline: PipelineConfiguration, seed: UInt64, between: () throws -> Void
  ) throws -> Classifier {
    try Classifier(model(examples, pipeline: pipeline, seed: seed, between: between))
  }

  /// The same before it is made ready to score.
  package func model(
    _ examples: [TrainingExample], pipeline: PipelineConfiguration, seed: UInt64, between: () throws -> Void
  ) throws -> ModelArtifact {
    var specification = specification
    specification.seed = seed
    let run = try TrainingRun(
      specification: specification, examples: examples, pipeline: pipeline,
      provenance: TrainingProvenance(trainingRecordings: [], trainedOnSynthetic: true), parent: parent,
      inflation: inflation, threads: threads)
    while !run.isFinished { try run.runEpoch { _ in try between() } }
    return try run.finish { _ in try between() }
  }
}

/// A network's pooled features of patients.
package enum DeepFeatures {
  /// Mean over each patient's beats, [patient, feature]; NaN for a patient without beats.
  package static func table(
    _ classifier: Classifier, _ cohort: CohortBeats, _ patients: [Int], threads: Int
  ) throws -> FeatureTable {
    let count = classifier.featureCount
    let leadSet = classifier.metadata.leadSet
    return FeatureTable(
      featureCount: count,
      rows: try patients.map { patient in
        let beats = cohort.beats(of: patient, leadSet: leadSet)
        let flat = try classifier.features(beats, threads: threads)
        return (0..<count).map { feature in
          beats.indices.reduce(0) { $0 + Double(flat[$1 * count + feature]) } / Double(beats.count)
        }
      })
  }

  /// Features of a trunk that no patient of the cohort has touched: a network of one lead reads each of the twelve, and
  /// the features of all leads stand side by side, [patient, lead × feature].
  package static func ofEachLead(
    _ classifier: Classifier, _ cohort: CohortBeats, threads: Int
  ) throws -> FeatureTable {
    precondition(classifier.metadata.leadSet == .single, "a trunk of one lead")
    let count = classifier.featureCount
    let rows = try cohort.examples.map { beats in
      try Lead.allCases.indices.flatMap { lead in
        let flat = try classifier.features(beats.map { ($0.image, [lead], $0.features) }, threads: threads)
        return (0..<count).map { feature in
          beats.indices.reduce(0) { $0 + Double(flat[$1 * count + feature]) } / Double(beats.count)
        }
      }
    }
    return FeatureTable(featureCount: count * Lead.allCases.count, rows: rows)
  }
}
