import Foundation
import ResyncCore
import Store
import Study
import Testing

@Suite("The study's report")
struct StudyReportTests {
  private static let docs = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../docs")
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  private let provenance = StudyProvenance(
    generatedAt: Date(timeIntervalSince1970: 0), command: "study <b>", machine: "a machine", threads: 2,
    commit: "0123abc", program: nil, data: [.demoRecords: "feed"])

  /// Keeps a result of whatever kind the cell has, when it is of that kind.
  private func keep(_ result: some Sendable, of cell: any Cell, in store: CellStore) throws {
    func save<C: Cell>(_ cell: C) throws {
      let typed = try #require(result as? C.Result, "\(cell.name)")
      try store.save(typed, of: cell, seconds: 2, threads: 2)
    }
    try save(cell)
  }

  private func document(
    quick: Bool = true, _ fill: ([String: any Cell], CellStore) throws -> Void
  ) throws -> (ReportDocument, [StudyRunner.Outcome], StudyResults) {
    let registry = TransferRegistry(folder: Self.docs)
    let cells =
      BeatsCells.all(quick: quick) + TransferCells.cells(quick: quick, registry: registry)
      + CohortCells.all(quick: quick)
    let store = try CellStore(folder: folder)
    try fill(Dictionary(uniqueKeysWithValues: cells.map { ($0.name, $0) }), store)
    let context = StudyContext(data: nil, demoRecords: folder, cache: folder, threads: 1, write: { _ in })
    context.interrupt()
    let outcomes = try StudyRunner(store: store, context: context).run(cells)
    let results = try StudyResults(cells, store: store)
    var report = StudyReport(
      results, outcomes: outcomes, provenance: provenance, isQuick: quick, preregistration: try registry.plan())
    report.bootstrap = Bootstrap(resamples: 50)
    return (try report.document(), outcomes, results)
  }

  /// 20 patients in 3 × 5 folds, 12 of them responders; a decision is right unless the patient is among `wrong`.
  private func predictions(repetitions: Range<Int> = 0..<3, wrong: Set<Int>) -> [FoldPredictions] {
    repetitions.flatMap { repetition in
      (0..<5).map { fold in
        FoldPredictions(
          repetition: repetition, fold: fold, threshold: 0.5,
          patients: stride(from: fold, to: 20, by: 5).map { patient in
            let responded = patient < 12
            let decision = responded != wrong.contains(patient)
            let probability = decision ? 0.8 : 0.3
            return PatientPrediction(
              patient: patient, responded: responded, score: probability, probability: probability,
              interval: probability...probability, decision: decision, threshold: 0.5)
          })
      }
    }
  }

  private func cell(_ document: ReportDocument, _ section: String, _ label: String, _ column: String) -> ReportFigure? {
    document.figures.first { $0.section == section && $0.label == label && $0.column == column }
  }

