import Foundation

/// The figures of arXiv 2306.01210 as it prints them, to stand apart from a table of ours, never in it.
public enum PaperTables {
  /// A line of its Table 2.
  public struct Rates: Codable, Hashable, Sendable {
    public let model: String
    public let isPretrained: Bool
    public let accuracy: Double
    public let sensitivity: Double
    public let specificity: Double

    /// Accuracy is a mean of sensitivity and specificity, weighted by the outcomes' shares, so it lies between them.
    /// Half a unit of the last digit is left to rounding.
    public var canBe: Bool {
      (try? ReportedRates(
        accuracy: accuracy, sensitivity: sensitivity, specificity: specificity, tolerance: 0.0005)) != nil
    }

    /// What counts of 46 responders and 25 non-responders with this sensitivity and specificity would give.
    public var impliedAccuracy: Double {
      (sensitivity * Double(responders) + specificity * Double(patients - responders)) / Double(patients)
    }
  }

  public static let patients = 71
  public static let responders = 46

  /// Table 2.
  public static let rates: [Rates] = [
    ("guideline", false, 0.6, 0.93, 0.038), ("SVM", false, 0.58, 0.8, 0.333),
    ("random forest", false, 0.58, 0.91, 0.125), ("ResNet-18", false, 0.613, 0.529, 0.71),
    ("ResNet-50", false, 0.612, 0.53, 0.73), ("ResNet-101", false, 0.629, 0.531, 0.732),
    ("ResNet-18", true, 0.684, 0.69, 0.778), ("ResNet-50", true, 0.721, 0.783, 0.792),
    ("ResNet-101", true, 0.693, 0.674, 0.748),
  ].map { Rates(model: $0, isPretrained: $1, accuracy: $2, sensitivity: $3, specificity: $4) }

  /// LBBB alone, from its Table 1: 44 of 46 responders and 13 of 25 non-responders have it.
  public static let lbbbAlone = BinaryCounts(truePositive: 44, trueNegative: 12, falsePositive: 13, falseNegative: 2)

  public static var notes: [String] {
    let impossible = rates.filter { !$0.canBe }
    let listed = impossible.map {
      String(
        format: "%@ pretrained (%.3f with %.3f and %.3f; counts would give %.3f)", $0.model as NSString, $0.accuracy,
        $0.sensitivity, $0.specificity, $0.impliedAccuracy)
    }
    return [
      "\(impossible.count) rows cannot be: accuracy lies between sensitivity and specificity, and in "
        + listed.joined(separator: " and ") + " it does not.",
      "The guideline row cannot be class I: 12 of the 25 non-responders have no LBBB, so its specificity is at least "
        + "0.48.",
      "Deviations of 0.011 to 0.018 over folds of 14 patients, where the binomial one is about 0.12, suggest that images "
        + "were counted and not patients.",
      "Scar \"26.3 ± 2.1\" overall in its Table 1 is taken for a misprint of about 12.1.",
    ]
  }
}

/// A line of Table 2 of a study of ours.
public struct PerformanceRow: Codable, Hashable, Sendable {
  public var model: String
  public var figures: CrossValidationFigures
  /// Of the cross-validation; costly models have fewer.
  public var repetitions: Int
  /// Against LBBB alone; nil in its own row.
  public var againstLBBB: ModelDifference?
  /// Beats of one patient were on both sides: shows what a leak gives and is no result.
  public var isLeaky: Bool
}

/// Table 2 of one cohort, with the notes that belong under it.
public struct PerformanceTable: Codable, Hashable, Sendable {
  public let rows: [PerformanceRow]
  public let patients: Int
  public let responders: Int
  public let folds: Int
  public let isSynthetic: Bool
  public let notes: [String]

  /// - Parameters:
  ///   - models: name and predictions, in the order of the table.
  ///   - reference: name of the row that the others are compared with; without such a row nothing is compared.
  /// - Throws: `ModelError` when rows do not come from the same patients, from folds that the reference has too, or none is given.
  public init(
    _ models: [(name: String, predictions: [FoldPredictions])], reference: String = TableRival.lbbb.rawValue,
    folds: Int, isSynthetic: Bool, bootstrap: Bootstrap = .init()
  ) throws {
    let standard = models.first { $0.name == reference }
    rows = try models.map { model in
      let repetitions = Set(model.predictions.map(\.repetition))
      return PerformanceRow(
        model: model.name, figures: try CrossValidationFigures(model.predictions, bootstrap: bootstrap),
        repetitions: repetitions.count,
        againstLBBB: try standard.flatMap { standard in
          let same = standard.predictions.filter { repetitions.contains($0.repetition) }
          return standard.name == model.name
            ? nil : try ModelDifference(model.predictions, against: same, folds: folds, bootstrap: bootstrap)
        }, isLeaky: false)
    }
    guard let first = rows.first else { throw ModelError(.invalidMetric, "a table needs a model") }
    patients = first.figures.patients
    responders = first.figures.responders
    self.folds = folds
    self.isSynthetic = isSynthetic
    notes = Self.notes(patients: patients, responders: responders)
  }

  /// What n patients can tell, printed under every table.
  package static func notes(patients n: Int, responders: Int) -> [String] {
    let share = Double(responders) / Double(n)
    // Standard error of an accuracy near the paper's .72, and Hanley & McNeil's (1982) of an AUC of .70.
    let accuracyError = (0.72 * 0.28 / Double(n)).squareRoot()
    let (a, p, q) = (0.70, Double(responders), Double(n - responders))
    let (q1, q2) = (a / (2 - a), 2 * a * a / (1 + a))
    let aucError = ((a * (1 - a) + (p - 1) * (q1 - a * a) + (q - 1) * (q2 - a * a)) / (p * q)).squareRoot()
    return [
      String(
        format: "n = %d: the standard error of an accuracy of .72 is %.3f, of an AUC of .70 %.3f.", n, accuracyError,
        aucError),
      String(format: "Calling everyone by the larger outcome has accuracy %.3f.", max(share, 1 - share)),
      "At n = 71 the power of McNemar's test to tell .63 from .72 is about .2 to .3.",
      "Intervals resample patients and hold the fits as they are; deviations over folds are no standard errors.",
      "AUC counts pairs within the same fold only.",
    ]
  }
}
