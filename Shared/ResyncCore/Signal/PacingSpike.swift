/// Looks for a pacemaker's spike: a peak of a few milliseconds, before or at the onset of the QRS complex.
struct PacingSpike: Sendable {
  private let rate: Double
  /// Least height above both sides of the spike, mV.
  private static let height: Float = 0.25
  /// Share of beats with a spike that makes a recording paced.
  static let share = 0.3

  init(rateHz: Int) { rate = Double(rateHz) }

  /// - Parameter beat: [lead][sample] around the R-peak, high-passed, mV.
  func isPresent(in beat: [[Float]], rPeakOffset: Int) -> Bool {
    let side = max(1, Int(0.0056 * rate))
    let range = max(side, rPeakOffset - Int(0.2 * rate))..<max(side, rPeakOffset - Int(0.02 * rate))
    return beat.contains { lead in
      range.contains { index in
        let left = lead[index] - lead[index - side]
        let right = lead[index] - lead[index + side]
        let least = min(abs(left), abs(right))
        // Both feet of a spike lie on one level; those of a wave's corner do not.
        return left * right > 0 && least > Self.height && abs(left - right) < least / 2
      }
    }
  }
}
