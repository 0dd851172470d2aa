import ArgumentParser
import Foundation
import ResyncCore
import ServiceKit
import Store
import Streaming

extension ModelTask: ExpressibleByArgument {}

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "Lists registered models; the live ones are marked.",
    discussion: "EXAMPLES\n  resync models\n  resync models import models/resnet18-mitdb-ds1.safetensors",
    subcommands: [ModelImportCommand.self])

  @OptionGroup var arguments: ConfigurationArguments<OperatorKeys>

  func run() throws {
    let connection = try arguments.checkedSettings().connection()
    let live = try Set(ModelTask.allCases.compactMap { try Promotions(connection).live(task: $0.rawValue)?.modelID })
    for model in try Models(connection).list() {
      let notes = [
        live.contains(model.modelID) ? "live" : nil, model.parentModelID.map { "from \($0)" },
        model.trainedOnSynthetic ? "trained on SYNTHETIC data" : nil,
      ].compactMap { $0 }
      print("\(model.modelID)  \(model.createdAt.formatted(.iso8601))  \(notes.joined(separator: ", "))")
    }
  }
}

struct ModelImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Registers a model file, so that training can start from it or it can be promoted.",
    discussion: """
      The registry cannot know recordings that taught a model elsewhere: do not count those that are named here as held \
      out. The last line is the model's id.

      EXAMPLES
        resync models import models/resnet18-mitdb-ds1.safetensors
      """)

  @Argument(help: "The model, a safetensors file.") var file: String
  @OptionGroup var arguments: ConfigurationArguments<OperatorKeys>

  func run() throws {
    let settings = try arguments.checkedSettings()
    guard let bytes = try? Data(contentsOf: URL(fileURLWithPath: file)) else {
      throw CommandFailure("model file \(file) cannot be read")
    }
    let record = try ModelRecord(importing: Array(bytes))
    let models = Models(try settings.connection())
    if let parent = record.parentModelID, try models.summary(parent) == nil {
      throw CommandFailure("the file's model started from \(parent), which is not registered; import that one first")
    }
    try models.insert(record, trainingRecordings: [])
    let taught = try ModelArtifact(decoding: record.weights).metadata.trainingRecordings
    FileHandle.standardError.write(Data("taught by: \(taught.joined(separator: " "))\n".utf8))
    print(record.modelID)
  }
}

extension ModelRecord {
  /// A model file as it is, weights in half precision included: its id and hash are those of these bytes.
  ///
  /// - Throws: `ModelError`: hostile or damaged bytes.
  package init(importing bytes: [UInt8]) throws {
    let artifact = try ModelArtifact(decoding: bytes)
    let metadata = artifact.metadata
    self.init(
      modelID: artifact.modelID, task: metadata.task.rawValue, weights: bytes,
      metadata: String(decoding: try JSONEncoder().encode(metadata), as: UTF8.self),
      parentModelID: metadata.parentModelID, trainedOnSynthetic: metadata.trainedOnSynthetic,
      pipeline: metadata.pipeline)
  }
}

struct PromoteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "promote",
    abstract: "Makes a model live for its task; predictors follow without a restart.",
    discussion: "EXAMPLES\n  resync promote crt-response-0123456789ab --reason \"better calibrated\"")

  @Argument(help: "The model's id, as `resync models` prints it.") var model: String
  @OptionGroup var arguments: ConfigurationArguments<OperatorKeys>
  @Option(help: "Why, for the record.") var reason = ""

  func run() throws {
    let settings = try arguments.checkedSettings()
    let connection = try settings.connection()
    guard let summary = try Models(connection).summary(model) else {
      throw CommandFailure("model \(model) is not registered; see `resync models`")
    }
    let promotion = try Promotions(connection).promote(
      task: summary.task, modelID: model, by: NSUserName(), reason: reason)
    try announce(promotion, settings)
  }
}

struct RollbackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Makes the model before the live one live again.",
    discussion: "EXAMPLES\n  resync rollback crt-response --reason \"alarms since noon\"")

  @Argument(help: "beat-class or crt-response.") var task: ModelTask
  @OptionGroup var arguments: ConfigurationArguments<OperatorKeys>
  @Option(help: "Why, for the record.") var reason = ""

  func run() throws {
    let settings = try arguments.checkedSettings()
    let promotion = try Promotions(try settings.connection()).rollback(
      task: task.rawValue, by: NSUserName(), reason: reason)
    try announce(promotion, settings)
  }
}

/// Predictors ask PostgreSQL from time to time anyway; the event makes it prompt.
private func announce(_ promotion: Promotion, _ settings: Settings) throws {
  print("\(promotion.task): \(promotion.modelID) is live since \(promotion.promotedAt.formatted(.iso8601))")
  let producer = try settings.producer()
  try producer.send(.modelPromoted(task: promotion.task, modelID: promotion.modelID))
  try producer.flush()
}
