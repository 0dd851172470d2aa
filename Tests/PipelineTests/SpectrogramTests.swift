import Foundation
import Messages
import ResyncCore
import Scoring
import Spectrogram
import Streaming
import Testing

@Suite("Beats to tensors")
struct SpectrogramTests {
  private static let pipeline = PipelineConfiguration()

  private struct Stage {
    let counted = CountedMetrics()
    var processor: SpectrogramProcessor

    init() throws {
      processor = SpectrogramProcessor(
        pipeline: pipeline, transform: try SpectrogramTransform(pipeline: pipeline), metrics: counted.metrics)
    }

    mutating func send(_ value: [UInt8]) throws -> [OutgoingMessage] {
      var state: Stateless?
      return try processor.process(consumed(value, key: "r", topic: Topic.beats), state: &state)
    }

    mutating func send(_ beat: ProtoBeat) throws -> [OutgoingMessage] {
      try send(ProtoBeatEvent.with { $0.beat = beat }.encoded())
    }
  }

  private static func beat(_ change: (inout ProtoBeat) -> Void = { _ in }) -> ProtoBeat {
    var beat = ProtoBeat.with {
      $0.recordingID = "r"
      $0.patient = "p-1"
      $0.rPeakSample = 1234
      $0.rPeakSeconds = 3.4
      $0.leads = ["II", "V1"]
      $0.samples = Packing.pack([0.01, -0.02].map { scale in (0..<400).map { Float(sin(Double($0) / 9) * scale) } })
      $0.rPeakOffset = 170
      $0.features = (0..<BeatFeatures.count).map(Float.init)
      $0.qualityPassed = true
      $0.ectopicSuspected = true
      $0.referenceSymbol = "V"
      $0.pipelineID = pipeline.id
      $0.synthetic = true
      $0.segmentSha256 = sha256($0.samples)
    }
    change(&beat)
    return beat
  }

  @Test("a beat becomes a float16 tensor with its hash, and keeps what was known of it")
  func tensor() throws {
    var stage = try Stage()
    let outputs = try stage.send(Self.beat())
    #expect(outputs.map(\.topic) == [Topic.spectrograms] && outputs.map(\.key) == [Array("r".utf8)])
    let tensor = try #require(outputs.spectrograms.first)
    #expect(tensor.shape == [2, 64, 64] && tensor.tensor.count == 2 * 64 * 64 * 2)
    #expect(tensor.tensorSha256 == sha256(tensor.tensor))
    let image = try SpectrogramTransform(pipeline: Self.pipeline).image(
      of: try #require(Packing.unpack(Self.beat().samples, leadCount: 2)), rPeakOffset: 170)
    #expect(tensor.image == image && image.values.contains { $0 > 0.1 })

    let (beat, kept) = (Self.beat(), tensor)
    #expect(kept.recordingID == beat.recordingID && kept.patient == beat.patient && kept.leads == beat.leads)
    #expect(kept.rPeakSample == beat.rPeakSample && kept.rPeakSeconds == beat.rPeakSeconds)
    #expect(kept.features == beat.features && kept.referenceSymbol == "V" && kept.pipelineID == beat.pipelineID)
    #expect(kept.qualityPassed && kept.ectopicSuspected && kept.synthetic && kept.segmentSha256 == beat.segmentSha256)
  }

  @Test("the same beat gives the same bytes, whatever came between")
  func repetition() throws {
    var stage = try Stage()
    let first = try stage.send(Self.beat())
    for offset in [0, 399] { _ = try stage.send(Self.beat { $0.rPeakOffset = Int32(offset) }) }
    _ = try stage.send([0xFF])
    #expect(try stage.send(Self.beat()).map(\.value) == first.map(\.value))
    var other = try Stage()
    #expect(try other.send(Self.beat()).map(\.value) == first.map(\.value))
  }

  @Test("the end of a recording passes through as it is")
  func end() throws {
    var stage = try Stage()
    let end = ProtoRecordingEnd.with {
      $0.recordingID = "r"
      $0.status = .rejected
      $0.code = "NO_BEATS"
      $0.measures.quality = 0.25
    }
    let outputs = try stage.send(ProtoBeatEvent.with { $0.end = end }.encoded())
    let expected = ProtoSpectrogramEvent.with { $0.end = end }
    #expect(try outputs.map { try ProtoSpectrogramEvent.decoded(from: $0.value ?? []) } == [expected])
  }

  @Test("a beat of another pipeline is refused")
  func wrongPipeline() throws {
    var stage = try Stage()
    let outputs = try stage.send(Self.beat { $0.pipelineID = "0123456789abcdef" })
    #expect(outputs.rejectionCodes == ["WRONG_PIPELINE"] && outputs.count == 1)
    #expect(outputs[0].header(HeaderName.recordingID) == "r" && stage.counted.rejected(.wrongPipeline) == 1)
  }

  @Test("a beat whose leads, samples and R-peak disagree is refused, not computed")
  func malformed() throws {
    let changes: [(inout ProtoBeat) -> Void] = [
      { $0.samples.removeLast() }, { $0.leads = [] }, { $0.leads = ["II", "X"] }, { $0.rPeakOffset = 400 },
      { $0.rPeakOffset = -1 }, { $0.leads = [String](repeating: "II", count: 800) },
      { $0.samples.replaceSubrange(0..<4, with: [0, 0, 0xC0, 0x7F]) },
    ]
    var stage = try Stage()
    for change in changes {
      #expect(try stage.send(Self.beat(change)).rejectionCodes == ["MALFORMED_PAYLOAD"])
    }
    for bytes in [[], [0xFF], [UInt8](repeating: 0x7B, count: 100_000)] {
      #expect(try stage.send(bytes).rejectionCodes == ["MALFORMED_PAYLOAD"])
    }
  }
}

@Suite("A predictor's batch")
struct PredictionBatchTests {
  static func spectrogram(_ recording: String = "r", _ sample: Int64 = 0) -> ProtoSpectrogram {
    .with {
      $0.recordingID = recording
      $0.patient = "p-" + recording
      $0.rPeakSample = sample
      $0.leads = ["II"]
      $0.shape = [1, 2, 2]
      $0.tensor = Packing.pack([1, 2, 3, Float16(sample)])
      $0.tensorSha256 = sha256($0.tensor)
      $0.segmentSha256 = sha256(Data())
      $0.features = [Float](repeating: 1, count: BeatFeatures.count)
      $0.pipelineID = "pipeline"
      $0.qualityPassed = true
    }
  }

