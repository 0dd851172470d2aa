import Foundation
import ResyncCore
import Testing

@Suite("Models")
struct LearningModelTests {
  static let model = try! MadeUp.trained(MadeUp.specification(.beatClass, epochs: 2), MadeUp.beatExamples())
  static let response = try! MadeUp.trained(MadeUp.specification(.crtResponse, epochs: 1), MadeUp.responseExamples())

  @Test("a model file is read back as it was, with the same id")
  func roundTrip() throws {
    let read = try ModelArtifact(decoding: Self.model.encoded())
    #expect(read.metadata == Self.model.metadata)
    #expect(same(read.tensors, Self.model.tensors))
    #expect(read.weightsSHA256 == Self.model.weightsSHA256 && read.modelID == Self.model.modelID)
    #expect(same(read.encoded(), Self.model.encoded()))
    #expect(read.modelID == "beat-class-" + read.weightsSHA256.prefix(12))
  }

  @Test("in half precision a model takes half the bytes and answers nearly alike; what is read back is written alike")
  func halfPrecision() throws {
    let bytes = Self.model.encoded(as: .float16)
    let half = try ModelArtifact(decoding: bytes)
    #expect(Double(Self.model.encoded().count - bytes.count) > 0.45 * Double(Self.model.encoded().count))
    #expect(same(half.encoded(as: .float16), bytes))
    #expect(half.metadata == Self.model.metadata && half.modelID != Self.model.modelID)
    let beats = MadeUp.beatExamples().prefix(20).map { ($0.image, [0], $0.features) }
    let scores = try [Self.model, half].map {
      try Classifier($0).score(Array(beats), threads: 1).flatMap(\.probabilities)
    }
    #expect(scores[0] != scores[1])
    #expect(zip(scores[0], scores[1]).allSatisfy { abs($0 - $1) < 0.01 })
  }

  @Test("a model whose metadata contradict themselves is refused")
  func refusesMetadata() throws {
    let changes: [(inout ModelMetadata) -> Void] = [
      { $0.classNames = ["a", "b"] }, { $0.architecture.inputChannels = 2 }, { $0.architecture.widthMultiplier = 1e9 },
      { $0.architecture.depth = .resnet50 }, { $0.normalisation.imageMean.removeLast() },
      { $0.normalisation.auxiliaryDeviation[0] = 0 }, { $0.threshold = .nan }, { $0.pipeline.image.rows = 1 << 40 },
      { $0.outOfDistribution!.featureVariance[3] = -1 },
    ]
    for change in changes {
      var metadata = Self.model.metadata
      change(&metadata)
      #expect(throws: ModelError.self) { try ModelArtifact(metadata: metadata, tensors: Self.model.tensors) }
    }
  }

