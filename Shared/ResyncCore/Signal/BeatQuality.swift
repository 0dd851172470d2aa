/// Whether a beat is fit for analysis, told from its high-passed window around the R-peak.
struct BeatQuality: Sendable {
  private let rate: Double
  /// Samples before the R-peak in the window that is judged.
  let before: Int

  /// Peak-to-peak limits of a QRS complex, mV: below, the lead is flat; above, saturated or torn off.
  private static let amplitude: ClosedRange<Float> = 0.05...20
  /// Largest mean |second difference| outside the QRS complex over the complex's amplitude, at 360 Hz.
  private static let noiseRatio: Float = 0.12
  /// Largest swing outside the QRS complex over the complex's amplitude.
  private static let swingRatio: Float = 2.5

  init(rateHz: Int) {
    rate = Double(rateHz)
    before = Int(0.2 * rate)
  }

  /// Passes when at least half of the leads do.
  func passes(_ beat: [[Float]], rPeakOffset: Int) -> Bool {
    2 * beat.count { leadPasses($0, rPeakOffset) } >= beat.count
  }

  private func leadPasses(_ lead: [Float], _ peak: Int) -> Bool {
    let half = Int(0.08 * rate)
    let complex = max(0, peak - half)..<min(lead.count, peak + half)
    guard let low = lead[complex].min(), let high = lead[complex].max() else { return false }
    let height = high - low
    guard Self.amplitude.contains(height) else { return false }
    var (roughness, count, lowest, highest) = (Float(0), Float(0), Float(0), Float(0))
    for index in 1..<lead.count - 1 where !complex.contains(index) {
      roughness += abs(lead[index - 1] - 2 * lead[index] + lead[index + 1])
      (lowest, highest) = (min(lowest, lead[index]), max(highest, lead[index]))
      count += 1
    }
    return count > 0 && roughness / count <= Self.noiseRatio * height && highest - lowest <= Self.swingRatio * height
  }
}
