import Foundation
import ResyncCore
import Testing

@Suite("Transfer on PTB-XL")
struct TransferTests {
  private func entry(
    _ record: Int, patient: String? = nil, codes: String, fold: Int = 1, sex: String = "0", device: String = "CS-12   E"
  ) -> PTBXLEntry {
    PTBXLEntry(row: [
      "ecg_id": "\(record)", "patient_id": patient ?? "p\(record)", "strat_fold": "\(fold)", "scp_codes": codes,
      "age": "300.0", "sex": sex, "device": device, "filename_lr": "records100/\(record)",
    ])!
  }

  @Test("a row of PTB-XL gives codes, sex, the recorder's family, and 90 for the age above 89")
  func row() {
    let entry = entry(7, codes: "{'CLBBB': 100.0, 'SR': 0.0}", sex: "1")
    #expect(entry.codes == ["CLBBB", "SR"])
    #expect(entry.sex == .female && entry.device == "CS-12" && entry.age == 90 && entry.record == 7)
    #expect(PTBXLEntry(row: ["ecg_id": "7", "patient_id": "", "strat_fold": "1", "filename_lr": "a"]) == nil)
  }

  @Test("a patient counts once, with the first record of the block, and not at all with two different blocks")
  func patients() {
    let entries = [
      entry(4, patient: "a", codes: "{'CRBBB': 100.0, 'IMI': 50.0}"), entry(2, patient: "a", codes: "{'NORM': 100.0}"),
      entry(5, patient: "a", codes: "{'CRBBB': 100.0}"), entry(6, patient: "b", codes: "{'IVCD': 100.0}"),
      entry(7, patient: "b", codes: "{'CLBBB': 100.0}"), entry(8, codes: "{'IVCD': 100.0}"),
      entry(9, codes: "{'CLBBB': 100.0}", sex: "1"),
    ]
    let infarction = TransferTask.infarction.patients(entries.reversed())
    #expect(infarction.map(\.record) == [4, 8] && infarction.map(\.label) == [true, false])
    #expect(TransferTask.block.patients(entries).map(\.label) == [false, false, true])
    #expect(TransferTask.sex.patients(entries).map(\.record) == [9])
  }

  private func cohort(_ count: Int = 600) -> [TransferPatient] {
    var generator = SeededGenerator(seed: 3)
    return (0..<count).map { record in
      let block = ConductionBlock.allCases[Int.random(in: 1...2, using: &generator)]
      let device = ["A", "B", "C"][Int.random(in: 0...2, using: &generator)]
      // The label leans on block and device, which a draw must undo.
      let label = generator.uniform() < (block == .right ? 0.7 : 0.3) + (device == "A" ? 0.2 : 0)
      return TransferPatient(
        record: record, label: label, fold: 1 + record % 8, stratum: "\(block.rawValue) \(device)", block: block)
    }
  }

  private func draw(_ patients: [TransferPatient], seed: UInt64, permutes: Bool = false) throws -> TransferDraw {
    try TransferDraw(
      number: 0, of: patients, pool: patients.indices.filter { patients[$0].fold <= 6 }, positives: 46, negatives: 25,
      permutes: permutes, seed: seed)
  }

  @Test("a draw holds 46 and 25 patients of the pool, and both classes have the same mix of strata")
  func draws() throws {
    let patients = cohort()
    let draw = try draw(patients, seed: 1)
    #expect(draw.training.count == 71 && Set(draw.training).count == 71)
    #expect(draw.training.allSatisfy { patients[$0].fold <= 6 })
    #expect(draw.labels == draw.training.map { patients[$0].label } && draw.labels.count { $0 } == 46)
    for stratum in Set(patients.map(\.stratum)) {
      let own = draw.training.filter { patients[$0].stratum == stratum }
      let positives = Double(own.count { patients[$0].label }) / 46
      let negatives = Double(own.count { !patients[$0].label }) / 25
      #expect(abs(positives - negatives) < 1 / 46.0 + 1 / 25.0)
    }
    #expect(try self.draw(patients, seed: 1) == draw)
    #expect(try self.draw(patients, seed: 2).training != draw.training)
  }

  @Test("a permuted draw has the patients of the draw of the same seed, as many positives, and other labels")
  func permuted() throws {
    let patients = cohort()
    let (plain, permuted) = (try draw(patients, seed: 1), try draw(patients, seed: 1, permutes: true))
    #expect(plain.training == permuted.training && plain.labels != permuted.labels)
    #expect(permuted.labels.count { $0 } == 46)
  }

