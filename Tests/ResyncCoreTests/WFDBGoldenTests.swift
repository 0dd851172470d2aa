import Foundation
import ResyncCore
import Testing

/// What the Python wfdb package reads from the fixtures.
struct GoldenRecord: Decodable {
  struct Annotation: Decodable {
    let sample: Int64
    let symbol: String
    let subtype: Int8
    let channel: UInt8
    let number: Int8
    let aux: String

    var value: WFDBAnnotation {
      WFDBAnnotation(
        sample: sample, symbol: Character(symbol), subtype: subtype, channel: channel, number: number, aux: aux)
    }
  }

  let sampleRateHz: Double
  let sampleCount: Int
  let names: [String]
  let comments: [String]
  let gain: [Double]
  let baseline: [Int]
  let units: [String]
  let checksum: [Int]
  let indices: [Int]
  let digital: [[Int32]]
  let millivolts: [[Double]]
  let sums: [Int]
  let annotations: [Annotation]?
}

struct WFDBGoldenTests {
  @Test(
    "a record reads as the Python wfdb package reads it: format 212, and format 16 in two files",
    arguments: ["m233", "l1"])
  func record(name: String) throws {
    let golden = try SignalFixtures.json(GoldenRecord.self, SignalFixtures.wfdb, "\(name).json")
    let record = try WFDBRecord.read(folder: SignalFixtures.wfdb, name: name)
    let header = record.header
    #expect(header.recordName == name)
    #expect(header.sampleRateHz == golden.sampleRateHz)
    #expect(header.sampleCount == golden.sampleCount)
    #expect(header.comments == golden.comments)
    #expect(header.signals.map(\.description) == golden.names)
    #expect(header.signals.map(\.gain) == golden.gain)
    #expect(header.signals.map(\.baseline) == golden.baseline)
    #expect(header.signals.map(\.units) == golden.units)
    #expect(header.signals.map(\.checksum) == golden.checksum.map { Int16(truncatingIfNeeded: $0) })
    #expect(record.digital.map { $0.reduce(0) { $0 + Int($1) } } == golden.sums)
    let millivolts = record.millivolts()
    for (signal, expected) in golden.digital.enumerated() {
      #expect(golden.indices.map { record.digital[signal][$0] } == expected)
      for (index, value) in zip(golden.indices, golden.millivolts[signal]) {
        #expect(abs(Double(millivolts[signal][index]) - value) < 1e-6)
      }
    }
  }

  @Test("annotations read as the Python wfdb package reads them")
  func annotations() throws {
    let golden = try SignalFixtures.json(GoldenRecord.self, SignalFixtures.wfdb, "m233.json")
    let read = try SignalFixtures.annotations(folder: SignalFixtures.wfdb, name: "m233")
    #expect(read == golden.annotations?.map(\.value))
    #expect(read.count > 100)
  }

  @Test("every word of the annotation format reads: SKIP, NUM, SUB, CHN, AUX")
  func words() throws {
    let golden = try SignalFixtures.json([GoldenRecord.Annotation].self, SignalFixtures.wfdb, "words.json")
    #expect(try SignalFixtures.annotations(folder: SignalFixtures.wfdb, name: "words") == golden.map(\.value))
  }
}
