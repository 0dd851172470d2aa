import Foundation
import Messages
import ResyncCore
import Testing

@Suite("Decoding")
struct DecodingTests {
  private static func spectrogram(shape: [UInt32], leads: [String], bytes: Int) -> ProtoSpectrogram {
    .with {
      $0.shape = shape
      $0.leads = leads
      $0.tensor = Data(count: bytes)
    }
  }

  @Test("a message over the limit is refused before it is parsed")
  func oversized() {
    let error = #expect(throws: Rejection.self) {
      try ProtoBeat.decoded(from: [UInt8](repeating: 0, count: maximumMessageBytes + 1))
    }
    #expect(error?.code == .payloadTooLarge)
  }

  @Test("bytes of another form are refused, unknown groups nested without end included")
  func junk() {
    for bytes in [[0xFF, 0xFF], [UInt8](repeating: 0x7B, count: maximumMessageBytes)] as [[UInt8]] {
      let error = #expect(throws: Rejection.self) { try ProtoBeat.decoded(from: bytes) }
      #expect(error?.code == .malformedPayload)
    }
  }

  @Test("fields that the schema does not know go no further, at any depth")
  func unknownFields() throws {
    let known = ProtoReferenceBeat.with { $0.symbol = "N" }
    // Field 1000, bytes of length 3.
    let unknown: [UInt8] = [0xC2, 0x3E, 3, 1, 2, 3]
    let beat = known.encoded() + unknown
    // Field 10 of EcgChunk: reference beats.
    let chunk = [0x52, UInt8(beat.count)] + beat + unknown
    let decoded = try ProtoEcgChunk.decoded(from: chunk)
    #expect(decoded.referenceBeats == [known])
    #expect(decoded.encoded() == [0x52, UInt8(known.encoded().count)] + known.encoded())
  }

  @Test("what is encoded is decoded")
  func roundTrip() throws {
    let beat = ProtoBeat.with {
      $0.recordingID = "r"
      $0.features = [1, 2]
    }
    #expect(try ProtoBeat.decoded(from: beat.encoded()) == beat)
  }

  @Test("a tensor becomes an image of its shape")
  func image() throws {
    var message = Self.spectrogram(shape: [2, 1, 2], leads: ["I", "II"], bytes: 0)
    message.tensor = Packing.pack([Float16(1), 2, 3, 4])
    let image = try #require(message.image)
    #expect(image == SpectrogramImage(leadCount: 2, rows: 1, columns: 2, values: [1, 2, 3, 4]))
  }

  @Test(
    "a tensor whose shape, leads and bytes disagree is no image, and no shape overflows",
    arguments: [
      ([1, 2], ["I"], 4), ([1, 2, 2], ["I"], 6), ([2, 2, 2], ["I"], 16), ([1, 0, 2], ["I"], 0),
      ([1, 4097, 1], ["I"], 8194), ([4_294_967_295, 4_294_967_295, 4_294_967_295], ["I"], 8), ([], [], 0),
    ] as [([UInt32], [String], Int)])
  func misfits(shape: [UInt32], leads: [String], bytes: Int) {
    #expect(Self.spectrogram(shape: shape, leads: leads, bytes: bytes).image == nil)
  }

  @Test("leads are those of the standard names; one unknown name spoils the list")
  func leadNames() {
    #expect(leads(named: ["II", "V1"]) == [.II, .V1])
    #expect(leads(named: ["II", "MLII"]) == nil)
    #expect(leads(named: []) == [])
  }

  @Test("features of another number than a beat has are none")
  func features() {
    let beat = ProtoBeat.with { $0.features = (0..<BeatFeatures.count).map(Float.init) }
    #expect(beat.beatFeatures?.vector == beat.features)
    #expect(ProtoBeat.with { $0.features = [1] }.beatFeatures == nil)
    let longer = [Float](repeating: 0, count: BeatFeatures.count + 1)
    #expect(ProtoSpectrogram.with { $0.features = longer }.beatFeatures == nil)
  }
}

