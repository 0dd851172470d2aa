import CLibpq
import Foundation

/// What a statement returned. Owns the `PGresult` and frees it.
public final class Rows: RandomAccessCollection {
  private let result: OpaquePointer
  public let count: Int
  /// Rows that an insert, update or delete touched.
  public let affected: Int
  /// The command tag, e.g. `COMMIT`.
  let tag: String
  private let columns: [String: Int32]

  /// Takes ownership of `result`, which is of a statement that succeeded.
  init(owning result: OpaquePointer) {
    self.result = result
    count = Int(PQntuples(result))
    affected = Int(String(cString: PQcmdTuples(result))) ?? 0
    tag = String(cString: PQcmdStatus(result))
    columns = Dictionary(
      (0..<PQnfields(result)).map { (String(cString: PQfname(result, $0)), $0) },
      uniquingKeysWith: { first, _ in first })
  }

  deinit { PQclear(result) }

  public var startIndex: Int { 0 }
  public var endIndex: Int { count }
  public subscript(index: Int) -> Row {
    precondition(index >= 0 && index < count, "row \(index) of \(count)")
    return Row(rows: self, index: Int32(index))
  }

  /// Column names in order.
  public var columnNames: [String] { columns.sorted { $0.value < $1.value }.map(\.key) }

  /// The value at a place, nil when NULL. The bytes belong to the result and are decoded before this returns.
  func value<T>(_ row: Int32, _ column: String, _ type: SQLType<T>) throws(StoreError) -> T? {
    guard let index = columns[column] else {
      throw StoreError(.unexpectedResult, "the statement returns no column '\(column)'; name it in the select list")
    }
    if PQgetisnull(result, row, index) == 1 { return nil }
    let oid = PQftype(result, index)
    let bytes = UnsafeRawBufferPointer(
      start: PQgetvalue(result, row, index), count: Int(PQgetlength(result, row, index)))
    guard let id = SQLTypeID(rawValue: oid), let value = type.decode(id, ByteReader(bytes)) else {
      throw StoreError(
        .unexpectedResult,
        "column '\(column)' has type id \(oid), which is not read as \(type.name); cast it in the SQL")
    }
    return value
  }
}

/// One row of a result: `try row["patient", .text]`, or `try row[optional: "sex", .text]` where NULL is allowed.
public struct Row {
  private let rows: Rows
  private let index: Int32

  init(rows: Rows, index: Int32) {
    self.rows = rows
    self.index = index
  }

  /// - Throws: `StoreError` (`UNEXPECTED_RESULT`) for NULL, another type, or an unknown column.
  public subscript<T>(column: String, type: SQLType<T>) -> T {
    get throws {
      guard let value = try rows.value(index, column, type) else {
        throw StoreError(.unexpectedResult, "column '\(column)' is null; read it as optional")
      }
      return value
    }
  }

  public subscript<T>(optional column: String, type: SQLType<T>) -> T? {
    get throws { try rows.value(index, column, type) }
  }

  /// Decodes a JSON column into a value.
  /// - Throws: `StoreError` (`UNEXPECTED_RESULT`); the decoder's own message is dropped because it may quote data.
  public func decoded<T: Decodable>(_ column: String, as: T.Type = T.self) throws -> T {
    let json = try self[column, .json]
    do {
      return try JSONDecoder().decode(T.self, from: Data(json.utf8))
    } catch {
      throw StoreError(.unexpectedResult, "column '\(column)' holds JSON that does not describe a \(T.self)")
    }
  }
}

/// How a column's binary form becomes a Swift value.
public struct SQLType<Value>: Sendable {
  let name: String
  /// nil when the type of the column does not fit or the bytes are not of that form.
  let decode: @Sendable (SQLTypeID, ByteReader) -> Value?
}

extension SQLType<Bool> {
  public static var bool: Self { Self(name: "bool") { $0 == .bool ? $1.boolean() : nil } }
}

