import Foundation
import ResyncCore
import Testing

@Suite("The beat study's splits and figures")
struct BeatStudyTests {
  /// Ten beats of every record, of classes N, S and V in turn.
  private static let records = MITBIH.all.flatMap { Array(repeating: $0, count: 10) }
  private static let labels = records.indices.map { $0 % 3 }
  private static let persons = records.map(MITBIH.person)

  @Test("48 records: 21 of DS1 strict, 22 of DS2, 4 paced, and 201, whose person is in DS2")
  func records() {
    #expect(Set(MITBIH.all).count == 48)
    #expect((MITBIH.ds1.count, MITBIH.ds2.count, MITBIH.paced.count) == (21, 22, 4))
    #expect(MITBIH.ds2.contains(MITBIH.person(of: "201")))
    #expect(MITBIH.ds1Folds.joined().sorted() == MITBIH.ds1)
  }

  private static func splits(_ beatProtocol: BeatProtocol, seed: UInt64 = 1) -> [BeatSplit] {
    BeatSplit.all(beatProtocol, records: records, labels: labels, seed: seed)
  }

  @Test("DS1 teaches and DS2 judges, without record 201, and no person is on both sides")
  func disjoint() throws {
    let split = try Self.splits(.ds1ToDS2)[0].checked(persons: Self.persons, allowingRandomByBeat: false)
    #expect((split.training.count, split.test.count) == (210, 220))
    #expect(!split.training.contains { Self.records[$0] == "201" })
  }

