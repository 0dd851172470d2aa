import ArgumentParser
import Foundation
import ResyncCore
import ServiceKit
import Store
import Streaming

extension ResNetConfiguration.Depth: ExpressibleByArgument {}
extension PipelineConfiguration.Name: ExpressibleByArgument {}

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Submits a training job and follows it.",
    discussion: """
      The trainer reads the recordings' tensors from ecg.spectrograms as they pass: submit the job before or shortly \
      after publishing. crt-response takes its labels from a cohort's outcomes, training role only. A parent of the same \
      task is continued, with its own settings but for those given here; of another task its trunk is taken over.

      EXAMPLES
        resync train --task beat-class --manifest mitdb.jsonl --epochs 6
        resync train --task crt-response --manifest cohort.jsonl --cohort nanjing --parent live
        resync train --task beat-class --manifest mitdb.jsonl --settings focal.json --no-promote --detach
      """)

  @OptionGroup var arguments: ConfigurationArguments<OperatorKeys>
  @Option(help: "beat-class or crt-response.") var task: ModelTask
  @Option(help: ArgumentHelp("Recordings to train on, as `resync publish` wrote them; repeatable.", valueName: "file"))
  var manifest: [String]
  @Option(help: "Cohort whose outcomes are the labels.") var cohort: String?
  @Option(help: "Model to start from: an id, or `live` for the live beat-class model.") var parent: String?
  @Option(help: ArgumentHelp("JSON of training settings; the options below win over it.", valueName: "file"))
  var settings: String?
  @Option(help: "resnet18, resnet50 or resnet101.") var depth: ResNetConfiguration.Depth?
  @Option(help: "Width of the network; 1 is the paper's.") var width: Double?
  @Option(help: "Passes over the data.") var epochs: Int?
  @Option(help: "Beats of one step.") var batchSize: Int?
  @Option(help: "Largest learning rate.") var learningRate: Double?
  @Option(help: "Seed; the same seed and data give the same model.") var seed: UInt64?
  @Option(help: "The named signal pipeline.") var pipeline: PipelineConfiguration.Name = .compact
  @Flag(inversion: .prefixedNo, help: "Make the finished model live.") var promote = true
  @Flag(help: "Return once the job is submitted.") var detach = false

  func run() throws {
    let connections = try arguments.checkedSettings()
    let connection = try connections.connection()
    let parent = try parentModel(connection)
    let order = TrainingOrder(
      training: try specification(from: parent?.metadata), pipeline: pipeline.configuration, parentModelID: parent?.id,
      promotes: promote)
    try order.training.validate()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let submission = TrainingJobSubmission(
      jobID: UUID().uuidString.lowercased(), task: task.rawValue,
      specification: String(decoding: try encoder.encode(order), as: UTF8.self),
      recordings: try Array(Set(ManifestEntry.read(manifest).map(\.recordingID))).sorted(), cohort: cohort,
      pipelineID: order.pipeline.id)
    let producer = try connections.producer()
    try TrainingJobs(connection).submit(submission)
    try producer.send(.jobSubmitted(submission.jobID))
    try producer.flush()
    print("job \(submission.jobID) submitted: \(task.rawValue), \(submission.recordings.count) recordings")
    if !detach { try follow(submission.jobID, connection) }
  }

  private func specification(from parent: ModelMetadata?) throws -> TrainingSpecification {
    var specification = TrainingSpecification(task: task, parent: parent)
    if let settings {
      guard let bytes = FileManager.default.contents(atPath: settings) else {
        throw CommandFailure("--settings \(settings): not readable, expected a file of JSON")
      }
      specification = try TrainingSpecification(settings: bytes, task: task)
    }
    if let depth { specification.depth = depth }
    if let width { specification.widthMultiplier = width }
    if let epochs { specification.epochs = epochs }
    if let batchSize { specification.batchSize = batchSize }
    if let learningRate { specification.learningRate = learningRate }
    if let seed { specification.seed = seed }
    return specification
  }

  private func parentModel(_ connection: Connection) throws -> (id: String, metadata: ModelMetadata)? {
    guard let parent else { return nil }
    let live = try Promotions(connection).live(task: ModelTask.beatClass.rawValue)?.modelID
    guard let id = parent == "live" ? live : parent else {
      throw CommandFailure("--parent live: no beat-class model is live; train one first")
    }
    guard let summary = try Models(connection).summary(id),
      let metadata = try? JSONDecoder().decode(ModelMetadata.self, from: Data(summary.metadata.utf8))
    else { throw CommandFailure("--parent \(id): no such model is registered; see `resync models`") }
    return (id, metadata)
  }

  private func follow(_ jobID: String, _ connection: Connection) throws {
    var printed = 0
    while true {
      for epoch in try TrainingJobs(connection).epochs(jobID).dropFirst(printed) {
        let score = epoch.validationScore.map { String(format: ", validation %.3f", $0) } ?? ""
        let speed = epoch.imagesPerSecond.map { String(format: ", %.0f images/s", $0) } ?? ""
        print("epoch \(epoch.epoch): loss \(String(format: "%.4f", epoch.trainLoss))\(score)\(speed)")
        printed += 1
      }
      guard let job = try TrainingJobs(connection).find(jobID) else { return }
      switch job.state {
      case .succeeded:
        print("model \(job.modelID ?? "") registered\(promote ? " and live" : "")")
        return
      case .failed, .cancelled:
        throw CommandFailure("job \(jobID) \(job.state.rawValue): \(job.error ?? "no reason given")")
      case .queued, .running: Thread.sleep(forTimeInterval: 0.5)
      }
    }
  }
}
