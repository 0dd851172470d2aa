import Foundation
import ResyncCore

/// Curves, reclassification and subgroups of the cohort's models, from each patient's probability averaged over the
/// repetitions.
struct CohortFigures {
  let sections: [ReportDocument.Section]

  init(_ models: CohortModels, results: StudyResults, bootstrap: Bootstrap) {
    let averaged = models.drawn.map { AveragedPatients($0) }
    sections =
      [Self.curves(averaged, bootstrap)]
      + (results.pictures.map { pictures in
        [
          Self.reclassification(models, pictures.patients, bootstrap),
          Self.subgroups(models, pictures.patients, bootstrap),
        ].compactMap(\.self)
      } ?? [])
  }

  // MARK: - Curves

  private static func curves(_ models: [AveragedPatients], _ bootstrap: Bootstrap) -> ReportDocument.Section {
    let networks = models.filter { $0.name.hasPrefix("resnet") }
    let diagonal = ReportChart.Series("chance", .reference, [.init(0, 0), .init(1, 1)])
    let roc = ReportChart(
      "ROC curves, each patient's probability averaged over the repetitions. The AUCs of Table 2 are of pairs within one "
        + "fold and differ from the areas drawn.", x: 0...1, "1 − specificity", y: 0...1, "sensitivity",
      series: [diagonal] + models.map { .init($0.label, .line, $0.roc) })
    let calibration = ReportChart(
      "Calibration: fifths of the patients by probability; the bars are 95 % Wilson intervals.", x: 0...1,
      "mean probability", y: 0...1, "share that responded",
      series: [.init("perfect", .reference, [.init(0, 0), .init(1, 1)])]
        + networks.map { .init($0.label, .points, $0.calibration) })
    let decision = ReportChart(
      "Decision curves (Vickers & Elkin 2006): net benefit of treating whom the model calls responders.",
      x: DecisionCurve.thresholds, "threshold probability", y: -0.1...0.7, "net benefit",
      series: [
        .init(
          "treat none", .reference,
          [.init(DecisionCurve.thresholds.lowerBound, 0), .init(DecisionCurve.thresholds.upperBound, 0)])
      ] + (models.first.map { [.init("treat all", .line, DecisionCurve.treatingAll($0.labels))] } ?? [])
        + models.map { .init($0.label, .line, DecisionCurve.points($0.probabilities, $0.labels)) })
    let patients = models.first?.labels.count ?? 0
    return .init(
      "cohort-curves", "ROC, calibration and decision curves", .synthetic,
      [
        .chart(roc), .chart(calibration),
        .table(
          ReportTable(
            "SYNTHETIC cohort. Calibration of each patient's probability averaged over the repetitions; 95 % intervals by "
              + "bootstrap over patients within each outcome.",
            columns: [
              .init("Model"), .init("Slope (1 is right)", .threeDecimals),
              .init("In the large: responded less predicted (0 is right)", .threeDecimals),
            ],
            rows: models.map { model in
              [
                .text(model.label), model.estimate(CalibrationSlope.slope, bootstrap),
                model.estimate(CalibrationSlope.inTheLarge, bootstrap),
              ]
            })), .chart(decision),
        .note(
          "n = \(patients) patients: a curve's steps are single patients, and the curves carry the uncertainty of "
            + "Table 2. All of them received CRT, so a decision curve is of naming responders, not of withholding CRT."),
      ])
  }

  // MARK: - Reclassification

