import Foundation
import Messages
import Preprocess
import ResyncCore
import Streaming
import Testing

@Suite("Recordings to beats")
struct PreprocessTests {
  private static func outputs(_ recording: ValidRecording, _ lengths: [Int]) throws -> [OutgoingMessage] {
    var stage = PreprocessStage()
    let outputs = try recording.events(lengths).flatMap { try stage.send($0, key: recording.id) }
    #expect(stage.stored == nil, "the end deletes the state")
    return outputs
  }

  @Test(
    "the output's bytes do not depend on how the recording was cut, the state stored between messages",
    arguments: [("mitdb/223", 20.0), ("ludb/24", 10.0)])
  func cuts(record: String, seconds: Double) throws {
    let recording = try ValidRecording.bundled(record, seconds: seconds)
    let whole = try Self.outputs(recording, [.max / 2])
    #expect(whole.count > 8)
    for lengths in [[360], [1, 2, 997, 50], [1999]] {
      let cut = try Self.outputs(recording, lengths)
      #expect(cut.map(\.value) == whole.map(\.value))
      #expect(cut.map(\.key) == whole.map(\.key) && cut.map(\.topic) == whole.map(\.topic))
    }
  }

  @Test("beats carry recording, patient, pipeline and a hash of their samples, and ascend")
  func beats() throws {
    let recording = try ValidRecording.bundled("mitdb/223", seconds: 20)
    let outputs = try Self.outputs(recording, [3600])
    let beats = outputs.beats
    #expect(beats.count == outputs.count - 1)
    for beat in beats {
      #expect(beat.recordingID == recording.id && beat.patient == "p-1" && beat.leads == ["II", "V1"])
      #expect(beat.pipelineID == PipelineConfiguration().id)
      #expect(beat.segmentSha256 == sha256(beat.samples) && beat.beatFeatures != nil)
      let samples = try #require(Packing.unpack(beat.samples, leadCount: 2))
      #expect(samples[0].indices.contains(Int(beat.rPeakOffset)))
    }
    #expect(zip(beats, beats.dropFirst()).allSatisfy { $0.rPeakSample < $1.rPeakSample })
    #expect(outputs.allSatisfy { $0.key == Array(recording.id.utf8) })
  }

