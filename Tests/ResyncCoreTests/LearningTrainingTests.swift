import Foundation
import ResyncCore
import Testing

@Suite("Training runs")
struct LearningTrainingTests {
  struct Stop: Error {}

  @Test("a run learns classes that can be told apart, and says so on held-out recordings")
  func learns() throws {
    let run = try MadeUp.run(MadeUp.specification(.beatClass, epochs: 8), MadeUp.beatExamples())
    while !run.isFinished { try run.runEpoch() }
    #expect(run.trainingCount == 50 && run.validationCount == 10)
    #expect(run.history.count == 8)
    let model = try run.finish()
    #expect(model.metadata.validation!.macroF1! > 0.9)
    #expect(run.history.last!.trainLoss < run.history.first!.trainLoss / 2)
    #expect(model.metadata.trainingRecordings == ["r1", "r2"])
    #expect(model.metadata.trainedOnSynthetic)
  }

  @Test("the same training gives the same bytes, whatever the order of examples and the thread count")
  func deterministic() throws {
    let examples = MadeUp.beatExamples()
    let specification = MadeUp.specification(.beatClass, epochs: 2)
    let one = try MadeUp.trained(specification, examples, threads: 1)
    let other = try MadeUp.trained(specification, examples.reversed(), threads: 3)
    #expect(same(one.encoded(), other.encoded()))
    #expect(one.modelID == other.modelID)
    var reseeded = specification
    reseeded.seed = 2
    #expect(try MadeUp.trained(reseeded, examples).modelID != one.modelID)
  }

