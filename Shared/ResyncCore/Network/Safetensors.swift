import Foundation

/// The safetensors file format: an 8-byte little-endian header length, a JSON header, then the tensors' bytes.
///
/// Files are hostile input: every length and offset is checked before it is used.
public enum Safetensors {
  public enum ElementType: String, Sendable {
    case float32 = "F32"
    case float16 = "F16"
    /// Read only: PyTorch's batch counters.
    case int64 = "I64"

    var size: Int {
      switch self {
      case .float32: 4
      case .float16: 2
      case .int64: 8
      }
    }
  }

  private static let largestHeader = 16 << 20
  private static let mostDimensions = 8

  /// - Throws: `ModelError` with code `malformedFile` saying which entry breaks the format and how.
  public static func decode(
    _ bytes: [UInt8]
  ) throws -> (tensors: [String: NamedTensor], metadata: [String: String]) {
    func malformed(_ what: String) -> ModelError { ModelError(.malformedFile, "safetensors: \(what)") }
    guard bytes.count >= 8 else { throw malformed("\(bytes.count) bytes are too few for a header length") }
    let declared = bytes[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard declared <= UInt64(min(largestHeader, bytes.count - 8)) else {
      throw malformed("header length \(declared) exceeds the file or \(largestHeader)")
    }
    let dataStart = 8 + Int(declared)
    let header: Header
    do {
      header = try JSONDecoder().decode(Header.self, from: Data(bytes[8..<dataStart]))
    } catch {
      throw malformed("the header is not a JSON object of tensors with dtype, shape and data_offsets")
    }
    var tensors: [String: NamedTensor] = [:]
    var end = 0
    for (key, entry) in header.entries.sorted(by: { ($0.value.begin, $0.value.end) < ($1.value.begin, $1.value.end) }) {
      guard let type = ElementType(rawValue: entry.dtype) else {
        throw malformed("tensor \(key.prefix(200)) has dtype \(entry.dtype.prefix(20)), expected F32, F16 or I64")
      }
      guard entry.begin == end, entry.end >= entry.begin, entry.end <= bytes.count - dataStart else {
        throw malformed(
          "tensor \(key.prefix(200)) has offsets \(entry.begin)–\(entry.end), expected to begin at \(end) "
            + "and to end within \(bytes.count - dataStart)")
      }
      guard let count = entry.elementCount, count == (entry.end - entry.begin) / type.size,
        (entry.end - entry.begin) % type.size == 0
      else {
        throw malformed(
          "tensor \(key.prefix(200)) of \(type.rawValue) has \(entry.end - entry.begin) bytes, "
            + "which its shape does not fill")
      }
      let stored = bytes[dataStart + entry.begin..<dataStart + entry.end]
      tensors[key] = NamedTensor(shape: entry.shape, values: read(stored, type))
      end = entry.end
    }
    guard end == bytes.count - dataStart else {
      throw malformed("\(bytes.count - dataStart - end) bytes after the last tensor belong to none")
    }
    return (tensors, header.metadata)
  }

  /// Equal content gives equal bytes: tensors and metadata in the order of their keys' bytes, no spaces but the padding.
  /// - Parameter type: of every tensor; `float16` rounds. Not `int64`.
  public static func encode(
    _ tensors: [String: NamedTensor], metadata: [String: String] = [:], as type: ElementType = .float32
  ) -> [UInt8] {
    precondition(type != .int64, "weights are written as floats")
    func ordered<V>(_ pairs: [String: V]) -> [(key: String, value: V)] {
      pairs.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }
    var fields: [String] = []
    if !metadata.isEmpty {
      let pairs = ordered(metadata).map { quoted($0.key) + ":" + quoted($0.value) }
      fields.append(#""__metadata__":{"# + pairs.joined(separator: ",") + "}")
    }
    var offset = 0
    for (key, tensor) in ordered(tensors) {
      let next = offset + tensor.values.count * type.size
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      fields.append(
        quoted(key) + #":{"dtype":"\#(type.rawValue)","shape":[\#(shape)],"data_offsets":[\#(offset),\#(next)]}"#)
      offset = next
    }
    var header = Array(("{" + fields.joined(separator: ",") + "}").utf8)
    header += Array(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.count + offset)
    withUnsafeBytes(of: UInt64(header.count).littleEndian) { bytes += $0 }
    bytes += header
    for (_, tensor) in ordered(tensors) { append(tensor.values, type, to: &bytes) }
    return bytes
  }

  /// A JSON string.
  private static func quoted(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes]
    // A string always encodes.
    return String(decoding: try! encoder.encode(text), as: UTF8.self)
  }

  private static func read(_ stored: ArraySlice<UInt8>, _ type: ElementType) -> [Float] {
    let count = stored.count / type.size
    return stored.withUnsafeBytes { raw in
      switch type {
      case .float32:
        (0..<count).map {
          Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
        }
      case .float16:
        (0..<count).map {
          Float(
            Float16(bitPattern: UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))))
        }
      case .int64:
        (0..<count).map { Float(Int64(littleEndian: raw.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self))) }
      }
    }
  }

  private static func append(_ values: [Float], _ type: ElementType, to bytes: inout [UInt8]) {
    switch type {
    case .float32:
      #if _endian(little)
      values.withUnsafeBytes { bytes += $0 }
      #else
      for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 } }
      #endif
    case .float16:
      for value in values { withUnsafeBytes(of: Float16(value).bitPattern.littleEndian) { bytes += $0 } }
    case .int64: break
    }
  }

  private struct Entry: Decodable {
    let dtype: String
    let shape: [Int]
    let begin: Int
    let end: Int

    private enum Keys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Keys.self)
      dtype = try container.decode(String.self, forKey: .dtype)
      shape = try container.decode([Int].self, forKey: .shape)
      let offsets = try container.decode([Int].self, forKey: .offsets)
      guard offsets.count == 2 else {
        throw DecodingError.dataCorruptedError(forKey: .offsets, in: container, debugDescription: "not a pair")
      }
      (begin, end) = (offsets[0], offsets[1])
    }

    /// nil when the shape cannot be.
    var elementCount: Int? {
      guard shape.count <= Safetensors.mostDimensions else { return nil }
      var product = 1
      for side in shape {
        let (next, overflow) = product.multipliedReportingOverflow(by: side)
        guard side >= 0, !overflow else { return nil }
        product = next
      }
      return product
    }
  }

  private struct Header: Decodable {
    var entries: [String: Entry] = [:]
    var metadata: [String: String] = [:]

    private struct Key: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: Key.self)
      for key in container.allKeys {
        if key.stringValue == "__metadata__" {
          metadata = try container.decode([String: String].self, forKey: key)
        } else {
          entries[key.stringValue] = try container.decode(Entry.self, forKey: key)
        }
      }
    }
  }
}
