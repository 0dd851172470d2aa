import Foundation

/// QRS duration from a mean beat of many leads: how long the spatial velocity around the R-peak stays above a share of
/// its maximum. A first measure, without delineating each lead.
enum QRSDuration {
  static let fewestLeads = 8
  private static let share = 0.035
  /// The velocity must stay below the limit this long to end the complex, seconds.
  private static let quietSeconds = 0.012

  /// - Parameters:
  ///   - beat: [lead][sample], mV.
  ///   - peak: index of the R-peak.
  /// - Returns: milliseconds; nil with too few leads or when no limit is found within the window.
  static func milliseconds(of beat: [[Float]], peak: Int, rateHz: Int) -> Double? {
    guard beat.count >= fewestLeads, let length = beat.first?.count else { return nil }
    var velocity = [Double](repeating: 0, count: length)
    for index in 1..<length - 1 {
      velocity[index] = beat.reduce(0) { $0 + pow(Double($1[index + 1] - $1[index - 1]), 2) }.squareRoot()
    }
    let near = Int(0.06 * Double(rateHz))
    let around = max(1, peak - near)..<min(length - 1, peak + near)
    guard let top = around.max(by: { velocity[$0] < velocity[$1] }), velocity[top] > 0 else { return nil }
    let quiet = velocity[1..<length - 1].sorted()[length / 4]
    let limit = max(share * velocity[top], 1.2 * quiet)
    let run = max(2, Int((quietSeconds * Double(rateHz)).rounded()))
    func edge(_ direction: Int) -> Int? {
      var (index, below) = (top, 0)
      while (1..<length - 1).contains(index) {
        below = velocity[index] < limit ? below + 1 : 0
        if below == run { return index - direction * (run - 1) }
        index += direction
      }
      return nil
    }
    guard let onset = edge(-1), let offset = edge(1) else { return nil }
    return 1_000 * Double(offset - onset) / Double(rateHz)
  }
}