  @Test("a run resumed after any batch ends in the bits of an undisturbed one", arguments: [1, 3, 4, 6, 9, 12])
  func resumes(stopAfter: Int) throws {
    let examples = MadeUp.beatExamples()
    var specification = MadeUp.specification(.beatClass, epochs: 3)
    specification.optimiser = .adamW
    specification.gradientClipping = 1
    let undisturbed = try MadeUp.trained(specification, examples).encoded()

    let first = try MadeUp.run(specification, examples)
    var calls = 0
    // A call follows each of an epoch's four batches and its validation.
    #expect(throws: Stop.self) {
      while !first.isFinished {
        try first.runEpoch { _ in
          calls += 1
          if calls == stopAfter { throw Stop() }
        }
      }
    }
    let second = try TrainingRun(
      resuming: first.checkpoint(), specification: specification, examples: examples.reversed(),
      pipeline: MadeUp.pipeline, provenance: MadeUp.provenance, threads: 1)
    #expect(same(second.checkpoint(), first.checkpoint()))
    while !second.isFinished { try second.runEpoch() }
    #expect(same(try second.finish().encoded(), undisturbed))
  }

  @Test("a checkpoint of other inputs, and a damaged one, are refused")
  func refusesCheckpoints() throws {
    let examples = MadeUp.beatExamples()
    let specification = MadeUp.specification(.beatClass, epochs: 2)
    let run = try MadeUp.run(specification, examples)
    try run.runEpoch()
    let bytes = run.checkpoint()
    func resume(
      _ bytes: [UInt8], _ specification: TrainingSpecification, _ examples: [TrainingExample]
    ) -> ModelError.Code? {
      do {
        _ = try TrainingRun(
          resuming: bytes, specification: specification, examples: examples, pipeline: MadeUp.pipeline,
          provenance: MadeUp.provenance)
        return nil
      } catch {
        return (error as? ModelError)?.code
      }
    }
    #expect(resume(bytes, specification, examples) == nil)
    var other = specification
    other.learningRate = 1e-4
    #expect(resume(bytes, other, examples) == .checkpointMismatch)
    var relabelled = examples
    relabelled[0].label = 4
    #expect(resume(bytes, specification, relabelled) == .checkpointMismatch)
    #expect(resume(Array(bytes.dropLast(8)), specification, examples) == .malformedFile)
    let weights = Safetensors.encode(try run.finish().tensors)
    #expect(resume(weights, specification, examples) == .malformedFile)
  }

  @Test("progress is told after each batch, training and validating")
  func progress() throws {
    let run = try MadeUp.run(MadeUp.specification(.beatClass, epochs: 2), MadeUp.beatExamples())
    var seen: [TrainingProgress] = []
    try run.runEpoch { seen.append($0) }
    #expect(seen.map(\.phase) == [.training, .training, .training, .training, .validating])
    #expect(seen.map(\.batch) == [1, 2, 3, 4, 1])
    #expect(seen.allSatisfy { $0.loss.isFinite && $0.imagesPerSecond > 0 && $0.epoch == 0 && $0.epochs == 2 })
    // After 12 of 50 images of the first of two epochs, 88 are left.
    #expect(abs(seen[0].secondsLeft! * seen[0].imagesPerSecond - 88) < 1e-6)
    #expect(seen.last?.secondsLeft == nil)
  }

  @Test("progress reads as a line for a log, and as a bar no wider than the terminal")
  func progressText() {
    var progress = TrainingProgress(
      phase: .training, epoch: 1, epochs: 12, batch: 40, batches: 100, loss: 0.21539, imagesPerSecond: 412.4,
      secondsLeft: 191.2)
    #expect(progress.line == "epoch 2/12 training 40 %: loss 0.2154, 412 images/s, 3:12 left")
    #expect(
      progress.bar(columns: 120)
        == "epoch 2/12 training [############------------------] loss 0.2154, 412 images/s, 3:12 left")
    for columns in 1...120 { #expect(progress.bar(columns: columns).count < columns) }
    progress.secondsLeft = 3 * 3600 + 62
    #expect(progress.line.hasSuffix("3:01:02 left"))
    progress.secondsLeft = nil
    progress.phase = .validating
    #expect(progress.line == "epoch 2/12 validating 40 %: loss 0.2154, 412 images/s")
  }

  @Test("a batch computed in parts gives one step, the same with any thread count, and resumes")
  func microBatches() throws {
    var specification = MadeUp.specification(.beatClass, epochs: 2)
    specification.batchSize = 25
    specification.microBatchSize = 10
    let examples = MadeUp.beatExamples()
    let run = try MadeUp.run(specification, examples, threads: 1)
    var losses: [Double] = []
    try run.runEpoch { if $0.phase == .training { losses.append($0.loss) } }
    #expect(losses.count == 2)
    let resumed = try TrainingRun(
      resuming: run.checkpoint(), specification: specification, examples: examples, pipeline: MadeUp.pipeline,
      provenance: MadeUp.provenance, threads: 3)
    try run.runEpoch()
    try resumed.runEpoch()
    #expect(try same(run.finish().encoded(), resumed.finish().encoded()))
    specification.microBatchSize = 25
    let whole = try MadeUp.run(specification, examples)
    var first = 0.0
    try whole.runEpoch { if $0.batch == 1, $0.phase == .training { first = $0.loss } }
    #expect(first != losses[0] && abs(first - losses[0]) < 0.2 * first, "parts weigh as in the whole batch")
  }

  @Test("a response model is fine-tuned from a beat model, its first layer inflated, and scores patients")
  func fineTunes() throws {
    let parent = try MadeUp.trained(MadeUp.specification(.beatClass, epochs: 2), MadeUp.beatExamples())
    var specification = MadeUp.specification(.crtResponse, epochs: 6)
    specification.freezePrefixes = ["conv1", "bn1", "layer1"]
    let run = try MadeUp.run(specification, MadeUp.responseExamples(), parent: parent)
    #expect(
      same(run.network.tensors["conv1.weight"], parent.tensors["conv1.weight"]!.inflating(inputChannels: 12)))
    #expect(same(run.network.tensors["layer3.0.conv1.weight"], parent.tensors["layer3.0.conv1.weight"]))
    while !run.isFinished { try run.runEpoch() }
    let model = try run.finish()
    #expect(model.metadata.parentModelID == parent.modelID)
    #expect(model.tensors["layer1.0.bn1.running_mean"] == parent.tensors["layer1.0.bn1.running_mean"])
    #expect(model.tensors["layer4.1.conv2.weight"] != parent.tensors["layer4.1.conv2.weight"])
    #expect(model.metadata.validation?.auc == 1)
    #expect(model.metadata.threshold == model.metadata.validation?.threshold)
  }

  @Test("a parent of the same task is continued: head, normalisation and settings are its own")
  func continues() throws {
    var specification = MadeUp.specification(.beatClass, epochs: 2)
    specification.auxiliaryHidden = 4
    specification.withoutFeatures = [.template]
    specification.imageDropout = 0.75
    let training = try MadeUp.run(specification, MadeUp.beatExamples())
    while !training.isFinished { try training.runEpoch() }
    let parent = try training.finish()
    var settings = TrainingSpecification(task: .beatClass, parent: parent.metadata)
    #expect(settings == specification)
    settings.epochs = 1
    let others = MadeUp.examples(groups: 6, beats: 8, seed: 2) { ($0 + $1) % 3 }
    let run = try MadeUp.run(settings, others, parent: parent)
    // The model says less of the image than the network that trains, of which it hid three quarters.
    for (key, tensor) in training.network.tensors { #expect(same(run.network.tensors[key], tensor), "\(key)") }
    let (head, inputs) = (training.network.tensors["fc.weight"]!.values, specification.architecture.headInputs)
    let features = specification.architecture.featureCount
    #expect(
      parent.tensors["fc.weight"]!.values
        == head.enumerated().map { $0.offset % inputs < features ? $0.element / 4 : $0.element })
    try run.runEpoch()
    let model = try run.finish()
    #expect(model.metadata.normalisation == parent.metadata.normalisation)
    #expect(model.metadata.parentModelID == parent.modelID)
    settings.auxiliaryHidden = 8
    #expect(throws: ModelError.self) { try MadeUp.run(settings, others, parent: parent) }
    let response = TrainingSpecification(task: .crtResponse, parent: parent.metadata)
    #expect(response.widthMultiplier == 0.125 && response.auxiliaryHidden == 0 && response.task == .crtResponse)
  }

  @Test("a parent of another architecture or with more leads is refused")
  func refusesParents() throws {
    let parent = try MadeUp.trained(MadeUp.specification(.beatClass, epochs: 1), MadeUp.beatExamples())
    var wider = MadeUp.specification(.beatClass)
    wider.widthMultiplier = 0.25
    let twelve = try MadeUp.trained(MadeUp.specification(.crtResponse, epochs: 1), MadeUp.responseExamples())
    for (specification, parent) in [(wider, parent), (MadeUp.specification(.beatClass), twelve)] {
      let error = #expect(throws: ModelError.self) {
        try MadeUp.run(specification, MadeUp.beatExamples(), parent: parent)
      }
      #expect(error?.code == .parentMismatch)
    }
  }

  @Test("inflated weights answer equal leads as the old ones answered one, also from two leads to twelve")
  func inflation() {
    let two = NamedTensor(shape: [1, 2, 1, 1], values: [3, 5])
    #expect(two.inflating(inputChannels: 12).values == Array([[0.5, 5.0 / 6]].cycled(6)))
    let uneven = NamedTensor(shape: [2, 2, 1, 1], values: [3, 5, 1, 7]).inflating(inputChannels: 3)
    #expect(uneven == NamedTensor(shape: [2, 3, 1, 1], values: [1.5, 5, 1.5, 0.5, 7, 0.5]))
    #expect(two.inflating(inputChannels: 2) == two)
    let four = NamedTensor(shape: [1, 1, 1, 1], values: [6]).inflating(inputChannels: 4, .power)
    #expect(four.values == [3, 3, 3, 3])
  }

  @Test("a first layer drawn anew is that of training from scratch, and the rest of the trunk is the parent's")
  func freshFirstLayer() throws {
    let parent = try MadeUp.trained(MadeUp.specification(.beatClass, epochs: 1), MadeUp.beatExamples())
    let network = try ResNet(
      configuration: MadeUp.specification(.crtResponse, epochs: 1).architecture, seed: 5, threads: 1)
    let drawn = network.tensors["conv1.weight"]
    try network.inherit(from: parent, continuing: false, inflation: .fresh)
    #expect(same(network.tensors["conv1.weight"], drawn))
    #expect(same(network.tensors["layer3.0.conv1.weight"], parent.tensors["layer3.0.conv1.weight"]))
  }

  @Test(
    "unusable examples are refused without naming a beat or patient",
    arguments: [
      "one", "repeat", "label", "shape", "notFinite", "weight", "features", "twoOutcomes",
    ])
  func refusesExamples(what: String) throws {
    var examples = MadeUp.responseExamples()
    switch what {
    case "one": examples = [examples[0]]
    case "repeat": examples.append(examples[3])
    case "label": examples[5].label = 2
    case "shape": examples[5].image = examples[5].image.selecting([0])
    case "notFinite": examples[5].image.values[7] = .infinity
    case "weight": examples[5].weight = 0
    case "features": examples[5].features.rrAfter = .nan
    default: examples[0].label = 1 - examples[0].label
    }
    let error = #expect(throws: ModelError.self) { try MadeUp.run(MadeUp.specification(.crtResponse), examples) }
    #expect(error?.code == .invalidExamples)
    #expect(error?.message.contains("g0") == false && error?.message.contains("g1") == false)
  }

  @Test("a run whose loss is no number stops and says what to change")
  func diverges() throws {
    var specification = MadeUp.specification(.beatClass, epochs: 30)
    specification.optimiser = .sgd
    specification.schedule = .constant
    specification.learningRate = 10
    specification.weightDecay = 1
    specification.momentum = 0.9999
    let run = try MadeUp.run(specification, MadeUp.beatExamples())
    let error = #expect(throws: ModelError.self) { while !run.isFinished { try run.runEpoch() } }
    #expect(error?.code == .diverged)
  }
}

extension Array {
  fileprivate func cycled<T>(_ times: Int) -> [T] where Element == [T] {
    (0..<times).flatMap { _ in joined() }
  }
}