  @Test("files that are no model, cut or changed, give an error")
  func refusesFiles() {
    let bytes = Self.model.encoded()
    #expect(throws: ModelError.self) { try ModelArtifact(decoding: Array(bytes.dropLast())) }
    #expect(throws: ModelError.self) { try ModelArtifact(decoding: Safetensors.encode(Self.model.tensors)) }
    #expect(throws: ModelError.self) {
      try ModelArtifact(decoding: Safetensors.encode(Self.model.tensors, metadata: ["resync": "{}"]))
    }
    var missing = Self.model.tensors
    missing["conv1.weight"] = nil
    #expect(throws: ModelError.self) { try ModelArtifact(metadata: Self.model.metadata, tensors: missing) }
  }

  @Test("a beat's score has the same bits alone and in company, and probabilities sum to 1")
  func company() throws {
    let classifier = try Classifier(Self.model)
    let beats: [Classifier.Beat] = MadeUp.beatExamples(groups: 30, beats: 10).map { ($0.image, [0], $0.features) }
    let together = try classifier.score(beats, threads: 2)
    #expect(together.count == 300)
    for i in [0, 17, 255, 256, 299] {
      #expect(try classifier.score([beats[i]], threads: 1) == [together[i]])
    }
    #expect(together.allSatisfy { abs($0.probabilities.reduce(0, +) - 1) < 1e-5 })
    #expect(try classifier.score([], threads: 2).isEmpty)
  }

  @Test("a classifier picks its channels out of the recording's leads")
  func picksChannels() throws {
    let classifier = try Classifier(Self.model)
    let twelve = MadeUp.responseExamples()[0]
    let picked = try classifier.score([(twelve.image, [4], twelve.features)], threads: 1)
    #expect(try picked == classifier.score([(twelve.image.selecting([4]), [0], twelve.features)], threads: 1))
    #expect(try picked != classifier.score([(twelve.image, [5], twelve.features)], threads: 1))
  }

  @Test("beats of another shape, without a lead, or not finite are refused")
  func refusesBeats() throws {
    let classifier = try Classifier(Self.model)
    let good = MadeUp.beatExamples()[0]
    let small = SpectrogramImage(leadCount: 1, rows: 12, columns: 48, values: good.image.values)
    var infinite = good.image
    infinite.values[3] = .nan
    var features = good.features
    features.rrRatio = .infinity
    let bad: [Classifier.Beat] = [
      (small, [0], good.features), (good.image, [1], good.features), (good.image, [], good.features),
      (infinite, [0], good.features), (good.image, [0], features),
    ]
    for beat in bad {
      let error = #expect(throws: ModelError.self) { try classifier.score([beat], threads: 1) }
      #expect(error?.code == .shapeMismatch)
    }
  }

  @Test("beats unlike the training set lie beyond the limit, beats like it within")
  func outOfDistribution() throws {
    let classifier = try Classifier(Self.model)
    let limit = Self.model.metadata.outOfDistribution!.limit
    var generator = SeededGenerator(seed: 9)
    let noise = SpectrogramImage(
      leadCount: 1, rows: 24, columns: 24, values: (0..<576).map { _ in Float16(8 * generator.uniform()) })
    let strange = try classifier.score([(noise, [0], MadeUp.features(0.8))], threads: 1)
    #expect(strange[0].distance > limit)
    let known = try classifier.score(MadeUp.beatExamples().map { ($0.image, [0], $0.features) }, threads: 1)
    #expect(known.count { $0.distance <= limit } >= 55)
  }

  @Test("normalisation brings each frequency row and feature to mean 0 and deviation 1, and cuts what is absurd")
  func normalisation() {
    let examples = MadeUp.responseExamples()
    let fitted = BeatNormalisation(fitting: examples, threads: 2)
    var rows = [[Double]](repeating: [], count: 24)
    for example in examples {
      let filled = FloatBuffer(count: 12 * 576)
      fitted.fill(example.image, channels: Array(0..<12), into: filled.start)
      for (i, value) in filled.values.enumerated() { rows[i / 24 % 24].append(Double(value)) }
    }
    for row in rows {
      let mean = row.reduce(0, +) / Double(row.count)
      let variance = row.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(row.count)
      #expect(abs(mean) < 1e-3 && abs(variance - 1) < 1e-3)
    }
    #expect(fitted.standardised(MadeUp.features(1e6)).prefix(3) == [5, 5, 5])
    #expect(fitted.auxiliaryDeviation[7] == 1)
  }

  @Test("widened halves are exact, subnormal ones too")
  func halves() {
    let all = (0..<0x10000).map { Float16(bitPattern: UInt16($0)) }.filter(\.isFinite)
    let target = FloatBuffer(count: all.count)
    HalfPrecision.widen(all, all.count, scale: 1, shift: 0, into: target.start)
    #expect(same(target.values, all.map(Float.init)))
    #expect(HalfPrecision.areFinite(all))
    #expect(!HalfPrecision.areFinite([1, -.infinity]) && !HalfPrecision.areFinite([.nan, 1]))
  }

  @Test("a patient's probability is the logistic of the mean logit difference")
  func patientScore() {
    #expect(PatientScore.logOdds(logitDifferences: []) == nil)
    let mean = PatientScore.logOdds(logitDifferences: [1, 2, -0.5])!
    #expect(abs(mean - 2.5 / 3) < 1e-12)
    #expect(PatientScore.probability(logOdds: 0) == 0.5)
    #expect(abs(PatientScore.probability(logOdds: mean) - 1 / (1 + exp(-mean))) < 1e-12)
    #expect(PatientScore.logitDifference([0.25, 1]) == 0.75)
  }

  @Test("a response model carries the calibration of its held-out patients, and reads the same from its file")
  func calibration() throws {
    let model = try MadeUp.trained(MadeUp.specification(.crtResponse), MadeUp.responseExamples(patients: 40))
    let calibration = try #require(model.metadata.calibration)
    #expect(try ModelArtifact(decoding: model.encoded()).metadata.calibration == calibration)
    // The made-up classes are told apart without an error, which eight patients make likely and no more.
    let (low, high) = (calibration.reading(-6), calibration.reading(6))
    #expect(low.probability < calibration.threshold && high.probability >= calibration.threshold)
    #expect(!low.isResponder && high.isResponder && low.interval.upperBound < 0.5 && high.interval.lowerBound > 0.5)
    #expect(high.probability < 0.99)
    #expect(Self.model.metadata.calibration == nil)
  }

  @Test("a model file from before calibrations is read, and has none; an impossible calibration is refused")
  func olderModels() throws {
    let model = try MadeUp.trained(MadeUp.specification(.crtResponse, epochs: 1), MadeUp.responseExamples(patients: 40))
    func rewritten(_ change: (inout [String: Any]) -> Void) throws -> ModelArtifact {
      let (tensors, fields) = try Safetensors.decode(model.encoded())
      var metadata = try #require(
        try JSONSerialization.jsonObject(with: Data(fields["resync"]!.utf8)) as? [String: Any])
      var validation = try #require(metadata["validation"] as? [String: Any])
      change(&validation)
      metadata["validation"] = validation
      let json = String(decoding: try JSONSerialization.data(withJSONObject: metadata), as: UTF8.self)
      return try ModelArtifact(decoding: Safetensors.encode(tensors, metadata: ["resync": json]))
    }
    func calibration(_ change: @escaping (inout [String: Any]) -> Void) -> (inout [String: Any]) -> Void {
      { validation in
        var calibration = validation["calibration"] as? [String: Any] ?? [:]
        change(&calibration)
        validation["calibration"] = calibration
      }
    }
    let older = try rewritten { $0["calibration"] = nil }.metadata
    #expect(older.calibration == nil && older.threshold == model.metadata.threshold)
    for change in [
      calibration { $0["threshold"] = 2 }, calibration { $0["platt"] = ["slope": 1, "intercept": 0] },
      calibration { $0["vennAbers"] = ["scores": [1, 2], "labels": [true]] },
      calibration { $0["vennAbers"] = ["scores": [Double](), "labels": [Bool]()] },
    ] {
      #expect(throws: ModelError.self) { try rewritten(change) }
    }
    let disordered = try rewritten(
      calibration { $0["vennAbers"] = ["scores": [2, -1, 1], "labels": [true, false, true]] })
    #expect(disordered.metadata.calibration?.reading(1.5).interval == 0.5...1)
  }

  @Test("a response model has two outputs and reads twelve leads")
  func responseModel() throws {
    let example = MadeUp.responseExamples()[0]
    let scores = try Classifier(Self.response).score([(example.image, Array(0..<12), example.features)], threads: 1)
    #expect(scores[0].logits.count == 2)
    #expect(Self.response.modelID.hasPrefix("crt-response-"))
  }
}
