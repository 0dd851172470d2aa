import Foundation
import Messages
import Preprocess
import ResyncCore
import Scoring
import Store
import Testing

@Suite("Twelve-lead measures in the stream")
struct TwelveLeadTests {
  private static func recording() throws -> ValidRecording { try .bundled("ludb/24", seconds: 10) }

  /// The end that preprocess makes of a recording, its state stored between any two messages.
  private static func end(
    _ recording: ValidRecording, _ lengths: [Int] = [1_999], sex: ProtoSex = .unspecified,
    pipeline: PipelineConfiguration = .init(), between: (inout PreprocessStage) throws -> Void = { _ in }
  ) throws -> ProtoRecordingEnd {
    var stage = PreprocessStage(pipeline: pipeline)
    for event in recording.events(lengths).dropLast() {
      _ = try stage.send(event, key: recording.id)
      try between(&stage)
    }
    var last = recording.end()
    last.end.patientFacts.sex = sex
    return try #require(try stage.send(last, key: recording.id).beatEnds.first)
  }

  @Test("what the stream measures at random cuts, its state stored at each, is what the whole recording gives offline")
  func streamedIsOffline() throws {
    let recording = try Self.recording()
    let names = try #require(leads(named: recording.leads))
    let offline = try #require(
      try AnalysedRecording(recording.millivolts, leads: names, nativeHz: recording.rateHz).measures)
    var generator = SeededGenerator(seed: 9)
    for _ in 0..<4 {
      let lengths = (0..<7).map { _ in Int.random(in: 1...900, using: &generator) }
      let streamed = try Self.end(recording, lengths).measures.twelveLead
      #expect(streamed.qrsDurationMs == offline.qrsMilliseconds && streamed.qrsAreaUvs == offline.qrsArea?.length)
      #expect(streamed.axisDegrees == offline.axisDegrees && streamed.rhythm == offline.rhythm?.rawValue)
      #expect(streamed.bundleBranch.map(\.rule) == BundleBranchRule.allCases.map(\.rawValue))
      for (sent, finding) in zip(streamed.bundleBranch, offline.bundleBranch) {
        #expect(sent.hasMet == (finding.isMet != nil) && sent.met == finding.isMet ?? false)
        #expect(sent.score == finding.score ?? 0)
        #expect(sent.criteria.map(\.name) == finding.criteria.map(\.name))
        #expect(sent.criteria.map { $0.hasValue ? $0.value : nil } == finding.criteria.map(\.value))
        #expect(
          sent.criteria.map { ($0.hasAtLeast ? $0.atLeast : -.infinity)...($0.hasAtMost ? $0.atMost : .infinity) }
            == finding.criteria.map(\.limit))
      }
    }
  }

  @Test("a lead's faults arrive by name, and a lead without any is left out")
  func faults() throws {
    var recording = try Self.recording()
    let v4 = try #require(recording.leads.firstIndex(of: "V4"))
    let before = try Self.end(recording).measures.twelveLead.faults.map(\.lead)
    recording.millivolts[v4] = recording.millivolts[v4].map { _ in 0.25 }
    let faults = try Self.end(recording).measures.twelveLead.faults
    #expect(!before.contains("V4") && faults.map(\.lead) == before + ["V4"])
    #expect(faults.last?.faults == ["flat", "disconnected"])
  }

  @Test("Strauss's limit is that of the patient's sex, and the stricter where it is not known")
  func sex() throws {
    for (sex, limit) in [(ProtoSex.female, 130.0), (.male, 140), (.unspecified, 140)] {
      let rule = try Self.end(Self.recording(), sex: sex).measures.twelveLead.bundleBranch[0]
      #expect(rule.rule == "lbbb-strauss-2011" && rule.criteria[0].atLeast == limit)
    }
  }

  @Test("a recording without the leads, and segments that begin at the R-peak, have none")
  func without() throws {
    let two = try ValidRecording.bundled("mitdb/223", seconds: 10)
    #expect(try !Self.end(two).measures.hasTwelveLead)
    var less = try Self.recording()
    let v6 = try #require(less.leads.firstIndex(of: "V6"))
    less.leads.remove(at: v6)
    less.millivolts.remove(at: v6)
    #expect(try !Self.end(less).measures.hasTwelveLead)
    let pipeline = PipelineConfiguration(segment: .init(alignment: .rStart))
    #expect(try !Self.end(Self.recording(), pipeline: pipeline).measures.hasTwelveLead)
  }

  @Test("the state of an hour of twelve leads is not larger than that of ten seconds may be, and fits a message")
  func bounded() throws {
    let recording = try Self.recording()
    var stage = PreprocessStage()
    var sizes: [Int] = []
    for round in 0..<40 {
      var chunk = recording.chunk(0..<recording.sampleCount)
      chunk.firstSample = Int64(round * recording.sampleCount)
      _ = try stage.send(.with { $0.chunk = chunk }, key: recording.id)
      sizes.append(stage.stored?.count ?? 0)
    }
    #expect(sizes.allSatisfy { $0 < 450_000 } && sizes[1] > 200_000)
  }

  @Test("a recording opened by a version without the measures goes on as before and ends without them")
  func olderState() throws {
    let whole = try Self.end(Self.recording())
    let older = try Self.end(Self.recording()) { stage in
      var stored = try ProtoPreprocessState.decoded(from: #require(stage.stored))
      stored.twelveLead = .init()
      stage.stored = stored.encoded()
    }
    #expect(whole.measures.hasTwelveLead && !older.measures.hasTwelveLead)
    #expect(older.beats == whole.beats && older.measures.qrsDurationMs == whole.measures.qrsDurationMs)
  }

  @Test("a stored state whose parts are cut, or of different recordings, is refused with an error")
  func hostileState() throws {
    let recording = try Self.recording()
    var stage = PreprocessStage()
    _ = try stage.send(.with { $0.chunk = recording.chunk(0..<3_000) }, key: recording.id)
    let stored = try ProtoPreprocessState.decoded(from: #require(stage.stored))
    #expect(throws: Never.self) { try RecordingState(serialized: stored.encoded()) }
    func accumulator(_ leads: [Lead], segmentRateHz: Int = 360) -> Data {
      Data(TwelveLeadAccumulator(leads: leads, nativeRateHz: 500, segmentRateHz: segmentRateHz).snapshot())
    }
    let changes: [(inout ProtoPreprocessState) -> Void] = [
      { $0.twelveLead.removeLast() }, { $0.twelveLead[9] ^= 1 }, { $0.twelveLead = Data([1, 2, 3]) },
      { $0.twelveLead = $0.extractor }, { $0.twelveLead = accumulator([.II]) },
      { $0.twelveLead = accumulator(Lead.allCases.reversed()) },
      { $0.twelveLead = accumulator(Lead.allCases, segmentRateHz: 250) }, { $0.leads.removeLast() },
      { $0.leads.swapAt(0, 1) },
    ]
    for (number, change) in changes.enumerated() {
      var changed = stored
      change(&changed)
      #expect(throws: (any Error).self, "change \(number)") { try RecordingState(serialized: changed.encoded()) }
    }
  }

  // MARK: - At the predictor

  @Test("the row says what the message says; a refused recording and one without the leads have none")
  func row() throws {
    var end = try Self.end(Self.recording())
    let sent = end.measures.twelveLead
    let row = try #require(TwelveLeadRow(end))
    #expect(row.qrsDurationMs == sent.qrsDurationMs && row.qrsAreaUVs == sent.qrsAreaUvs)
    #expect(row.axisDegrees == sent.axisDegrees && row.rhythm == sent.rhythm)
    #expect(row.bundleBranch.count == 4 && sent.bundleBranch.count == 4)
    for rule in sent.bundleBranch {
      let stored = try #require(row.bundleBranch[rule.rule])
      #expect(stored.met == rule.met && stored.score == rule.score)
      #expect(stored.criteria.map(\.name) == rule.criteria.map(\.name))
      #expect(stored.criteria.map(\.value) == rule.criteria.map(\.value))
      #expect(stored.criteria.map(\.met) == rule.criteria.map(\.met))
      #expect(stored.criteria.map { $0.atLeast ?? 0 } == rule.criteria.map(\.atLeast))
      #expect(stored.criteria.map { $0.atMost != nil } == rule.criteria.map(\.hasAtMost))
    }
    var refused = end
    refused.status = .rejected
    #expect(TwelveLeadRow(refused) == nil)
    end.measures.clearTwelveLead()
    #expect(TwelveLeadRow(end) == nil)
  }

  @Test("what is absent in the message is null in the row")
  func absent() throws {
    let end = ProtoRecordingEnd.with {
      $0.status = .complete
      $0.measures.twelveLead.faults = [
        .with {
          $0.lead = "V1"
          $0.faults = ["flat"]
        }
      ]
      $0.measures.twelveLead.bundleBranch = [
        .with {
          $0.rule = "rbbb-aha-2009"
          $0.criteria = [.with { $0.name = "qrs-duration" }]
        }
      ]
    }
    let row = try #require(TwelveLeadRow(end))
    #expect(row.qrsDurationMs == nil && row.qrsAreaUVs == nil && row.axisDegrees == nil && row.rhythm == nil)
    let rule = try #require(row.bundleBranch["rbbb-aha-2009"])
    #expect(rule.met == nil && rule.score == nil)
    #expect(rule.criteria == [.init(name: "qrs-duration", value: nil, unit: "", atLeast: nil, atMost: nil, met: nil)])
    #expect(row.leadFaults == ["V1": ["flat"]])
  }

  @Test("an end with a number that is none, or with unknown names, is refused and stops no other")
  func unsound() throws {
    let good = try Self.end(Self.recording())
    let changes: [(inout ProtoTwelveLead) -> Void] = [
      { $0.qrsDurationMs = .nan }, { $0.qrsAreaUvs = .infinity }, { $0.axisDegrees = .nan },
      { $0.rhythm = "waltz" }, { $0.bundleBranch[1].rule = "mine" }, { $0.bundleBranch[0].score = .nan },
      { $0.bundleBranch[2].criteria[0].value = .infinity }, { $0.bundleBranch[2].criteria[0].atMost = .infinity },
      { $0.bundleBranch[0].criteria[0].name = "a\0b" }, { $0.bundleBranch[0].criteria[0].unit = "\0" },
      { $0.faults = [.with { $0.lead = "V9" }] },
      {
        $0.faults = [
          .with {
            $0.lead = "V1"
            $0.faults = ["tired"]
          }
        ]
      },
    ]
    for (number, change) in changes.enumerated() {
      var bad = good
      change(&bad.measures.twelveLead)
      let messages = [bad, good].map { end in
        consumed(
          ProtoSpectrogramEvent.with { $0.end = end }.encoded(), key: end.recordingID, topic: Topic.spectrograms)
      }
      let batch = PredictionBatch(messages, metrics: CountedMetrics().metrics)
      #expect(batch.ends == [good] && batch.rejected.rejectionCodes == ["MALFORMED_PAYLOAD"], "change \(number)")
    }
  }

  @Test("the delineated QRS duration decides on a narrow QRS; a message without it is judged by the template's")
  func narrow() {
    func flags(_ change: (inout ProtoEcgMeasures) -> Void) -> [ApplicabilityFlag] {
      ResponseDecision(
        beats: [.init(logOdds: 1, usable: true, distance: 0)], measures: .with { measures in change(&measures) },
        ageYears: 60, threshold: 0.5, distanceLimit: nil
      ).flags.filter { $0 == .narrowQRS }
    }
    #expect(flags { ($0.qrsDurationMs, $0.twelveLead.qrsDurationMs) = (150, 110) } == [.narrowQRS])
    #expect(flags { ($0.qrsDurationMs, $0.twelveLead.qrsDurationMs) = (110, 120) } == [])
    #expect(flags { ($0.qrsDurationMs, $0.twelveLead) = (110, .init()) } == [.narrowQRS])
    #expect(flags { $0.qrsDurationMs = 110 } == [.narrowQRS])
    #expect(flags { _ in } == [])
  }
}
