import Foundation
import Ingest
import Messages
import ResyncCore
import Testing

@Suite("Validation of a chunk")
struct ValidatedChunkTests {
  private static func changed(_ change: (inout ProtoEcgChunk) -> Void) -> ProtoEcgChunk {
    var chunk = Sample.chunk(0)
    change(&chunk)
    return chunk
  }

  private static func float(_ values: [Float], unit: String = "mV") -> ProtoEcgChunk {
    changed {
      $0.sampleType = .float32
      $0.channels = [Sample.channel("I", unit: unit)]
      $0.samples = Sample.bytes([values])
    }
  }

  private func expectRejection(
    _ code: RejectionCode, _ chunk: ProtoEcgChunk, _ location: SourceLocation = #_sourceLocation
  ) {
    let rejection = #expect(throws: Rejection.self, sourceLocation: location) { try ValidatedChunk(chunk) }
    #expect(rejection?.code == code, sourceLocation: location)
  }

  @Test(
    "a digital value becomes millivolts by baseline, gain and unit",
    arguments: [
      ("mV", 200, 1024, Float(0.5)), ("uV", 1, 0, 1.124), ("µV", 2, 1000, 0.062), ("V", 1_000_000, 124, 1),
      ("mV", -100, 1024, -1), ("uV", 0, 1024, 0.1),
    ] as [(String, Double, Double, Float)])
  func units(unit: String, gain: Double, baseline: Double, expected: Float) throws {
    let chunk = Self.changed {
      $0.channels = [Sample.channel("I", unit: unit, gain: gain, baseline: baseline)]
      $0.samples = Sample.bytes([[Int16(1124)]])
    }
    let value = try ValidatedChunk(chunk).millivolts[0][0]
    #expect(abs(value - expected) <= 1e-6 * abs(expected))
  }

  @Test("int16, int32 and float32 of the same numbers are the same millivolts")
  func types() throws {
    let values = [[Int32]]([[0, -1, 32_767, -32_768], [7, 6, 5, 4]])
    let narrow = Self.changed { $0.samples = Sample.bytes(values.map { $0.map { Int16($0) } }) }
    let wide = Self.changed {
      $0.sampleType = .int32
      $0.samples = Sample.bytes(values)
    }
    let floating = Self.changed {
      $0.sampleType = .float32
      $0.samples = Sample.bytes(values.map { $0.map { Float($0) } })
    }
    let expected = try ValidatedChunk(narrow).millivolts
    #expect(expected[0][1] == -0.001 && expected[1] == [0.007, 0.006, 0.005, 0.004])
    #expect(try ValidatedChunk(wide).millivolts == expected)
    #expect(try ValidatedChunk(floating).millivolts == expected)
  }

  @Test("leads are read as devices write them")
  func leads() throws {
    let chunk = Self.changed { $0.channels = [Sample.channel("mlii"), Sample.channel("v1")] }
    #expect(try ValidatedChunk(chunk).leads == [.II, .V1])
  }

  @Test("a rate outside 100–1000 Hz is refused", arguments: [0, 99.9, 1000.1, -250, .nan, .infinity])
  func rate(_ rate: Double) { expectRejection(.rateOutOfRange, Self.changed { $0.sampleRateHz = rate }) }

  @Test("the limits of the rate are allowed", arguments: [100.0, 1000])
  func rateLimits(_ rate: Double) throws { _ = try ValidatedChunk(Self.changed { $0.sampleRateHz = rate }) }

  @Test("no channels, unknown leads and repeated leads are refused")
  func channels() {
    expectRejection(.missingField, Self.changed { $0.channels = [] })
    expectRejection(.unknownLead, Self.changed { $0.channels[1].lead = "X9" })
    expectRejection(.duplicateLead, Self.changed { $0.channels[1].lead = "MLII" })
    expectRejection(.unknownUnit, Self.changed { $0.channels[1].unit = "mmHg" })
  }

  @Test("an unknown sample type is refused")
  func sampleType() {
    expectRejection(.missingField, Self.changed { $0.sampleType = .unspecified })
    expectRejection(.invalidField, Self.changed { $0.sampleType = .UNRECOGNIZED(9) })
  }