  @Test("choices inside DS1 never touch DS2; every record judges once, taught by others")
  func folds() throws {
    let splits = Self.splits(.ds1Folds)
    #expect(
      splits.flatMap(\.test).map { Self.records[$0] }.sorted() == MITBIH.ds1.flatMap { Array(repeating: $0, count: 10) }
    )
    for split in splits {
      _ = try split.checked(persons: Self.persons, allowingRandomByBeat: false)
      #expect(split.training.count + split.test.count == 210)
      #expect(Set(split.training.map { Self.records[$0] }).isSubset(of: MITBIH.ds1))
    }
  }

  @Test("a fold none of whose records is there is left out")
  func fewRecords() {
    let splits = BeatSplit.all(.ds1Folds, records: ["118", "208", "100"], labels: [0, 1, 2])
    #expect(splits.map(\.test) == [[0], [1]])
    #expect(splits.map(\.training) == [[1], [0]])
  }

  @Test("a random split is refused unless its leak is allowed by name, and then says that it leaks")
  func leak() throws {
    let split = Self.splits(.randomByBeat)[0]
    let error = #expect(throws: PersonLeak.self) {
      try split.checked(persons: Self.persons, allowingRandomByBeat: false)
    }
    #expect(error?.description.contains("--allow-leak random-by-beat") == true)
    #expect(try split.checked(persons: Self.persons, allowingRandomByBeat: true) == split)
    #expect(split.beatProtocol.words.contains("optimistic: neighbours leak"))
  }

  @Test("a leak in a split between persons is refused whatever is allowed")
  func disguised() {
    let split = Self.splits(.ds1ToDS2)[0]
    let persons = Self.persons.map { $0 == "100" ? "101" : $0 }
    let error = #expect(throws: PersonLeak.self) {
      try split.checked(persons: persons, allowingRandomByBeat: true)
    }
    #expect(error?.persons == 1)
  }

  @Test("a random split has a fifth of each class on the judging side, every beat on one side, the same for a seed")
  func random() {
    let split = Self.splits(.randomByBeatNotPaced, seed: 3)[0]
    let all = Self.records.indices.filter { !MITBIH.paced.contains(Self.records[$0]) }
    #expect((split.training + split.test).sorted() == all)
    for label in 0..<3 {
      let share = Double(split.test.count { Self.labels[$0] == label }) / Double(all.count { Self.labels[$0] == label })
      #expect(abs(share - 0.2) < 0.01)
    }
    #expect(split == Self.splits(.randomByBeatNotPaced, seed: 3)[0])
    #expect(split != Self.splits(.randomByBeatNotPaced, seed: 4)[0])
  }

  @Test("figures are counted by class, pooled and by record; S also without 232; Q is in no mean")
  func figures() throws {
    // 232: three S found, one N called S; 100: two N right, one S called N, one V right, one Q called N.
    let records = ["232", "232", "232", "232", "100", "100", "100", "100", "100"]
    let figures = try BeatFigures(
      .ds1ToDS2, records: records, labels: [1, 1, 1, 0, 0, 0, 1, 2, 4], predictions: [1, 1, 1, 1, 0, 0, 0, 2, 0],
      bootstrap: Bootstrap(resamples: 200, seed: 1))
    let s = figures.classes[1]
    #expect(s.name == .S && s.beats == 4)
    #expect(s.sensitivity.value == 0.75 && s.positivePredictivity.value == 0.75 && s.f1.value == 0.75)
    #expect(figures.accuracy.value == 6.0 / 9)
    // N: 2 of 3 found, 2 of 4 right: 4/7. V 1, F counts 0 for it does not occur.
    #expect(abs(figures.macroF1.value! - (4.0 / 7 + 0.75 + 1 + 0) / 4) < 1e-12)
    #expect(figures.supraventricularWithout232?.beats == 1)
    #expect(figures.supraventricularWithout232?.sensitivity.value == 0)
    #expect(figures.records.map(\.name) == ["100", "232"])
    #expect(figures.records[0].confusion.support(BeatClass.Q.index) == 1)
    #expect(figures.words == BeatProtocol.ds1ToDS2.words)
  }

  @Test("intervals come from drawing records: equal records leave none, unequal ones span the figure")
  func intervals() throws {
    func accuracy(_ wrong: [Int]) throws -> BeatFigures.Figure {
      let records = (0..<8).flatMap { Array(repeating: "r\($0)", count: 10) }
      let labels = records.map { _ in 0 }
      let predictions = (0..<8).flatMap { record in (0..<10).map { $0 < wrong[record] ? 1 : 0 } }
      return try BeatFigures(
        .ds1ToDS2, records: records, labels: labels, predictions: predictions,
        bootstrap: Bootstrap(resamples: 500, seed: 2)
      ).accuracy
    }
    let equal = try accuracy(Array(repeating: 1, count: 8))
    #expect((equal.low, equal.value, equal.high) == (0.9, 0.9, 0.9))
    let unequal = try accuracy([0, 0, 0, 0, 0, 0, 0, 8])
    #expect(unequal.value == 0.9 && unequal.low! < 0.8 && unequal.high == 1)
  }

  @Test("a reference beat is a beat, in place of what the detector would have found, however the record is cut")
  func annotated() throws {
    let folder = SignalFixtures.records.appendingPathComponent("mitdb")
    let record = try WFDBRecord.read(folder: folder, name: "208")
    let annotations = try SignalFixtures.annotations(folder: folder, name: "208")
    let beats = try AnnotatedBeats(of: record, name: "208", annotations: annotations, pipeline: .init())
    let references = annotations.filter { BeatClass(annotationSymbol: $0.symbol) != nil }
    #expect(beats.beats.map(\.label) == references.map { BeatClass(annotationSymbol: $0.symbol)! })
    #expect(zip(beats.beats, references).allSatisfy { abs($0.sample - $1.sample) <= 29 })
    #expect(try AnnotatedBeats(decoding: beats.encoded()) == beats)

    let signal = record.millivolts()
    let marks = references.map { ReferenceBeat(sample: $0.sample, symbol: String($0.symbol)) }
    var extractor = try BeatExtractor(pipeline: .init(), sampleRateHz: 360, leads: beats.leads, complexes: .annotated)
    var streamed: [ExtractedBeat] = []
    for start in stride(from: 0, to: signal[0].count, by: 7_919) {
      let range = start..<min(signal[0].count, start + 7_919)
      streamed += extractor.consume(
        signal.map { Array($0[range]) }, references: marks.filter { range.contains(Int($0.sample)) })
      extractor = try BeatExtractor(snapshot: extractor.snapshot())
    }
    streamed += extractor.finish().beats
    #expect(streamed.map(\.rPeakSample) == beats.beats.map(\.sample))
    #expect(streamed.map(\.features) == beats.beats.map(\.features))
  }

  @Test("kept beats that were cut short are no beats")
  func cut() throws {
    let image = SpectrogramImage(leadCount: 1, rows: 1, columns: 2, values: [1, 2])
    let beat = AnnotatedBeats.Beat(sample: 3, label: .V, features: MadeUp.features(1), image: image)
    let data = try AnnotatedBeats(record: "1", leads: [.II], beats: [beat, beat]).encoded()
    #expect(AnnotatedBeats(decoding: data)?.beats == [beat, beat])
    for length in 0..<data.count { #expect(AnnotatedBeats(decoding: data.prefix(length)) == nil) }
  }

  @Test(
    "the halves of MIT-BIH hold as many beats of each class as the literature counts",
    .enabled(if: SignalFixtures.data != nil))
  func counts() throws {
    let folder = try #require(SignalFixtures.data).appendingPathComponent("mitdb")
    func counts(_ records: [String]) throws -> [Int] {
      try records.reduce(into: [0, 0, 0, 0, 0]) { sum, name in
        for annotation in try SignalFixtures.annotations(folder: folder, name: name) {
          if let label = BeatClass(annotationSymbol: annotation.symbol) { sum[label.index] += 1 }
        }
      }
    }
    #expect(try counts(MITBIH.all) == [90_631, 2_781, 7_236, 803, 8_043])
    #expect(try counts(MITBIH.ds1) == [44_231, 816, 3_590, 413, 8])
    #expect(try counts(MITBIH.ds2) == [44_259, 1_837, 3_221, 388, 7])
  }
}
