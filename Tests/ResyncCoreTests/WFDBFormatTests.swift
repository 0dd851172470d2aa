import Foundation
import ResyncCore
import Testing

/// What the Python wfdb package reads from a record; nil where invalid.
private struct GoldenSamples: Decodable {
  let sampleRateHz: Double
  /// Absent where segments differ in gain.
  let digital: [[Int32]]?
  let millivolts: [[Double?]]

  static let all = Result { try SignalFixtures.json([String: GoldenSamples].self, SignalFixtures.wfdb, "formats.json") }
}

struct WFDBFormatTests {
  static let formats = [8, 16, 24, 32, 61, 80, 160, 212, 310, 311]

  @Test("the table holds the formats that ECG records use")
  func table() { #expect(WFDBFormat.all.map(\.code) == Self.formats) }

  @Test(
    "every format, layout of frames and kind of segments reads as the Python wfdb package reads it",
    arguments: formats.map { "f\($0)" } + ["skewed", "open", "frames", "fixed", "varied"])
  func golden(name: String) throws {
    let golden = try #require(try GoldenSamples.all.get()[name])
    let record = try WFDBRecord.read(folder: SignalFixtures.wfdb, name: name)
    #expect(record.header.sampleRateHz == golden.sampleRateHz)
    #expect(record.header.sampleCount == record.digital[0].count)
    if let expected = golden.digital {
      // The package leaves the format's own marker in place.
      let marked = zip(record.digital, record.header.signals).map { samples, signal in
        let invalid = WFDBFormat.named(signal.format)?.invalidValue ?? WFDBRecord.invalidSample
        return samples.map { $0 == WFDBRecord.invalidSample ? invalid : $0 }
      }
      #expect(marked == expected)
    }
    for (signal, expected) in golden.millivolts.enumerated() {
      let read = record.millivolts()[signal]
      for (index, value) in expected.enumerated() {
        guard let value else {
          #expect(read[index].isNaN && record.digital[signal][index] == WFDBRecord.invalidSample)
          continue
        }
        // 1/512 of the coarsest gain here; float's own steps where values are large.
        #expect(abs(Double(read[index]) - value) <= 2e-5 + abs(value) * 1e-6, "signal \(signal), sample \(index)")
      }
    }
  }

  /// The manual's words turned into bits: position of each bit of sample `index`, lowest first.
  private static func bits(of code: Int, _ index: Int) -> [Int] {
    let (pair, triple) = (index / 2 * 24, index / 3 * 32)
    switch code {
    case 8, 80: return (0..<8).map { index * 8 + $0 }
    case 16, 160: return (0..<16).map { index * 16 + $0 }
    case 24: return (0..<24).map { index * 24 + $0 }
    case 32: return (0..<32).map { index * 32 + $0 }
    case 61: return (0..<16).map { index * 16 + ($0 + 8) % 16 }
    case 212: return index % 2 == 0 ? (0..<12).map { pair + $0 } : (0..<12).map { pair + ($0 < 8 ? 16 + $0 : 4 + $0) }
    case 310:
      return index % 3 < 2
        ? (1..<11).map { triple + index % 3 * 16 + $0 } : (0..<10).map { triple + ($0 < 5 ? 11 + $0 : 22 + $0) }
    default: return (0..<10).map { triple + index % 3 * 10 + $0 }
    }
  }

  private static func oracle(_ code: Int, _ bytes: [UInt8], _ index: Int) -> Int32 {
    let bits = bits(of: code, index)
    var value = 0
    for (place, bit) in bits.enumerated() where bytes[bit / 8] >> (bit % 8) & 1 == 1 { value |= 1 << place }
    if code == 80 || code == 160 { return Int32(value - 1 << (bits.count - 1)) }
    return Int32(value >= 1 << (bits.count - 1) ? value - 1 << bits.count : value)
  }

  @Test("every format unpacks bit for bit as the manual words it, from files of any length", arguments: formats)
  func oracle(code: Int) throws {
    var generator = SeededGenerator(seed: UInt64(code))
    let format = try #require(WFDBFormat.named(code))
    for length in 0..<40 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
      // As many samples as have all their bits in the file.
      var count = 0
      while Self.bits(of: code, count).allSatisfy({ $0 < 8 * length }) { count += 1 }
      // In format 310 the third sample is whole as soon as the second is.
      #expect(format.sampleCount(length) == count)
      #expect(format.values(bytes[...], count: count) == (0..<count).map { Self.oracle(code, bytes, $0) })
      if count > 0 {
        #expect(format.values(bytes[...], count: count - 1) == (0..<count - 1).map { Self.oracle(code, bytes, $0) })
      }
    }
  }