extension SQLType<Int64> {
  /// `smallint`, `integer`, `bigint`.
  public static var int: Self {
    Self(name: "int") { id, reader in
      switch id {
      case .int2: reader.integer(Int16.self).map(Int64.init)
      case .int4: reader.integer(Int32.self).map(Int64.init)
      case .int8: reader.integer(Int64.self)
      default: nil
      }
    }
  }
}

extension SQLType<Float> {
  public static var real: Self { Self(name: "real") { $0 == .float4 ? $1.real() : nil } }
}

extension SQLType<Double> {
  /// `real`, `double precision`; cast `numeric` to one of them.
  public static var double: Self {
    Self(name: "double") { id, reader in
      switch id {
      case .float4: reader.real().map(Double.init)
      case .float8: reader.double()
      default: nil
      }
    }
  }
}

extension SQLType<String> {
  public static var text: Self {
    Self(name: "text") { id, reader in
      [.text, .varchar, .bpchar, .name, .unknown].contains(id) ? reader.string() : nil
    }
  }

  /// The text of a `json` or `jsonb`.
  public static var json: Self {
    Self(name: "json") { id, reader in
      switch id {
      case .json: reader.string()
      case .jsonb: reader.dropping(1)?.string()
      default: nil
      }
    }
  }
}

extension SQLType<[UInt8]> {
  public static var bytes: Self { Self(name: "bytes") { $0 == .bytea ? $1.bytes() : nil } }
}

extension SQLType<Date> {
  public static var timestamp: Self {
    Self(name: "timestamp") { id, reader in
      id == .timestamptz ? reader.integer(Int64.self).map(date(microsecondsSince2000:)) : nil
    }
  }
}

extension SQLType<[String]> {
  public static var texts: Self { Self(name: "texts") { $0 == .textArray ? $1.array { $0.string() } : nil } }
}

extension SQLType<[Float]> {
  public static var reals: Self { Self(name: "reals") { $0 == .float4Array ? $1.array { $0.real() } : nil } }
}

/// Reads the binary form of a value out of bytes that a `Rows` owns; never outlives the call that made it.
struct ByteReader {
  private let buffer: UnsafeRawBufferPointer

  init(_ buffer: UnsafeRawBufferPointer) { self.buffer = buffer }

  func integer<I: FixedWidthInteger>(_: I.Type) -> I? {
    buffer.count == MemoryLayout<I>.size ? I(bigEndian: buffer.loadUnaligned(as: I.self)) : nil
  }
  func boolean() -> Bool? { buffer.count == 1 ? buffer[0] != 0 : nil }
  func real() -> Float? { integer(UInt32.self).map { Float(bitPattern: $0) } }
  func double() -> Double? { integer(UInt64.self).map { Double(bitPattern: $0) } }
  func string() -> String { String(decoding: buffer, as: UTF8.self) }
  func bytes() -> [UInt8] { Array(buffer) }

  func dropping(_ count: Int) -> ByteReader? {
    count <= buffer.count ? ByteReader(UnsafeRawBufferPointer(rebasing: buffer[count...])) : nil
  }

  /// A one-dimensional array without NULLs.
  func array<T>(_ element: (ByteReader) -> T?) -> [T]? {
    func int32(at offset: Int) -> Int? {
      offset + 4 <= buffer.count
        ? Int(Int32(bigEndian: buffer.loadUnaligned(fromByteOffset: offset, as: Int32.self))) : nil
    }
    guard let dimensions = int32(at: 0) else { return nil }
    if dimensions == 0 { return [] }
    guard dimensions == 1, let count = int32(at: 12) else { return nil }
    var values: [T] = []
    values.reserveCapacity(count)
    var offset = 20
    for _ in 0..<count {
      guard let length = int32(at: offset), length >= 0, offset + 4 + length <= buffer.count,
        let value = element(ByteReader(UnsafeRawBufferPointer(rebasing: buffer[(offset + 4)..<(offset + 4 + length)])))
      else { return nil }
      values.append(value)
      offset += 4 + length
    }
    return values
  }
}
