import Crypto

/// A hash of a waveform that does not depend on how the waveform was cut into chunks.
///
/// SHA-256 chained over blocks of 1,024 samples: chain' = SHA-256(chain ‖ block), where a block holds its samples
/// interleaved over leads as little-endian float32 mV; the first chain is 32 zero bytes. The last, shorter block is
/// chained with the same formula; a waveform that ends on a block's edge has none.
public struct WaveformHasher: Hashable, Sendable {
  public static let blockSamples = 1_024

  /// 32 bytes: the hash of all full blocks so far.
  public private(set) var chain: [UInt8]
  /// Interleaved float32 bytes that do not yet fill a block.
  public private(set) var pending: [UInt8]

  public init() {
    chain = Array(repeating: 0, count: 32)
    pending = []
  }

  /// Resumes from what `chain` and `pending` gave.
  public init(chain: [UInt8], pending: [UInt8]) throws {
    guard chain.count == 32 else { throw SignalError.snapshot("hash chain has \(chain.count) bytes instead of 32") }
    guard pending.count % 4 == 0, pending.count < 4 * Self.blockSamples * Self.maximumLeads else {
      throw SignalError.snapshot("pending samples of the hash take \(pending.count) bytes")
    }
    self.chain = chain
    self.pending = pending
  }

  public static let maximumLeads = 256

  /// - Parameter samples: planar mV, [lead][sample]; the same number of leads in every call, samples of equal number.
  public mutating func update(planar samples: [[Float]]) {
    guard let count = samples.first?.count, count > 0 else { return }
    precondition(samples.allSatisfy { $0.count == count }, "leads of unequal length")
    precondition(samples.count <= Self.maximumLeads, "too many leads")
    let blockBytes = 4 * Self.blockSamples * samples.count
    pending.reserveCapacity(min(blockBytes, pending.count + 4 * count * samples.count))
    for index in 0..<count {
      for lead in samples.indices {
        let bits = samples[lead][index].bitPattern
        pending.append(UInt8(truncatingIfNeeded: bits))
        pending.append(UInt8(truncatingIfNeeded: bits >> 8))
        pending.append(UInt8(truncatingIfNeeded: bits >> 16))
        pending.append(UInt8(truncatingIfNeeded: bits >> 24))
      }
      if pending.count >= blockBytes { close() }
    }
  }

  /// The hash of everything so far, 64 hexadecimal digits.
  public func finalise() -> String {
    var last = self
    if !last.pending.isEmpty { last.close() }
    return last.chain.hexadecimal
  }

  private mutating func close() {
    var hash = SHA256()
    hash.update(data: chain)
    hash.update(data: pending)
    chain = Array(hash.finalize())
    pending.removeAll(keepingCapacity: true)
  }
}
