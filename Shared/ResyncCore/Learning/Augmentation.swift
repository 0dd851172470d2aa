import Foundation

/// A small change of an image that leaves its label: later or earlier by some columns, louder or softer.
package struct Augmentation: Hashable, Sendable {
  /// Columns to the right; the columns that become free hold silence.
  package let shift: Int
  /// Logarithm of the factor of all amplitudes.
  package let logGain: Float

  package init(shift: Int, gain: Float) {
    self.shift = shift
    logGain = log(gain)
  }

  package init(_ specification: TrainingSpecification, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let most = specification.timeShiftColumns
    let shift = most == 0 ? 0 : Int.random(in: -most...most, using: &generator)
    self.init(shift: shift, gain: Float(1 + specification.gainJitter * (2 * generator.uniform() - 1)))
  }

  /// Changes one row of an image in place.
  ///
  /// A value is x = log(1 + a/reference) of an amplitude a, so a gain adds its logarithm times 1 − e⁻ˣ, to first order;
  /// eˣ is cut after its third power, which is right near silence and near enough (0.03) elsewhere.
  package func apply(to row: UnsafeMutablePointer<Float>, count: Int) {
    if logGain != 0 {
      for i in 0..<count {
        let x = row[i]
        row[i] = x + logGain * (1 - 1 / (1 + x * (1 + x * (0.5 + x * (1 / 6)))))
      }
    }
    let moved = min(abs(shift), count)
    if shift > 0 {
      (row + moved).update(from: row, count: count - moved)
      row.update(repeating: 0, count: moved)
    } else if shift < 0 {
      row.update(from: row + moved, count: count - moved)
      (row + count - moved).update(repeating: 0, count: moved)
    }
  }
}