  @Test("folds of a draw hold 9 or 10 positives and 5 negatives each")
  func folds() throws {
    let draw = try draw(cohort(), seed: 4)
    for fold in 0..<5 {
      let own = draw.folds.indices.filter { draw.folds[$0] == fold }
      #expect((9...10).contains(own.count { draw.labels[$0] }))
      #expect(own.count { !draw.labels[$0] } == 5)
    }
  }

  @Test("too small a pool is refused")
  func smallPool() {
    #expect(throws: ModelError.self) { try draw(cohort(80), seed: 1) }
  }

  @Test("among the test patients of T1 the block tells nothing of the label, and none is of a training fold")
  func testPatients() {
    let patients = cohort()
    let test = TransferTest.patients(patients, folds: [7, 8], task: .infarction, seed: 5)
    #expect(!test.isEmpty && test.allSatisfy { patients[$0].fold >= 7 })
    for block in ConductionBlock.allCases {
      let own = test.filter { patients[$0].block == block }
      #expect(own.count { patients[$0].label } * 2 == own.count)
    }
  }

  /// Scores by a known column at one point of its grid, by chance at the other.
  private struct Stub: TransferLearner {
    let truth: [Double]
    var grid: [String] { ["noise", "truth"] }
    func scores(training: [Int], labels: [Bool], scored: [Int], points: [Int], seed: UInt64) throws -> [[Double]] {
      points.map { point in
        var generator = SeededGenerator(seed: seed)
        return scored.map { point == 1 ? truth[$0] : generator.gaussian() }
      }
    }
  }

  @Test("the training patients choose the better point of the grid, and the test patients are scored by it")
  func selection() throws {
    let patients = cohort()
    let learner = Stub(truth: patients.map { $0.label ? 1 : -1 })
    let test = TransferTest.patients(patients, folds: [7, 8], task: .infarction, seed: 5)
    let result = try TransferProtocol.evaluate(
      learner, draw: draw(patients, seed: 1), test: test, testLabels: test.map { patients[$0].label }, seed: 9)
    #expect(result.chosen == "truth" && result.testAUC == 1 && result.crossValidatedAUC == 1)
    #expect(abs(result.threshold - 0.5) < 1e-9)
    #expect(result.counts.falsePositive == 0 && result.counts.falseNegative == 0)
  }

  @Test("the cross-validated figure of pure noise is not lifted by choosing among many points")
  func honestEstimate() throws {
    struct Noise: TransferLearner {
      var grid: [String] { (0..<20).map { "\($0)" } }
      func scores(training: [Int], labels: [Bool], scored: [Int], points: [Int], seed: UInt64) throws -> [[Double]] {
        points.map { point in
          var generator = SeededGenerator(seed: seed &* 31 &+ UInt64(point))
          return scored.map { _ in generator.gaussian() }
        }
      }
    }
    let patients = cohort()
    let test = TransferTest.patients(patients, folds: [7, 8], task: .infarction, seed: 5)
    let figures = try (0..<60).map { number in
      try TransferProtocol.evaluate(
        Noise(), draw: draw(patients, seed: UInt64(number)), test: test, testLabels: test.map { patients[$0].label },
        seed: UInt64(number) &* 1000
      ).crossValidatedAUC
    }
    #expect(abs(figures.reduce(0, +) / 60 - 0.5) < 0.04)
  }

  @Test("the interval of a difference covers a true difference, and one of equal models is 0")
  func statistics() {
    var generator = SeededGenerator(seed: 8)
    let labels = (0..<120).map { $0 % 2 == 0 }
    func scores(_ separation: Double) -> [[Double]] {
      (0..<10).map { _ in labels.map { ($0 ? separation : 0) + generator.gaussian() } }
    }
    let (strong, weak) = (scores(2), scores(0))
    let statistics = TransferStatistics(labels: labels, bootstrap: Bootstrap(resamples: 300, seed: 1))
    // Φ(2 / √2) = .921.
    let auc = statistics.auc(strong)
    #expect(abs(auc.value - 0.921) < 0.03 && auc.lower < auc.value && auc.value < auc.upper)
    #expect(auc.pValue < 0.01)
    #expect(statistics.auc(weak).lower < 0.5 && statistics.auc(weak).upper > 0.5)
    let difference = statistics.difference(strong, minus: weak)
    #expect(difference.lower > 0.3 && difference.upper < 0.55)
    let none = statistics.difference(strong, minus: strong)
    #expect(none.value == 0 && none.lower == 0 && none.upper == 0 && none.pValue == 1)
  }

