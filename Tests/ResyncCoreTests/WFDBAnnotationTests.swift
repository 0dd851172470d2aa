import Foundation
import ResyncCore
import Testing

struct WFDBAnnotationTests {
  private func parse(_ bytes: [UInt8]) throws -> [WFDBAnnotation] { try WFDBAnnotations.parse(bytes, file: "x.atr") }

  @Test("serialised annotations read back as they were", arguments: ["words", "m233", "ticks"])
  func fixtures(name: String) throws {
    let annotations = try SignalFixtures.annotations(folder: SignalFixtures.wfdb, name: name)
    #expect(try parse(WFDBAnnotations.serialize(annotations)) == annotations)
  }

  @Test("intervals that need two SKIP words and a time resolution read as the Python wfdb package reads them")
  func ticks() throws {
    let golden = try SignalFixtures.json([GoldenRecord.Annotation].self, SignalFixtures.wfdb, "ticks.json").map(\.value)
    let read = try SignalFixtures.annotations(folder: SignalFixtures.wfdb, name: "ticks")
    #expect(read.first?.aux == "## time resolution: 720")
    #expect(Array(read.dropFirst()) == golden)
    let record = WFDBRecord(header: WFDBHeader(recordName: "x", sampleRateHz: 360), digital: [])
    #expect(record.placed(read).map(\.sample) == [0, 4, 515, 1_500_000_000, 2_500_000_000])
  }

  @Test("a time resolution that is no rate is passed over", arguments: ["0", "-1", "nan", "1e-310", "1e300", "", "x"])
  func noResolution(text: String) {
    let note = WFDBAnnotation(sample: 0, symbol: "\"", aux: "## time resolution: \(text)")
    let beats = [WFDBAnnotation(sample: 0, symbol: "N"), WFDBAnnotation(sample: 1 << 53, symbol: "N")]
    let record = WFDBRecord(header: WFDBHeader(recordName: "x", sampleRateHz: 360), digital: [])
    #expect(record.placed([note] + beats) == beats)
  }

  @Test("any annotations read back as they were: long and negative intervals, held and changed fields, odd texts")
  func random() throws {
    var generator = SeededGenerator(seed: 11)
    let symbols = Array("NLRaVFJASEj/Q~|sT*D\"=pB^t+u?![]en@xf()r")
    let steps: [ClosedRange<Int64>] = [0...0, 1...1_023, 1_024...70_000, 1 << 31...1 << 34, -900 ... -1]
    for _ in 0..<300 {
      var time: Int64 = 0
      let annotations = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        time = max(0, time + Int64.random(in: steps.randomElement(using: &generator)!, using: &generator))
        return WFDBAnnotation(
          sample: time, symbol: symbols.randomElement(using: &generator)!,
          subtype: Int8.random(in: -128...127, using: &generator),
          channel: UInt8.random(in: 0...2, using: &generator), number: Int8.random(in: -2...2, using: &generator),
          aux: String("(AFIB µ é 心".prefix(Int.random(in: 0...11, using: &generator))))
      }
      #expect(try parse(WFDBAnnotations.serialize(annotations)) == annotations)
    }
  }

  @Test("a text is cut at 255 bytes, between characters")
  func longText() throws {
    let text = "x" + String(repeating: "é", count: 200)
    let read = try parse(WFDBAnnotations.serialize([WFDBAnnotation(sample: 0, symbol: "\"", aux: text)]))
    #expect(read[0].aux == "x" + String(repeating: "é", count: 127))
  }

  @Test("a text of odd length is padded, and Latin-1 reads as such")
  func padding() throws {
    #expect(try parse([1, 0x04, 3, 0xFC, 0x61, 0xE9, 0x62, 0, 2, 0x04, 0, 0]).map(\.aux) == ["aéb", ""])
  }

  @Test("SKIP goes back as well as forth, and before the start is an error with its byte")
  func skip() throws {
    // N at 500; back by 300; V at 200.
    let back: [UInt8] = [0xF4, 0x05, 0, 0xEC, 0xFF, 0xFF, 0xD4, 0xFE, 0, 0x14]
    #expect(try parse(back + [0, 0]).map(\.sample) == [500, 200])
    let error = try #require(
      throws: WFDBError.self, performing: { try parse([0, 0xEC, 0xFF, 0xFF, 0xD4, 0xFE, 0, 0x14, 0, 0]) })
    #expect(error.byte == 6 && error.file == "x.atr")
  }

  @Test("channel and number hold until changed, a subtype and a text are one annotation's own")
  func held() throws {
    let read = try parse([1, 0x04, 7, 0xF0, 3, 0xF8, 0xFE, 0xF7, 1, 0x04, 0, 0xF8, 1, 0x04, 0, 0])
    #expect(read.map(\.number) == [7, 7, 7])
    #expect(read.map(\.channel) == [3, 0, 0])
    #expect(read.map(\.subtype) == [-2, 0, 0])
  }

  @Test("code 0 moves the time; modifiers after it go to no annotation, and before anything are an error")
  func codeZero() throws {
    let read = try parse([1, 0x04, 5, 0x00, 9, 0xF4, 2, 0xF8, 1, 0x04, 0, 0])
    #expect(read.map(\.sample) == [1, 7])
    #expect(read.map(\.subtype) == [0, 0])
    #expect(read.map(\.channel) == [0, 2])
    let error = try #require(throws: WFDBError.self, performing: { try parse([9, 0xF4, 0, 0]) })
    #expect(error.byte == 0)
  }
}