@Suite("WFDB records as chunks")
struct WFDBConversionTests {
  private static func record(_ signals: [[Int32]], comments: [String] = []) throws -> WFDBRecord {
    let lines =
      ["r \(signals.count) 250 \(signals[0].count)"]
      + signals.indices.map { "r.dat 16 100(\($0 + 5))/mV 16 0 0 0 0 \($0 == 0 ? "MLII" : "V1")" }
      + comments.map { "# " + $0 }
    var header = try WFDBHeader(parsing: Array(lines.joined(separator: "\n").utf8), file: "r.hea")
    for index in header.signals.indices { header.signals[index].checksum = nil }
    let zeros = [UInt8](repeating: 0, count: 2 * signals.count * signals[0].count)
    var record = try WFDBRecord(header: header) { _ in zeros }
    record.digital = signals
    return record
  }

  @Test("digital samples travel as they are, planar, with each signal's lead, unit, gain and baseline")
  func samples() throws {
    let chunk = ProtoEcgChunk(record: try Self.record([[1, -2, 300], [4, 5, 6]]), annotations: [])
    #expect(chunk.sampleRateHz == 250)
    #expect(chunk.sampleType == .int16)
    #expect(Array(chunk.samples) == [1, 0, 0xFE, 0xFF, 0x2C, 1, 4, 0, 5, 0, 6, 0])
    #expect(chunk.channels.map(\.lead) == ["MLII", "V1"])
    #expect(chunk.channels.map(\.unit) == ["mV", "mV"])
    #expect(chunk.channels.map(\.gain) == [100, 100])
    #expect(chunk.channels.map(\.baseline) == [5, 6])
  }

  @Test("a range gives that stretch, and what lies beyond the record is cut off")
  func range() throws {
    let record = try Self.record([[10, 11, 12, 13]])
    #expect(Array(ProtoEcgChunk(record: record, annotations: [], range: 1..<3).samples) == [11, 0, 12, 0])
    #expect(Array(ProtoEcgChunk(record: record, annotations: [], range: 3..<9).samples) == [13, 0])
    #expect(ProtoEcgChunk(record: record, annotations: [], range: 7..<9).samples.isEmpty)
  }

  @Test("a record with a value beyond 16 bits is int32 in every chunk, also where the values are small")
  func wide() throws {
    let record = try Self.record([[1, 70_000]])
    let chunk = ProtoEcgChunk(record: record, annotations: [], range: 0..<1)
    #expect(chunk.sampleType == .int32)
    #expect(Array(chunk.samples) == [1, 0, 0, 0])
  }

  @Test("a record with an invalid sample is float32 in every chunk, the sample NaN")
  func invalid() throws {
    let record = try Self.record([[1, WFDBRecord.invalidSample, -70_000]])
    let chunk = ProtoEcgChunk(record: record, annotations: [])
    #expect(chunk.sampleType == .float32)
    let values = chunk.samples.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    #expect(values[0] == 1 && values[1].isNaN && values[2] == -70_000)
    #expect(ProtoEcgChunk(record: record, annotations: [], range: 0..<1).sampleType == .float32)
  }

  @Test("beats inside the range go along; other marks and a second beat at one place do not")
  func references() throws {
    let annotations = [(2, "N"), (3, "+"), (5, "V"), (5, "N"), (6, "A"), (8, "N")].map {
      WFDBAnnotation(sample: Int64($0.0), symbol: Character($0.1))
    }
    let record = try Self.record([[Int32](repeating: 0, count: 10)])
    let chunk = ProtoEcgChunk(record: record, annotations: annotations, range: 2..<8)
    #expect(chunk.referenceBeats.map(\.sample) == [2, 5, 6])
    #expect(chunk.referenceBeats.map(\.symbol) == ["N", "V", "A"])
  }

  @Test("age and sex of the header's comments go along; what is unknown stays unset")
  func facts() throws {
    let known = ProtoEcgChunk(record: try Self.record([[0]], comments: ["<age>: 51", "<sex>: F"]), annotations: [])
    #expect(known.patient.ageYears == 51)
    #expect(known.patient.sex == .female)
    let unknown = ProtoEcgChunk(record: try Self.record([[0]]), annotations: [])
    #expect(!unknown.patient.hasAgeYears && unknown.patient.sex == .unspecified)
  }
}
