import ResyncCore

/// The cohort's tables: Table 1, Table 2 in the paper's form, what a leak gives, and that nothing is found where nothing
/// is. All of it is synthetic.
struct CohortReport {
  let sections: [ReportDocument.Section]

  /// - Throws: `ModelError` when kept predictions contradict one another.
  init(_ results: StudyResults, plan: CohortPlan, bootstrap: Bootstrap) throws {
    var sections: [ReportDocument.Section] = []
    if let pictures = results.pictures { sections.append(Self.flow(pictures, plan)) }
    if let baseline = results.baseline { sections.append(Self.baselines(baseline)) }
    let models = CohortModels(results.predictions, plan)
    if !models.complete.isEmpty {
      let table = try PerformanceTable(
        models.complete.map { ($0.name, $0.predictions) }, folds: plan.folds.folds, isSynthetic: true,
        bootstrap: bootstrap)
      sections.append(Self.performance(table, models, results))
      sections += CohortFigures(models, results: results, bootstrap: bootstrap).sections
    }
    if let adaptation = results.adaptation { sections.append(Self.adaptation(adaptation)) }
    if !results.leaky.isEmpty { sections.append(Self.leaky(results.leaky)) }
    if !results.chance.isEmpty { sections.append(Self.chance(results.chance)) }
    self.sections = sections
  }

  // MARK: - Who

  private static func flow(_ pictures: CohortPicturesCell.Result, _ plan: CohortPlan) -> ReportDocument.Section {
    let patients = pictures.patients
    let (count, responders) = (patients.count, patients.count { $0.responded })
    let read = patients.count { $0.usableBeats > 0 }
    let measured = patients.count { $0.qrsDurationMs != nil }
    func left(_ gone: Int, _ why: String) -> String? { "left out: \(gone)" + (gone > 0 ? ", \(why)" : "") }
    return .init(
      "cohort-flow", "Flow of patients (the paper's Figure 1)", .synthetic,
      [
        .flow([
          .init("simulated, within LVEF ≤ 35 % and QRS ≥ 120 ms", pictures.drawn),
          .init(
            "in the cohort: \(responders) responders, \(count - responders) non-responders", count,
            left: left(pictures.drawn - count, "drawn after their outcome's quota was full")),
          .init(
            "with a beat that a network reads", read,
            left: left(count - read, "no beat of quality that is not suspected ectopic")),
          .init("with a QRS duration measured in twelve leads", measured, left: left(count - measured, "no limits")),
          .init(
            "tried in each repetition of \(plan.folds.folds)-fold cross-validation",
            count,
            left: "left out: 0, a patient in whom a rule cannot be assessed is counted as such"),
        ])
      ])
  }

  private static func baselines(_ baseline: CohortBaselineCell.Result) -> ReportDocument.Section {
    let table = baseline.table
    func cell(_ summary: BaselineTable.Summary) -> ReportTable.Cell {
      switch summary {
      case .quantity(let mean, let deviation, let known):
        known == 0 ? .none : .init(text: "± \(Words.decimal(deviation, 1))", value: mean, digits: 1)
      case .proportion(let count, let known):
        known == 0
          ? .none : .init(text: "(\(Words.decimal(100 * Double(count) / Double(known), 1)) %)", value: Double(count))
      }
    }
    return .init(
      "cohort-table-1", "Table 1: the cohort before implantation", .synthetic,
      [
        .table(
          ReportTable(
            "Mean ± standard deviation, or patients and their share. Ours: Welch; chi-square, Fisher where an expected "
              + "count is below 5. As in the paper: Student's t, for proportions on 0 and 1.",
            columns: [
              .init("Variable"), .init("All (n = \(table.patients))", .count),
              .init("Responders (n = \(table.responders))", .count),
              .init("Non-responders (n = \(table.patients - table.responders))", .count),
              .init("Missing", .count), .init("p", .pValue), .init("p as in the paper", .pValue),
            ],
            rows: table.rows.map { row in
              [
                .text(row.name + (row.unit.map { ", \($0)" } ?? "")), cell(row.all),
                cell(row.responders), cell(row.nonResponders), .count(row.missing),
                .number(row.pValue), .number(row.pValueAsInThePaper),
              ]
            })),
        .text(
          "What the simulator lets be known: the best reader of the ECG alone has AUC "
            + "\(Words.decimal(baseline.ecgOnlyCeiling.auc)) and accuracy "
            + "\(Words.decimal(baseline.ecgOnlyCeiling.accuracy)) in the long run, with LVEF, LVEDV and scar "
            + "\(Words.decimal(baseline.ecgAndClinicalCeiling.auc)) and "
            + "\(Words.decimal(baseline.ecgAndClinicalCeiling.accuracy)); on these very patients the ECG's best reader "
            + "has AUC \(Words.decimal(baseline.bestReaderAUC))."),
        .note("p-values are of many variables at once and not adjusted: one in twenty is below .05 by chance."),
      ])
  }

