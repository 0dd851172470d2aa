import Foundation

/// A small change of an image that leaves its label: later or earlier by some columns, louder or softer.
package struct Augmentation: Hashable, Sendable {
  /// Columns to the right; the columns that become free hold silence.
  package let shift: Int
  /// Factor of all amplitudes.
  package let gain: Float

  package init(shift: Int, gain: Float) {
    self.shift = shift
    self.gain = gain
  }

  package init(_ specification: TrainingSpecification, seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let most = specification.timeShiftColumns
    shift = most == 0 ? 0 : Int.random(in: -most...most, using: &generator)
    gain = Float(1 + specification.gainJitter * (2 * generator.uniform() - 1))
  }

  /// Image values are log(1 + a/reference) of amplitudes a, so a gain acts inside the logarithm.
  package func apply(to image: SpectrogramImage) -> SpectrogramImage {
    guard shift != 0 || gain != 1 else { return image }
    var result = image
    let columns = image.columns
    let from = max(0, -shift)..<max(max(0, -shift), min(columns, columns - shift))
    for row in 0..<image.leadCount * image.rows {
      let base = row * columns
      for column in 0..<columns where !from.contains(column - shift) { result.values[base + column] = 0 }
      for column in from {
        let value = Float(image.values[base + column])
        result.values[base + column + shift] = Float16(gain == 1 ? value : log1p(gain * expm1(value)))
      }
    }
    return result
  }
}
