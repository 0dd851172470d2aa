/// How samples lie in a signal file: one row of the table in `signal(5)` of the WFDB manual.
///
/// Samples are packed in blocks of whole bytes; a file may end inside a block.
package struct WFDBFormat: Sendable {
  /// Unpacks whole blocks. The caller owns both memories and has made sure that they hold them.
  package typealias Decoder =
    @Sendable (
      _ bytes: UnsafePointer<UInt8>, _ blocks: Int, _ samples: UnsafeMutablePointer<Int32>
    ) -> Void
  /// Packs whole blocks, under the same terms.
  package typealias Encoder =
    @Sendable (
      _ samples: UnsafePointer<Int32>, _ blocks: Int, _ bytes: UnsafeMutablePointer<UInt8>
    ) -> Void

  /// The format's number in the header.
  package let code: Int
  /// Bits of a stored value.
  package let bits: Int
  /// Bytes that hold the first 0, 1, … samples of a block; the last entry is the whole block.
  package let blockBytes: [Int]
  /// What is stored is each signal's difference from its sample before, the first one's from the initial value.
  package let storesDifferences: Bool
  package let decode: Decoder
  /// Nil for formats that are only read.
  package let encode: Encoder?

  /// The stored value that stands for "no valid sample here", the lowest; differences have none.
  package var invalidValue: Int32? { storesDifferences ? nil : Int32(truncatingIfNeeded: -1 << (bits - 1)) }

  private init(
    _ code: Int, bits: Int, blockBytes: [Int], storesDifferences: Bool = false, encode: Encoder? = nil,
    decode: @escaping Decoder
  ) {
    self.code = code
    self.bits = bits
    self.blockBytes = blockBytes
    self.storesDifferences = storesDifferences
    self.decode = decode
    self.encode = encode
  }

  package static func named(_ code: Int) -> WFDBFormat? { all.first { $0.code == code } }

  package static let all: [WFDBFormat] = [
    // First differences, 8 bits. A writer caps a difference at ±127 and makes up for it in the next ones.
    WFDBFormat(
      8, bits: 8, blockBytes: [0, 1], storesDifferences: true,
      decode: blocks(of: 1, 1) { bytes, samples in samples[0] = extended(Int32(bytes[0]), 8) }),
    // Two's complement, least significant byte first.
    WFDBFormat(
      16, bits: 16, blockBytes: [0, 2],
      encode: blocks(of: 1, 2) { samples, bytes in
        for byte in 0..<2 { bytes[byte] = UInt8(truncatingIfNeeded: samples[0] >> Int32(8 * byte)) }
      },
      decode: blocks(of: 2, 1) { bytes, samples in samples[0] = extended(pair(bytes), 16) }),
    WFDBFormat(
      24, bits: 24, blockBytes: [0, 3],
      decode: blocks(of: 3, 1) { bytes, samples in samples[0] = extended(pair(bytes) | Int32(bytes[2]) << 16, 24) }),
    WFDBFormat(
      32, bits: 32, blockBytes: [0, 4],
      decode: blocks(of: 4, 1) { bytes, samples in samples[0] = pair(bytes) | pair(bytes + 2) << 16 }),
    // Two's complement, most significant byte first.
    WFDBFormat(
      61, bits: 16, blockBytes: [0, 2],
      decode: blocks(of: 2, 1) { bytes, samples in
        samples[0] = extended(Int32(bytes[0]) << 8 | Int32(bytes[1]), 16)
      }),
    // Offset binary.
    WFDBFormat(
      80, bits: 8, blockBytes: [0, 1],
      decode: blocks(of: 1, 1) { bytes, samples in samples[0] = Int32(bytes[0]) - 128 }),
    WFDBFormat(
      160, bits: 16, blockBytes: [0, 2],
      decode: blocks(of: 2, 1) { bytes, samples in samples[0] = pair(bytes) - 32_768 }),
    // Two samples of 12 bits in three bytes; the middle one holds the high bits, the first sample's in its low half.
    WFDBFormat(
      212, bits: 12, blockBytes: [0, 2, 3],
      encode: blocks(of: 2, 3) { samples, bytes in
        bytes[0] = UInt8(truncatingIfNeeded: samples[0])
        bytes[1] = UInt8(truncatingIfNeeded: samples[0] >> 8 & 0x0F | samples[1] >> 4 & 0xF0)
        bytes[2] = UInt8(truncatingIfNeeded: samples[1])
      },
      decode: blocks(of: 3, 2) { bytes, samples in
        let middle = Int32(bytes[1])
        samples[0] = extended(Int32(bytes[0]) | middle << 8, 12)
        samples[1] = extended(Int32(bytes[2]) | middle << 4 & 0xF00, 12)
      }),
    // Three samples of 10 bits in two 16-bit words: bits 1 to 10 of each, and the five highest of both.
    WFDBFormat(
      310, bits: 10, blockBytes: [0, 2, 4, 4],
      decode: blocks(of: 4, 3) { bytes, samples in
        let (first, second) = (pair(bytes), pair(bytes + 2))
        samples[0] = extended(first >> 1, 10)
        samples[1] = extended(second >> 1, 10)
        samples[2] = extended(first >> 11 | (second >> 11) << 5, 10)
      }),
    // Three samples of 10 bits in the low 30 bits of a 32-bit word.
    WFDBFormat(
      311, bits: 10, blockBytes: [0, 2, 3, 4],
      decode: blocks(of: 4, 3) { bytes, samples in
        let word = pair(bytes) | pair(bytes + 2) << 16
        for sample in 0..<3 { samples[sample] = extended(word >> Int32(10 * sample), 10) }
      }),
  ]
}

