import Messages
import ResyncCore
import Testing
import Trainer

extension ProtoSpectrogramEvent {
  fileprivate var spectrogramOrEndID: String {
    switch event {
    case .spectrogram(let spectrogram): spectrogram.recordingID
    case .end(let end): end.recordingID
    case nil: ""
    }
  }
}

/// A collector by reference: an expectation cannot change a value.
@dynamicMemberLookup
final class Gathering {
  private var collector: SpectrogramCollector

  init(_ collector: SpectrogramCollector) { self.collector = collector }

  /// - Parameter key: the recording's id when left out.
  func add(_ event: ProtoSpectrogramEvent, key: String? = nil) -> Bool {
    collector.add(event, key: Array((key ?? event.spectrogramOrEndID).utf8))
  }

  subscript<T>(dynamicMember member: KeyPath<SpectrogramCollector, T>) -> T { collector[keyPath: member] }
}

@Suite("Gathering a job's tensors")
struct SpectrogramCollectorTests {
  private static func collector(_ wanted: Set<String> = ["a", "b"], _ leads: LeadSet = .single) -> Gathering {
    Gathering(SpectrogramCollector(wanted: wanted, pipelineID: "pipeline", shape: (2, 2), leadSet: leads))
  }

  static func beat(_ recording: String, _ sample: Int64, _ change: (inout ProtoSpectrogram) -> Void = { _ in })
    -> ProtoSpectrogramEvent
  {
    var spectrogram = PredictionBatchTests.spectrogram(recording, sample)
    change(&spectrogram)
    return .with { $0.spectrogram = spectrogram }
  }

  static func end(_ recording: String, beats: Int64, _ status: ProtoRecordingStatus = .complete)
    -> ProtoSpectrogramEvent
  {
    .with {
      $0.end.recordingID = recording
      $0.end.patient = "p-" + recording
      $0.end.beats = beats
      $0.end.status = status
    }
  }

