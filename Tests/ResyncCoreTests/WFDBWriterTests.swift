import Foundation
import ResyncCore
import Testing

struct WFDBWriterTests {
  private static func parsed(_ files: WFDBFiles, _ name: String) throws -> WFDBRecord {
    try WFDBRecord(header: WFDBHeader(parsing: files.header, file: name + ".hea")) { _ in files.signals }
  }

  @Test(
    "a record written reads back the same, wherever it came from",
    arguments: ["m233", "l1", "skewed", "frames", "varied"],
    [16, 212])
  func roundTrip(name: String, format: Int) throws {
    var record = try WFDBRecord.read(folder: SignalFixtures.wfdb, name: name)
    let limit: Int32 = format == 16 ? 32_767 : 2_047
    record.digital = record.digital.map { $0.map { $0 == WFDBRecord.invalidSample ? $0 : $0 % (limit + 1) } }
    let read = try Self.parsed(try record.files(named: "copy", format: format), "copy")
    #expect(read.digital == record.digital)
    #expect(read.header.recordName == "copy")
    #expect(read.header.sampleRateHz == record.header.sampleRateHz)
    #expect(read.header.comments == record.header.comments)
    #expect(read.header.baseTimeSeconds == record.header.baseTimeSeconds)
    #expect(read.header.baseDate == record.header.baseDate)
    #expect(read.header.counterFrequencyHz == record.header.counterFrequencyHz)
    for (new, old) in zip(read.header.signals, record.header.signals) {
      #expect(new.gain == old.gain && new.baseline == old.baseline && new.units == old.units)
      #expect(new.description == old.description && new.adcZero == old.adcZero && new.format == format)
    }
  }

  @Test("the bytes are those that the Python wfdb package writes", arguments: ["m233", "f16", "f212"])
  func bytes(name: String) throws {
    let record = try WFDBRecord.read(folder: SignalFixtures.wfdb, name: name)
    let files = try record.files(named: name, format: record.header.signals[0].format)
    #expect(Data(files.signals) == (try Data(contentsOf: SignalFixtures.wfdb.appendingPathComponent("\(name).dat"))))
    let theirs = try WFDBRecord.read(folder: SignalFixtures.wfdb, name: name).header.signals
    let mine = try WFDBHeader(parsing: files.header, file: name).signals
    #expect(mine.map(\.checksum) == theirs.map(\.checksum))
    #expect(mine.map(\.initialValue) == theirs.map(\.initialValue))
  }

  @Test("a folder written holds header, samples and annotations")
  func folder() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wfdb-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let header = WFDBHeader(
      recordName: "a", sampleRateHz: 512.5, signals: [.init(description: "II", gain: 1_000)], comments: ["<age>: 51"])
    let record = WFDBRecord(header: header, digital: [[1, -2, WFDBRecord.invalidSample]])
    let annotations = [WFDBAnnotation(sample: 1, symbol: "N")]
    try record.write(to: folder, as: "p-1_b", annotations: annotations)
    let read = try WFDBRecord.read(folder: folder, name: "p-1_b")
    #expect(read.digital == record.digital)
    #expect(read.header.sampleRateHz == 512.5 && read.header.patientFacts.ageYears == 51)
    #expect(try SignalFixtures.annotations(folder: folder, name: "p-1_b") == annotations)
  }

  @Test("what a format or a header cannot hold is refused by name")
  func refused() throws {
    func error(_ change: (inout WFDBRecord) -> Void, name: String = "x", format: Int = 212) throws -> String {
      let signals = [WFDBHeader.Signal(description: "I", gain: 1), .init(description: "II", gain: 1)]
      var record = WFDBRecord(
        header: WFDBHeader(recordName: "x", sampleRateHz: 1, signals: signals), digital: [[1, 2], [3, 4]])
      change(&record)
      let error = try #require(
        throws: WFDBError.self, performing: { try record.files(named: name, format: format) })
      #expect(error.code == .notWritable)
      return error.message
    }
    #expect(try error { $0.digital[1][1] = 2_048 }.contains("signal 1, sample 1 is 2048"))
    // The lowest value means invalid.
    #expect(try error { $0.digital[0][0] = -2_048 }.contains("signal 0, sample 0"))
    #expect(try error { $0.digital[1] = [1] }.contains("signal 1 has 1"))
    #expect(try error({ _ in }, format: 8).contains("16 and 212"))
    #expect(try error { $0.header.signals[0].description = "a\nb" }.contains("description"))
    #expect(try error { $0.header.signals[0].units = "m V" }.contains("unit"))
    #expect(try error { $0.header.comments = ["a\nx.dat 16"] }.contains("comment"))
    #expect(try error({ _ in }, name: "a/b").contains("name"))
    #expect(try error({ _ in }, name: "").contains("name"))
  }
}