extension WFDBFormat {
  private var blockSamples: Int { blockBytes.count - 1 }
  private var blockWidth: Int { blockBytes[blockSamples] }

  /// Whole samples held by the first `bytes` bytes.
  package func sampleCount(_ bytes: Int) -> Int {
    let rest = bytes % blockWidth
    return bytes / blockWidth * blockSamples + (blockBytes.lastIndex { $0 <= rest } ?? 0)
  }

  /// The first `count` stored values; the bytes must hold them.
  package func values(_ bytes: ArraySlice<UInt8>, count: Int) -> [Int32] {
    precondition(count <= sampleCount(bytes.count), "the caller compares the count with the bytes")
    let whole = count / blockSamples
    var values = [Int32](unsafeUninitializedCapacity: whole * blockSamples) { target, filled in
      bytes.withUnsafeBufferPointer { source in
        if whole > 0 { decode(source.baseAddress!, whole, target.baseAddress!) }
      }
      filled = whole * blockSamples
    }
    let rest = count - values.count
    if rest > 0 {
      // A last block that is cut is completed with zeros.
      let tail = bytes.dropFirst(whole * blockWidth).prefix(blockBytes[rest])
      let block = Array(tail) + [UInt8](repeating: 0, count: blockWidth - tail.count)
      var last = [Int32](repeating: 0, count: blockSamples)
      decode(block, 1, &last)
      values += last.prefix(rest)
    }
    return values
  }

  /// The bytes of `values`, each within the format's bits; the inverse of `values(_:count:)`.
  package func bytes(_ values: [Int32]) -> [UInt8] {
    guard let encode else { preconditionFailure("format \(code) is only read") }
    let blocks = (values.count + blockSamples - 1) / blockSamples
    let padded = values + [Int32](repeating: 0, count: blocks * blockSamples - values.count)
    var bytes = [UInt8](unsafeUninitializedCapacity: blocks * blockWidth) { target, filled in
      padded.withUnsafeBufferPointer { source in
        if blocks > 0 { encode(source.baseAddress!, blocks, target.baseAddress!) }
      }
      filled = blocks * blockWidth
    }
    let rest = values.count % blockSamples
    if rest > 0 { bytes.removeLast(blockWidth - blockBytes[rest]) }
    return bytes
  }
}

/// Applies `block` to each block; inlined, so that each row of the table gets a loop of its own.
@inline(__always)
private func blocks<Source, Target>(
  of source: Int, _ target: Int,
  _ block: @escaping @Sendable (_ from: UnsafePointer<Source>, _ into: UnsafeMutablePointer<Target>) -> Void
) -> @Sendable (UnsafePointer<Source>, Int, UnsafeMutablePointer<Target>) -> Void {
  { from, count, into in
    for index in 0..<count { block(from + index * source, into + index * target) }
  }
}

/// Two bytes, least significant first.
@inline(__always)
private func pair(_ bytes: UnsafePointer<UInt8>) -> Int32 { Int32(bytes[0]) | Int32(bytes[1]) << 8 }

/// The low `bits` bits as two's complement.
@inline(__always)
private func extended(_ value: Int32, _ bits: Int32) -> Int32 { (value << (32 - bits)) >> (32 - bits) }
