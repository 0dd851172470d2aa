import Foundation

/// Softmax and its cross-entropy, for `count` rows of `classes` logits.
public enum Loss {
  /// Probabilities of one row of logits.
  public static func softmax(_ logits: [Float]) -> [Float] {
    guard let peak = logits.max() else { return [] }
    let exponentials = logits.map { exp(Double($0) - Double(peak)) }
    let total = exponentials.reduce(0, +)
    return exponentials.map { Float($0 / total) }
  }

  /// Σ wᵢ · −log p(labelᵢ) / count, and its gradient by the logits.
  ///
  /// The divisor is the count, not Σ wᵢ: with weights of mean 1 over the training set, each batch's gradient then is an
  /// unbiased estimate of the whole's.
  /// - Parameters:
  ///   - logits: [count, classes].
  ///   - labels: each in `0..<classes`.
  public static func crossEntropy(
    logits: [Float], labels: [Int], weights: [Float], classes: Int
  ) -> (loss: Double, gradient: [Float]) {
    let count = labels.count
    precondition(logits.count == count * classes && weights.count == count, "logits, labels and weights disagree")
    var gradient = [Float](repeating: 0, count: logits.count)
    var loss = 0.0
    for row in 0..<count {
      let base = row * classes
      let peak = Double(logits[base..<base + classes].max()!)
      var total = 0.0
      for k in 0..<classes { total += exp(Double(logits[base + k]) - peak) }
      let logTotal = log(total) + peak
      let share = Double(weights[row]) / Double(count)
      loss += share * (logTotal - Double(logits[base + labels[row]]))
      for k in 0..<classes {
        let probability = exp(Double(logits[base + k]) - logTotal)
        gradient[base + k] = Float(share * (probability - (k == labels[row] ? 1 : 0)))
      }
    }
    return (loss, gradient)
  }
}
