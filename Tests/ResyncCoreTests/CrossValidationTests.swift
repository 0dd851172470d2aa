import Foundation
import ResyncCore
import Testing

@Suite("Cross-validation")
struct CrossValidationTests {
  private let labels = (0..<71).map { $0 % 71 < 46 }

  @Test("each repetition tries every patient once, with the outcomes spread evenly, and repeats with its seed")
  func folds() throws {
    let plan = RepeatedFolds(seed: 3)
    for repetition in [0, 1, 19] {
      let folds = try plan.folds(of: repetition, labels: labels)
      #expect(folds.flatMap(\.test).sorted() == Array(labels.indices))
      for fold in folds {
        #expect(fold.test.count { !labels[$0] } == 5 && (9...10).contains(fold.test.count { labels[$0] }))
        #expect((fold.training + fold.test).sorted() == Array(labels.indices))
      }
      #expect(try plan.folds(of: repetition, labels: labels) == folds)
    }
    #expect(
      try plan.folds(of: 0, labels: labels).map(\.test) != plan.folds(of: 1, labels: labels).map(\.test))
    #expect(throws: ModelError.self) { try plan.folds(of: 0, labels: [true, true, true, true, true, false]) }
  }

  @Test("a model is made of training patients alone, and every inner score is of a patient left out")
  func nesting() throws {
    let fold = try RepeatedFolds().folds(of: 2, labels: labels)[1]
    var calls: [(training: [Int], scored: [Int])] = []
    _ = try NestedValidation(innerFolds: 4).predictions(fold, labels: labels, heads: 1) { training, scored, _ in
      calls.append((training, scored))
      return [scored.map { Double($0) }]
    }
    #expect(calls.allSatisfy { Set($0.training).isDisjoint(with: $0.scored) })
    #expect(calls.allSatisfy { Set($0.training).isDisjoint(with: fold.test) })
    #expect(calls.dropLast().flatMap(\.scored).sorted() == fold.training && calls.count == 5)
    #expect(calls.last!.training == fold.training && calls.last!.scored == fold.test)
  }

  @Test("no rival looks at a test patient's outcome", arguments: TableRival.allCases)
  func noLeak(rival: TableRival) throws {
    var variables = CohortFixture.variables
    let fold = try RepeatedFolds().folds(of: 0, labels: variables.labels)[0]
    let before = try rival.predictions(fold, variables: variables, validation: .init())
    for patient in fold.test { variables.labels[patient].toggle() }
    var after = try rival.predictions(fold, variables: variables, validation: .init())
    for index in after.patients.indices { after.patients[index].responded.toggle() }
    #expect(after == before)
  }

  /// Scores without anything else.
  private func predictions(
    _ scores: [(patient: Int, responded: Bool, score: Double)], repetition: Int = 0, fold: Int = 0
  ) -> FoldPredictions {
    FoldPredictions(
      repetition: repetition, fold: fold, threshold: 0.5,
      patients: scores.map {
        PatientPrediction(
          patient: $0.patient, responded: $0.responded, score: $0.score, probability: $0.score, interval: 0...1,
          decision: $0.score >= 0.5, threshold: 0.5)
      })
  }

  @Test("AUC compares patients of one fold only")
  func withinFolds() throws {
    let folds = [
      predictions([(0, true, 0.2), (1, false, 0.1), (2, false, 0.15)]),
      predictions([(3, true, 0.9), (4, false, 0.8)], fold: 1),
    ]
    let figures = try CrossValidationFigures(folds, bootstrap: .init(resamples: 20))
    #expect(figures.auc?.value == 1)
    #expect(PatientTally(folds).auc([0, 0, 1, 3]) == 1 && PatientTally(folds).auc([0, 4]) == nil)
  }

  @Test("accuracy, sensitivity and specificity are those of the pooled counts")
  func counts() throws {
    let folds = [
      predictions([(0, true, 0.9), (1, false, 0.7), (2, true, 0.2)]),
      predictions([(0, true, 0.9), (1, false, 0.1), (2, true, 0.8)], repetition: 1),
    ]
    let figures = try CrossValidationFigures(folds, bootstrap: .init(resamples: 20))
    #expect(figures.counts == BinaryCounts(truePositive: 3, trueNegative: 1, falsePositive: 1, falseNegative: 1))
    #expect(figures.rates == (try ReportedRates(accuracy: 4 / 6, sensitivity: 0.75, specificity: 0.5)))
    #expect(figures.accuracy?.value == figures.rates?.accuracy && figures.specificity?.value == 0.5)
    #expect(figures.coverage == 0 && figures.countsWhenDecided.total == 0)
  }

  @Test("a stored triple that cannot be is refused")
  func storedRates() throws {
    let good = try ReportedRates(BinaryCounts(truePositive: 44, trueNegative: 12, falsePositive: 13, falseNegative: 2))
    let stored = try JSONEncoder().encode(good)
    #expect(try JSONDecoder().decode(ReportedRates.self, from: stored) == good)
    let paper = #"{"accuracy":0.721,"sensitivity":0.783,"specificity":0.792}"#
    #expect(throws: ModelError.self) { try JSONDecoder().decode(ReportedRates.self, from: Data(paper.utf8)) }
  }

  @Test("calling everyone by the larger outcome has the accuracy of its share and orders nobody")
  func majority() throws {
    let variables = CohortFixture.variables
    let folds = try RepeatedFolds().folds(of: 0, labels: variables.labels)
    let predictions = try folds.map {
      try TableRival.majority.predictions($0, variables: variables, validation: .init())
    }
    let figures = try CrossValidationFigures(predictions, bootstrap: .init(resamples: 20))
    let share = Double(variables.labels.count { $0 }) / Double(variables.labels.count)
    #expect(figures.auc?.value == 0.5 && figures.rates?.accuracy == share && figures.rates?.specificity == 0)
  }

  @Test("scores that run against the outcome give everyone the base rate, never the scores reversed")
  func reversed() throws {
    let calibration = try ScoreCalibration(scores: [1, 2, 3, 4, 5, 6], labels: [true, true, true, true, false, false])
    let predictions = [0.0, 7].map { calibration.prediction(patient: 0, responded: true, score: $0) }
    #expect(predictions[0].probability == predictions[1].probability)
    #expect(abs(predictions[0].probability! - (4 * 5 / 6 + 2 / 4) / 6) < 1e-6, "the mean of Platt's softened targets")
    #expect(predictions.allSatisfy { $0.decision == true })
  }

  @Test("a decision is withheld when its interval holds the threshold")
  func withheld() throws {
    let labels = (0..<40).map { $0 >= 20 }
    let scores = labels.indices.map { Double($0) + ($0 == 18 ? 3.5 : $0 == 21 ? -3.5 : 0) }
    let calibration = try ScoreCalibration(scores: scores, labels: labels)
    let predictions = [0.0, 19.6, 39].map { calibration.prediction(patient: 0, responded: true, score: $0) }
    #expect(predictions.map(\.isWithheld) == [false, true, false])
    #expect(predictions.map(\.decision).first == false && predictions.last?.decision == true)
  }

  @Test("a rule that cannot be assessed in a patient decides nothing there and is counted so")
  func notAssessable() throws {
    let fold = try RepeatedFolds().folds(of: 0, labels: labels)[0]
    var rule = FixedRule(scores: labels.map { $0 ? 1 : 0 }, threshold: 0.5)
    rule.scores[fold.test[0]] = nil
    rule.scores[fold.training[0]] = nil
    let predictions = try rule.predictions(fold, labels: labels)
    #expect(predictions.patients[0].decision == nil && predictions.patients[0].isWithheld)
    let figures = try CrossValidationFigures([predictions], bootstrap: .init(resamples: 20))
    #expect(figures.notAssessable == 1 && figures.counts.total == fold.test.count - 1)
  }

  @Test("models are compared on the same folds only, McNemar's test on the first repetition alone")
  func differences() throws {
    let right = (0..<2).map { repetition in
      predictions([(0, true, 0.9), (1, false, 0.1), (2, true, 0.8), (3, false, 0.3)], repetition: repetition)
    }
    let wrong = (0..<2).map { repetition in
      predictions([(0, true, 0.4), (1, false, 0.6), (2, true, 0.9), (3, false, 0.2)], repetition: repetition)
    }
    let difference = try ModelDifference(right, against: wrong, folds: 5, bootstrap: .init(resamples: 50))
    #expect(difference.mcNemar.pValue == 0.5, "two patients to none, and not four")
    #expect(difference.accuracy?.value == 0.5 && difference.auc?.value == 0.25)
    #expect(throws: ModelError.self) { try ModelDifference(right, against: [wrong[0]], folds: 5) }
    let others = (0..<2).map { predictions([(5, true, 0.4), (6, false, 0.6)], repetition: $0) }
    #expect(throws: ModelError.self) { try ModelDifference(right, against: others, folds: 5) }
  }

  @Test("a table says what its number of patients can tell")
  func notes() {
    let notes = PerformanceTable.notes(patients: 71, responders: 46).joined(separator: "\n")
    #expect(notes.contains("accuracy of .72 is 0.053") && notes.contains("AUC of .70 0.06"))
    #expect(notes.contains("accuracy 0.648"))
  }
}

/// A small simulated cohort, measured once.
enum CohortFixture {
  static let patients = CohortSimulator(seed: 11).cohort(size: 36, responders: 22)
  static let variables = CohortVariables(
    patients,
    ecg: patients.map { patient in
      let samples = patient.recipe.recording(seconds: 6, sampleRateHz: 500).samples
      let measures = try? AnalysedRecording(samples, leads: Lead.allCases, nativeHz: 500).measures
      return CohortVariables.ECG(measures)
    })
}