  @Test("with nothing kept it lists every cell as not run, with why, and is still a page")
  func empty() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (document, outcomes, _) = try document { _, _ in }
    #expect(document.sections.map(\.id) == ["run", "not-run", "paper-table-2", "cells", "tripod-ai"])
    let page = renderHTML(document)
    let listed = document.figures.filter { $0.section == "not-run" }.reduce(0) { $0 + $1.value }
    #expect(listed == Double(outcomes.count))
    #expect(page.contains("data are missing: ptbxl, mitdb") && page.contains("not reached"))
    #expect(page.contains("study &lt;b&gt;") && page.contains("0123abc"))
  }

  @Test("Table 2 has each model's rates from the kept predictions; a model that lacks repetitions is named apart")
  func performance() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (document, _, _) = try document { cells, store in
      let tables = CohortPredictions(models: [
        TableRival.lbbb.rawValue: predictions(wrong: [0, 1, 2, 12]),
        TableRival.guidelineESC.rawValue: predictions(wrong: [0, 13]),
      ])
      try keep(tables, of: cells["cohort/substrate/tables"]!, in: store)
      for repetition in 0..<3 {
        let network = CohortPredictions(models: [
          "resnet18-pretrained": predictions(repetitions: repetition..<repetition + 1, wrong: [14])
        ])
        try keep(network, of: cells["cohort/substrate/resnet18-pretrained/repetition-\(repetition)"]!, in: store)
      }
      let partial = CohortPredictions(models: ["resnet18-scratch": predictions(repetitions: 1..<2, wrong: [])])
      try keep(partial, of: cells["cohort/substrate/resnet18-scratch/repetition-1"]!, in: store)
    }
    let table = "cohort-table-2"
    #expect(cell(document, table, "LBBB alone (Strauss)", "Accuracy")?.value == 0.8)
    #expect(cell(document, table, "LBBB alone (Strauss)", "Sensitivity")?.value == 0.75)
    #expect(cell(document, table, "ResNet-18 pretrained on MIT-BIH", "Specificity")?.value == 0.875)
    #expect(cell(document, table, "ResNet-18 pretrained on MIT-BIH", "TN")?.value == 21)
    #expect(cell(document, table, "ResNet-18 from scratch", "Accuracy") == nil)
    let page = renderHTML(document)
    #expect(page.contains("ResNet-18 from scratch (1 repetitions)"))
    #expect(page.contains("At n = 71 the power of McNemar"))
    #expect(document.sections.filter { $0.id.hasPrefix("cohort") }.allSatisfy { $0.origin == .synthetic })
    #expect(document.sections.contains { $0.id == "cohort-curves" })
  }

  /// As it would be read from a kept cell.
  private func beats(_ beatProtocol: BeatProtocol) throws -> BeatsCell.Result {
    let figures = try BeatFigures(
      beatProtocol, records: ["100", "100", "232", "232"], labels: [0, 2, 0, 1], predictions: [0, 2, 0, 0],
      bootstrap: Bootstrap(resamples: 50))
    func object(_ value: some Encodable) throws -> Any {
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(value))
    }
    let fields: [String: Any] = [
      "figures": try object(figures), "specification": try object(TrainingSpecification(task: .beatClass)),
      "pipelineID": "pipe",
      "trainings": [
        ["records": ["101"], "beats": 9, "epochs": [Int](), "fingerprint": "fp", "model": "weights"] as [String: Any]
      ],
    ]
    return try JSONDecoder().decode(
      BeatsCell.Result.self, from: JSONSerialization.data(withJSONObject: fields))
  }

  @Test("every table of beats says its protocol, and a leaky one says so")
  func beatTables() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (document, _, _) = try document { cells, store in
      try keep(try beats(.ds1ToDS2), of: cells["beats/ds1-ds2/resnet18"]!, in: store)
      try keep(try beats(.randomByBeat), of: cells["beats/random-by-beat/resnet18"]!, in: store)
      try keep(try beats(.ds1Folds), of: cells["beats/ablation/base"]!, in: store)
    }
    let sections = document.sections.filter { $0.id.hasPrefix("beats") }
    #expect(sections.map(\.id) == ["beats-ds1-ds2-resnet18", "beats-random-by-beat-resnet18", "beats-choices"])
    for (section, kind) in zip(sections, [BeatProtocol.ds1ToDS2, .randomByBeat, .ds1Folds]) {
      #expect(section.origin == .real && !section.tables.isEmpty)
      for table in section.tables {
        #expect(table.caption.contains(kind.words), "\(section.id)")
        #expect(table.caption.hasPrefix("LEAKY") == kind.leaks)
      }
    }
    #expect(cell(document, "beats-ds1-ds2-resnet18", "V", "F1")?.value == 1)
    #expect(cell(document, "beats-ds1-ds2-resnet18", "232", "S found")?.value == 0)
  }

  @Test("ways from one lead to twelve stand beside the one that Table 2 takes, and are told to be synthetic")
  func adaptation() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (document, _, _) = try document { cells, store in
      let ways = CohortAdaptationCell.Way.all.prefix(3)
      let result = CohortAdaptationCell.Result(
        ways: ways.enumerated().map { place, way in
          .init(way: way, aucs: [0.6, 0.7, 0.5, 0.8].map { $0 + 0.1 * Double(place) })
        },
        innerFolds: 2)
      try keep(result, of: cells["cohort/substrate/adaptation-resnet18"]!, in: store)
    }
    let section = try #require(document.sections.first { $0.id == "cohort-adaptation" })
    #expect(section.origin == .synthetic)
    let rows = try #require(section.tables.first).rows
    #expect(rows.map { $0[2].value.map { ($0 * 100).rounded() } } == [65, 75, 85])
    #expect(rows.map { $0[3].value.map { ($0 * 100).rounded() } } == [nil, 10, 20])
  }

  private func arm(_ arm: TransferArm, draws: Range<Int>, isPerfect: Bool) -> TransferArmResult {
    let labels = [true, true, true, false, false, false]
    return TransferArmResult(
      task: .infarction, arm: arm, depth: .resnet50, testRecords: Array(1...6), testLabels: labels, parentSHA256: nil,
      draws: draws.map { draw in
        let scores = isPerfect ? [0.9, 0.8, 0.7, 0.3, 0.2, 0.1] : [0.1, 0.2, 0.3, 0.7, 0.8, 0.9]
        return TransferDrawResult(
          draw: draw, chosen: "c", crossValidatedAUC: 0.5, testAUC: isPerfect ? 1 : 0, threshold: 0.5,
          counts: BinaryCounts(), probabilities: scores)
      })
  }

  private func transfer(draws count: Int, perfect: Set<TransferArm>) throws -> ReportDocument {
    try document(quick: false) { cells, store in
      for low in stride(from: 0, to: count, by: 5) {
        for one in [TransferArm.scratch, .pretrained] {
          let name = "transfer/locked/T1/resnet50/\(one.rawValue)/draws-\(low)-\(low + 4)"
          try keep(arm(one, draws: low..<low + 5, isPerfect: perfect.contains(one)), of: cells[name]!, in: store)
        }
      }
    }.0
  }

  @Test(
    "locked figures appear when all draws are in, with the preregistered rule's verdict, whatever its sign",
    arguments: [
      ([TransferArm.pretrained], 1.0, "pretraining helps"), ([.scratch], -1, "pretraining harms"),
      ([.pretrained, .scratch], 0, "undecided"),
    ])
  func endpoint(perfect: [TransferArm], gain expected: Double, verdict: String) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let document = try transfer(draws: 30, perfect: Set(perfect))
    let gain = cell(document, "transfer-t1", "pretrained, resnet50 (endpoint)", "Gain over scratch")
    #expect(gain?.value == expected)
    #expect(renderHTML(document).contains("Verdict by that rule: \(verdict)."))
  }

  @Test("of an arm that is not finished nothing but its progress is shown")
  func unfinished() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let document = try transfer(draws: 25, perfect: [.pretrained])
    #expect(!document.sections.contains { $0.id == "transfer-t1" })
    #expect(!document.figures.contains { $0.section.hasPrefix("transfer") })
    let page = renderHTML(document)
    #expect(page.contains("T1 resnet50 pretrained: 25 of 30 draws") && page.contains("Verdict: none yet"))
  }

  @Test("page, JSON and rows of the database say the same")
  func written() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (document, outcomes, results) = try document { cells, store in
      try keep(try beats(.ds1ToDS2), of: cells["beats/ds1-ds2/resnet18"]!, in: store)
    }
    let page = try StudyReportWriter(folder: folder).write(document)
    #expect(try String(contentsOf: page, encoding: .utf8) == renderHTML(document))
    let json = try Data(contentsOf: folder.appendingPathComponent("report.json"))
    let row = try StudyReportWriter.row(
      document, outcomes: outcomes, results: results, provenance: provenance, isQuick: true)
    #expect(Data(row.report.utf8) == json)
    #expect(row.cells.map(\.name) == outcomes.map(\.name))
    #expect(row.cells.first { $0.name == "beats/ds1-ds2/resnet18" }?.seconds == 2)
    #expect(row.figures.map(\.value) == document.figures.map(\.value))
    #expect(row.figures.contains { $0.section == "beats-ds1-ds2-resnet18" && $0.label == "V" && $0.figure == "F1" })
  }

  @Test("net benefit is true positives less false ones at the threshold's odds, by patient")
  func netBenefit() {
    let counts = BinaryCounts(truePositive: 6, trueNegative: 1, falsePositive: 3, falseNegative: 0)
    #expect(abs(DecisionCurve.netBenefit(counts, 0.5) - 0.3) < 1e-12)
    #expect(abs(DecisionCurve.netBenefit(counts, 0.75) - (6 - 9) / 10) < 1e-12)
  }

  @Test("reclassification counts moves of either outcome, the right direction positive")
  func reclassification() {
    let labels = [true, true, true, false, false]
    let net = Reclassification(
      from: [0: false, 1: true, 2: true, 3: true, 4: true], to: [0: true, 1: true, 2: false, 3: false],
      labels: labels, bootstrap: Bootstrap(resamples: 20))
    #expect(net.rows.map(\.patients) == [3, 1])
    #expect(net.rows.map(\.up) == [1, 0] && net.rows.map(\.down) == [1, 1])
    #expect(net.rows.map { $0.net?.value } == [0, 1])
  }
}