  private static func message(_ spectrogram: ProtoSpectrogram, _ offset: Int64 = 0) -> ConsumedMessage {
    let event = ProtoSpectrogramEvent.with { $0.spectrogram = spectrogram }
    return consumed(event.encoded(), key: spectrogram.recordingID, topic: Topic.spectrograms, offset: offset)
  }

  private static func changed(_ change: (inout ProtoSpectrogram) -> Void) -> ProtoSpectrogram {
    var spectrogram = spectrogram()
    change(&spectrogram)
    return spectrogram
  }

  @Test("beats and ends are told apart, and offsets are those after the last message of each partition")
  func sorted() {
    let end = ProtoSpectrogramEvent.with {
      $0.end.recordingID = "a"
      $0.end.status = .complete
    }.encoded()
    let messages = [
      Self.message(Self.spectrogram("b"), 7), Self.message(Self.spectrogram("b", 5), 8),
      consumed(end, key: "a", topic: Topic.spectrograms, offset: 11),
    ]
    let batch = PredictionBatch(messages, metrics: CountedMetrics().metrics)
    #expect(batch.beats.map(\.message.rPeakSample) == [0, 5] && batch.ends.map(\.recordingID) == ["a"])
    #expect(batch.recordingIDs == ["a", "b"] && batch.rejected.isEmpty)
    #expect(batch.offsets == [TopicPartition(Topic.spectrograms, 3): 12])
    #expect(batch.beats[0].image.values == [1, 2, 3, 0] && batch.beats[0].leads == [.II])
  }

  @Test("what is no sound tensor is answered and passed over, and the rest of the batch counts")
  func poison() {
    let bad = [
      Self.changed { $0.shape = [1, 2, 3] }, Self.changed { $0.leads = ["X"] }, Self.changed { $0.features = [1] },
      Self.changed { $0.segmentSha256 = Data() }, Self.changed { $0.tensorSha256 = Data() },
      Self.changed { $0.tensor[0] ^= 1 }, Self.changed { $0.rPeakSample = -1 },
      Self.changed { $0.features[3] = .nan }, Self.changed { $0.referenceSymbol = "\u{0}" },
      Self.changed {
        $0.tensor = Packing.pack([1, 2, Float16.infinity, 4])
        $0.tensorSha256 = sha256($0.tensor)
      },
    ].map { Self.message($0) }
    let junk = [[], [0xFF]].map { consumed($0, key: "r", topic: Topic.spectrograms) }
    let counted = CountedMetrics()
    let batch = PredictionBatch(bad + junk + [Self.message(Self.spectrogram(), 99)], metrics: counted.metrics)
    #expect(batch.rejected.rejectionCodes == [String](repeating: "MALFORMED_PAYLOAD", count: bad.count + junk.count))
    #expect(batch.beats.count == 1 && counted.rejected(.malformedPayload) == bad.count + junk.count)
    #expect(batch.offsets.values.first == 100)
  }
}

extension [OutgoingMessage] {
  var spectrograms: [ProtoSpectrogram] {
    compactMap { message in
      guard let value = message.value,
        case .spectrogram(let tensor) = try? ProtoSpectrogramEvent.decoded(from: value).event
      else { return nil }
      return tensor
    }
  }
}