  private static func reclassification(
    _ models: CohortModels, _ patients: [CohortPicturesCell.Patient], _ bootstrap: Bootstrap
  ) -> ReportDocument.Section? {
    guard let model = models["resnet18-pretrained"] ?? models["resnet18-scratch"],
      let rule = models[TableRival.guidelineESC.rawValue]
    else { return nil }
    let decisions = Reclassification.firstDecisions(model.predictions)
    let ruled = Reclassification.firstDecisions(rule.predictions)
    let classes = GuidelineClass.allCases.filter { one in patients.contains { $0.guideline == one } }
    let rows = classes.map { one -> [ReportTable.Cell] in
      let members = patients.indices.filter { patients[$0].guideline == one }
      func count(_ responded: Bool, _ decision: Bool) -> ReportTable.Cell {
        .count(members.count { patients[$0].responded == responded && decisions[$0] == decision })
      }
      return [
        .text(one.rawValue), .count(members.count), .count(members.count { patients[$0].responded }),
        count(true, true), count(true, false), count(false, true), count(false, false),
      ]
    }
    let net = Reclassification(from: ruled, to: decisions, labels: patients.map(\.responded), bootstrap: bootstrap)
    return .init(
      "cohort-reclassification", "Reclassification against the guideline", .synthetic,
      [
        .table(
          ReportTable(
            "SYNTHETIC cohort. ESC 2021 class by measured QRS and LBBB (ESC 2013 criteria), against the decision of "
              + "\(CohortModels.label(model.name)) in the first repetition, in which each patient is decided on once.",
            columns: [
              .init("Guideline class"), .init("Patients", .count), .init("Responders", .count),
              .init("Responder called responder", .count), .init("Responder called non-responder", .count),
              .init("Non-responder called responder", .count), .init("Non-responder called non-responder", .count),
            ], rows: rows)),
        .table(
          ReportTable(
            "SYNTHETIC cohort. Net reclassification from \"class I\" to the network's decision, among patients in whom "
              + "both can be told; 95 % interval by bootstrap over patients, conditional on the fits.",
            columns: [
              .init("Outcome"), .init("Patients", .count), .init("Up", .count), .init("Down", .count),
              .init("Net, in the right direction", .threeDecimals),
            ],
            rows: net.rows.map {
              [.text($0.label), .count($0.patients), .count($0.up), .count($0.down), .estimate($0.net)]
            })),
        .note("A call of non-responder is no reason to withhold CRT that a guideline indicates."),
      ])
  }

  // MARK: - Subgroups

  private static func subgroups(
    _ models: CohortModels, _ patients: [CohortPicturesCell.Patient], _ bootstrap: Bootstrap
  ) -> ReportDocument.Section? {
    let groups: [(String, (CohortPicturesCell.Patient) -> Bool)] = [
      ("QRS 120 to 149 ms", { $0.qrsDurationMs.map { (120..<150).contains($0) } ?? false }),
      ("QRS ≥ 150 ms", { $0.qrsDurationMs.map { $0 >= 150 } ?? false }),
      ("LBBB", { $0.lbbb == true }), ("non-LBBB", { $0.lbbb == false }), ("women", { !$0.isMale }),
      ("men", { $0.isMale }),
    ]
    let rows = groups.flatMap { label, belongs -> [[ReportTable.Cell]] in
      let members = Set(patients.indices.filter { belongs(patients[$0]) })
      let responders = members.count { patients[$0].responded }
      return models.drawn.compactMap { model in
        let part = model.predictions.map { fold in
          FoldPredictions(
            repetition: fold.repetition, fold: fold.fold, threshold: fold.threshold,
            patients: fold.patients.filter { members.contains($0.patient) })
        }
        guard !members.isEmpty, let figures = try? CrossValidationFigures(part, bootstrap: bootstrap) else {
          return nil
        }
        return [
          .text(label), .text(CohortModels.label(model.name)), .count(members.count), .count(responders),
          .estimate(figures.accuracy), .estimate(figures.sensitivity), .estimate(figures.specificity),
          .estimate(figures.auc),
        ]
      }
    }
    guard !rows.isEmpty else { return nil }
    return .init(
      "cohort-subgroups", "Subgroups", .synthetic,
      [
        .table(
          ReportTable(
            "SYNTHETIC cohort. QRS duration and LBBB (Strauss) as measured on the ECG.",
            columns: [
              .init("Subgroup"), .init("Model"), .init("Patients", .count), .init("Responders", .count),
              .init("Accuracy", .threeDecimals), .init("Sensitivity", .threeDecimals),
              .init("Specificity", .threeDecimals), .init("AUC", .threeDecimals),
            ], rows: rows)),
        .note(
          "Subgroups are small and were not drawn for comparison: read the intervals. A dash is a figure that the "
            + "subgroup cannot have, as a specificity without non-responders."),
      ])
  }
}

/// A model's patients with their probability averaged over the repetitions.
struct AveragedPatients {
  let name: String
  let probabilities: [Double]
  let labels: [Bool]
  var label: String { CohortModels.label(name) }

  /// Patients whom the rule cannot assess are left out.
  init(_ model: CohortModels.Model) {
    name = model.name
    var sums: [Int: (sum: Double, count: Int, responded: Bool)] = [:]
    for patient in model.predictions.flatMap(\.patients) {
      guard let probability = patient.probability else { continue }
      let known = sums[patient.patient] ?? (0, 0, patient.responded)
      sums[patient.patient] = (known.sum + probability, known.count + 1, patient.responded)
    }
    let sorted = sums.sorted { $0.key < $1.key }.map(\.value)
    probabilities = sorted.map { $0.sum / Double($0.count) }
    labels = sorted.map(\.responded)
  }

