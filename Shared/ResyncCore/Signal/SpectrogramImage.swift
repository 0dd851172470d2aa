/// A beat as the network reads it: half-precision, shape [lead, frequency, time].
public struct SpectrogramImage: Hashable, Sendable {
  public var leadCount: Int
  public var rows: Int
  public var columns: Int
  /// `leadCount × rows × columns` values, time fastest.
  public var values: [Float16]

  public init(leadCount: Int, rows: Int, columns: Int, values: [Float16]) {
    precondition(values.count == leadCount * rows * columns, "shape and values disagree")
    self.leadCount = leadCount
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  /// The image of the chosen leads, in the given order.
  public func selecting(_ leads: [Int]) -> SpectrogramImage {
    let plane = rows * columns
    return SpectrogramImage(
      leadCount: leads.count, rows: rows, columns: columns,
      values: leads.flatMap { values[$0 * plane..<($0 + 1) * plane] })
  }
}