  @Test("what formats 16 and 212 pack unpacks to the same, for any number of samples", arguments: [16, 212])
  func packing(code: Int) throws {
    var generator = SeededGenerator(seed: 3)
    let format = try #require(WFDBFormat.named(code))
    let top: Int32 = 1 << (Int32(format.bits) - 1)
    for count in 0..<20 {
      let values = (0..<count).map { _ in Int32.random(in: -top..<top, using: &generator) }
      let bytes = format.bytes(values)
      #expect(format.sampleCount(bytes.count) == count)
      #expect(format.values(bytes[...], count: count) == values)
    }
  }

  @Test("differences sum up from the initial value, each signal on its own")
  func differences() throws {
    let header = try WFDBHeader(
      parsing: Array("x 2 360 3\nx.dat 8 200 8 0 1000 3128 0 a\nx.dat 8 200 8 0 -5 -401 0 b".utf8), file: "x.hea")
    let record = try WFDBRecord(header: header) { _ in [127, 128, 0x81, 0xFF, 1, 0] }
    #expect(record.digital == [[1_127, 1_000, 1_001], [-133, -134, -134]])
  }

  @Test("each signal is moved by its own skew; what lies beyond the file is invalid")
  func skews() throws {
    let text = "x 3 360 3\nx.dat 16:1 200 16 0 0 12 0 a\nx.dat 16 200 16 0 0 15 0 b\nx.dat 16:9 200 16 0 0 18 0 c"
    let header = try WFDBHeader(parsing: Array(text.utf8), file: "x.hea")
    let record = try WFDBRecord(header: header) { _ in (1...9).flatMap { [UInt8($0), 0] } }
    let gap = WFDBRecord.invalidSample
    #expect(record.digital == [[4, 7, gap], [2, 5, 8], [gap, gap, gap]])
  }

  @Test("a skew counts frames, however many samples they hold")
  func skewedFrames() throws {
    let header = try WFDBHeader(parsing: Array("x 1 100 3\nx.dat 80x2:1 200".utf8), file: "x.hea")
    let record = try WFDBRecord(header: header) { _ in [129, 130, 131, 132, 133, 134] }
    #expect(record.digital == [[3, 4, 5, 6, WFDBRecord.invalidSample, WFDBRecord.invalidSample]])
  }

  @Test("several samples per frame are given at the highest rate, and annotations move along")
  func frames() throws {
    let header = try WFDBHeader(parsing: Array("x 2 100 2\nx.dat 80x2 200\nx.dat 80 200".utf8), file: "x.hea")
    let record = try WFDBRecord(header: header) { _ in [129, 130, 140, 131, 132, 141] }
    #expect(record.digital == [[1, 2, 3, 4], [12, 12, 13, 13]])
    #expect(record.header.sampleRateHz == 200)
    #expect(record.samplesPerFrame == 2)
    let note = WFDBAnnotation(sample: 0, symbol: "\"", aux: "## time resolution: 400")
    let beat = WFDBAnnotation(sample: 10, symbol: "N")
    #expect(record.placed([beat]).map(\.sample) == [20])
    #expect(record.placed([note, beat]).map(\.sample) == [5])
  }

  @Test("a signal without a file is invalid throughout")
  func absentSignal() throws {
    let header = try WFDBHeader(parsing: Array("x 2 100 2\n~ 0 200\nx.dat 80 200".utf8), file: "x.hea")
    let record = try WFDBRecord(header: header) { name in
      #expect(name == "x.dat")
      return [129, 130]
    }
    #expect(record.digital == [[WFDBRecord.invalidSample, WFDBRecord.invalidSample], [1, 2]])
  }

  @Test("the record line's counter, time and date are kept; ones in another style are left out")
  func recordLine() throws {
    let folder = SignalFixtures.wfdb
    let header = try WFDBRecord.read(folder: folder, name: "skewed").header
    #expect(header.counterFrequencyHz == 36 && header.baseCounter == 1.5)
    #expect(header.baseTimeSeconds == 47_107.25)
    #expect(header.baseDate == WFDBHeader.Day(day: 25, month: 4, year: 1989))
    let other = try WFDBHeader(parsing: Array("A1 0 500 7500 05-Feb-2020 11:39:16".utf8), file: "A1.hea")
    #expect(other.sampleCount == 7_500 && other.baseTimeSeconds == nil && other.baseDate == nil)
  }

  @Test("a header in Latin-1 keeps its micro sign")
  func latin() throws {
    let bytes = Array("x 1 250 1\nx.dat 80 1/".utf8) + [0xB5] + Array("V".utf8)
    let record = try WFDBRecord(header: try WFDBHeader(parsing: bytes, file: "x.hea")) { _ in [130] }
    #expect(record.millivolts() == [[0.002]])
  }
}
