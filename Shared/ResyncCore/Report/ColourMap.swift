/// A perceptually uniform colour scale, readable in grey and with colour-blind eyes: viridis (van der Walt & Smith
/// 2015), linear between ten of its colours.
package enum ColourMap {
  package struct Colour: Hashable, Sendable {
    package var red: UInt8
    package var green: UInt8
    package var blue: UInt8

    package var css: String { "#" + [red, green, blue].hexadecimal }
  }

  private static let anchors: [(Double, Double, Double)] = [
    (68, 1, 84), (72, 40, 120), (62, 73, 137), (49, 104, 142), (38, 130, 142), (31, 158, 137), (53, 183, 121),
    (110, 206, 88), (181, 222, 43), (253, 231, 37),
  ]

  /// 256 colours from dark (low) to light (high).
  package static let viridis: [Colour] = (0..<256).map { index in
    let position = Double(index) / 255 * Double(anchors.count - 1)
    let low = min(Int(position), anchors.count - 2)
    let part = position - Double(low)
    let (a, b) = (anchors[low], anchors[low + 1])
    func mix(_ x: Double, _ y: Double) -> UInt8 { UInt8((x + part * (y - x)).rounded()) }
    return Colour(red: mix(a.0, b.0), green: mix(a.1, b.1), blue: mix(a.2, b.2))
  }

  /// The palette index of `value` on a scale from 0 to `maximum`; what is not a number is the lowest.
  package static func index(of value: Float, maximum: Float) -> UInt8 {
    let share = value / maximum
    return share.isFinite ? UInt8(min(max(share, 0), 1) * 255) : 0
  }
}
