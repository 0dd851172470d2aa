import Foundation
import ResyncCore
import Testing

struct SignalHashTests {
  private struct Golden: Decodable {
    let count: Int
    let sha256: String
  }

  private func planes(_ count: Int) -> [[Float]] {
    (0..<3).map { lead in
      (0..<count).map { n in
        let n = Double(n)
        let value = Float(sin(0.1 * n) + 0.5 * sin(0.73 * n + 1) + 0.25 * cos(n * n / 900))
        return (value * Float(lead + 1) * 1_000).rounded(.toNearestOrEven)
      }
    }
  }

  @Test("the hash equals hashlib's, whatever the chunks, resumed between them", arguments: [1, 7, 1_000, 1_024, 5_000])
  func chunks(size: Int) throws {
    for golden in try SignalFixtures.json([Golden].self, SignalFixtures.signal, "hashes.json") {
      let planes = planes(golden.count)
      var hasher = WaveformHasher()
      for start in stride(from: 0, to: golden.count, by: size) {
        hasher.update(planar: planes.map { Array($0[start..<min(golden.count, start + size)]) })
        hasher = try WaveformHasher(chain: hasher.chain, pending: hasher.pending)
      }
      #expect(hasher.finalise() == golden.sha256)
    }
  }

  @Test("a hash's state of another size is refused")
  func hostileState() {
    #expect(throws: SignalError.self) { try WaveformHasher(chain: [], pending: []) }
    #expect(throws: SignalError.self) {
      try WaveformHasher(chain: [UInt8](repeating: 0, count: 32), pending: [1, 2, 3])
    }
  }
}
