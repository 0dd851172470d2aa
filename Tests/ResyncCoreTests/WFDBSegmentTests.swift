import Foundation
import ResyncCore
import Testing

/// A record's files in memory.
struct WFDBMemory {
  var files: [String: [UInt8]]

  init(_ texts: [String: String], _ data: [String: [UInt8]] = [:]) {
    files = texts.mapValues { Array($0.utf8) }.merging(data) { $1 }
  }

  func read(_ name: String) throws -> WFDBRecord {
    let file = name + ".hea"
    return try WFDBRecord(header: WFDBHeader(parsing: try #require(files[file]), file: file), maximumUnstored: 1 << 22)
    {
      try #require(files[$0], "\($0)")
    }
  }
}

struct WFDBSegmentTests {
  private let gap = WFDBRecord.invalidSample

  @Test("in the variable layout signals come and go, and gaps are invalid")
  func variable() throws {
    let memory = WFDBMemory(
      [
        "m.hea": "m/4 2 100 5\nm_0 0\na 2\n~ 1\nb 2", "m_0.hea": "m_0 2 100 0\n~ 0 10 8 0 0 0 0 I\n~ 0 10 8 0 0 0 0 II",
        "a.hea": "a 1 100 2\na.dat 80 10 8 0 0 3 0 II", "b.hea": "b 2 100 2\nb.dat 80 10 8 0 0 0 0 II\nb.dat 80 10",
      ], ["a.dat": [129, 130], "b.dat": [131, 140, 125, 116]])
    var broken = memory
    // A signal without description is in no layout.
    let error = try #require(throws: WFDBError.self, performing: { try broken.read("m") })
    #expect(error.file == "b.hea" && error.message.contains("signal 1"))
    broken.files["b.hea"] = Array("b 2 100 2\nb.dat 80 10 8 0 0 0 0 II\nb.dat 80 10 8 0 0 0 0 I".utf8)
    let record = try broken.read("m")
    #expect(record.digital == [[gap, gap, gap, 12, -12], [1, 2, gap, 3, -3]])
    #expect(record.header.sampleCount == 5)
  }

  @Test(
    "segments of another gain or baseline keep their millivolts",
    arguments: [("30(-1)/mV", [4.0 / 30, -2.0 / 30]), ("100(-1)", [0.04, -0.02])])
  func gains(other: String, golden: [Double]) throws {
    let memory = WFDBMemory(
      [
        "m.hea": "m/2 1 100\na 2\nb 2", "a.hea": "a 1 100 2\na.dat 80 100(3)", "b.hea": "b 1 100 2\nb.dat 80 \(other)",
      ],
      ["a.dat": [129, 0], "b.dat": [131, 125]])
    let read = try memory.read("m").millivolts()[0]
    let golden = [-0.02, .nan] + golden
    for (value, expected) in zip(read, golden) {
      #expect(value.isNaN == expected.isNaN)
      #expect(expected.isNaN || abs(Double(value) - expected) < 1 / 51_200)
    }
  }

  @Test("segments with several samples per frame share the highest rate")
  func frames() throws {
    let memory = WFDBMemory(
      ["m.hea": "m/2 1 100\na 1\nb 2", "a.hea": "a 1 100 1\na.dat 80x2 10", "b.hea": "b 1 100 2\nb.dat 80 10"],
      ["a.dat": [129, 130], "b.dat": [131, 132]])
    let record = try memory.read("m")
    #expect(record.digital == [[1, 2, 3, 3, 4, 4]])
    #expect(record.header.sampleRateHz == 200)
  }

  private static let good = [
    "m.hea": "m/2 1 100 4\na 2\nb 2", "a.hea": "a 1 100 2\na.dat 80 10", "b.hea": "b 1 100 2\nb.dat 80 10",
  ]

  @Test(
    "segments that disagree are refused with the file that does",
    arguments: [
      ("m.hea", "m/2 1 100 5\na 2\nb 2", "m.hea"), ("m.hea", "m/2 1 100 4\na 3\nb 1", "a.hea"),
      ("m.hea", "m/2 2 100 4\na 2\nb 2", "a.hea"), ("b.hea", "b 1 99 2\nb.dat 80 10", "b.hea"),
      ("b.hea", "b 2 100 2\nb.dat 80 10\nb.dat 80 10", "b.hea"), ("b.hea", "b/1 1 100 2\nb 2", "b.hea"),
      ("b.hea", "b 1 100 2\nb.dat 80 10/uV", ".hea"), ("b.hea", "b 1 100 3\nb.dat 80 10", "b.dat"),
      ("m.hea", "m/2 1 100 4\n~ 2\n~ 2", "m.hea"), ("m.hea", "m/1 1 100 4\nm 4", "m.hea"),
    ])
  func disagreement(file: String, text: String, blamed: String) throws {
    var memory = WFDBMemory(Self.good, ["a.dat": [1, 2], "b.dat": [3, 4]])
    #expect(try memory.read("m").digital == [[-127, -126, -125, -124]])
    memory.files[file] = Array(text.utf8)
    let error = try #require(throws: WFDBError.self, performing: { try memory.read("m") })
    #expect(error.file.hasSuffix(blamed), "\(error)")
  }

  @Test(
    "a few bytes of header cannot ask for memory that no file backs: gaps, repeats, expansion, absent signals",
    arguments: [
      ["m.hea": "m/2 1 100\na 2\n~ 1099511627000"],
      ["m.hea": "m/4000 1 100\n" + String(repeating: "a 65536\n", count: 4_000), "a.hea": "a 1 100\na.dat 80"],
      ["m.hea": "m 250 100 4\na.dat 80x16384\n" + String(repeating: "b.dat 80\n", count: 249)],
      ["m.hea": "m 256 100 1099511627776\n" + String(repeating: "~ 0\n", count: 256)],
      ["m.hea": "m 1 100 1099511627776\na.dat 32+1099511627776"], ["m.hea": "m 1 100 1099511627776\na.dat 311x16384"],
    ])
  func allowance(texts: [String: String]) throws {
    let zeros = [UInt8](repeating: 1, count: 65_536)
    let memory = WFDBMemory(Self.good.merging(texts) { $1 }, ["a.dat": zeros, "b.dat": zeros])
    let error = try #require(throws: WFDBError.self, performing: { try memory.read("m") })
    #expect([.unsupported, .signalTruncated].contains(error.code), "\(error)")
  }
}
