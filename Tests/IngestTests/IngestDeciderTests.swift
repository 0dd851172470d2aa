import Foundation
import Ingest
import Messages
import ResyncCore
import Store
import Testing

@Suite("Decisions on a recording's chunks")
struct IngestDeciderTests {
  /// The sample recording in chunks that end at these samples.
  static func chunks(_ ends: [Int] = [1000, 2000, 3000]) -> [ProtoEcgChunk] {
    zip([0] + ends, ends).enumerated().map { index, range in
      Sample.chunk(UInt32(index), range.0..<range.1, last: range.1 == 3000)
    }
  }

  @Test("chunks in order are forwarded in millivolts and end the recording")
  func inOrder() throws {
    var history = History()
    let actions = try Self.chunks().map { try history.send($0) }
    #expect(actions.allSatisfy { $0.rejection == nil && !$0.repeated })
    let pieces = actions.flatMap(\.pieces)
    #expect(pieces.map(\.firstSample) == [0, 1000, 2000])
    #expect(pieces.allSatisfy { $0.recordingID == "rec" && $0.patient == "p-1" && $0.leads == ["II", "V1"] })
    let samples = try pieces.map { try #require(Packing.unpack($0.samples, leadCount: 2)) }
    #expect(samples.flatMap { $0[0] } == Sample.digital[0].map { Float(Double($0) * 1e-3) })
    #expect(samples.flatMap { $0[1] } == Sample.digital[1].map { Float(Double($0) * 1e-3) })
    let end = try #require(actions.last?.ends.first)
    #expect(actions.flatMap(\.ends).count == 1)
    #expect(end.status == .complete && end.samples == 3000 && end.leads == ["II", "V1"])
    #expect(end.waveformSha256 == Sample.waveformSHA256)
    #expect(history.state == nil)
  }

  @Test("rows say who opened the recording and how it ended")
  func rows() throws {
    var history = History(offset: 41)
    var chunks = Self.chunks()
    chunks[0].synthetic = true
    chunks[0].patient = .with {
      $0.ageYears = 67
      $0.sex = .female
    }
    let rows = try chunks.flatMap { try history.send($0).rows }
    #expect(
      rows == [
        .open(
          RecordingOpening(
            recordingID: "rec", feedID: "feed", patient: Patient(pseudonym: "p-1", sex: .female, synthetic: true),
            sampleRateHz: 250, leads: ["II", "V1"], synthetic: true, ageYears: 67,
            origin: Origin(topic: Topic.ingest, partition: 0, offset: 41))),
        .end(
          RecordingEnding(
            recordingID: "rec", status: .complete, samples: 3000, waveformSHA256: Sample.waveformSHA256, reason: "feed")
        ),
      ])
  }

  @Test("facts of the first chunk reach the end of the recording")
  func facts() throws {
    var history = History()
    var chunks = Self.chunks()
    chunks[0].patient.ageYears = 15
    chunks[0].synthetic = true
    let end = try #require(try chunks.flatMap { try history.send($0).ends }.first)
    #expect(end.patientFacts.ageYears == 15 && end.synthetic)
  }

  @Test("what comes after the idle timeout is answered once, and the recording stays as it ended")
  func afterIdleTimeout() throws {
    let chunks = Self.chunks()
    var history = History()
    _ = try history.send(chunks[0])
    history.prior = .init(
      status: .complete, origin: Origin(topic: Topic.ingest, partition: 0, offset: 0), waveformSHA256: "x",
      endReason: IngestDecider.idleTimeout)
    history.state = nil
    let late = try chunks.dropFirst().map { try history.send($0) }
    #expect(late.map { $0.rejection?.code } == [.recordingEnded, nil])
    #expect(late.map(\.repeated) == [false, true])
    #expect(late.allSatisfy { $0.events.isEmpty && $0.rows.isEmpty })
    #expect(history.state == nil)
  }

