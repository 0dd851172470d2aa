import Foundation
import ResyncCore
import Testing

/// Bytes as a hostile or broken feed would send them.
struct WFDBMutationTests {
  private static let names = ["f8", "f32", "f212", "f310", "f311", "skewed", "open", "frames", "fixed", "varied", "l1"]

  /// Numbers and marks that parsers trip over.
  private static let tokens = [
    "0", "-1", "1", "255", "65536", "999999999", "2147483648", "1099511627776", "9223372036854775807", "1e308", "nan",
    "~",
    "/", "../x", "x16384", ":1099511627776", "+7", "(", ")", "#", "\n", " ", "\u{0}", "µ",
  ].map { Array($0.utf8) }

  private static func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
      let at = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &generator)
      case 1: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 2: bytes.removeSubrange(at...)
      case 3: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...9, using: &generator)))
      case 4: bytes.insert(contentsOf: tokens.randomElement(using: &generator)!, at: at)
      default:
        // A number or word of the text is replaced whole.
        let isBreak = { (byte: UInt8) in byte <= 0x20 || byte == 0x2F || byte == 0x28 }
        let start = bytes[..<at].lastIndex(where: isBreak).map { $0 + 1 } ?? 0
        let end = bytes[at...].firstIndex(where: isBreak) ?? bytes.count
        bytes.replaceSubrange(start..<max(start, end), with: tokens.randomElement(using: &generator)!)
      }
    }
    return bytes
  }

  @Test("a record changed or cut anywhere is read or refused with a file of the record, in bounded memory")
  func records() throws {
    var generator = SeededGenerator(seed: 7)
    let folder = SignalFixtures.wfdb
    let all = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".hea") || $0.hasSuffix(".dat") }
    let files = try Dictionary(
      uniqueKeysWithValues: all.sorted().map { ($0, [UInt8](try Data(contentsOf: folder.appendingPathComponent($0)))) })
    var (read, refused) = (0, 0)
    for round in 0..<4_000 {
      let name = Self.names[round % Self.names.count]
      let own = files.keys.filter { $0.hasPrefix(name + "_") || $0.hasPrefix(name + ".") || $0.hasPrefix("l1") }
        .sorted()
      let target = own[Int.random(in: 0..<own.count, using: &generator)]
      var changed = files
      changed[target] = Self.mutated(files[target]!, &generator)
      var asked: Set<String> = [name + ".hea"]
      var bytes = 0
      do {
        let header = try WFDBHeader(parsing: changed[name + ".hea"]!, file: name + ".hea")
        _ = header.patientFacts
        let record = try WFDBRecord(header: header, maximumUnstored: 1 << 17) { file in
          #expect(!file.contains("/") && !file.contains("\\") && file != "..")
          asked.insert(file)
          guard let found = changed[file] else { throw CocoaError(.fileNoSuchFile) }
          bytes += found.count
          return found
        }
        // A stored sample takes a byte at least; beyond that only the allowance.
        let values = record.digital.reduce(0) { $0 + $1.count }
        #expect(values <= bytes + 1 << 17)
        #expect(Set(record.digital.map(\.count)).count <= 1)
        if values < 10_000 { _ = record.millivolts() }
        read += 1
      } catch let error as WFDBError {
        // A file that the header names wrongly is blamed before it is asked for.
        let named = own.filter { $0.hasSuffix(".hea") }.contains {
          String(decoding: changed[$0]!, as: UTF8.self).contains(error.file.replacing(".hea", with: ""))
        }
        #expect(asked.contains(error.file) || named, "\(error)")
        #expect(
          error.byte != nil || [.checksumMismatch, .headerMalformed, .unsupported].contains(error.code), "\(error)")
        refused += 1
      } catch is CocoaError {
        refused += 1
      }
    }
    #expect(read > 300 && refused > 1_500, "\(read) read, \(refused) refused")
  }

  @Test("an annotation file changed or cut anywhere is read or refused with a byte inside it")
  func annotations() throws {
    var generator = SeededGenerator(seed: 8)
    let files = try ["words.atr", "ticks.atr", "m233.atr"].map {
      [UInt8](try Data(contentsOf: SignalFixtures.wfdb.appendingPathComponent($0)))
    }
    for round in 0..<4_000 {
      let bytes = Self.mutated(files[round % files.count], &generator)
      do {
        let read = try WFDBAnnotations.parse(bytes, file: "x.atr")
        #expect(read.count <= bytes.count / 2)
        #expect(
          try WFDBAnnotations.parse(WFDBAnnotations.serialize(read), file: "y").map(\.sample) == read.map(\.sample))
        let record = WFDBRecord(header: WFDBHeader(recordName: "x", sampleRateHz: 1e9), digital: [])
        #expect(record.placed(read).count <= read.count)
      } catch let error as WFDBError {
        #expect(error.file == "x.atr")
        #expect(error.byte.map { (0...bytes.count).contains($0) } == true)
      }
    }
  }
}
