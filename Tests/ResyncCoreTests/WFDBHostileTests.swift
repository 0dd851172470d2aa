import Foundation
import ResyncCore
import Testing

struct WFDBHostileTests {
  private func header(_ text: String) throws -> WFDBHeader { try WFDBHeader(parsing: Array(text.utf8), file: "x.hea") }

  private func bytes(_ file: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: SignalFixtures.wfdb.appendingPathComponent(file)))
  }

  @Test("a cut signal file is named with the byte where it ends")
  func cutSignal() throws {
    let header = try WFDBHeader(parsing: try bytes("m233.hea"), file: "m233.hea")
    let error = try #require(
      throws: WFDBError.self, performing: { try WFDBRecord(header: header) { try Array(bytes($0).prefix(1_000)) } })
    #expect(error.code == .signalTruncated)
    #expect(error.file == "m233.dat")
    #expect(error.byte == 1_000)
  }

  @Test("a changed sample fails the checksum")
  func checksum() throws {
    let header = try WFDBHeader(parsing: try bytes("m233.hea"), file: "m233.hea")
    var data = try bytes("m233.dat")
    data[500] ^= 1
    let error = try #require(throws: WFDBError.self, performing: { try WFDBRecord(header: header) { _ in data } })
    #expect(error.code == .checksumMismatch)
  }

  @Test("an annotation file cut anywhere is an error, never a crash")
  func cutAnnotations() throws {
    let whole = try bytes("words.atr")
    for length in 0..<whole.count {
      let error = try #require(
        throws: WFDBError.self, performing: { try WFDBAnnotations.parse(Array(whole.prefix(length)), file: "w") })
      #expect(error.byte == length)
    }
  }

  @Test(
    "a malformed header is refused with its file and line",
    arguments: [
      ("", WFDBError.Code.headerMalformed), ("x", .headerMalformed), ("x -1", .headerMalformed),
      ("x 99999999999999999999", .headerMalformed), ("x 1 0 10\nx.dat 16", .headerMalformed),
      ("x 1 nan 10\nx.dat 16", .headerMalformed), ("x 2 360 10\nx.dat 16", .headerMalformed),
      ("x/3 1 360 10\nx.dat 16", .headerMalformed), ("x 1 360 10\nx.dat 16x0", .headerMalformed),
      ("x 1 360 10\nx.dat 16:-3", .headerMalformed), ("x 1 360 10\nx.dat 16q", .headerMalformed),
      ("x/1 1 360 10\n../y 10", .headerMalformed), ("x/1 1 360 10\ny -1", .headerMalformed),
      ("x/99999999 1 360 10\ny 1", .headerMalformed), ("x 1 360/a 10\nx.dat 16", .headerMalformed),
      ("x 1 360 10\n.. 16", .headerMalformed), ("x 1 360 10\na\\b 16", .headerMalformed),
      ("x 1 360 10\n/etc/passwd 80", .headerMalformed), ("x 1 360 10\na\u{0}b 16", .headerMalformed),
      ("x 1 360 10\n../x.dat 16", .headerMalformed), ("x 1 360 10\nx.dat 16 200(", .headerMalformed),
      ("x 1 360 10\nx.dat 16 inf", .headerMalformed),
      ("x 1 360 10\nx.dat 16 1e300", .headerMalformed), ("x 1 360 10\nx.dat 16 -1e-16", .headerMalformed),
      ("x 1 360 10\nx.dat 16 200 12 0 0 x", .headerMalformed),
    ])
  func malformedHeader(text: String, code: WFDBError.Code) throws {
    let error = try #require(throws: WFDBError.self, performing: { try header(text) })
    #expect(error.code == code)
    #expect(error.file == "x.hea")
    #expect(
      error.byte == (text.firstIndex(of: "\n").map { text.utf8.distance(from: text.startIndex, to: $0) + 1 } ?? 0)
        || error.byte == 0 && !text.hasPrefix("x 1 360 10\n"))
  }

  @Test("an unknown format is refused and the known ones are named")
  func unknownFormat() throws {
    let unknown = try header("x 1 360 10\nx.dat 9999")
    let error = try #require(throws: WFDBError.self, performing: { try WFDBRecord(header: unknown) { _ in [1, 2] } })
    #expect(error.code == .unsupported)
    #expect(error.message.contains("212"))
  }

  @Test("an invalid sample and a signal that is no voltage become NaN")
  func invalidSamples() throws {
    let header = try header("x 2 360 2\nx.dat 16 200/uV 16 0 0\nx.dat 16 200/mmHg 16 0 0")
    let record = try WFDBRecord(header: header) { _ in [0, 0x80, 1, 0, 200, 0, 1, 0] }
    let millivolts = record.millivolts()
    #expect(millivolts[0][0].isNaN)
    #expect(millivolts[0][1] == 0.001)
    #expect(millivolts[1].allSatisfy { $0.isNaN })
  }

  @Test("without a number of samples the file's length decides")
  func openLength() throws {
    let record = try WFDBRecord(header: try header("x 1\nx.dat 212")) { _ in [1, 0x20, 3, 4, 0x05] }
    #expect(record.digital == [[1, 515, 1_284]])
    #expect(record.header.sampleRateHz == 250)
  }

  @Test("files of different lengths are refused when the header says no number of samples")
  func differentLengths() throws {
    let header = try header("x 2 100\na.dat 80\nb.dat 80")
    for (a, b) in [(2, 3), (3, 2)] {
      let error = try #require(
        throws: WFDBError.self,
        performing: { try WFDBRecord(header: header) { [UInt8](repeating: 1, count: $0 == "a.dat" ? a : b) } })
      #expect(error.code == .signalTruncated && error.file == "b.dat" && error.byte == b)
    }
  }

  @Test(
    "patient facts read in both styles, and 0 or −1 means unknown",
    arguments: [
      ("#<age>: 51\n#<sex>: F", 51, "F"), ("# 69 M 1085 1629 x1\n# Aldomet", 69, "M"), ("# 0 F 1 2 x1", nil, "F"),
      ("# -1 M 1 2 x1", nil, "M"), ("# age: 64\n# sex: Male", 64, "M"), ("# Digoxin", nil, nil),
      ("#<age>: -1\n#<sex>: ?", nil, nil),
    ] as [(String, Double?, Character?)])
  func patientFacts(comments: String, age: Double?, sex: Character?) throws {
    let facts = try header("x 0 360\n\(comments)").patientFacts
    #expect(facts.ageYears == age)
    #expect(facts.sex == sex)
  }
}