  // MARK: - Table 2

  private static func performance(
    _ table: PerformanceTable, _ models: CohortModels, _ results: StudyResults
  ) -> ReportDocument.Section {
    let main = ReportTable(
      "SYNTHETIC cohort, n = \(table.patients) (\(table.responders) responders), "
        + "\(table.folds)-fold cross-validation by patient, repeated. Rates from counts pooled over repetitions.",
      columns: [
        .init("Model"), .init("Repetitions", .count), .init("Accuracy", .threeDecimals),
        .init("Sensitivity", .threeDecimals), .init("Specificity", .threeDecimals), .init("AUC", .threeDecimals),
        .init("Brier", .threeDecimals), .init("Not assessable", .count),
      ],
      rows: table.rows.map { row in
        let figures = row.figures
        return [
          .text(CohortModels.label(row.model)), .count(row.repetitions), .estimate(figures.accuracy),
          .estimate(figures.sensitivity),
          .estimate(figures.specificity), .estimate(figures.auc), .number(figures.brier),
          .count(figures.notAssessable),
        ]
      })
    let counts = ReportTable(
      "SYNTHETIC cohort. Counts pooled over a model's repetitions, so each patient counts as often; and what is "
        + "left when decisions are withheld whose Venn–Abers interval holds the threshold.",
      columns: [
        .init("Model"), .init("TP", .count), .init("FN", .count), .init("TN", .count), .init("FP", .count),
        .init("Coverage", .threeDecimals), .init("Accuracy when decided", .threeDecimals),
      ],
      rows: table.rows.map { row in
        let counts = row.figures.counts
        return [
          .text(CohortModels.label(row.model)), .count(counts.truePositive), .count(counts.falseNegative),
          .count(counts.trueNegative), .count(counts.falsePositive), .number(row.figures.coverage),
          .number(row.figures.countsWhenDecided.accuracy),
        ]
      })
    let against = ReportTable(
      "SYNTHETIC cohort. Each model less LBBB alone, on the same folds and patients.",
      columns: [
        .init("Model"), .init("Accuracy", .threeDecimals), .init("AUC", .threeDecimals),
        .init("p, corrected resampled t", .pValue), .init("p, McNemar, first repetition", .pValue),
        .init("p, DeLong, approximate", .pValue),
      ],
      rows: table.rows.compactMap { row in
        row.againstLBBB.map { difference in
          [
            .text(CohortModels.label(row.model)), .estimate(difference.accuracy), .estimate(difference.auc),
            .number(difference.resampledT?.pValue), .number(difference.mcNemar.pValue),
            .number(difference.deLongApproximate?.pValue),
          ]
        }
      })
    let missing = models.incomplete.map { "\(CohortModels.label($0.name)) (\($0.repetitions) repetitions)" }
    return .init(
      "cohort-table-2", "Table 2: models compared", .synthetic,
      [.table(main)] + table.notes.map { .note($0) }
        + (missing.isEmpty
          ? [] : [.text("Not in the table, repetitions are missing: " + missing.joined(separator: "; ") + ".")])
        + [.heading("Counts and abstention"), .table(counts), .heading("Against LBBB alone"), .table(against)]
        + [.note("p-values are of many models against one and not adjusted.")])
  }