  @Test("a repeated chunk is ignored and counted, and changes nothing that follows")
  func repeatedChunk() throws {
    var history = History()
    let chunks = Self.chunks()
    var ends: [ProtoRecordingEnd] = []
    for (index, chunk) in chunks.enumerated() {
      ends += try history.send(chunk).ends
      guard index < 2 else { break }
      let state = history.state
      for earlier in chunks[...index] { #expect(try history.send(earlier).isDropped) }
      #expect(history.state == state)
    }
    #expect(ends.map(\.waveformSha256) == [Sample.waveformSHA256])
  }

  @Test("a missing chunk refuses the recording once; what follows is dropped until its last chunk")
  func missingChunk() throws {
    var history = History()
    let chunks = Self.chunks([500, 1000, 1500, 3000])
    _ = try history.send(chunks[0])
    let action = try history.send(chunks[2])
    #expect(action.rejection?.code == .chunkOutOfOrder)
    #expect(action.ends.map(\.status) == [.rejected] && action.ends.map(\.code) == ["CHUNK_OUT_OF_ORDER"])
    #expect(action.pieces.isEmpty)
    #expect(history.prior?.status == .rejected)
    #expect(try history.send(chunks[1]).isDropped)
    #expect(history.state != nil)
    #expect(try history.send(chunks[3]).isDropped)
    #expect(history.state == nil)
  }

  @Test("a recording that does not begin with chunk 0 is refused, with its rows")
  func firstMissing() throws {
    var history = History()
    let action = try history.send(Self.chunks()[1])
    #expect(action.rejection?.code == .chunkOutOfOrder && action.ends.map(\.status) == [.rejected])
    #expect(action.rows.count == 2)
    #expect(try history.send(Self.chunks()[2]).isDropped)
  }

  @Test("a change of rate, channels or sample type within a recording refuses it")
  func headerChanged() throws {
    let changes: [(inout ProtoEcgChunk) -> Void] = [
      { $0.sampleRateHz = 360 }, { $0.channels.reverse() }, { $0.channels[0].gain = 2 },
      {
        $0.sampleType = .int32
        $0.samples = Sample.bytes([[Int32(1)], [2]])
      },
    ]
    for change in changes {
      var history = History()
      _ = try history.send(Self.chunks()[0])
      var chunk = Self.chunks()[1]
      change(&chunk)
      #expect(try history.send(chunk).rejection?.code == .headerChanged)
    }
  }

  @Test("a chunk that does not validate refuses the recording once; later chunks are dropped, good or bad")
  func invalidChunk() throws {
    var history = History()
    let chunks = Self.chunks([500, 1000, 1500, 3000])
    var bad = chunks[1]
    bad.samples.removeLast()
    _ = try history.send(chunks[0])
    let action = try history.send(bad)
    #expect(action.rejection?.code == .sampleCountMismatch)
    #expect(action.ends.map(\.code) == ["SAMPLE_COUNT_MISMATCH"] && action.ends.map(\.samples) == [500])
    #expect(try history.send(chunks[2]).isDropped)
    #expect(try history.send(bad).isDropped)
    #expect(try history.send(chunks[3]).isDropped)
    #expect(history.state == nil)
  }

  @Test("chunks of a refused recording that come again after its last chunk are dropped, good or bad")
  func afterRefusal() throws {
    var history = History()
    var bad = Self.chunks()[1]
    bad.samples.removeLast()
    for chunk in [Self.chunks()[0], bad, Self.chunks()[2]] { _ = try history.send(chunk) }
    #expect(history.state == nil && history.prior?.status == .rejected)
    #expect(try history.send(Self.chunks()[2]).isDropped)
    #expect(try history.send(bad).isDropped)
  }

  @Test("a first chunk that does not validate opens and ends the recording as refused")
  func invalidFirst() throws {
    var history = History()
    var bad = Self.chunks()[0]
    bad.channels[0].lead = "X"
    let action = try history.send(bad)
    #expect(action.rejection?.code == .unknownLead && action.ends.map(\.status) == [.rejected])
    #expect(action.rows.count == 2)
  }

  @Test("a first chunk that its recording cannot hold opens and ends the recording as refused")
  func objectionableFirst() throws {
    var stray = Self.chunks()[0]
    stray.referenceBeats = [Sample.reference(1000)]
    let empty = ProtoEcgChunk.with {
      $0 = Sample.chunk(0, 0..<0, last: true)
    }
    let cases: [(ProtoEcgChunk, RejectionCode, Double)] = [
      (stray, .invalidReference, 3600), (empty, .missingField, 3600), (Self.chunks()[0], .recordingTooLong, 3.9),
    ]
    for (chunk, code, seconds) in cases {
      var history = History(decider: IngestDecider(maximumRecordingSeconds: seconds))
      let action = try history.send(chunk)
      #expect(action.rejection?.code == code && action.ends.map(\.code) == [code.rawValue])
      #expect(action.pieces.isEmpty && action.rows.count == 2)
      #expect(history.prior?.status == .rejected)
    }
  }

  @Test("a recording longer than allowed is refused at the chunk that exceeds it")
  func tooLong() throws {
    var history = History(decider: IngestDecider(maximumRecordingSeconds: 8))
    let actions = try Self.chunks().map { try history.send($0) }
    #expect(actions.map { $0.rejection?.code } == [nil, nil, .recordingTooLong])
  }

  @Test("a reference beat outside its chunk refuses the recording")
  func strayReference() throws {
    for sample in [999, 2000] as [Int64] {
      var history = History()
      var chunk = Self.chunks()[1]
      chunk.referenceBeats = [Sample.reference(sample)]
      _ = try history.send(Self.chunks()[0])
      #expect(try history.send(chunk).rejection?.code == .invalidReference)
    }
  }

  // MARK: - Again

  @Test("a finished recording that comes again equal is dropped, however it is cut")
  func equalAgain() throws {
    var history = History()
    for chunk in Self.chunks() { _ = try history.send(chunk) }
    for ends in [[1000, 2000, 3000], [3000], [1, 1500, 3000]] {
      for chunk in Self.chunks(ends) { #expect(try history.send(chunk).isDropped) }
      #expect(history.state == nil)
    }
  }

  @Test("a finished recording that comes again with other content is a conflict, told once, and stays as it was")
  func differentAgain() throws {
    var other = Self.chunks()
    other[1].samples[0] ^= 1
    var longer = Self.chunks()
    longer[1].channels[0].gain = 2
    for chunks in [other, longer, [Sample.chunk(0, 0..<2999, last: true)], [Self.chunks()[0], Self.chunks()[2]]] {
      var history = History()
      for chunk in Self.chunks() { _ = try history.send(chunk) }
      let prior = history.prior
      let actions = try chunks.map { try history.send($0) }
      #expect(actions.compactMap { $0.rejection?.code } == [.contentConflict])
      #expect(actions.allSatisfy { $0.events.isEmpty && $0.rows.isEmpty })
      #expect(history.state == nil && history.prior == prior)
    }
  }

  @Test("a finished recording that comes again and does not validate is refused once, and stays complete")
  func invalidAgain() throws {
    var history = History()
    for chunk in Self.chunks() { _ = try history.send(chunk) }
    var bad = Self.chunks()
    for index in bad.indices { bad[index].channels[0].unit = "inch" }
    let actions = try bad.map { try history.send($0) }
    #expect(actions.compactMap { $0.rejection?.code } == [.unknownUnit])
    #expect(actions.allSatisfy { $0.events.isEmpty && $0.rows.isEmpty })
    #expect(history.prior?.status == .complete)
  }

  @Test("a late chunk of a finished recording is dropped")
  func lateChunk() throws {
    var history = History()
    for chunk in Self.chunks() { _ = try history.send(chunk) }
    #expect(try history.send(Self.chunks()[1]).isDropped)
    #expect(history.state == nil)
  }

  @Test("the redelivery of messages whose rows were written but never committed gives the very same outputs")
  func redelivery() throws {
    var bad = Self.chunks()[1]
    bad.channels[0].lead = "X"
    let histories = [
      Self.chunks(), Self.chunks([3000]), [Self.chunks()[0], bad, Self.chunks()[2]], [Self.chunks()[1]],
      [Self.chunks()[2]], [bad],
    ]
    for chunks in histories {
      var history = History(offset: 10)
      let first = try chunks.map { try history.send($0) }
      // Kafka forgets the transaction, PostgreSQL keeps its rows.
      history.state = nil
      history.offset = 10
      let second = try chunks.map { try history.send($0) }
      #expect(second.map(\.events) == first.map(\.events))
      #expect(second.map(\.rejection) == first.map(\.rejection))
      #expect(second.map(\.rows) == first.map(\.rows))
    }
  }

  @Test("a refused recording may be sent anew and then completes")
  func refusedAnew() throws {
    var history = History()
    _ = try history.send(Self.chunks()[0])
    _ = try history.send(Self.chunks()[2])
    #expect(history.prior?.status == .rejected && history.state == nil)
    let actions = try Self.chunks().map { try history.send($0) }
    #expect(actions.allSatisfy { $0.rejection == nil && !$0.repeated })
    #expect(actions.flatMap(\.ends).map(\.waveformSha256) == [Sample.waveformSHA256])
    #expect(history.prior?.status == .complete)
  }

  // MARK: - Silence

  @Test("an open recording that falls silent ends with what it has")
  func silence() throws {
    var history = History()
    _ = try history.send(Self.chunks()[0])
    let action = try history.expire()
    #expect(action.ends.map(\.status) == [.complete] && action.ends.map(\.samples) == [1000])
    #expect(action.rows.count == 1 && history.prior?.status == .complete && history.state == nil)
    guard case .end(let ending) = action.rows[0] else {
      Issue.record("the row is no end")
      return
    }
    #expect(ending.reason == "idle-timeout")
    #expect(try history.send(Self.chunks()[1]).isDropped)
  }

  @Test("a refused recording, or one being compared, that falls silent is forgotten without a word")
  func silenceOfOthers() throws {
    var refused = History()
    _ = try refused.send(Self.chunks()[0])
    var bad = Self.chunks()[1]
    bad.channels[0].lead = "X"
    _ = try refused.send(bad)
    var compared = History()
    for chunk in Self.chunks() + [Self.chunks()[0]] { _ = try compared.send(chunk) }
    for var history in [refused, compared] {
      #expect(history.state != nil)
      let action = try history.expire()
      #expect(action.events.isEmpty && action.rows.isEmpty && history.state == nil)
    }
  }

  // MARK: - Pieces

  @Test("the waveform's hash does not depend on how the recording was cut")
  func hashOfAnyCut() throws {
    for ends in [
      [3000], [1, 2, 3000], [1023, 1024, 1025, 2048, 3000], Array(stride(from: 100, through: 3000, by: 100)),
    ] {
      var history = History()
      let hashes = try Self.chunks(ends).flatMap { try history.send($0).ends.map(\.waveformSha256) }
      #expect(hashes == [Sample.waveformSHA256])
    }
  }

  @Test("every piece stays under the message limit, whatever fills the largest chunk", arguments: [1, 12])
  func pieceSize(leads: Int) throws {
    let count = 200_000 / leads
    var plain = Sample.chunk(0, last: true)
    plain.channels = Lead.allCases.prefix(leads).map { Sample.channel($0.rawValue) }
    plain.samples = Data(count: 2 * leads * count * 2)
    var labelled = plain
    labelled.samples = Data(count: 2 * leads * count)
    labelled.referenceBeats = (0..<Int64(min(count, 50_000))).map { Sample.reference($0) }
    for chunk in [plain, labelled] {
      #expect(chunk.encoded().count <= maximumMessageBytes)
      var history = History()
      let pieces = try history.send(chunk).pieces
      #expect(pieces.count > 1 || chunk == labelled)
      let sizes = pieces.map { piece in ProtoRecordingEvent.with { $0.chunk = piece }.encoded().count }
      #expect(sizes.allSatisfy { $0 < maximumMessageBytes })
      // Nothing is lost at the seams.
      var next: Int64 = 0
      for piece in pieces {
        #expect(piece.firstSample == next)
        next += Int64(piece.samples.count / (4 * leads))
      }
      #expect(next == Int64(chunk.samples.count / (2 * leads)))
      #expect(pieces.flatMap(\.referenceBeats) == chunk.referenceBeats)
    }
  }

  @Test("each piece carries the reference beats of its own samples")
  func piecesWithReferences() throws {
    var history = History()
    history.decider.maximumValuesPerChunk = 2 * 400
    var chunk = Sample.chunk(0, 0..<1000, last: true)
    chunk.referenceBeats = [0, 399, 400, 999].map { Sample.reference($0) }
    let pieces = try history.send(chunk).pieces
    #expect(pieces.map(\.firstSample) == [0, 400, 800])
    #expect(pieces.map { $0.referenceBeats.map(\.sample) } == [[0, 399], [400], [999]])
  }
}
