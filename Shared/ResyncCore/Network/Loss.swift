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

  /// Σ wᵢ · −(1 − pᵢ)ᵞ log pᵢ / total with pᵢ = p(labelᵢ), and its gradient by the logits: cross-entropy for γ = 0, else the
  /// focal loss (Lin et al. 2017), in which examples that are right already count for less.
  ///
  /// The divisor is a count, not Σ wᵢ: with weights of mean 1 over the training set, each batch's gradient then is an
  /// unbiased estimate of the whole's.
  /// - Parameters:
  ///   - logits: [count, classes].
  ///   - labels: each in `0..<classes`.
  ///   - focusing: γ, at least 0.
  ///   - total: rows of the whole batch of which these are a part; nil when these are all.
  public static func crossEntropy(
    logits: [Float], labels: [Int], weights: [Float], classes: Int, focusing: Double = 0, total: Int? = nil
  ) -> (loss: Double, gradient: [Float]) {
    let count = labels.count
    let divisor = Double(total ?? count)
    precondition(logits.count == count * classes && weights.count == count, "logits, labels and weights disagree")
    var gradient = [Float](repeating: 0, count: logits.count)
    var loss = 0.0
    for row in 0..<count {
      let base = row * classes
      let peak = Double(logits[base..<base + classes].max()!)
      var sum = 0.0
      for k in 0..<classes { sum += exp(Double(logits[base + k]) - peak) }
      let logSum = log(sum) + peak
      let share = Double(weights[row]) / divisor
      let surprise = logSum - Double(logits[base + labels[row]])
      // 1 − p without cancellation where p is near 1.
      let (p, miss) = (exp(-surprise), -expm1(-surprise))
      let modulation = focusing == 0 ? 1 : pow(miss, focusing)
      loss += share * modulation * surprise
      // −d(loss)/d(logit) of the label, over 1 − p; 0 · ∞ at p = 1 is 0.
      let slope =
        focusing == 0 || miss == 0 ? modulation : modulation + focusing * p * modulation / miss * surprise
      for k in 0..<classes {
        let probability = exp(Double(logits[base + k]) - logSum)
        gradient[base + k] = Float(share * slope * (probability - (k == labels[row] ? 1 : 0)))
      }
    }
    return (loss, gradient)
  }
}
