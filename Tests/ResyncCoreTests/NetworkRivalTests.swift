import ResyncCore
import Testing

@Suite("Networks of the cohort")
struct NetworkRivalTests {
  private static let extracted: [[ExtractedBeat]] = CohortFixture.patients.prefix(14).map { patient in
    let samples = patient.recipe.recording(seconds: 6, sampleRateHz: 500).samples
    return (try? AnalysedRecording(samples, leads: Lead.allCases, nativeHz: 500).beats) ?? []
  }
  private let pipeline = PipelineConfiguration()

  private func cohort(_ beats: [[ExtractedBeat]] = extracted, labels: [Bool]? = nil, most: Int = 2) throws
    -> CohortBeats
  {
    try CohortBeats(beats, labels: labels ?? beats.indices.map { $0 % 3 != 0 }, most: most, pipeline: pipeline)
  }

  private var specification: TrainingSpecification {
    var specification = TrainingSpecification(task: .crtResponse)
    specification.validationShare = 0
    specification.widthMultiplier = 0.125
    specification.epochs = 1
    return specification
  }

  @Test("of each patient so many beats are taken, evenly over the recording and none that is ectopic or poor")
  func choice() throws {
    var beats = Self.extracted
    beats[0][0].ectopicSuspected = true
    beats[0][1].qualityPassed = false
    beats[1] = beats[1].map { beat in
      var beat = beat
      beat.qualityPassed = false
      return beat
    }
    beats[2] = []
    let examples = try cohort(beats, most: 3).examples
    #expect(examples.map(\.count) == beats.map { min(3, $0.count) })
    let ids = examples[0].map(\.id)
    #expect(!ids.contains("0:\(beats[0][0].rPeakSample)") && !ids.contains("0:\(beats[0][1].rPeakSample)"))
    let usable = beats[3].filter { $0.qualityPassed && !$0.ectopicSuspected }
    #expect(usable.count > 3 && examples[3][1].id == "3:\(usable[usable.count / 3].rPeakSample)")
    #expect(examples.joined().allSatisfy { $0.image.leadCount == 12 })
  }

  @Test("what choices are made by sees the training patients alone, one AUC for each inner fold")
  func innerFolds() throws {
    let rival = NetworkRival(specification, parent: nil, threads: 1)
    let labels = (0..<14).map { $0 % 3 != 0 }
    let others = labels.indices.map { $0 < 10 ? labels[$0] : !labels[$0] }
    func aucs(_ labels: [Bool]) throws -> [Double] {
      try rival.innerAUCs(cohort(labels: labels), training: Array(0..<10), folds: 2, seed: 3) {}
    }
    let found = try aucs(labels)
    #expect(found.count == 2 && found.allSatisfy { (0...1).contains($0) })
    #expect(try aucs(others) == found)
    let changed = labels.indices.map { $0 == 0 ? !labels[$0] : labels[$0] }
    #expect(try aucs(changed) != found)
  }

  @Test("a network and the models on its features see no outcome of those they score, and repeat with their seed")
  func noLeak() throws {
    let rival = NetworkRival(specification, parent: nil, threads: 1)
    let labels = (0..<14).map { $0 % 3 != 0 }
    let others = labels.indices.map { $0 < 10 ? labels[$0] : !labels[$0] }
    func scores(_ labels: [Bool], seed: UInt64) throws -> [[Double]] {
      try rival.scores(
        cohort(labels: labels), training: Array(0..<10), scored: Array(10..<14), seed: seed, between: {})
    }
    let first = try scores(labels, seed: 4)
    #expect(try scores(others, seed: 4) == first)
    #expect(try scores(labels, seed: 5) != first)
    #expect(first.count == NetworkRival.heads.count && first.allSatisfy { $0.count == 4 && $0.allSatisfy(\.isFinite) })
  }

  @Test("a patient without a beat has a score all the same: none by the network, the median's by the models")
  func withoutBeats() throws {
    var beats = Self.extracted
    beats[10] = []
    let rival = NetworkRival(specification, parent: nil, threads: 1)
    let scores = try rival.scores(
      cohort(beats), training: Array(0..<10), scored: [10, 11], seed: 1, between: {})
    #expect(scores[0][0] == 0 && scores[0][1] != 0 && scores.allSatisfy { $0.allSatisfy(\.isFinite) })
  }

  @Test("a frozen trunk of one lead gives features of each lead, side by side")
  func frozen() throws {
    var specification = TrainingSpecification(task: .beatClass)
    (specification.validationShare, specification.widthMultiplier, specification.epochs) = (0, 0.125, 1)
    let cohort = try cohort()
    let examples = cohort.examples.joined().enumerated().map { index, example in
      var example = example
      example.image = example.image.selecting([1])
      example.label = index % 2
      return example
    }
    let run = try TrainingRun(
      specification: specification, examples: examples, pipeline: pipeline,
      provenance: .init(trainingRecordings: [], trainedOnSynthetic: true), threads: 1)
    try run.runEpoch()
    let classifier = try Classifier(run.finish())
    let table = try DeepFeatures.ofEachLead(classifier, cohort, threads: 1)
    let count = classifier.featureCount
    #expect(table.exampleCount == 14 && table.featureCount == 12 * count)
    let second = try classifier.features(cohort.examples[5].map { ($0.image, [1], $0.features) }, threads: 1)
    let mean = (0..<count).map { (Double(second[$0]) + Double(second[count + $0])) / 2 }
    #expect(Array(table[5]).dropFirst(count).prefix(count).elementsEqual(mean))
  }

  @Test("the leaky diagnostic counts beats, and each once")
  func leaky() throws {
    let cohort = try cohort()
    let leaky = try LeakyDiagnostic(
      cohort, rival: NetworkRival(specification, parent: nil, threads: 1), folds: 3, seed: 1, between: {})
    #expect(leaky.beats == 28 && leaky.counts.total == 28)
    #expect(leaky.counts.truePositive + leaky.counts.falseNegative == 2 * cohort.labels.count { $0 })
  }

  @Test("AUCs of models with nothing to find must lie about one half, and a few alike do not narrow that")
  func chance() {
    #expect(ChanceCheck([0.42, 0.55, 0.6, 0.44]).isPassed && !ChanceCheck([0.7, 0.74, 0.66, 0.72]).isPassed)
    #expect(!ChanceCheck([0.3, 0.34, 0.26, 0.28]).isPassed)
    #expect(ChanceCheck([0.56, 0.56, 0.56]).isPassed)
    #expect(abs(ChanceCheck([0.5]).standardError - 0.072) < 1e-12)
  }
}