  @Test("principal components of a cloud along one direction find it, and its variance")
  func components() throws {
    var generator = SeededGenerator(seed: 2)
    let rows = (0..<40).map { _ -> [Double] in
      let (a, b) = (3 * generator.gaussian(), 0.1 * generator.gaussian())
      return [1 + a * 0.6 - b * 0.8, 2 + a * 0.8 + b * 0.6, 5]
    }
    let table = FeatureTable(featureCount: 3, rows: rows)
    let components = try PrincipalComponents(fitting: table, count: 5)
    #expect(components.axes.count == 2)
    let axis = components.axes[0]
    #expect(abs(abs(axis[0]) - 0.6) < 0.05 && abs(abs(axis[1]) - 0.8) < 0.05 && abs(axis[2]) < 1e-9)
    let length = axis.reduce(0) { $0 + $1 * $1 }
    #expect(abs(length - 1) < 1e-9)
    let projected = components.projected(table).column(0)
    #expect(abs(projected.reduce(0, +)) < 1e-9)
    #expect(projected.map(abs).max()! > 3)
  }

  private static let registered = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../docs/prereg.json")

  @Test("the registered file is read, and one with another space in it is refused")
  func registration() throws {
    let bytes = try Data(contentsOf: Self.registered)
    let plan = try Preregistration(registered: bytes)
    #expect(plan.draws.count == 30 && plan.lockedFolds == [7, 8])
    #expect(Set(plan.draws.folds).isDisjoint(with: plan.lockedFolds))
    #expect(plan.networks.contains { $0.depth == plan.endpoint.depth && $0.tasks.contains(plan.endpoint.task) })
    #expect(throws: ModelError.self) { try Preregistration(registered: bytes + Data(" ".utf8)) }
  }

  @Test("an opening is one line of JSON")
  func opening() throws {
    let line = LockedOpening(time: "t", purpose: "a\nb", preregistration: nil).line
    #expect(line.filter { $0 == 10 }.count == 1 && line.last == 10)
    #expect(try JSONDecoder().decode(LockedOpening.self, from: line).purpose == "a\nb")
  }

  @Test(
    "a summary joins parts, compares with scratch on common draws only, and leaves the endpoint out of Holm's family")
  func summary() throws {
    var generator = SeededGenerator(seed: 8)
    let labels = (0..<60).map { $0 % 2 == 0 }
    func part(_ arm: TransferArm, draws: Range<Int>, separation: Double) -> TransferArmResult {
      TransferArmResult(
        task: .infarction, arm: arm, depth: .resnet50, testRecords: Array(labels.indices), testLabels: labels,
        parentSHA256: nil,
        draws: draws.map { number in
          TransferDrawResult(
            draw: number, chosen: "", crossValidatedAUC: 0.5, testAUC: 0.5, threshold: 0.5, counts: BinaryCounts(),
            probabilities: labels.map { ($0 ? separation : 0) + generator.gaussian() })
        })
    }
    let endpoint = try Preregistration(registered: Data(contentsOf: Self.registered)).endpoint
    let summary = TransferSummary(
      [
        part(.pretrained, draws: 0..<3, separation: 3), part(.scratch, draws: 0..<4, separation: 0),
        part(.pretrained, draws: 3..<6, separation: 3), part(.shuffled, draws: 0..<4, separation: 0),
        part(.morphology, draws: 0..<4, separation: 3),
      ], endpoint: endpoint, bootstrap: Bootstrap(resamples: 400, seed: 1))
    let rows = Dictionary(uniqueKeysWithValues: summary.rows.map { ($0.arm, $0) })
    #expect(summary.rows.count == 4 && rows[.pretrained]?.draws == 6)
    #expect(rows[.scratch]?.gain == nil && rows[.pretrained]!.gain!.lower > 0.2)
    #expect(rows[.pretrained]!.isEndpoint && rows[.pretrained]!.adjustedP == nil)
    #expect(rows[.morphology]!.adjustedP == min(1, 2 * rows[.morphology]!.gain!.pValue))
    #expect(rows[.shuffled]!.adjustedP! > 0.05)
  }

  private func trained() throws -> ModelArtifact {
    let run = try MadeUp.run(MadeUp.specification(.beatClass, epochs: 1), MadeUp.beatExamples())
    try run.runEpoch()
    return try run.finish()
  }

