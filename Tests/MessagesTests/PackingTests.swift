import Foundation
import Messages
import Testing

@Suite("Packed arrays")
struct PackingTests {
  @Test("samples are planar little-endian float32, lead after lead")
  func layout() {
    // 1.0 is 0x3F800000, −2.0 is 0xC0000000.
    #expect(Array(Packing.pack([[1], [-2]])) == [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0])
    #expect(Array(Packing.pack([Float16(1), -2])) == [0, 0x3C, 0, 0xC0])
  }

  @Test("samples come back bit for bit, infinities and NaN included")
  func roundTrip() throws {
    let planes: [[Float]] = [[0, -0.0, .infinity], [.leastNonzeroMagnitude, .pi, .nan]]
    let back = try #require(Packing.unpack(Packing.pack(planes), leadCount: 2))
    #expect(back.map { $0.map(\.bitPattern) } == planes.map { $0.map(\.bitPattern) })
  }

  @Test("a slice of a larger buffer is read from its own start")
  func slices() throws {
    let packed = Data([9, 9, 9]) + Packing.pack([[1, 2], [3, 4]])
    #expect(Packing.unpack(packed.dropFirst(3), leadCount: 2) == [[1, 2], [3, 4]])
    #expect(Packing.unpackHalf((Data([9]) + Packing.pack([Float16(5)])).dropFirst()) == [5])
  }

  @Test("no bytes are no samples for every lead")
  func empty() {
    #expect(Packing.unpack(Data(), leadCount: 3) == [[], [], []])
    #expect(Packing.unpackHalf(Data()) == [])
  }

  @Test("bytes that do not fit the leads are nil, not a crash", arguments: [(7, 1), (12, 2), (8, 0), (8, -1), (4, 3)])
  func misfits(bytes: Int, leads: Int) {
    #expect(Packing.unpack(Data(count: bytes), leadCount: leads) == nil)
  }

  @Test("half a half-precision number is nil")
  func oddHalf() {
    #expect(Packing.unpackHalf(Data(count: 3)) == nil)
  }
}
