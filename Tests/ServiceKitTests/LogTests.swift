import Foundation
import Logging
import ServiceKit
import Testing

@Suite("Log lines")
struct LogTests {
  private struct Failure: Error {}

  @Test("a JSON line parses and holds time, level, service, instance, message, error and metadata")
  func json() throws {
    let lines = Lines()
    var log = logger(to: lines)
    log[metadataKey: "topic"] = "ecg.beats"
    log.warning("slow", error: Failure(), metadata: ["partitions": ["1", "2"], "offset": .stringConvertible(7)])
    let line = try #require(lines.all.first)
    #expect(line.hasSuffix("}\n"))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["level"] as? String == "warning")
    #expect(object["service"] as? String == "test")
    #expect(object["instance"] as? String == "one")
    #expect(object["message"] as? String == "slow")
    #expect(object["error"] as? String == "Failure()")
    let metadata = try #require(object["metadata"] as? [String: Any])
    #expect(metadata["topic"] as? String == "ecg.beats")
    #expect(metadata["partitions"] as? [String] == ["1", "2"])
    #expect(metadata["offset"] as? String == "7")
    let time = try #require(object["time"] as? String)
    #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
  }

  @Test("any message stays one line and gives back its text", arguments: LogFormat.allCases)
  func oneLine(format: LogFormat) throws {
    let lines = Lines()
    let nasty = "a\nb\r\t\"c\\\u{0}\u{1B}[31m\u{2028}é😀"
    logger(to: lines, format: format).info("\(nasty)", metadata: ["k\n": "v\n"])
    let line = try #require(lines.all.first)
    #expect(line.unicodeScalars.filter { $0.value < 32 }.map(\.value) == [10])
    #expect(!line.unicodeScalars.contains("\u{2028}"))
    guard format == .json else { return }
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["message"] as? String == nasty)
  }

  @Test("events below the level are not written")
  func level() {
    let lines = Lines()
    let log = logger(to: lines, level: .warning)
    log.info("quiet")
    log.error("loud")
    #expect(lines.all.count == 1)
    #expect(lines.contains("loud"))
  }
}
