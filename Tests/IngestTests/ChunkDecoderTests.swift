import Foundation
import Ingest
import Messages
import SwiftProtobuf
import Testing

@Suite("Decoding of what feeds send")
struct ChunkDecoderTests {
  private let decoder = ChunkDecoder()
  private let key = Array("uid".utf8)

  private func expectRejection(
    _ code: RejectionCode, _ payload: [UInt8], _ envelope: ChunkDecoder.Envelope,
    _ location: SourceLocation = #_sourceLocation
  ) -> Rejection? {
    let rejection = #expect(throws: Rejection.self, sourceLocation: location) {
      try decoder.decode(payload, envelope)
    }
    #expect(rejection?.code == code, sourceLocation: location)
    return rejection
  }

  private func protobuf(_ key: [UInt8]?) -> ChunkDecoder.Envelope {
    .init(contentType: "application/x-protobuf", key: key)
  }
  private func json(_ key: [UInt8]?) -> ChunkDecoder.Envelope { .init(contentType: "application/json", key: key) }
  private let bundle = ChunkDecoder.Envelope(contentType: "application/x-wfdb", feedID: "feed", patientID: "patient")

  @Test("protobuf and its JSON form give the same chunk")
  func twoForms() throws {
    let chunk = Sample.chunk(0)
    #expect(try decoder.decode(chunk.encoded(), protobuf(key)) == chunk)
    #expect(try decoder.decode(Array(chunk.jsonUTF8Data()), json(key)) == chunk)
  }

  @Test("parameters of a content type do not matter")
  func parameters() throws {
    let envelope = ChunkDecoder.Envelope(contentType: "application/json; charset=utf-8", key: key)
    #expect(try decoder.decode(Array(Sample.chunk(0).jsonUTF8Data()), envelope) == Sample.chunk(0))
  }

  @Test(
    "a content type that is missing or unknown is refused",
    arguments: [nil, "", ";", "text/plain", "application/dicom"])
  func contentType(_ name: String?) {
    _ = expectRejection(.unsupportedContentType, Sample.chunk(0).encoded(), .init(contentType: name, key: key))
  }

  @Test("a payload over the limit is refused, whatever it is")
  func oversized() {
    for type in ContentType.allCases {
      _ = expectRejection(
        .payloadTooLarge, [UInt8](repeating: 0, count: maximumMessageBytes + 1),
        .init(contentType: type.rawValue, feedID: "f", patientID: "p", key: key))
    }
  }

  @Test("protobuf cut short is refused")
  func truncated() {
    let payload = Sample.chunk(0).encoded()
    for count in [1, 7, payload.count / 2, payload.count - 1] {
      _ = expectRejection(.malformedPayload, Array(payload.prefix(count)), protobuf(key))
    }
  }

  @Test(
    "JSON that is none, or not of a chunk, is refused",
    arguments: ["", "{", "[]", "null", "{\"sequence\":-1}", "{\"no_such_field\":1}"])
  func junkJSON(_ text: String) {
    _ = expectRejection(.malformedPayload, Array(text.utf8), json(key))
  }

  @Test(
    "JSON nested without end is refused, not recursed into",
    arguments: ["[", "{\"a\":", "{\"patient\":", "{\"channels\":["])
  func nestedJSON(_ open: String) {
    let text = String(repeating: open, count: (maximumMessageBytes - 1) / open.utf8.count)
    _ = expectRejection(.malformedPayload, Array(text.utf8), json(key))
  }

  @Test("a key that is not the recording's uid is refused", arguments: [nil, [], Array("other".utf8)] as [[UInt8]?])
  func keys(_ key: [UInt8]?) throws {
    _ = expectRejection(.keyMismatch, Sample.chunk(0).encoded(), protobuf(key))
    _ = expectRejection(.keyMismatch, Array(try Sample.chunk(0).jsonUTF8Data()), json(key))
  }

  // MARK: - Bundles

  private static let header = "r 1 250 3\nr.dat 16 200 16 0 1 6 0 MLII\n"
  private static let signal: [UInt8] = [1, 0, 2, 0, 3, 0]
  private static let files = [
    TarArchive.Entry(name: "r.hea", bytes: Array(header.utf8)), TarArchive.Entry(name: "r.dat", bytes: signal),
  ]

  @Test("a WFDB bundle is one whole recording, named by the hash of its bytes")
  func wfdb() throws {
    let payload = TarArchive.archive(Self.files)
    let chunk = try decoder.decode(payload, bundle)
    #expect(chunk.feedID == "feed" && chunk.patientID == "patient")
    #expect(chunk.last && chunk.sequence == 0)
    #expect(chunk.recordingUid == sha256(Data(payload)).map { String(format: "%02x", $0) }.joined())
    #expect(Array(chunk.samples) == Self.signal)
    #expect(chunk.referenceBeats.isEmpty)
  }

  @Test("annotations in the bundle become reference beats")
  func wfdbAnnotations() throws {
    // Code 1 (N) at sample 2, then the end mark.
    let annotations = TarArchive.Entry(name: "r.atr", bytes: [2, 1 << 2, 0, 0])
    let chunk = try decoder.decode(TarArchive.archive(Self.files + [annotations]), bundle)
    #expect(chunk.referenceBeats == [Sample.reference(2)])
  }

  @Test("a bundle whose header says synthetic is synthetic")
  func synthetic() throws {
    #expect(try !decoder.decode(TarArchive.archive(Self.files), bundle).synthetic)
    var files = Self.files
    files[0].bytes += Array("# Synthetic\n".utf8)
    #expect(try decoder.decode(TarArchive.archive(files), bundle).synthetic)
  }

  @Test("no reason repeats what a header says")
  func reasons() {
    let files = [TarArchive.Entry(name: "r.hea", bytes: Array("John Doe 12 500 5000\n".utf8)), Self.files[1]]
    let rejection = expectRejection(.malformedPayload, TarArchive.archive(files), bundle)
    #expect(rejection?.text == "WFDB_HEADER_MALFORMED in the header, byte 0")
  }

  @Test("a bundle without a header, or with two, is refused")
  func headers() {
    _ = expectRejection(.malformedPayload, TarArchive.archive([Self.files[1]]), bundle)
    let second = TarArchive.Entry(name: "s.hea", bytes: [])
    _ = expectRejection(.malformedPayload, TarArchive.archive(Self.files + [second]), bundle)
  }

  @Test("a bundle without the headers that name feed and patient is refused")
  func unnamed() {
    let payload = TarArchive.archive(Self.files)
    var envelope = bundle
    envelope.feedID = nil
    _ = expectRejection(.missingField, payload, envelope)
    envelope = bundle
    envelope.patientID = nil
    _ = expectRejection(.missingField, payload, envelope)
  }

  @Test("a bundle that is no tar, or lacks its signals, or holds too few of them, is refused")
  func brokenBundles() {
    _ = expectRejection(.malformedPayload, Array("not a tar archive".utf8), bundle)
    _ = expectRejection(.malformedPayload, TarArchive.archive([Self.files[0]]), bundle)
    let short = TarArchive.Entry(name: "r.dat", bytes: [1, 0])
    _ = expectRejection(.malformedPayload, TarArchive.archive([Self.files[0], short]), bundle)
  }

  @Test("a header that promises more samples or signals than memory holds is refused at once")
  func hugePromises() {
    let headers = [
      "r 1 250 1099511627776\nr.dat 16\n", "r 256 250 9\n" + String(repeating: "r.dat 16\n", count: 256),
      "r 256 250 100000\n" + String(repeating: "~ 0\n", count: 256), "r/2 1 250\nr.dat 3\n~ 100000000\n",
    ]
    for header in headers {
      let entry = TarArchive.Entry(name: "r.hea", bytes: Array(header.utf8))
      _ = expectRejection(.malformedPayload, TarArchive.archive([entry, Self.files[1]]), bundle)
    }
  }

  @Test("the reason never repeats the names of a bundle's files: they may name a patient")
  func fileNames() throws {
    let header = Self.header.replacing("r.dat", with: "doe-jane.dat")
    let bundles = [
      [TarArchive.Entry(name: "doe-jane.hea", bytes: [0xFF])],
      [
        TarArchive.Entry(name: "doe-jane.hea", bytes: Array(header.utf8)),
        TarArchive.Entry(name: "doe-jane.dat", bytes: [1]),
      ],
      [
        TarArchive.Entry(name: "doe-jane.hea", bytes: Array(header.utf8)),
        TarArchive.Entry(name: "doe-jane.dat", bytes: Self.signal),
        TarArchive.Entry(name: "doe-jane.atr", bytes: [1]),
      ],
    ]
    for files in bundles {
      let rejection = expectRejection(.malformedPayload, TarArchive.archive(files), bundle)
      #expect(rejection?.text.contains("doe") == false)
    }
  }
}
