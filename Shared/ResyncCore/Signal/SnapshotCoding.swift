import Crypto
import Foundation

/// Writes a snapshot: little-endian values one after another, closed by the first 8 bytes of their SHA-256.
struct SnapshotWriter {
  private(set) var bytes: [UInt8] = []

  mutating func write(_ value: UInt8) { bytes.append(value) }
  mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }
  mutating func write(_ value: Int64) { append(value) }
  mutating func write(_ value: Int) { append(Int64(value)) }
  mutating func write(_ value: Double) { append(value.bitPattern) }
  mutating func write(_ value: Float) { append(value.bitPattern) }
  mutating func write(_ values: [Double]) {
    write(values.count)
    for value in values { append(value.bitPattern) }
  }
  mutating func write(_ values: [Int]) {
    write(values.count)
    for value in values { append(Int64(value)) }
  }
  mutating func write(_ values: some Collection<Float>) {
    write(values.count)
    for value in values { append(value.bitPattern) }
  }
  mutating func write(_ text: String) {
    write(text.utf8.count)
    bytes += text.utf8
  }

  private mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  func sealed() -> [UInt8] { SnapshotSeal.sealing(bytes) }
}

/// The checksum that closes a snapshot.
package enum SnapshotSeal {
  package static let length = 8

  package static func sealing(_ body: [UInt8]) -> [UInt8] { body + SHA256.hash(data: body).prefix(length) }
}

/// Reads what `SnapshotWriter` wrote; every read is checked, so that foreign bytes give an error.
struct SnapshotReader {
  private let bytes: [UInt8]
  private var at = 0

  init(sealed: [UInt8]) throws {
    guard sealed.count > SnapshotSeal.length else {
      throw SignalError.snapshot("snapshot of \(sealed.count) bytes is cut")
    }
    bytes = Array(sealed.dropLast(SnapshotSeal.length))
    guard SnapshotSeal.sealing(bytes) == sealed else {
      throw SignalError.snapshot("snapshot fails its checksum")
    }
  }

  mutating func byte() throws -> UInt8 { UInt8(truncatingIfNeeded: try integer(UInt8.self)) }
  mutating func bool() throws -> Bool { try byte() != 0 }
  mutating func double() throws -> Double { Double(bitPattern: try integer(UInt64.self)) }
  mutating func float() throws -> Float { Float(bitPattern: try integer(UInt32.self)) }

  /// A finite number inside `range`; what indexes or sizes must never be taken unchecked.
  mutating func int(in range: ClosedRange<Int>) throws -> Int {
    let value = Int(try integer(Int64.self))
    guard range.contains(value) else { throw SignalError.snapshot("snapshot holds \(value) outside \(range)") }
    return value
  }

  mutating func floats(count range: ClosedRange<Int>) throws -> [Float] {
    let values = try (0..<length(range, width: 4)).map { _ in try float() }
    guard values.allSatisfy(\.isFinite) else { throw SignalError.snapshot("snapshot holds a non-finite sample") }
    return values
  }

  mutating func doubles(count range: ClosedRange<Int>) throws -> [Double] {
    let values = try (0..<length(range, width: 8)).map { _ in try double() }
    guard values.allSatisfy(\.isFinite) else { throw SignalError.snapshot("snapshot holds a non-finite value") }
    return values
  }

  mutating func ints(count range: ClosedRange<Int>, in values: ClosedRange<Int>) throws -> [Int] {
    try (0..<length(range, width: 8)).map { _ in try int(in: values) }
  }

  mutating func string(atMost limit: Int) throws -> String {
    let count = try length(0...limit, width: 1)
    defer { at += count }
    return String(decoding: bytes[at..<at + count], as: UTF8.self)
  }

  func finish() throws {
    guard at == bytes.count else { throw SignalError.snapshot("snapshot has \(bytes.count - at) bytes too many") }
  }

  private mutating func length(_ range: ClosedRange<Int>, width: Int) throws -> Int {
    let count = try int(in: range)
    guard count <= (bytes.count - at) / width else { throw SignalError.snapshot("snapshot is cut") }
    return count
  }

  private mutating func integer<T: FixedWidthInteger>(_: T.Type) throws -> T {
    let width = T.bitWidth / 8
    guard bytes.count - at >= width else { throw SignalError.snapshot("snapshot is cut") }
    defer { at += width }
    return bytes[at..<at + width].reversed().reduce(T.zero) { width == 1 ? T($1) : $0 << 8 | T($1) }
  }
}

/// A stage whose state survives in a snapshot. A stage is first made from its configuration, then restored.
protocol Snapshotting {
  func write(to writer: inout SnapshotWriter)
  mutating func restore(from reader: inout SnapshotReader) throws
}