  @Test("whatever the order of arrival, recordings come by id and beats by R-peak")
  func order() {
    let events = [
      Self.beat("b", 30), Self.end("b", beats: 2), Self.beat("a", 20), Self.beat("b", 10), Self.beat("a", 5),
      Self.end("a", beats: 2),
    ]
    for events in [events, events.reversed()] {
      let collector = Self.collector()
      for event in events { #expect(collector.add(event)) }
      #expect(collector.isComplete && collector.waiting.isEmpty && collector.lost.isEmpty)
      #expect(collector.recordings.map(\.id) == ["a", "b"])
      #expect(collector.recordings.map(\.patient) == ["p-a", "p-b"])
      #expect(collector.recordings.map { $0.beats.map(\.rPeakSample) } == [[5, 20], [10, 30]])
      #expect(collector.recordings[0].beats[0].beat.image.values == [1, 2, 3, 5])
    }
  }

  @Test("a repeated beat or end is no news and counts once")
  func repetition() {
    let collector = Self.collector(["a"])
    #expect(collector.add(Self.beat("a", 1)))
    #expect(!collector.add(Self.beat("a", 1)))
    #expect(collector.add(Self.end("a", beats: 1)))
    #expect(!collector.add(Self.end("a", beats: 1)))
    #expect(collector.beatCount == 1 && collector.endedCount == 1 && collector.isComplete)
  }

  @Test("beats that retention has removed are named by their recording, and the job is not complete")
  func lost() {
    let collector = Self.collector(["a", "b", "c"])
    for event in [Self.beat("a", 1), Self.end("a", beats: 2), Self.beat("b", 1), Self.end("b", beats: 1)] {
      _ = collector.add(event)
    }
    #expect(collector.lost == ["a"] && collector.waiting == ["c"] && !collector.isComplete)
    _ = collector.add(Self.beat("a", 2))
    #expect(collector.lost.isEmpty)
  }

  @Test("a refused recording counts as ended and gives nothing to learn")
  func refused() {
    let collector = Self.collector()
    for event in [
      Self.beat("a", 1), Self.end("a", beats: 0, .rejected), Self.beat("a", 1), Self.beat("b", 1),
      Self.end("b", beats: 1),
    ] { _ = collector.add(event) }
    #expect(collector.isComplete && collector.recordings.map(\.id) == ["b"])
  }

  @Test("a recording that was refused and sent anew counts with its later end")
  func anew() {
    let collector = Self.collector(["a"])
    _ = collector.add(Self.end("a", beats: 0, .rejected))
    _ = collector.add(Self.beat("a", 4))
    _ = collector.add(Self.end("a", beats: 1))
    #expect(collector.recordings.map { $0.beats.count } == [1])
  }

  @Test("other recordings, other pipelines and malformed tensors are passed over")
  func others() {
    let collector = Self.collector(["a"])
    #expect(!collector.add(Self.beat("z", 1)))
    #expect(!collector.add(Self.end("z", beats: 1)))
    #expect(!collector.add(Self.beat("a", 1) { $0.pipelineID = "other" }))
    #expect(!collector.add(Self.beat("a", 1) { $0.shape = [1, 1, 1] }))
    #expect(!collector.add(Self.beat("a", 1) { $0.features = [] }))
    #expect(!collector.add(ProtoSpectrogramEvent()))
    #expect(!collector.add(Self.beat("a", 1), key: "b") && !collector.add(Self.end("a", beats: 1), key: "b"))
    #expect(collector.beatCount == 0)
    _ = collector.add(Self.end("a", beats: 1))
    #expect(collector.lost == ["a"])
  }

  @Test("a recording without the leads that the model reads is no loss, and gives nothing")
  func lackingLeads() {
    let collector = Self.collector(["a"], .standardTwelve)
    #expect(!collector.add(Self.beat("a", 1)))
    _ = collector.add(Self.end("a", beats: 1))
    #expect(collector.isComplete && collector.lacking == ["a"] && collector.recordings.isEmpty)
  }

  @Test("of several leads the one that the model reads is kept")
  func leadChoice() {
    let collector = Self.collector(["a"])
    _ = collector.add(
      Self.beat("a", 1) {
        $0.leads = ["V1", "II"]
        $0.shape = [2, 2, 2]
        $0.tensor = Packing.pack((1...8).map { Float16($0) })
        $0.tensorSha256 = sha256($0.tensor)
      })
    _ = collector.add(Self.end("a", beats: 1))
    #expect(collector.recordings[0].beats[0].beat.image.values == [5, 6, 7, 8])
  }

  // MARK: - Examples

  private static func collected() -> [SpectrogramCollector.Recording] {
    let collector = collector(["a", "b", "c"])
    let symbols = ["N", "A", "V", "F", "Q", "L", "", "~"]
    for (index, symbol) in symbols.enumerated() {
      _ = collector.add(beat("a", Int64(index)) { $0.referenceSymbol = symbol })
    }
    _ = collector.add(beat("b", 1) { $0.qualityPassed = false })
    _ = collector.add(beat("b", 2) { $0.ectopicSuspected = true })
    _ = collector.add(beat("b", 3))
    _ = collector.add(beat("c", 1))
    _ = collector.add(end("a", beats: 8))
    var last = end("b", beats: 3)
    last.end.synthetic = true
    _ = collector.add(last)
    _ = collector.add(end("c", beats: 1))
    return collector.recordings
  }

  @Test("beat-class examples are the beats with a beat's label, in the classes' order")
  func beatClasses() {
    let data = TrainingExamples(Self.collected(), task: .beatClass, responses: [:])
    #expect(data.examples.map(\.label) == [0, 1, 2, 3, 4, 0])
    #expect(data.examples.map(\.id) == (0..<6).map { "a:\($0)" } && Set(data.examples.map(\.group)) == ["p-a"])
    #expect(data.recordings.map(\.recordingID) == ["a"], "recordings that taught nothing are not named")
    #expect(!data.isSynthetic)
  }

  @Test("response examples are usable beats of patients with a known outcome")
  func responses() {
    let data = TrainingExamples(Self.collected(), task: .crtResponse, responses: ["p-a": false, "p-b": true])
    #expect(data.examples.map(\.label) == [0, 0, 0, 0, 0, 0, 0, 0, 1])
    #expect(data.examples.last?.id == "b:3" && data.examples.last?.group == "p-b")
    #expect(data.recordings.map(\.patient) == ["p-a", "p-b"] && data.isSynthetic)
  }

  @Test("of a patient whose baseline ECG is known no other recording teaches")
  func baselineECG() {
    let data = TrainingExamples(
      Self.collected(), task: .crtResponse, responses: ["p-a": false, "p-b": true],
      baselineECGs: ["p-a": "taken-before", "p-b": "b"])
    #expect(data.recordings.map(\.recordingID) == ["b"] && data.examples.map(\.id) == ["b:3"])
  }

  @Test("without labels there are no examples, no recordings and nothing synthetic")
  func unlabelled() {
    let data = TrainingExamples(Self.collected(), task: .crtResponse, responses: ["p-z": true])
    #expect(data.examples.isEmpty && data.recordings.isEmpty && !data.isSynthetic)
  }
}