  @Test("weights drawn with the moments of a tensor have its mean and deviation, and are others")
  func moments() throws {
    let artifact = try trained()
    let drawn = try artifact.randomised(keepsMoments: true, seed: 3)
    let (own, new) = (artifact.tensors["layer1.0.conv1.weight"]!.values, drawn.tensors["layer1.0.conv1.weight"]!.values)
    func moments(_ values: [Float]) -> (mean: Float, deviation: Float) {
      let mean = values.reduce(0, +) / Float(values.count)
      return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(values.count)).squareRoot())
    }
    #expect(own != new && abs(moments(own).mean - moments(new).mean) < 0.3 * moments(own).deviation)
    #expect(abs(moments(new).deviation / moments(own).deviation - 1) < 0.2)
    #expect(try artifact.randomised(keepsMoments: true, seed: 3).tensors == drawn.tensors)
  }

  @Test(
    "of a record the shuffled source has the images and the number of each label of AAMI, and other labels of images")
  func shuffledSource() throws {
    let transform = try SpectrogramTransform(pipeline: MadeUp.pipeline)
    let symbols = ["N", "V", "L", "A"]
    let signal = TwelveLeadFixtures.samples(.leftBundleBranchBlock, 150)
    let beat = try BeatExtractor.beats(of: Array(signal[..<2]), rateHz: 500, leads: [.I, .II]).beats[3]
    let beats = (0..<80).map { number in
      var copy = beat
      copy.samples[number % 2][number + 20] += 1
      copy.referenceSymbol = symbols[number % 4]
      return copy
    }
    func examples(_ source: TransferSource) -> [TrainingExample] {
      source.examples(record: "r", beats: beats, transform: transform, most: 10, seed: 1)
    }
    let (plain, shuffled, morphology) = (examples(.aami), examples(.shuffled), examples(.morphology))
    #expect(plain.count == 30 && plain.map(\.image) == shuffled.map(\.image))
    #expect(plain.map(\.label) != shuffled.map(\.label))
    #expect(plain.map(\.label).sorted() == shuffled.map(\.label).sorted())
    #expect(morphology.count == 30 && Set(morphology.map(\.label)) == [0, 1, 3])
  }

  @Test("frozen features of twelve equal leads are the same inflated, pooled, and in each part side by side")
  func fusion() throws {
    let artifact = try trained()
    var generator = SeededGenerator(seed: 4)
    let lead = MadeUp.image(leads: 1, stripe: 2, &generator)
    let twelve = SpectrogramImage(
      leadCount: 12, rows: 24, columns: 24, values: (0..<12).flatMap { _ in lead.values })
    let beats = [[TransferBeat(image: twelve, features: MadeUp.features(1))]]
    let tables = try LeadFusion.allCases.map { try artifact.features(of: beats, fusion: $0, threads: 1) }
    let (inflated, pooled, concatenated) = (tables[0].values, tables[1].values, tables[2].values)
    #expect(concatenated.count == 12 * pooled.count && pooled.contains { $0 != 0 })
    #expect(zip(inflated, pooled).allSatisfy { abs($0 - $1) < 1e-3 })
    #expect(zip(concatenated.prefix(pooled.count), pooled).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test("a network fine-tuned on made-up patients tells unseen ones apart, at each point of the grid")
  func fineTuning() throws {
    var generator = SeededGenerator(seed: 5)
    let beats = (0..<24).map { patient in
      (0..<2).map { _ in
        TransferBeat(image: MadeUp.image(leads: 12, stripe: patient % 2, &generator), features: MadeUp.features(1))
      }
    }
    var specification = MadeUp.specification(.crtResponse)
    specification.validationShare = 0
    let learner = FineTuningLearner(
      beats: beats, pipeline: MadeUp.pipeline, specification: specification, parent: nil,
      settings: [.init(learningRate: 2e-3, epochs: 6), .init(learningRate: 2e-3, epochs: 8)], threads: 2)
    let scores = try learner.scores(
      training: Array(0..<16), labels: (0..<16).map { $0 % 2 == 1 }, scored: Array(16..<24), points: [0, 1], seed: 1)
    #expect(scores.count == 2 && scores[0] != scores[1])
    for row in scores {
      #expect(try ROCCurve(scores: row, labels: (16..<24).map { $0 % 2 == 1 }).auc > 0.9)
    }
  }
}
