import Foundation

/// One parameter of a statement, encoded as PostgreSQL's binary format when it is made. Prints its type only.
public struct SQLValue: Sendable {
  let type: SQLTypeID
  /// nil is SQL's NULL.
  let bytes: [UInt8]?

  private init(_ type: SQLTypeID, _ bytes: [UInt8]?) {
    self.type = type
    self.bytes = bytes
  }

  public static let null = SQLValue(.unspecified, nil)
  public static func bool(_ value: Bool?) -> SQLValue { scalar(.bool, value) { $0.append($1 ? 1 : 0) } }
  /// `bigint`; assigned to smaller integer columns as well.
  public static func int(_ value: Int64?) -> SQLValue { scalar(.int8, value) { $0.appendBigEndian($1) } }
  public static func int(_ value: Int?) -> SQLValue { int(value.map(Int64.init)) }
  public static func real(_ value: Float?) -> SQLValue {
    scalar(.float4, value) { $0.appendBigEndian($1.bitPattern) }
  }
  public static func double(_ value: Double?) -> SQLValue {
    scalar(.float8, value) { $0.appendBigEndian($1.bitPattern) }
  }
  public static func text(_ value: String?) -> SQLValue { SQLValue(.text, value.map { Array($0.utf8) }) }
  public static func bytes(_ value: [UInt8]?) -> SQLValue { SQLValue(.bytea, value) }
  /// `jsonb`, given as JSON text.
  public static func json(_ value: String?) -> SQLValue { SQLValue(.jsonb, value.map { [1] + Array($0.utf8) }) }
  /// `timestamptz`, to the microsecond.
  public static func timestamp(_ value: Date?) -> SQLValue {
    scalar(.timestamptz, value) { $0.appendBigEndian(microsecondsSince2000($1)) }
  }

  public static func bools(_ values: [Bool]) -> SQLValue { array(.bool, values) { $0.append($1 ? 1 : 0) } }
  public static func ints(_ values: [Int64]) -> SQLValue { array(.int8, values) { $0.appendBigEndian($1) } }
  public static func doubles(_ values: [Double?]) -> SQLValue {
    array(.float8, values) { $0.appendBigEndian($1.bitPattern) }
  }
  public static func reals(_ values: [Float]) -> SQLValue {
    array(.float4, values) { $0.appendBigEndian($1.bitPattern) }
  }
  public static func reals(_ values: [Float?]) -> SQLValue {
    array(.float4, values) { $0.appendBigEndian($1.bitPattern) }
  }
  public static func texts(_ values: [String]) -> SQLValue { array(.text, values) { $0.append(contentsOf: $1.utf8) } }
  public static func texts(_ values: [String?]) -> SQLValue { array(.text, values) { $0.append(contentsOf: $1.utf8) } }
  public static func byteStrings(_ values: [[UInt8]]) -> SQLValue {
    array(.bytea, values) { $0.append(contentsOf: $1) }
  }

  private static func scalar<T>(_ type: SQLTypeID, _ value: T?, _ write: (inout [UInt8], T) -> Void) -> SQLValue {
    SQLValue(
      type,
      value.map { value in
        var bytes: [UInt8] = []
        write(&bytes, value)
        return bytes
      })
  }

  private static func array<T>(_ element: SQLTypeID, _ values: [T], _ write: (inout [UInt8], T) -> Void) -> SQLValue {
    array(element, values.lazy.map(Optional.some), count: values.count, hasNull: false, write)
  }

  private static func array<T>(_ element: SQLTypeID, _ values: [T?], _ write: (inout [UInt8], T) -> Void) -> SQLValue {
    array(element, values, count: values.count, hasNull: values.contains { $0 == nil }, write)
  }

  /// array_recv's form: dimensions, has-null flag, element type, then length and lower bound of the one dimension,
  /// then each element with its length (−1 for NULL).
  private static func array<T>(
    _ element: SQLTypeID, _ values: some Sequence<T?>, count: Int, hasNull: Bool, _ write: (inout [UInt8], T) -> Void
  ) -> SQLValue {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(20 + 16 * count)
    bytes.appendBigEndian(Int32(count == 0 ? 0 : 1))
    bytes.appendBigEndian(Int32(hasNull ? 1 : 0))
    bytes.appendBigEndian(element.rawValue)
    if count > 0 {
      bytes.appendBigEndian(Int32(count))
      bytes.appendBigEndian(Int32(1))
    }
    for value in values {
      let lengthAt = bytes.count
      bytes.appendBigEndian(Int32(-1))
      guard let value else { continue }
      write(&bytes, value)
      let length = UInt32(bytes.count - lengthAt - 4)
      for index in 0..<4 { bytes[lengthAt + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32(index))) }
    }
    return SQLValue(element.array, bytes)
  }
}

extension SQLValue: CustomStringConvertible, CustomReflectable {
  /// The type; a value may be patient data.
  public var description: String { "\(type)\(bytes == nil ? " null" : "")" }
  public var customMirror: Mirror { Mirror(self, children: ["type": type]) }
}

/// The object ids of PostgreSQL's built-in types (catalog pg_type) that the store sends or reads.
enum SQLTypeID: UInt32, Sendable {
  case unspecified = 0
  case bool = 16
  case bytea = 17
  case name = 19
  case int8 = 20
  case int2 = 21
  case int4 = 23
  case text = 25
  case json = 114
  case float4 = 700
  case float8 = 701
  case unknown = 705
  case boolArray = 1000
  case byteaArray = 1001
  case textArray = 1009
  case int8Array = 1016
  case float4Array = 1021
  case float8Array = 1022
  case bpchar = 1042
  case varchar = 1043
  case timestamptz = 1184
  case jsonb = 3802

  /// The array type of this element type.
  var array: SQLTypeID {
    switch self {
    case .bool: .boolArray
    case .bytea: .byteaArray
    case .int8: .int8Array
    case .float4: .float4Array
    case .float8: .float8Array
    case .text: .textArray
    default: preconditionFailure("no array of \(self) is ever sent")
    }
  }
}

extension [UInt8] {
  /// Network byte order.
  mutating func appendBigEndian(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }
}

private let secondsFrom1970To2000: Double = 946_684_800

/// PostgreSQL counts from 2000-01-01T00:00:00Z.
func microsecondsSince2000(_ date: Date) -> Int64 {
  let seconds = date.timeIntervalSince1970 - secondsFrom1970To2000
  precondition(abs(seconds) < 9e12, "a date beyond PostgreSQL's range")
  return Int64((seconds * 1e6).rounded())
}

func date(microsecondsSince2000 microseconds: Int64) -> Date {
  Date(timeIntervalSince1970: Double(microseconds) / 1e6 + secondsFrom1970To2000)
}
