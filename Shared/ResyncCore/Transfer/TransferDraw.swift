import Crypto
import Foundation

/// Seeds made from a text: the same on every machine, and unknown before the text is.
package enum TransferSeed {
  /// The first eight bytes of SHA-256, big-endian.
  package static func make(_ parts: String...) -> UInt64 {
    SHA256.hash(data: Data(parts.joined(separator: "/").utf8)).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// Patients drawn to train on, and with what labels.
package struct TransferDraw: Hashable, Sendable {
  package let number: Int
  /// Indices into the task's patients, ascending.
  package let training: [Int]
  /// One for each of `training`; permuted in T3.
  package let labels: [Bool]
  /// Which of five folds each of `training` is in.
  package let folds: [Int]

  package static let foldCount = 5

  /// Draws patients so that both classes have the same mix of strata (block and device in T1), as near as whole
  /// patients allow: a stratum's share is the largest that both classes can give, and places left over by rounding go to
  /// the largest remainders.
  ///
  /// - Parameters:
  ///   - pool: indices of the patients that may be drawn.
  ///   - seed: of the draw.
  /// - Throws: `ModelError` with code `invalidExamples` when the pool is too small.
  package init(
    number: Int, of patients: [TransferPatient], pool: [Int], positives: Int, negatives: Int, permutes: Bool,
    seed: UInt64
  ) throws {
    var generator = SeededGenerator(seed: seed)
    let strata = Dictionary(grouping: pool) { patients[$0].stratum }.sorted { $0.key < $1.key }.map(\.value)
    let members = [true, false].map { label in
      strata.map { $0.filter { patients[$0].label == label }.sorted() }
    }
    let wanted = [positives, negatives]
    let shares = strata.indices.map { stratum in
      zip(members, wanted).map { Double($0[stratum].count) / Double($1) }.min()!
    }
    let total = shares.reduce(0, +)
    guard total >= 1 else {
      throw ModelError(
        .invalidExamples, "transfer: too few patients for \(positives) and \(negatives) of equal mix, expected more")
    }
    var chosen: [Int] = []
    for (members, wanted) in zip(members, wanted) {
      let quotas = shares.map { $0 / total * Double(wanted) }
      var seats = quotas.map { Int($0) }
      let order = quotas.indices.sorted { (quotas[$0] - Double(seats[$0]), $1) > (quotas[$1] - Double(seats[$1]), $0) }
      for stratum in order where seats.reduce(0, +) < wanted && seats[stratum] < members[stratum].count {
        seats[stratum] += 1
      }
      for (stratum, seats) in zip(members, seats) { chosen += stratum.shuffled(using: &generator).prefix(seats) }
    }
    self.number = number
    training = chosen.sorted()
    let labels = training.map { patients[$0].label }
    self.labels = permutes ? labels.shuffled(using: &generator) : labels
    folds = Self.folds(self.labels, &generator)
  }

  /// Stratified by label: each label's patients are dealt out in turn, going on where the other label's ended.
  package static func folds(_ labels: [Bool], _ generator: inout SeededGenerator) -> [Int] {
    var folds = [Int](repeating: 0, count: labels.count)
    let order = [true, false].flatMap { label in
      labels.indices.filter { labels[$0] == label }.shuffled(using: &generator)
    }
    for (place, index) in order.enumerated() { folds[index] = place % foldCount }
    return folds
  }
}

/// Patients that no model has seen.
package enum TransferTest {
  /// In T1 every block gives as many positives as negatives, so that the block tells nothing of the label; who is left
  /// out is drawn. The other tasks keep all.
  package static func patients(_ patients: [TransferPatient], folds: Set<Int>, task: TransferTask, seed: UInt64)
    -> [Int]
  {
    let members = patients.indices.filter { folds.contains(patients[$0].fold) }
    guard task.cohort == .infarction else { return members }
    var generator = SeededGenerator(seed: seed)
    return ConductionBlock.allCases.flatMap { block in
      let classes = [true, false].map { label in
        members.filter { patients[$0].block == block && patients[$0].label == label }.shuffled(using: &generator)
      }
      let count = classes.map(\.count).min()!
      return classes.flatMap { $0.prefix(count) }
    }.sorted()
  }
}
