import Foundation
import Messages
import ResyncCore
import Streaming

/// Spoils valid messages as a broken or hostile sender would. The same seed and number spoil the same message in the
/// same way.
package struct Poisoner {
  package enum Kind: String, CaseIterable, Sendable {
    case bitFlips, truncation, fieldType, hugeLength, deepNesting, contentType, empty, extremeNumber, foreignText
    case repeatedField, missingField, exchangedFields, key, oversized
  }

  package var generator: SeededGenerator

  package init(seed: UInt64, number: Int) {
    generator = SeededGenerator(seed: seed &* 0x1_0000_0001 &+ UInt64(number))
  }

  package mutating func choice<T>(_ from: [T]) -> T { from[Int.random(in: 0..<from.count, using: &generator)] }

  /// One message in four is spoilt twice.
  package mutating func spoil(_ message: OutgoingMessage) -> (message: OutgoingMessage, kinds: [Kind]) {
    var kinds = [choice(Kind.allCases)]
    if choice([true, false, false, false]) { kinds.append(choice(Kind.allCases)) }
    var spoilt = message
    for kind in kinds { spoil(&spoilt, kind) }
    if choice([true, false]) { reseal(&spoilt, reshaped: kinds.contains(.exchangedFields)) }
    return (spoilt, kinds)
  }

  /// Bytes of a file, spoilt once.
  /// - Parameter asText: by its words rather than by its bytes.
  package mutating func spoilFile(_ bytes: [UInt8], asText: Bool) -> [UInt8] {
    let kinds: [Kind] = [.bitFlips, .truncation, .empty, .deepNesting, .extremeNumber, .foreignText, .repeatedField]
    let kind = choice(kinds + [.missingField, .hugeLength])
    guard asText || ![.bitFlips, .truncation, .empty].contains(kind) else {
      var message = OutgoingMessage(topic: "", key: nil, value: bytes)
      spoil(&message, kind)
      return message.value ?? []
    }
    return text(bytes, kind)
  }

  private mutating func spoil(_ message: inout OutgoingMessage, _ kind: Kind) {
    var value = message.value ?? []
    switch kind {
    case .empty: value = []
    case .truncation: value.removeSubrange((value.isEmpty ? 0 : index(value.count))...)
    case .bitFlips:
      for _ in 0..<choice([1, 1, 3, 40]) where !value.isEmpty {
        value[index(value.count)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
    case .oversized: value += [UInt8](repeating: choice([0, 7, 0x7B]), count: maximumMessageBytes)
    case .contentType: message.headers = headers(message.headers)
    case .key: message.key = choice(Self.keys)
    default:
      if message.header(HeaderName.contentType) == ContentType.json.rawValue {
        value = text(value, kind)
      } else if let entries = try? TarArchive.entries(value) {
        value = archive(entries, kind)
      } else if let fields = WireField.parse(value), !fields.isEmpty {
        value = wire(fields, kind, depth: 0)
      } else if !value.isEmpty {
        value[index(value.count)] = UInt8.random(in: 0...255, using: &generator)
      }
    }
    message.value = value
  }

  private mutating func index(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }

  /// What hashes promise is made true again, so that the checks behind them are reached.
  private func reseal(_ message: inout OutgoingMessage, reshaped: Bool) {
    let value = message.value ?? []
    if message.topic == Topic.beats, var event = try? ProtoBeatEvent.decoded(from: value), case .beat = event.event {
      event.beat.segmentSha256 = sha256(event.beat.samples)
      message.value = event.encoded()
    }
    if message.topic == Topic.spectrograms, var event = try? ProtoSpectrogramEvent.decoded(from: value),
      case .spectrogram = event.event
    {
      event.spectrogram.tensorSha256 = sha256(event.spectrogram.tensor)
      if reshaped, event.spectrogram.shape.count == 3 {
        event.spectrogram.shape[1] /= 2
        event.spectrogram.shape[2] &*= 2
      }
      message.value = event.encoded()
    }
  }

  // MARK: - Keys and headers

  private static let keys: [[UInt8]?] = [
    nil, [], [0], [0xFF, 0xFE], Array("another".utf8), Array(String(repeating: "0", count: 64).utf8),
    [UInt8](repeating: 0x61, count: 60_000),
  ]

  private static let contentTypes =
    ContentType.allCases.map(\.rawValue) + ["text/plain", "", ";", "\u{0}", "application/json; charset=utf-16"]
    + [String(repeating: "x", count: 30_000)]

  private mutating func headers(_ headers: [MessageHeader]) -> [MessageHeader] {
    guard var header = headers.isEmpty ? nil : choice(headers) else {
      return [MessageHeader(HeaderName.contentType, choice(Self.contentTypes))]
    }
    let others = headers.filter { $0.name != header.name }
    header.value = Array(
      choice(header.name == HeaderName.contentType ? Self.contentTypes : Self.texts.filter { $0.utf8.count < 30_000 })
        .utf8)
    return choice([true, false, false]) ? others : others + [header]
  }

  // MARK: - Protobuf

  private static let numbers: [UInt64] = [
    0, 1, 2, 13, 127, 128, 4096, 65_535, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 53, 1 << 63 - 1, 1 << 63, .max,
    UInt64(bitPattern: -100_000),
  ]
  private static let doubles: [Double] = [
    .nan, .infinity, -.infinity, 0, -0.0, -1, 1e308, .leastNonzeroMagnitude, 1e-300, 99.999_999, 100.000_000_1,
    999.999_999_9, 1e18,
  ]
  private static let floats: [Float] = [.nan, .infinity, 3e38, -3e38, .leastNonzeroMagnitude, 1e5, -1]
  static let texts = [
    "", "\u{0}", "a\u{0}b", "\n", "II", "V1", "avr", "X9", "mV", "V", "COMPLETE", "é", "\u{202E}", "''; --",
    String(repeating: "x", count: 257), String(repeating: "y", count: 70_000), String(repeating: "z", count: 850_000),
  ]

  private mutating func wire(_ original: [WireField], _ kind: Kind, depth: Int) -> [UInt8] {
    var fields = original
    let at = index(fields.count)
    if depth < 4, case .bytes(let bytes) = fields[at].content, let inner = WireField.parse(bytes), !inner.isEmpty,
      depth == 0 || choice([true, true, false])
    {
      fields[at].content = .bytes(wire(inner, kind, depth: depth + 1))
      return encoded(fields)
    }
    switch kind {
    case .fieldType: fields[at].content = otherType(fields[at].content)
    case .hugeLength:
      let length = choice([1 << 20, 1 << 31 - 1, 1 << 31, 1 << 32, 1 << 63 - 1, 1 << 63, .max] as [UInt64])
      fields[at].content = .raw(WireField.varint(length) + [1, 2, 3])
    case .deepNesting: fields[at].content = nested(fields[at].number)
    case .extremeNumber: fields[at].content = extreme(fields[at].content)
    case .foreignText: fields[at].content = .bytes(foreign())
    case .repeatedField:
      let size = max(1, fields[at].encoded.count)
      let copies = min(choice([1, 2, 40, 70_000]), maximumMessageBytes / size)
      fields.insert(contentsOf: [WireField](repeating: fields[at], count: copies), at: at)
    case .missingField: fields.remove(at: at)
    default:
      let other = index(fields.count)
      (fields[at].content, fields[other].content) = (fields[other].content, fields[at].content)
    }
    return encoded(fields)
  }

  private func encoded(_ fields: [WireField]) -> [UInt8] { Array(fields.map(\.encoded).joined()) }

  private mutating func foreign() -> [UInt8] { choice([Array(choice(Self.texts).utf8), [0xFF, 0xFE, 0xC0]]) }

  private mutating func otherType(_ content: WireField.Content) -> WireField.Content {
    switch content {
    case .varint: .bytes(foreign())
    case .eight, .four, .raw: choice([.varint(choice(Self.numbers)), .bytes(foreign())])
    case .bytes:
      choice([.varint(choice(Self.numbers)), .four([0, 0, 0xC0, 0x7F]), .eight(bits(choice(Self.doubles)))])
    }
  }

  private mutating func extreme(_ content: WireField.Content) -> WireField.Content {
    switch content {
    case .varint, .raw: return .varint(choice(Self.numbers))
    case .eight: return .eight(bits(choice(Self.doubles)))
    case .four: return .four(bits(choice(Self.floats)))
    case .bytes(var bytes):
      // Packed samples, values or counts; halves as pairs of a float's bytes.
      guard bytes.count >= 4 else { return .bytes(WireField.varint(choice(Self.numbers))) }
      for _ in 0..<choice([1, 5]) {
        let start = index(bytes.count / 4) * 4
        bytes.replaceSubrange(start..<start + 4, with: bits(choice(Self.floats)))
      }
      return .bytes(bytes)
    }
  }

  private func bits<T>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

  /// The field inside itself, or groups that never end.
  private mutating func nested(_ number: UInt64) -> WireField.Content {
    if choice([true, false]) { return .raw(WireField.varint(5) + [UInt8](repeating: 0x7B, count: 200_000)) }
    var bytes: [UInt8] = []
    for _ in 0..<choice([5, 101, 1_500]) { bytes = WireField(number: number, content: .bytes(bytes)).encoded }
    return .bytes(bytes)
  }

  // MARK: - Text and archives

  private static let tokens = [
    "0", "-1", "1e308", "1e999", "9223372036854775808", "NaN", "\"NaN\"", "null", "true", "[]", "{}", "\"\"", "\"x\"",
    "\"\\u0000\"", "\"\\ud800\"", "\"SAMPLE_TYPE_INT16\"", "\"####\"", ",", "}", "]", "\"", "\u{0}", "é", "65536",
    "nan", "~", "/", "../x", "x16384", ":1099511627776", "(", ")", "#", "\n", "999999999", "2147483648",
  ].map { Array($0.utf8) }

  /// A token of the text gives way to another, or is repeated, or taken out.
  private mutating func text(_ bytes: [UInt8], _ kind: Kind) -> [UInt8] {
    guard !bytes.isEmpty else { return choice(Self.tokens) }
    if kind == .deepNesting {
      let opening = choice(["[", "{\"patient\":", "{\"channels\":[", "{\"x\":"])
      return Array(String(repeating: opening, count: choice([7, 9, 30_000])).utf8)
    }
    let isBreak: (UInt8) -> Bool = { $0 <= 0x20 || "\",:{}[]/()".utf8.contains($0) }
    let at = index(bytes.count)
    let start = bytes[..<at].lastIndex(where: isBreak).map { $0 + 1 } ?? 0
    let end = max(start, bytes[at...].firstIndex(where: isBreak) ?? bytes.count)
    let token = Array(bytes[start..<end])
    let replacement: [UInt8] =
      switch kind {
      case .missingField: []
      case .repeatedField: Array(repeatElement(token, count: min(50, 500_000 / max(1, token.count))).joined())
      case .foreignText: foreign()
      case .hugeLength: [UInt8](repeating: 0x39, count: 5_000)
      default: choice(Self.tokens)
      }
    return Array(bytes[..<start]) + replacement + Array(bytes[end...])
  }

  /// One file of the archive is spoilt, or the archive's own list.
  private mutating func archive(_ original: [TarArchive.Entry], _ kind: Kind) -> [UInt8] {
    var entries = original
    let at = index(entries.count)
    switch kind {
    case .missingField: entries.remove(at: at)
    case .repeatedField: entries += [TarArchive.Entry](repeating: entries[at], count: choice([1, 70]))
    case .exchangedFields:
      let other = index(entries.count)
      (entries[at].bytes, entries[other].bytes) = (entries[other].bytes, entries[at].bytes)
    case .foreignText:
      entries[at].name = String(choice(Self.texts).filter(\.isASCII).prefix(90))
    default: entries[at].bytes = text(entries[at].bytes, kind)
    }
    return TarArchive.archive(entries)
  }
}

extension OutgoingMessage {
  /// The value of the first header with this name.
  package func header(_ name: String) -> String? { headers.first { $0.name == name }?.text }

  /// As its reader gets it.
  package func consumed(partition: Int32 = 0, offset: Int64 = 0) -> ConsumedMessage {
    ConsumedMessage(
      topic: topic, partition: partition, offset: offset, key: key, value: value, headers: headers)
  }
}
