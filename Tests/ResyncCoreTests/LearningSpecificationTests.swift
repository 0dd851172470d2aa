import Foundation
import ResyncCore
import Testing

@Suite("Training specifications")
struct LearningSpecificationTests {
  @Test("what JSON leaves out has the task's default")
  func partialJSON() throws {
    let json = #"{"task":"crt-response","epochs":2,"schedule":"one-cycle","gradientClipping":1.5}"#
    let read = try JSONDecoder().decode(TrainingSpecification.self, from: Data(json.utf8))
    var expected = TrainingSpecification(task: .crtResponse)
    expected.epochs = 2
    expected.schedule = .oneCycle
    expected.gradientClipping = 1.5
    #expect(read == expected)
    #expect(try JSONDecoder().decode(TrainingSpecification.self, from: JSONEncoder().encode(expected)) == expected)
    #expect(throws: (any Error).self) { try JSONDecoder().decode(TrainingSpecification.self, from: Data("{}".utf8)) }
  }

  @Test("a person's settings may name some fields; an unknown name, type or value is refused by name")
  func settingsFile() throws {
    func read(_ json: String) throws -> TrainingSpecification {
      try TrainingSpecification(settings: Data(json.utf8), task: .beatClass)
    }
    var expected = TrainingSpecification(task: .beatClass)
    expected.focusing = 2
    expected.microBatchSize = 32
    expected.freezePrefixes = ["layer1."]
    #expect(try read(#"{"focusing":2,"microBatchSize":32,"freezePrefixes":["layer1."]}"#) == expected)
    #expect(try read("{}") == TrainingSpecification(task: .beatClass))
    let faults = [
      (#"{"focussing":2}"#, "focussing"), (#"{"epochs":"two"}"#, "epochs"), (#"{"schedule":"sometimes"}"#, "schedule"),
      (#"{"momentum":1}"#, "momentum"), (#"{"task":"crt-response"}"#, "task"), ("[1]", "object"), ("{", "object"),
    ]
    for (json, name) in faults {
      let error = #expect(throws: ModelError.self, "\(json)") { try read(json) }
      #expect(error?.message.contains(name) == true, "\(json): \(error?.message ?? "")")
    }
  }

  @Test("defaults are valid; values outside their limits are refused by name")
  func limits() throws {
    for task in ModelTask.allCases { try TrainingSpecification(task: task).validate() }
    let changes: [(String, (inout TrainingSpecification) -> Void)] = [
      ("epochs", { $0.epochs = 0 }), ("batchSize", { $0.batchSize = 1 << 30 }),
      ("microBatchSize", { $0.microBatchSize = 0 }), ("focusing", { $0.focusing = -1 }),
      ("learningRate", { $0.learningRate = .nan }), ("weightDecay", { $0.weightDecay = -1 }),
      ("momentum", { $0.momentum = 1 }), ("gradientClipping", { $0.gradientClipping = 0 }),
      ("validationShare", { $0.validationShare = 1 }), ("timeShiftColumns", { $0.timeShiftColumns = -1 }),
      ("gainJitter", { $0.gainJitter = 1 }), ("widthMultiplier", { $0.widthMultiplier = .infinity }),
      ("freezePrefixes", { $0.freezePrefixes = ["layer7"] }), ("freezePrefixes", { $0.freezePrefixes = [""] }),
    ]
    for (name, change) in changes {
      var specification = TrainingSpecification(task: .beatClass)
      change(&specification)
      let error = #expect(throws: ModelError.self, "\(name)") { try specification.validate() }
      #expect(error?.message.contains(name) == true)
    }
  }

  @Test("schedules go where they say")
  func schedules() {
    func rates(_ schedule: LearningRateSchedule) -> [Double] {
      (0..<20).map { schedule.rate(base: 1, step: $0, total: 20) }
    }
    func near(_ a: [Double], _ b: [Double]) -> Bool { zip(a, b).allSatisfy { abs($0 - $1) < 1e-9 } }
    #expect(rates(.constant).allSatisfy { $0 == 1 })
    #expect(rates(.step) == (0..<20).map { $0 < 10 ? 1 : $0 < 15 ? 0.1 : 0.01 })
    #expect(near(rates(.cosine), (0..<20).map { (1 + cos(.pi * Double($0) / 20)) / 2 }))
    // torch.optim.lr_scheduler.OneCycleLR(optimizer, 1, total_steps=20).get_last_lr()
    let expected = [
      0.04, 0.13167184, 0.37167184, 0.66832816, 0.90832816, 1, 0.98746401, 0.95048463, 0.89091618, 0.81174565,
      0.716943, 0.61126202, 0.500002, 0.38874198, 0.283061, 0.18825835, 0.10908782, 0.04951937, 0.01253999, 4e-6,
    ]
    #expect(zip(rates(.oneCycle), expected).allSatisfy { abs($0 - $1) < 2e-8 })
  }

  @Test("groups are held out whole, with the same share of each label, decided by seed alone")
  func stratifiedSplit() {
    let examples = MadeUp.examples(groups: 30, beats: 3, leads: 1) { group, _ in group < 20 ? 1 : 0 }
    let split = TrainingSplit(examples, share: 0.2, seed: 5)
    let held = Set(split.validation.map { examples[$0].group })
    #expect(held.isDisjoint(with: split.training.map { examples[$0].group }))
    #expect(split.validation.count == 18 && split.training.count == 72)
    #expect(split.validation.count { examples[$0].label == 1 } == 12)
    #expect(split == TrainingSplit(examples, share: 0.2, seed: 5))
    #expect(split != TrainingSplit(examples, share: 0.2, seed: 6))
    #expect(TrainingSplit(examples, share: 0, seed: 5).validation.isEmpty)
  }

  @Test("where groups mix labels, a rare one is on both sides")
  func mixedSplit() {
    let examples = MadeUp.examples(groups: 20, beats: 8, leads: 1) { group, beat in
      beat == 0 && group < 3 ? 2 : beat % 2
    }
    for seed in 0..<5 {
      let split = TrainingSplit(examples, share: 0.25, seed: UInt64(seed))
      #expect(Set(split.training.map { examples[$0].label }) == [0, 1, 2])
      #expect(Set(split.validation.map { examples[$0].label }) == [0, 1, 2])
      #expect(Set(split.validation.map { examples[$0].group }).count == 5)
    }
  }

  @Test("each patient weighs the same; balanced classes weigh the same; the mean is 1")
  func weights() {
    var examples = MadeUp.examples(groups: 3, beats: 6, leads: 1) { group, _ in group == 0 ? 0 : 1 }
    examples.removeLast(4)
    let indices = Array(examples.indices)
    var specification = TrainingSpecification(task: .crtResponse)
    let patients = SampleWeights.make(examples, indices, specification: specification)
    func total(_ weights: [Float], _ holds: (TrainingExample) -> Bool) -> Float {
      zip(examples, weights).filter { holds($0.0) }.map(\.1).reduce(0, +)
    }
    #expect(abs(patients.reduce(0, +) - Float(examples.count)) < 1e-4)
    #expect(abs(total(patients) { $0.group == "g1" } - total(patients) { $0.group == "g2" }) < 1e-4)
    specification.classWeighting = .balanced
    let balanced = SampleWeights.make(examples, indices, specification: specification)
    #expect(abs(total(balanced) { $0.label == 0 } - total(balanced) { $0.label == 1 }) < 1e-4)
    specification = TrainingSpecification(task: .beatClass)
    let rooted = SampleWeights.make(examples, indices, specification: specification)
    // Six beats against eight: class totals stand as √6 to √8.
    #expect(abs(total(rooted) { $0.label == 0 } / total(rooted) { $0.label == 1 } - (6.0 / 8).squareRoot()) < 1e-4)
  }

  @Test("augmentation moves columns and scales amplitudes inside the logarithm")
  func augmentation() {
    func changed(_ values: [Float], _ augmentation: Augmentation) -> [Float] {
      let row = FloatBuffer(count: values.count)
      row.store(values)
      augmentation.apply(to: row.start, count: values.count)
      return row.values
    }
    #expect(changed([1, 2, 3, 4], Augmentation(shift: 1, gain: 1)) == [0, 1, 2, 3])
    #expect(changed([1, 2, 3, 4], Augmentation(shift: -3, gain: 1)) == [4, 0, 0, 0])
    #expect(changed([1, 2, 3, 4], Augmentation(shift: 9, gain: 1)) == [0, 0, 0, 0])
    for gain: Float in [0.9, 1.1] {
      let values: [Float] = [0, 0.05, 0.4, 1, 2, 3, 5, 8]
      for (value, original) in zip(changed(values, Augmentation(shift: 0, gain: gain)), values) {
        let exact = log(1 + Double(gain) * (exp(Double(original)) - 1))
        #expect(abs(Double(value) - exact) < 0.006)
      }
    }
  }
}