  // MARK: - From one lead to twelve

  private static let inflations: [LeadInflation: String] = [
    .mean: "repeated over the leads, divided by their number", .power: "repeated, divided by the root of their number",
    .fresh: "drawn anew",
  ]

  private static func adaptation(_ result: CohortAdaptationCell.Result) -> ReportDocument.Section {
    let base = result.ways.first?.aucs ?? []
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    return .init(
      "cohort-adaptation", "From one lead to twelve, and how much to freeze", .synthetic,
      [
        .table(
          ReportTable(
            "SYNTHETIC cohort, pretrained ResNet-18. Mean AUC over \(base.count) inner folds of the training parts of the "
              + "first repetition. All patients enter it: nothing of Table 2 may be chosen by it.",
            columns: [
              .init("First layer"), .init("Not trained"), .init("AUC", .threeDecimals),
              .init("Less the first row", .threeDecimals), .init("p, corrected resampled t", .pValue),
            ],
            rows: result.ways.enumerated().map { place, judged in
              let differences = zip(judged.aucs, base).map { $0 - $1 }
              let test = ModelComparison.correctedResampledT(differences: differences, folds: result.innerFolds)
              return [
                .text(inflations[judged.way.inflation] ?? judged.way.inflation.rawValue),
                .text(judged.way.frozen.last.map { "all up to \($0)" } ?? "nothing"),
                .number(mean(judged.aucs)), place == 0 ? .none : .number(mean(differences)),
                place == 0 ? .none : .number(test?.pValue),
              ]
            })),
        .note(
          "The first row is what Table 2 does, settled beforehand. p-values are not adjusted, and training parts overlap: "
            + "approximate."),
      ])
  }

  // MARK: - Leaks and chance

  private static func leaky(
    _ leaky: [(link: CohortSimulatorConfiguration.Link, result: LeakyCell.Result)]
  ) -> ReportDocument.Section {
    .init(
      "cohort-leaky", "What a leak gives", .synthetic,
      [
        .warning("LEAKY on purpose: beats of one patient are on both sides; counts are of beats. No result."),
        .table(
          ReportTable(
            "SYNTHETIC, LEAKY. In a null-outcome cohort the outcome has nothing in common with the ECG: what is found "
              + "there is the leak.",
            columns: [
              .init("Cohort"), .init("Beats", .count), .init("Accuracy", .threeDecimals),
              .init("Sensitivity", .threeDecimals), .init("Specificity", .threeDecimals), .init("AUC", .threeDecimals),
            ],
            rows: leaky.map { link, result in
              let counts = result.diagnostic.counts
              return [
                .text(link.rawValue), .count(result.diagnostic.beats), .number(counts.accuracy),
                .number(counts.sensitivity), .number(counts.specificity), .number(result.diagnostic.auc),
              ]
            })),
      ])
  }

  private static func chance(_ chance: [(name: String, result: ChanceResult)]) -> ReportDocument.Section {
    let rows = chance.flatMap { name, result -> [[ReportTable.Cell]] in
      result.checks.sorted { $0.key < $1.key }.map { model, check in
        let half = 1.96 * check.standardError
        return [
          .text(CohortModels.label(model)), .text(name.split(separator: "/").dropFirst().joined(separator: ", ")),
          .count(check.aucs.count), .estimate(check.mean, check.mean - half, check.mean + half),
          .text(check.isPassed ? "passed" : "FAILED"),
        ]
      }
    }
    return .init(
      "cohort-chance", "Nothing is found where nothing is", .synthetic,
      [
        .table(
          ReportTable(
            "SYNTHETIC cohorts whose outcome or ECG carries nothing: mean AUC over cohorts, expected .5; passed within "
              + "three standard errors.",
            columns: [
              .init("Model"), .init("Cohorts"), .init("Number", .count), .init("AUC", .threeDecimals),
              .init("Check"),
            ], rows: rows))
      ])
  }
}
