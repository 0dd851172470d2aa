import Foundation
import Logging
import ResyncCore
import ServiceKit
import Store

/// A model ready to score, with what a row must say of it.
struct LoadedModel: Sendable {
  var id: String
  var metadata: ModelMetadata
  var classifier: Classifier

  /// - Throws: `ModelError` for weights that do not decode, or whose hash is not the registered one.
  init(_ record: ModelRecord) throws {
    let artifact = try ModelArtifact(decoding: record.weights)
    guard artifact.modelID == record.modelID else {
      throw ModelError(
        .invalidMetadata, "the weights registered as \(record.modelID) are those of \(artifact.modelID); refused")
    }
    id = record.modelID
    metadata = artifact.metadata
    classifier = try Classifier(artifact)
  }
}

/// The models at hand: the live one of each task, and those that open recordings are pinned to.
struct LiveModels {
  /// Pinned models beyond the live ones that stay loaded.
  static let limit = 8

  let tasks: [ModelTask]
  let logger: Logger
  private(set) var live: [ModelTask: String] = [:]
  private var loaded: [String: LoadedModel] = [:]
  private var lastUsed: [String: Int] = [:]
  private var clock = 0

  init(tasks: [ModelTask], logger: Logger) {
    self.tasks = tasks
    self.logger = logger
  }

  /// Asks PostgreSQL which models are live. A model that cannot be loaded leaves the one before it live.
  mutating func refresh(_ connection: Connection) throws {
    for task in tasks {
      guard let promotion = try Promotions(connection).live(task: task.rawValue), promotion.modelID != live[task] else {
        continue
      }
      do {
        _ = try model(promotion.modelID, connection)
      } catch let error where !((error as? StoreError)?.isRetriable ?? false) {
        logger.error("live model \(promotion.modelID) cannot be loaded; the one before it stays", error: error)
        continue
      }
      live[task] = promotion.modelID
      logger.notice("live model for \(task.rawValue): \(promotion.modelID)")
    }
  }

  /// The model of this id, from memory or from PostgreSQL.
  mutating func model(_ id: String, _ connection: Connection) throws -> LoadedModel {
    clock += 1
    lastUsed[id] = clock
    if let model = loaded[id] { return model }
    guard let record = try Models(connection).load(id) else {
      throw StoreError(.notFound, "model \(id) is pinned or promoted but not in the registry")
    }
    let model = try LoadedModel(record)
    loaded[id] = model
    evict()
    return model
  }

  private mutating func evict() {
    let spare = loaded.keys.filter { !live.values.contains($0) }.sorted {
      lastUsed[$0, default: 0] < lastUsed[$1, default: 0]
    }
    for id in spare.dropLast(Self.limit) {
      loaded[id] = nil
      lastUsed[id] = nil
    }
  }
}
