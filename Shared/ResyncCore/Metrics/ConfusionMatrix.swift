/// Counts of labels against predictions, and what follows from them. Rates that no example can tell are nil.
public struct ConfusionMatrix: Codable, Hashable, Sendable {
  /// `counts[label][prediction]`.
  public private(set) var counts: [[Int]]

  public var classCount: Int { counts.count }

  public init(classCount: Int) {
    precondition(classCount > 0, "a confusion matrix needs classes")
    counts = Array(repeating: Array(repeating: 0, count: classCount), count: classCount)
  }

  /// - Throws: `ModelError` with code `invalidMetric` when lengths differ or a class is not in `0..<classCount`.
  public init(labels: [Int], predictions: [Int], classCount: Int) throws {
    guard labels.count == predictions.count else {
      throw ModelError(
        .invalidMetric, "\(labels.count) labels and \(predictions.count) predictions, expected as many of each")
    }
    self.init(classCount: classCount)
    for (label, prediction) in zip(labels, predictions) { try add(label: label, prediction: prediction) }
  }

  public mutating func add(label: Int, prediction: Int, count: Int = 1) throws {
    guard counts.indices.contains(label), counts.indices.contains(prediction), count >= 0 else {
      throw ModelError(
        .invalidMetric, "label \(label), prediction \(prediction), count \(count): classes are 0..<\(classCount)")
    }
    counts[label][prediction] += count
  }

  public static func + (a: ConfusionMatrix, b: ConfusionMatrix) -> ConfusionMatrix {
    precondition(a.classCount == b.classCount, "matrices of different classes cannot be added")
    var sum = a
    for row in a.counts.indices {
      for column in a.counts.indices { sum.counts[row][column] += b.counts[row][column] }
    }
    return sum
  }

  public var total: Int { counts.joined().reduce(0, +) }
  public var accuracy: Double? { ratio(counts.indices.map { counts[$0][$0] }.reduce(0, +), total) }

  /// Examples of a class.
  public func support(_ label: Int) -> Int { counts[label].reduce(0, +) }
  private func predicted(_ label: Int) -> Int { counts.map { $0[label] }.reduce(0, +) }

  /// Share of a class's examples that are found.
  public func sensitivity(_ label: Int) -> Double? { ratio(counts[label][label], support(label)) }
  /// Share of predictions of a class that are right.
  public func positivePredictivity(_ label: Int) -> Double? { ratio(counts[label][label], predicted(label)) }
  /// Share of other classes' examples not taken for this one.
  public func specificity(_ label: Int) -> Double? {
    let others = total - support(label)
    return ratio(others - (predicted(label) - counts[label][label]), others)
  }
  /// 2 TP / (2 TP + FP + FN); nil for a class with neither examples nor predictions.
  public func f1(_ label: Int) -> Double? { ratio(2 * counts[label][label], support(label) + predicted(label)) }

  /// Mean F1 over the classes; one with neither examples nor predictions counts 0.
  /// - Parameter classes: which; all when nil.
  public func macroF1(over classes: [Int]? = nil) -> Double {
    let chosen = classes ?? Array(counts.indices)
    precondition(!chosen.isEmpty, "a mean needs classes")
    return chosen.map { f1($0) ?? 0 }.reduce(0, +) / Double(chosen.count)
  }

  /// One class against the rest.
  public func binary(positive label: Int) -> BinaryCounts {
    let (found, all) = (counts[label][label], support(label))
    let mistaken = predicted(label) - found
    return BinaryCounts(
      truePositive: found, trueNegative: total - all - mistaken, falsePositive: mistaken, falseNegative: all - found)
  }

  private func ratio(_ part: Int, _ whole: Int) -> Double? { whole == 0 ? nil : Double(part) / Double(whole) }
}

/// The four counts of a yes-or-no decision.
public struct BinaryCounts: Codable, Hashable, Sendable {
  public var truePositive: Int
  public var trueNegative: Int
  public var falsePositive: Int
  public var falseNegative: Int

  public init(truePositive: Int = 0, trueNegative: Int = 0, falsePositive: Int = 0, falseNegative: Int = 0) {
    self.truePositive = truePositive
    self.trueNegative = trueNegative
    self.falsePositive = falsePositive
    self.falseNegative = falseNegative
  }

  /// Decides "yes" from `threshold` up.
  public init(scores: [Double], labels: [Bool], threshold: Double) {
    precondition(scores.count == labels.count, "scores and labels disagree")
    self.init()
    for (score, label) in zip(scores, labels) {
      switch (label, score >= threshold) {
      case (true, true): truePositive += 1
      case (true, false): falseNegative += 1
      case (false, true): falsePositive += 1
      case (false, false): trueNegative += 1
      }
    }
  }

  public var total: Int { truePositive + trueNegative + falsePositive + falseNegative }
  public var sensitivity: Double? { ratio(truePositive, truePositive + falseNegative) }
  public var specificity: Double? { ratio(trueNegative, trueNegative + falsePositive) }
  public var accuracy: Double? { ratio(truePositive + trueNegative, total) }
  public var balancedAccuracy: Double? {
    guard let sensitivity, let specificity else { return nil }
    return (sensitivity + specificity) / 2
  }

  private func ratio(_ part: Int, _ whole: Int) -> Double? { whole == 0 ? nil : Double(part) / Double(whole) }
}

/// Accuracy, sensitivity and specificity as a report prints them. A triple that no counts can give cannot be made:
/// accuracy is a weighted mean of the other two, so it lies between them.
public struct ReportedRates: Codable, Hashable, Sendable {
  public let accuracy: Double
  public let sensitivity: Double
  public let specificity: Double

  /// - Parameter tolerance: what rounding of the printed figures allows.
  /// - Throws: `ModelError` with code `invalidMetric`.
  public init(accuracy: Double, sensitivity: Double, specificity: Double, tolerance: Double = 1e-9) throws {
    for (name, value) in [("accuracy", accuracy), ("sensitivity", sensitivity), ("specificity", specificity)] {
      guard (-tolerance...1 + tolerance).contains(value) else {
        throw ModelError(.invalidMetric, "\(name) is \(value), must be 0 to 1")
      }
    }
    let low = min(sensitivity, specificity) - tolerance
    let high = max(sensitivity, specificity) + tolerance
    guard (low...high).contains(accuracy) else {
      throw ModelError(
        .invalidMetric,
        "accuracy \(accuracy) is outside sensitivity \(sensitivity) and specificity \(specificity), between which it "
          + "must lie: the three do not come from the same counts")
    }
    self.accuracy = accuracy
    self.sensitivity = sensitivity
    self.specificity = specificity
  }

  /// The rates of counts; the one triple that they can have.
  /// - Throws: `ModelError` with code `invalidMetric` when an outcome has no decisions.
  public init(_ counts: BinaryCounts) throws {
    guard let accuracy = counts.accuracy, let sensitivity = counts.sensitivity, let specificity = counts.specificity
    else { throw ModelError(.invalidMetric, "rates need decisions on examples of both labels") }
    try self.init(accuracy: accuracy, sensitivity: sensitivity, specificity: specificity)
  }

  /// What was stored is checked like anything else.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      accuracy: values.decode(Double.self, forKey: .accuracy),
      sensitivity: values.decode(Double.self, forKey: .sensitivity),
      specificity: values.decode(Double.self, forKey: .specificity))
  }
}
