/// What a cross-validation by beat gives, with beats of one patient on both sides. A diagnostic of that leak and no
/// result: on a cohort whose outcome depends on nothing it still finds one.
package struct LeakyDiagnostic: Codable, Hashable, Sendable {
  /// Beats, not patients.
  package let counts: BinaryCounts
  package let auc: Double
  package let beats: Int

  /// Splits all beats into folds without regard to patients.
  ///
  /// - Throws: `ModelError`; what `between` throws.
  package init(
    _ cohort: CohortBeats, rival: NetworkRival, folds: Int, seed: UInt64, between: () throws -> Void
  ) throws {
    let examples = cohort.examples.flatMap { $0 }
    let labels = examples.map { $0.label == 1 }
    let channels = LeadSet.standardTwelve.channels(from: Lead.allCases)!
    var counts = BinaryCounts()
    var (won, pairs) = (0.0, 0.0)
    for (number, test) in try RepeatedFolds.stratified(labels, folds: folds, seed: seed).enumerated() {
      let held = Set(test)
      let classifier = try rival.classifier(
        examples.indices.filter { !held.contains($0) }.map { examples[$0] }, pipeline: cohort.pipeline,
        seed: seed &+ UInt64(number), between: between)
      let scores = try classifier.score(
        test.map { (examples[$0].image, channels, examples[$0].features) }, threads: rival.threads
      ).map { Double(PatientScore.logitDifference($0.logits)) }
      let truth = test.map { labels[$0] }
      counts = counts + BinaryCounts(scores: scores, labels: truth, threshold: 0)
      let weight = Double(truth.count { $0 } * truth.count { !$0 })
      won += weight * (try ROCCurve(scores: scores, labels: truth).auc)
      pairs += weight
    }
    self.counts = counts
    auc = won / pairs
    beats = examples.count
  }
}