  @Test("reference symbols reach the beats that they belong to")
  func references() throws {
    let recording = try ValidRecording.bundled("mitdb/223", seconds: 20)
    let beats = try Self.outputs(recording, [777]).beats
    let labelled = beats.filter { !$0.referenceSymbol.isEmpty }
    #expect(labelled.count >= recording.references.count - 1 && !recording.references.isEmpty)
    for beat in labelled {
      #expect(
        recording.references.contains { $0.symbol == beat.referenceSymbol && abs($0.sample - beat.rPeakSample) <= 54 })
    }
  }

  @Test("the end says how many beats there are and what the ECG measures, and keeps what ingest told")
  func end() throws {
    let recording = try ValidRecording.bundled("ludb/24", seconds: 10)
    let outputs = try Self.outputs(recording, [5000])
    let end = try #require(outputs.beatEnds.first)
    #expect(outputs.beatEnds.count == 1 && end == outputs.last?.end)
    #expect(end.status == .complete && end.beats == Int64(outputs.beats.count) && end.beats > 5)
    #expect(end.pipelineID == PipelineConfiguration().id && end.waveformSha256.count == 64)
    #expect(end.measures.hasHeartRateBpm && end.measures.hasQrsDurationMs)
    #expect(end.measures.qrsDurationMs > 100 && end.measures.quality > 0.5)
  }

  @Test("a chunk that comes again is ignored and counted, and changes nothing that follows")
  func repeatedChunk() throws {
    let recording = try ValidRecording.bundled("mitdb/223", seconds: 20)
    let events = recording.events([2000])
    var stage = PreprocessStage()
    var outputs: [OutgoingMessage] = []
    for (index, event) in events.enumerated() {
      outputs += try stage.send(event, key: recording.id)
      guard index < events.count - 1 else { break }
      for earlier in events[...index] { #expect(try stage.send(earlier, key: recording.id).isEmpty) }
    }
    #expect(outputs.map(\.value) == (try Self.outputs(recording, [2000])).map(\.value))
    #expect(stage.counted.repeated(Topic.recordings) == (1..<events.count).reduce(0, +))
  }

  @Test("an end that comes again, and a stray chunk without its beginning, are ignored and counted")
  func strays() throws {
    let recording = ValidRecording.flat(seconds: 2)
    var stage = PreprocessStage()
    for event in recording.events([360]) { _ = try stage.send(event, key: recording.id) }
    #expect(try stage.send(recording.end(), key: recording.id).isEmpty)
    #expect(try stage.send(.with { $0.chunk = recording.chunk(360..<720) }, key: recording.id).isEmpty)
    #expect(stage.stored == nil && stage.counted.repeated(Topic.recordings) == 2)
  }

  @Test("a recording without a beat ends as rejected, with one rejection")
  func noBeats() throws {
    let recording = ValidRecording.flat(seconds: 20)
    var stage = PreprocessStage()
    let outputs = try recording.events([3600]).flatMap { try stage.send($0, key: recording.id) }
    #expect(outputs.rejectionCodes == ["NO_BEATS"] && stage.counted.rejected(.noBeats) == 1)
    #expect(outputs.beatEnds.map(\.status) == [.rejected] && outputs.beatEnds.map(\.code) == ["NO_BEATS"])
    #expect(outputs.beats.isEmpty && stage.stored == nil)
  }

  @Test(
    "a recording that ingest refused passes on as refused, whether its chunks came or not", arguments: [true, false])
  func refused(withChunk: Bool) throws {
    let recording = ValidRecording.flat(seconds: 2)
    var stage = PreprocessStage()
    if withChunk { _ = try stage.send(.with { $0.chunk = recording.chunk(0..<360) }, key: recording.id) }
    let outputs = try stage.send(recording.end(.rejected, code: "UNKNOWN_LEAD"), key: recording.id)
    #expect(outputs.beatEnds.map(\.code) == ["UNKNOWN_LEAD"] && outputs.count == 1)
    #expect(stage.stored == nil)
  }

  // MARK: - Poison

  private static func poison(_ recording: ValidRecording) -> [(String, [UInt8])] {
    func chunk(_ change: (inout ProtoRecordingChunk) -> Void) -> [UInt8] {
      var chunk = recording.chunk(360..<720)
      change(&chunk)
      return ProtoRecordingEvent.with { $0.chunk = chunk }.encoded()
    }
    return [
      ("MALFORMED_PAYLOAD", [0xFF, 0xFF, 0xFF]), ("MALFORMED_PAYLOAD", []),
      ("MALFORMED_PAYLOAD", chunk { $0.samples.removeLast() }), ("MALFORMED_PAYLOAD", chunk { $0.leads = ["X"] }),
      ("MALFORMED_PAYLOAD", chunk { $0.leads = [] }),
      ("PAYLOAD_TOO_LARGE", [UInt8](repeating: 0, count: maximumMessageBytes + 1)),
      ("CHUNK_OUT_OF_ORDER", chunk { $0.firstSample = 361 }), ("HEADER_CHANGED", chunk { $0.leads = ["V1"] }),
    ]
  }

  @Test("a poisoned message is answered once; the rest is dropped and the recording ends as rejected")
  func poisoned() throws {
    let recording = ValidRecording.flat(seconds: 4)
    for (code, bytes) in Self.poison(recording) {
      var stage = PreprocessStage()
      _ = try stage.send(.with { $0.chunk = recording.chunk(0..<360) }, key: recording.id)
      let answer = try stage.send(bytes, key: recording.id)
      #expect(answer.rejectionCodes == [code] && answer.count == 1)
      #expect(answer[0].value == Array(bytes.prefix(maximumMessageBytes)) && answer[0].key == Array(recording.id.utf8))
      #expect(answer[0].header(HeaderName.service) == "preprocess")
      #expect(try stage.send(.with { $0.chunk = recording.chunk(720..<1080) }, key: recording.id).isEmpty)
      let end = try stage.send(recording.end(), key: recording.id)
      #expect(end.beatEnds.map(\.status) == [.rejected] && end.beatEnds.map(\.code) == [code] && end.count == 1)
      #expect(stage.stored == nil)
    }
  }

  @Test("a first chunk of an impossible rate is refused", arguments: [0, -1, .nan, 1e9])
  func rate(_ rate: Double) throws {
    var recording = ValidRecording.flat(seconds: 2)
    recording.rateHz = rate
    var stage = PreprocessStage()
    let outputs = try recording.events([360]).flatMap { try stage.send($0, key: recording.id) }
    #expect(outputs.rejectionCodes == ["RATE_OUT_OF_RANGE"])
    #expect(outputs.beatEnds.map(\.code) == ["RATE_OUT_OF_RANGE"] && stage.stored == nil)
  }

  @Test("a poisoned message without a key is answered and leaves no state")
  func keyless() throws {
    var stage = PreprocessStage()
    #expect(try stage.send([0xFF], key: nil).rejectionCodes == ["MALFORMED_PAYLOAD"])
    #expect(stage.stored == nil)
  }

  @Test("labels that no beat takes do not pile up in the state")
  func labelsOfFlatLine() throws {
    var recording = ValidRecording.flat(seconds: 200)
    recording.references = (0..<Int64(recording.sampleCount)).map { sample in
      .with {
        $0.sample = sample
        $0.symbol = "N"
      }
    }
    var stage = PreprocessStage()
    for event in recording.events([3600]).dropLast() {
      #expect(try stage.send(event, key: recording.id).isEmpty)
      #expect(stage.stored?.count ?? .max < 200_000)
    }
  }
}

extension OutgoingMessage {
  fileprivate var end: ProtoRecordingEnd? { if case .end(let end) = beatEvent { end } else { nil } }
}
