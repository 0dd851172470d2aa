/// How samples lie in a signal file: one row of the table in `signal(5)` of the WFDB manual.
struct WFDBFormat: Sendable {
  /// The format's number in the header.
  let code: Int
  /// Bytes taken by the first `n` samples of the file.
  let byteCount: @Sendable (_ samples: Int) -> Int
  /// Whole samples held by the first `n` bytes.
  let sampleCount: @Sendable (_ bytes: Int) -> Int
  /// The digital value that stands for "no valid sample here".
  let invalidValue: Int32
  /// Sample `index` of the file; the caller has made sure that its bytes exist.
  let decode: @Sendable (_ bytes: ArraySlice<UInt8>, _ index: Int) -> Int32

  static func named(_ code: Int) -> WFDBFormat? { all.first { $0.code == code } }

  static let all: [WFDBFormat] = [
    // Two's complement, 16 bits, least significant byte first.
    WFDBFormat(
      code: 16, byteCount: { 2 * $0 }, sampleCount: { $0 / 2 }, invalidValue: -32_768,
      decode: { bytes, index in
        let at = bytes.startIndex + 2 * index
        return Int32(Int16(truncatingIfNeeded: Int(bytes[at]) | Int(bytes[at + 1]) << 8))
      }),
    // Two 12-bit samples in three bytes: the middle byte holds the high nibbles, the first sample's in its low half.
    WFDBFormat(
      code: 212, byteCount: { ($0 * 3 + 1) / 2 }, sampleCount: { $0 * 2 / 3 }, invalidValue: -2_048,
      decode: { bytes, index in
        let at = bytes.startIndex + index / 2 * 3
        let middle = Int(bytes[at + 1])
        let raw =
          index % 2 == 0 ? Int(bytes[at]) | (middle & 0x0F) << 8 : Int(bytes[at + 2]) | (middle & 0xF0) << 4
        return Int32(raw >= 2_048 ? raw - 4_096 : raw)
      }),
  ]
}