  var roc: [ReportChart.Point] {
    guard let curve = try? ROCCurve(scores: probabilities, labels: labels) else { return [] }
    return curve.points.map { .init($0.falsePositiveRate, $0.sensitivity) }
  }

  func estimate(_ figure: ([Double], [Bool]) -> Double?, _ bootstrap: Bootstrap) -> ReportTable.Cell {
    guard let value = figure(probabilities, labels) else { return .none }
    let interval = bootstrap.interval(strata: labels.map { $0 ? 1 : 0 }) { drawn in
      figure(drawn.map { probabilities[$0] }, drawn.map { labels[$0] })
    }
    return .estimate(Estimate(value, interval))
  }

  /// Mean probability and share of responders in fifths of the patients.
  var calibration: [ReportChart.Point] {
    let order = probabilities.indices.sorted { (probabilities[$0], $0) < (probabilities[$1], $1) }
    let parts = 5
    return (0..<parts).compactMap { part in
      let members = order[part * order.count / parts..<(part + 1) * order.count / parts]
      let share = Proportion(members.count { labels[$0] }, of: members.count)
      guard let value = share.value, let interval = share.interval else { return nil }
      let mean = members.reduce(0) { $0 + probabilities[$1] } / Double(members.count)
      return .init(mean, value, low: interval.lower, high: interval.upper)
    }
  }
}

/// Net benefit over threshold probabilities (Vickers & Elkin, Med Decis Making 26:565, 2006).
package enum DecisionCurve {
  static let thresholds = 0.3...0.9
  private static let steps = 60

  static func points(_ probabilities: [Double], _ labels: [Bool]) -> [ReportChart.Point] {
    (0...steps).map { step in
      let threshold =
        thresholds.lowerBound + (thresholds.upperBound - thresholds.lowerBound) * Double(step) / Double(steps)
      let counts = BinaryCounts(scores: probabilities, labels: labels, threshold: threshold)
      return .init(threshold, netBenefit(counts, threshold))
    }
  }

  static func treatingAll(_ labels: [Bool]) -> [ReportChart.Point] { points(labels.map { _ in 1 }, labels) }

  /// True positives less false positives at the threshold's odds, by patient.
  package static func netBenefit(_ counts: BinaryCounts, _ threshold: Double) -> Double {
    (Double(counts.truePositive) - Double(counts.falsePositive) * threshold / (1 - threshold)) / Double(counts.total)
  }
}

/// Who moves up or down between two decisions (Pencina et al., Stat Med 27:157, 2008).
package struct Reclassification {
  package struct Row {
    package var label: String
    package var patients: Int
    package var up: Int
    package var down: Int
    /// Share that moves in the right direction less the share that moves in the wrong one.
    package var net: Estimate?
  }

  package let rows: [Row]

  /// - Parameters: decisions by patient; `labels` of all patients.
  package init(from old: [Int: Bool], to new: [Int: Bool], labels: [Bool], bootstrap: Bootstrap) {
    rows = [true, false].map { label in
      let members = labels.indices.filter { labels[$0] == label && old[$0] != nil && new[$0] != nil }
      let moves = members.map { (new[$0]! ? 1.0 : 0) - (old[$0]! ? 1.0 : 0) }
      let sign = label ? 1.0 : -1
      func net(_ drawn: [Int]) -> Double? {
        drawn.isEmpty ? nil : sign * drawn.reduce(0) { $0 + moves[$1] } / Double(drawn.count)
      }
      return Row(
        label: label ? "responders" : "non-responders", patients: members.count, up: moves.count { $0 > 0 },
        down: moves.count { $0 < 0 },
        net: net(Array(moves.indices)).map {
          Estimate($0, bootstrap.interval(strata: moves.map { _ in 0 }, statistic: net))
        })
    }
  }

  /// Decisions of the first repetition, by patient; those who cannot be assessed are in none.
  static func firstDecisions(_ predictions: [FoldPredictions]) -> [Int: Bool] {
    let first = predictions.map(\.repetition).min()
    let patients = predictions.filter { $0.repetition == first }.flatMap(\.patients)
    return Dictionary(
      patients.compactMap { patient in patient.decision.map { (patient.patient, $0) } },
      uniquingKeysWith: { first, _ in first })
  }
}
