import Foundation

extension EvaluationReport.DecisionCounts {
  package var positives: Int { truePositive + falseNegative }
  package var negatives: Int { trueNegative + falsePositive }
  package var total: Int { positives + negatives }

  package var sensitivity: Proportion { Proportion(truePositive, of: positives) }
  package var specificity: Proportion { Proportion(trueNegative, of: negatives) }
  package var accuracy: Proportion { Proportion(truePositive + trueNegative, of: total) }

  /// Calling every patient what most patients are.
  package var majority: Self {
    positives >= negatives
      ? Self(truePositive: positives, trueNegative: 0, falsePositive: negatives, falseNegative: 0)
      : Self(truePositive: 0, trueNegative: negatives, falsePositive: 0, falseNegative: positives)
  }

  /// Counts that can be: none negative, and small enough to add.
  package var isValid: Bool {
    [truePositive, trueNegative, falsePositive, falseNegative].allSatisfy { (0...1_000_000_000).contains($0) }
  }
}

/// A share of counted things with its 95 % interval.
package struct Proportion: Hashable, Sendable {
  package var count: Int
  package var total: Int

  package init(_ count: Int, of total: Int) {
    self.count = count
    self.total = total
  }

  package var value: Double? { total > 0 ? Double(count) / Double(total) : nil }

  /// Wilson 1927.
  package var interval: (lower: Double, upper: Double)? {
    guard let p = value else { return nil }
    let n = Double(total)
    let z2 = 1.959963984540054 * 1.959963984540054
    let centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    let half = (z2 * (p * (1 - p) / n + z2 / (4 * n * n))).squareRoot() / (1 + z2 / n)
    return (max(0, centre - half), min(1, centre + half))
  }

  package var standardError: Double? { value.map { ($0 * (1 - $0) / Double(total)).squareRoot() } }
}

/// Hanley & McNeil 1982: standard error of an AUC.
package func aucStandardError(_ auc: Double, positives: Int, negatives: Int) -> Double? {
  guard positives > 0, negatives > 0, (0...1).contains(auc) else { return nil }
  let q1 = auc / (2 - auc)
  let q2 = 2 * auc * auc / (1 + auc)
  let variance =
    auc * (1 - auc) + Double(positives - 1) * (q1 - auc * auc) + Double(negatives - 1) * (q2 - auc * auc)
  return (max(variance, 0) / (Double(positives) * Double(negatives))).squareRoot()
}

/// Rates of a table of beats, `[reference][predicted]`; tolerates rows of any length.
package struct BeatTable: Hashable, Sendable {
  package let counts: [[Int]]

  package init(_ raw: [[Int]]) {
    let size = BeatClass.allCases.count
    counts = (0..<size).map { row in
      (0..<size).map { column in
        guard row < raw.count, column < raw[row].count else { return 0 }
        return min(max(raw[row][column], 0), 1_000_000_000)
      }
    }
  }

  package var total: Int { counts.joined().reduce(0, +) }
  package var correct: Int { counts.indices.reduce(0) { $0 + counts[$1][$1] } }
  package var accuracy: Double? { total > 0 ? Double(correct) / Double(total) : nil }
  package func reference(_ index: Int) -> Int { counts[index].reduce(0, +) }
  package func predicted(_ index: Int) -> Int { counts.reduce(0) { $0 + $1[index] } }

  package func sensitivity(_ index: Int) -> Double? { Proportion(counts[index][index], of: reference(index)).value }
  package func predictivity(_ index: Int) -> Double? { Proportion(counts[index][index], of: predicted(index)).value }

  /// 2 TP / (2 TP + FP + FN); nil when the class is neither there nor predicted.
  package func f1(_ index: Int) -> Double? {
    let either = reference(index) + predicted(index)
    return either > 0 ? 2 * Double(counts[index][index]) / Double(either) : nil
  }

  /// N, S, V, F that occur in the reference; Q is printed apart.
  package var scored: [Int] { (0..<4).filter { reference($0) > 0 } }

  package var macroF1: Double? {
    let values = scored.compactMap(f1)
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// The table of calling every beat the most frequent class.
  package var majority: BeatTable {
    let best = counts.indices.max { reference($0) < reference($1) } ?? 0
    return BeatTable(counts.indices.map { row in counts.indices.map { $0 == best ? reference(row) : 0 } })
  }
}