  @Test("samples that are not the same whole number for every channel are refused", arguments: [1, 2, 3, 5])
  func sampleCount(_ bytes: Int) {
    expectRejection(.sampleCountMismatch, Self.changed { $0.samples = Data(count: bytes) })
  }

  @Test("only the last chunk may be empty")
  func empty() throws {
    expectRejection(.missingField, Self.changed { $0.samples = Data() })
    let last = Self.changed {
      $0.samples = Data()
      $0.last = true
    }
    #expect(try ValidatedChunk(last).sampleCount == 0)
  }

  @Test("a sample that is no finite number is refused", arguments: [.nan, .infinity, -.infinity] as [Float])
  func finite(_ value: Float) { expectRejection(.nonFiniteSample, Self.float([0, value])) }

  @Test("a gain or baseline that is no finite number, or makes a sample one, is refused")
  func finiteScale() {
    expectRejection(.nonFiniteSample, Self.changed { $0.channels[0].gain = .nan })
    expectRejection(.nonFiniteSample, Self.changed { $0.channels[0].baseline = .infinity })
    expectRejection(.nonFiniteSample, Self.changed { $0.channels[0].gain = 1e-300 })
  }

  @Test("more than 50 mV is refused as a wrong unit")
  func amplitude() throws {
    _ = try ValidatedChunk(Self.float([50, -50]))
    expectRejection(.amplitudeOutOfRange, Self.float([50.1]))
    expectRejection(.amplitudeOutOfRange, Self.float([-0.06], unit: "V"))
  }

  @Test("reference beats that do not ascend, or lie before the recording, are refused")
  func references() {
    expectRejection(.invalidReference, Self.changed { $0.referenceBeats = [Sample.reference(4), Sample.reference(4)] })
    expectRejection(.invalidReference, Self.changed { $0.referenceBeats = [Sample.reference(5), Sample.reference(4)] })
    expectRejection(.invalidReference, Self.changed { $0.referenceBeats = [Sample.reference(-1)] })
  }

  @Test(
    "a reference symbol is one printable ASCII character",
    arguments: ["", "NN", " ", "\u{0}", "\n", "é", "N\u{301}", "👩‍👩‍👧‍👦"])
  func symbols(_ symbol: String) {
    expectRejection(.invalidReference, Self.changed { $0.referenceBeats = [Sample.reference(4, symbol)] })
  }

  @Test("an age outside 0–130 is refused", arguments: [-1, 131, .nan] as [Double])
  func age(_ age: Double) { expectRejection(.invalidField, Self.changed { $0.patient.ageYears = age }) }

  @Test(
    "feed, uid and patient have 1 to 256 bytes and no control characters",
    arguments: ["", String(repeating: "é", count: 129), "a\u{0}b", "a\nb", "\u{7F}"])
  func identifiers(_ text: String) {
    for field in [\ProtoEcgChunk.feedID, \.recordingUid, \.patientID] {
      let rejection = #expect(throws: Rejection.self) {
        try ValidatedChunk.checkIdentifiers(Self.changed { $0[keyPath: field] = text })
      }
      #expect(rejection?.code == (text.isEmpty ? .missingField : .invalidField))
    }
  }

  @Test("an identifier of 256 bytes is allowed, in any script")
  func longIdentifiers() throws {
    try ValidatedChunk.checkIdentifiers(Self.changed { $0.patientID = String(repeating: "é", count: 128) })
  }

  @Test("no reason repeats what the feed wrote")
  func reasons() {
    let secret = "Jane Doe"
    let chunks = [
      Self.changed { $0.channels[0].lead = secret }, Self.changed { $0.channels[0].unit = secret },
      Self.changed { $0.referenceBeats = [Sample.reference(1, secret)] },
    ]
    for chunk in chunks {
      let rejection = #expect(throws: Rejection.self) { try ValidatedChunk(chunk) }
      #expect(rejection?.text.contains(secret) == false)
    }
  }
}
