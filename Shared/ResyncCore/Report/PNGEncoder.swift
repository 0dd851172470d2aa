/// Writes small indexed-colour PNG files (ISO/IEC 15948) with stored deflate blocks: no compressor needed, and a
/// spectrogram of 64 × 64 is 5 KB.
package enum PNGEncoder {
  /// - Parameters:
  ///   - indices: `width × height` palette indices, top row first.
  ///   - palette: 1 to 256 colours; every index lies within.
  package static func encode(width: Int, height: Int, indices: [UInt8], palette: [ColourMap.Colour]) -> [UInt8] {
    precondition(width > 0 && height > 0 && indices.count == width * height, "shape and indices disagree")
    precondition((1...256).contains(palette.count), "a palette has 1 to 256 colours")
    var rows: [UInt8] = []
    rows.reserveCapacity((width + 1) * height)
    for row in 0..<height {
      rows.append(0)  // filter: none
      rows += indices[row * width..<(row + 1) * width]
    }
    let depthEightIndexed: [UInt8] = [8, 3, 0, 0, 0]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      + chunk("IHDR", bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + depthEightIndexed)
      + chunk("PLTE", palette.flatMap { [$0.red, $0.green, $0.blue] })
      + chunk("IDAT", zlibStored(rows)) + chunk("IEND", [])
  }

  /// RFC 1950 around stored blocks of RFC 1951.
  package static func zlibStored(_ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = [0x78, 0x01]
    var start = 0
    repeat {
      let end = min(start + 65_535, bytes.count)
      let length = UInt16(end - start)
      output.append(end == bytes.count ? 1 : 0)
      for half in [length, ~length] { output += [UInt8(half & 255), UInt8(half >> 8)] }
      output += bytes[start..<end]
      start = end
    } while start < bytes.count
    return output + bigEndian(adler32(bytes))
  }

  package static func adler32(_ bytes: [UInt8]) -> UInt32 {
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      a = (a + UInt32(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return b << 16 | a
  }

  package static func crc32(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { crc, byte in crcTable[Int((crc ^ UInt32(byte)) & 255)] ^ (crc >> 8) }
  }

  private static let crcTable: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
  }

  private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + data
    return bigEndian(UInt32(data.count)) + body + bigEndian(crc32(body))
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }
}
