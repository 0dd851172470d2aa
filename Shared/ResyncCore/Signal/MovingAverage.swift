/// What can be averaged: a number, or several in the lanes of a vector.
protocol Averageable: Sendable {
  static var zero: Self { get }
  static func + (a: Self, b: Self) -> Self
  static func - (a: Self, b: Self) -> Self
  static func * (a: Self, b: Double) -> Self
  init(numbers: ArraySlice<Double>)
  static var width: Int { get }
  var numbers: [Double] { get }
}

extension Double: Averageable {
  init(numbers: ArraySlice<Double>) { self = numbers.first! }
  static var width: Int { 1 }
  var numbers: [Double] { [self] }
}

extension SIMD4<Double>: Averageable {
  init(numbers: ArraySlice<Double>) { self.init(numbers) }
  static var width: Int { 4 }
  var numbers: [Double] { indices.map { self[$0] } }
}

/// Mean of the last `length` values; zeros before the first.
struct MovingAverage<Value: Averageable>: Sendable {
  let length: Int
  private let share: Double
  private var ring: [Value]
  private var sum = Value.zero
  private var at = 0

  init(length: Int) {
    self.length = length
    share = 1 / Double(length)
    ring = Array(repeating: .zero, count: length)
  }

  /// Replaces each value by the mean up to it, which may fall a rounding error below what the values allow.
  mutating func average(_ values: inout [Value]) {
    var (sum, at) = (sum, at)
    let (length, share) = (length, share)
    ring.withUnsafeMutableBufferPointer { ring in
      values.withUnsafeMutableBufferPointer { values in
        for index in values.indices {
          sum = sum + (values[index] - ring[at])
          ring[at] = values[index]
          at += 1
          // Once a turn the sum is made anew, so that rounding never accumulates.
          if at == length {
            at = 0
            sum = ring.reduce(.zero) { $0 + $1 }
          }
          values[index] = sum * share
        }
      }
    }
    (self.sum, self.at) = (sum, at)
  }
}

extension MovingAverage: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(at)
    writer.write(sum.numbers)
    writer.write(ring.flatMap(\.numbers))
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    let width = Value.width
    at = try reader.int(in: 0...length - 1)
    sum = Value(numbers: try reader.doubles(count: width...width)[...])
    let numbers = try reader.doubles(count: length * width...length * width)
    ring = (0..<length).map { Value(numbers: numbers[$0 * width..<($0 + 1) * width]) }
  }
}
