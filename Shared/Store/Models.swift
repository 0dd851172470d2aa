import Crypto
import Foundation
import ResyncCore

/// A trained network and where it comes from.
public struct ModelRecord: Hashable, Sendable {
  public var modelID: String
  /// `beat-class` or `crt-response`.
  public var task: String
  public var weights: [UInt8]
  /// Architecture, constants and what else loading needs: JSON text.
  public var metadata: String
  /// The model whose weights this one started from.
  public var parentModelID: String?
  public var trainedOnSynthetic: Bool
  public var pipeline: PipelineConfiguration
  public var jobID: String?

  public init(
    modelID: String, task: String, weights: [UInt8], metadata: String, parentModelID: String? = nil,
    trainedOnSynthetic: Bool, pipeline: PipelineConfiguration, jobID: String? = nil
  ) {
    self.modelID = modelID
    self.task = task
    self.weights = weights
    self.metadata = metadata
    self.parentModelID = parentModelID
    self.trainedOnSynthetic = trainedOnSynthetic
    self.pipeline = pipeline
    self.jobID = jobID
  }

  /// Hexadecimal.
  public var weightsSHA256: String { SHA256.hash(data: weights).hexadecimal }
}

/// A model without its weights.
public struct ModelSummary: Hashable, Sendable {
  public var modelID: String
  public var task: String
  public var weightsSHA256: String
  public var metadata: String
  public var parentModelID: String?
  public var trainedOnSynthetic: Bool
  public var pipelineID: String
  public var jobID: String?
  public var createdAt: Date
}

/// A recording that a model was fitted on.
public struct TrainingRecording: Hashable, Sendable {
  public var recordingID: String
  public var patient: String

  public init(recordingID: String, patient: String) {
    self.recordingID = recordingID
    self.patient = patient
  }
}

/// Tables `models`, `model_training_recordings`. A model never changes.
public struct Models {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// Adds a model with the recordings that it, or a model it grew from, was fitted on.
  ///
  /// - Returns: whether it is new; the same model again changes nothing.
  /// - Throws: `StoreError` (`CONFLICT`) when the id stands with other weights, task, parent or pipeline.
  @discardableResult
  public func insert(_ model: ModelRecord, trainingRecordings: [TrainingRecording]) throws -> Bool {
    let hash = model.weightsSHA256
    return try connection.transaction {
      let inserted =
        try connection.execute(
          """
          insert into models (model_id, task, weights, weights_sha256, metadata, parent_model_id, trained_on_synthetic,
            pipeline_id, pipeline, job_id)
          values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
          on conflict (model_id) do nothing
          """,
          [
            .text(model.modelID), .text(model.task), .bytes(model.weights), .text(hash), .json(model.metadata),
            .text(model.parentModelID), .bool(model.trainedOnSynthetic), .text(model.pipeline.id),
            .json(model.pipeline.canonicalForm), .text(model.jobID),
          ]
        ).affected == 1
      guard inserted else {
        guard let standing = try summary(model.modelID), standing.weightsSHA256 == hash, standing.task == model.task,
          standing.parentModelID == model.parentModelID, standing.pipelineID == model.pipeline.id,
          standing.trainedOnSynthetic == model.trainedOnSynthetic
        else {
          throw StoreError(
            .conflict, "model '\(model.modelID)' stands with other content; give the new model an id of its own")
        }
        return false
      }
      try connection.execute(
        """
        insert into model_training_recordings (model_id, recording_id, patient)
        select $1, recording_id, patient from unnest($2::text[], $3::text[]) as t (recording_id, patient)
        on conflict do nothing
        """,
        [
          .text(model.modelID), .texts(trainingRecordings.map(\.recordingID)),
          .texts(trainingRecordings.map(\.patient)),
        ])
      return true
    }
  }

  /// Loads a model with its weights.
  /// - Throws: `StoreError` (`HASH_MISMATCH`) when weights or pipeline do not give their stored hash.
  public func load(_ modelID: String) throws -> ModelRecord? {
    guard let row = try connection.execute("select * from models where model_id = $1", [.text(modelID)]).first else {
      return nil
    }
    let model = ModelRecord(
      modelID: try row["model_id", .text], task: try row["task", .text], weights: try row["weights", .bytes],
      metadata: try row["metadata", .json], parentModelID: try row[optional: "parent_model_id", .text],
      trainedOnSynthetic: try row["trained_on_synthetic", .bool], pipeline: try row.decoded("pipeline"),
      jobID: try row[optional: "job_id", .text])
    guard model.weightsSHA256 == (try row["weights_sha256", .text]) else {
      throw StoreError(
        .hashMismatch, "the weights of model '\(modelID)' do not match their hash; restore or retrain it")
    }
    guard model.pipeline.id == (try row["pipeline_id", .text]) else {
      throw StoreError(.hashMismatch, "the pipeline of model '\(modelID)' does not match its id; restore or retrain it")
    }
    return model
  }

  public func summary(_ modelID: String) throws -> ModelSummary? {
    try connection.execute("select \(Self.summaryColumns) from models where model_id = $1", [.text(modelID)])
      .first.map(ModelSummary.init)
  }

  /// Newest first.
  public func list(limit: Int = 100) throws -> [ModelSummary] {
    try connection.execute(
      "select \(Self.summaryColumns) from models order by created_at desc, model_id limit $1", [.int(limit)]
    ).map(ModelSummary.init)
  }

  /// In the order of their ids.
  public func trainingRecordings(_ modelID: String) throws -> [TrainingRecording] {
    try connection.execute(
      """
      select recording_id, patient from model_training_recordings where model_id = $1
      order by recording_id collate "C"
      """, [.text(modelID)]
    ).map { TrainingRecording(recordingID: try $0["recording_id", .text], patient: try $0["patient", .text]) }
  }

  private static let summaryColumns = """
    model_id, task, weights_sha256, metadata, parent_model_id, trained_on_synthetic, pipeline_id, job_id, created_at
    """
}

extension ModelSummary {
  init(_ row: Row) throws {
    modelID = try row["model_id", .text]
    task = try row["task", .text]
    weightsSHA256 = try row["weights_sha256", .text]
    metadata = try row["metadata", .json]
    parentModelID = try row[optional: "parent_model_id", .text]
    trainedOnSynthetic = try row["trained_on_synthetic", .bool]
    pipelineID = try row["pipeline_id", .text]
    jobID = try row[optional: "job_id", .text]
    createdAt = try row["created_at", .timestamp]
  }
}
