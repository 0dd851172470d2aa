/// A tensor as it stands in a file: shape and row-major values.
public struct NamedTensor: Hashable, Sendable {
  public var shape: [Int]
  public var values: [Float]

  public init(shape: [Int], values: [Float]) {
    precondition(shape.reduce(1, *) == values.count, "shape \(shape) and \(values.count) values disagree")
    self.shape = shape
    self.values = values
  }
}
