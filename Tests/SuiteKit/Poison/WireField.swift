/// One field of a protobuf message as it lies on the wire, whatever schema it belongs to.
struct WireField {
  enum Content {
    case varint(UInt64)
    case eight([UInt8])
    case bytes([UInt8])
    case four([UInt8])
    /// As it is, after a tag that announces bytes: a length and what follows, or a lie about both.
    case raw([UInt8])
  }

  var number: UInt64
  var content: Content

  /// The fields of a message; nil when the bytes are none.
  static func parse(_ bytes: [UInt8]) -> [WireField]? {
    var fields: [WireField] = []
    var at = 0
    while at < bytes.count {
      guard let tag = varint(bytes, &at), tag >> 3 > 0, let content = content(tag & 7, bytes, &at) else { return nil }
      fields.append(WireField(number: tag >> 3, content: content))
    }
    return fields
  }

  private static func content(_ type: UInt64, _ bytes: [UInt8], _ at: inout Int) -> Content? {
    func take(_ count: Int) -> [UInt8]? {
      guard count <= bytes.count - at else { return nil }
      defer { at += count }
      return Array(bytes[at..<at + count])
    }
    switch type {
    case 0: return varint(bytes, &at).map(Content.varint)
    case 1: return take(8).map(Content.eight)
    case 2:
      guard let length = varint(bytes, &at), length <= UInt64(bytes.count) else { return nil }
      return take(Int(length)).map(Content.bytes)
    case 5: return take(4).map(Content.four)
    default: return nil
    }
  }

  private static func varint(_ bytes: [UInt8], _ at: inout Int) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard at < bytes.count else { return nil }
      value |= UInt64(bytes[at] & 0x7F) << shift
      at += 1
      if bytes[at - 1] < 0x80 { return value }
    }
    return nil
  }

  static func varint(_ value: UInt64) -> [UInt8] {
    var (rest, bytes) = (value, [UInt8]())
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  var encoded: [UInt8] {
    let (type, content): (UInt64, [UInt8]) =
      switch content {
      case .varint(let value): (0, Self.varint(value))
      case .eight(let bytes): (1, bytes)
      case .bytes(let bytes): (2, Self.varint(UInt64(bytes.count)) + bytes)
      case .four(let bytes): (5, bytes)
      case .raw(let bytes): (2, bytes)
      }
    return Self.varint(number << 3 | type) + content
  }
}
