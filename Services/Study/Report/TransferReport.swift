import ResyncCore

/// The transfer study on PTB-XL. Locked figures appear only when all draws of an arm are in, so that nothing can be
/// decided on a part of them.
struct TransferReport {
  let kept: [StudyResults.Kept<TransferCell>]
  let preregistration: Preregistration?

  init(_ kept: [StudyResults.Kept<TransferCell>], preregistration: Preregistration?) {
    (self.kept, self.preregistration) = (kept, preregistration)
  }

  var sections: [ReportDocument.Section] {
    guard let plan = preregistration, let scope = kept.first?.cell.scope else { return [] }
    let wanted = scope == .locked ? plan.draws.count : 1
    let arms = Dictionary(grouping: kept) { ArmName($0.result) }
    let complete = arms.filter { arm in arm.value.reduce(0) { $0 + $1.result.draws.count } >= wanted }
    let order = kept.map { ArmName($0.result) }.reduce(into: [ArmName]()) { if !$0.contains($1) { $0.append($1) } }
    let summary = TransferSummary(
      order.flatMap { complete[$0]?.map(\.result) ?? [] }, endpoint: plan.endpoint,
      bootstrap: Bootstrap(resamples: plan.resamples))
    let tasks = TransferTask.allCases.compactMap { task in section(task, summary, scope, plan) }
    let unfinished = order.filter { complete[$0] == nil }.map { arm in
      "\(arm.words): \(arms[arm]!.reduce(0) { $0 + $1.result.draws.count }) of \(wanted) draws"
    }
    return [endpoint(summary, scope, plan, unfinished)] + tasks
  }

  private struct ArmName: Hashable {
    var task: TransferTask
    var arm: TransferArm
    var depth: ResNetConfiguration.Depth?

    init(_ result: TransferArmResult) { (task, arm, depth) = (result.task, result.arm, result.depth) }
    var words: String { [task.rawValue, depth?.rawValue, arm.rawValue].compactMap(\.self).joined(separator: " ") }
  }

  private static func folds(_ scope: TransferScope, _ plan: Preregistration) -> String {
    let folds = scope.folds(plan)
    func list(_ folds: Set<Int>) -> String { folds.sorted().map(String.init).joined(separator: ", ") }
    return scope == .locked
      ? "draws from folds \(list(folds.training)), tested on the locked folds \(list(folds.test))"
      : "development only: draws from folds \(list(folds.training)), tested on folds \(list(folds.test)); the locked "
        + "folds stay closed, and nothing here is a result"
  }

  // MARK: - Endpoint

  private func endpoint(
    _ summary: TransferSummary, _ scope: TransferScope, _ plan: Preregistration, _ unfinished: [String]
  ) -> ReportDocument.Section {
    let endpoint = plan.endpoint
    let row = scope == .locked ? summary.rows.first(where: \.isEndpoint) : nil
    var blocks: [ReportDocument.Block] = [
      .text(
        "Does pretraining on MIT-BIH help to learn from 71 patients? Preregistered (docs/PREREGISTRATION.md; SHA-256 of "
          + "docs/prereg.json \(Preregistration.registeredSHA256)): \(endpoint.statistic), "
          + "\(endpoint.depth.rawValue), \(endpoint.task.rawValue)."),
      .text("Rule: \(endpoint.rule)"),
    ]
    if let gain = row?.gain {
      blocks += [
        .text(
          "Verdict by that rule: \(Self.verdict(gain)). \(endpoint.arm.rawValue) less \(endpoint.reference.rawValue): "
            + "\(Words.interval(gain.value, gain.lower, gain.upper)), p = \(Words.decimal(gain.pValue))."),
        .forest(
          .init(
            "The endpoint: difference of AUC with its 95 % interval over draws and test patients.",
            axis: "difference of AUC", reference: 0,
            rows: [.init(endpoint.arm.rawValue, gain.value, gain.lower, gain.upper)])),
      ]
    } else {
      blocks.append(.text("Verdict: none yet, the endpoint's arms have not all been run on the locked folds."))
    }
    if !unfinished.isEmpty {
      blocks.append(
        .text(
          "Begun, not finished; figures are shown when all draws are in: " + unfinished.joined(separator: "; ") + "."))
    }
    blocks.append(
      .note(
        "Every reading of the locked folds is a row of docs/results/openings.jsonl, which only grows. All results are "
          + "printed, whatever their sign."))
    return .init("transfer-endpoint", "Transfer to real twelve-lead ECGs (PTB-XL): the endpoint", .real, blocks)
  }

  static func verdict(_ gain: TransferStatistics.Estimate) -> String {
    gain.lower > 0 ? "pretraining helps" : gain.upper < 0 ? "pretraining harms" : "undecided"
  }

  // MARK: - Tasks

  private static let tasks: [TransferTask: String] = [
    .block: "T0, positive control: left against other bundle branch blocks",
    .infarction: "T1, primary: infarction among right bundle branch and unspecific blocks",
    .sex: "T2: women against men within left bundle branch block",
    .permuted: "T3: T1 with permuted training labels; its AUC must cover .5",
  ]

  private func section(
    _ task: TransferTask, _ summary: TransferSummary, _ scope: TransferScope, _ plan: Preregistration
  ) -> ReportDocument.Section? {
    let rows = summary.rows.filter { $0.task == task }
    guard !rows.isEmpty, let labels = kept.first(where: { $0.result.task == task })?.result.testLabels else {
      return nil
    }
    func label(_ row: TransferSummary.Row) -> String {
      [row.arm.rawValue, row.depth?.rawValue].compactMap(\.self).joined(separator: ", ")
    }
    let words = Self.folds(scope, plan)
    let table = ReportTable(
      "PTB-XL, real recordings; \(words).",
      columns: [
        .init("Arm"), .init("Draws", .count), .init("AUC", .threeDecimals), .init("SD over draws", .threeDecimals),
        .init("Cross-validated AUC", .threeDecimals), .init("Gain over scratch", .threeDecimals),
        .init("p of the gain", .pValue), .init("p, Holm", .pValue),
      ],
      rows: rows.map { row in
        [
          .text(label(row) + (row.isEndpoint && scope == .locked ? " (endpoint)" : "")), .count(row.draws),
          .estimate(row.auc.value, row.auc.lower, row.auc.upper), .number(row.deviation),
          .number(row.crossValidatedAUC), .estimate(row.gain?.value, row.gain?.lower, row.gain?.upper),
          .number(row.gain?.pValue), .number(row.adjustedP),
        ]
      })
    var blocks: [ReportDocument.Block] = [
      .text(
        "Each draw learns from \(plan.draws.positives) positive and \(plan.draws.negatives) negative patients; all are "
          + "tested on the same \(labels.count) patients, \(labels.count { $0 }) positive and "
          + "\(labels.count { !$0 }) negative."), .table(table),
      .forest(
        .init(
          "AUC of each arm, mean over draws, with its 95 % interval; the dashed line is chance.", axis: "AUC",
          reference: 0.5, rows: rows.map { .init(label($0), $0.auc.value, $0.auc.lower, $0.auc.upper) })),
    ]
    if scope == .development { blocks.insert(.warning("Development only: no result."), at: 0) }
    blocks.append(
      .note(
        "Intervals: 95 %, by bootstrap over draws and test patients. The standard deviation over draws is no standard "
          + "error. Holm's adjustment is over all gains of all tasks but the endpoint's, whose own p stands. The "
          + "cross-validated AUC is what five folds of the 71 training patients promised."))
    return .init("transfer-\(task.rawValue.lowercased())", Self.tasks[task] ?? task.rawValue, .real, blocks)
  }
}
