import Foundation

/// The decision that a model serves a task from a moment on.
public struct Promotion: Hashable, Sendable {
  public var id: Int64
  public var task: String
  public var modelID: String
  public var promotedAt: Date
  public var by: String
  public var reason: String

  init(_ row: Row) throws {
    id = try row["id", .int]
    task = try row["task", .text]
    modelID = try row["model_id", .text]
    promotedAt = try row["promoted_at", .timestamp]
    by = try row["by", .text]
    reason = try row["reason", .text]
  }
}

/// Table `promotions`: append only, so that which model was live at any time stays known.
public struct Promotions {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// Makes a model live. One that is live already stays so, without a new row.
  /// - Throws: `StoreError` (`CONSTRAINT`) when the model does not exist or is of another task.
  @discardableResult
  public func promote(task: String, modelID: String, by: String, reason: String = "") throws -> Promotion {
    if let live = try live(task: task), live.modelID == modelID { return live }
    let rows = try connection.execute(
      "insert into promotions (task, model_id, by, reason) values ($1, $2, $3, $4) returning *",
      [.text(task), .text(modelID), .text(by), .text(reason)])
    return try Promotion(rows[0])
  }

  /// Takes the present model's promotion back, as a new row: the model that was live before it is live again. Done twice,
  /// it goes back by two.
  /// - Throws: `StoreError` (`NOT_FOUND`) when the task never had another model.
  @discardableResult
  public func rollback(task: String, by: String, reason: String = "") throws -> Promotion {
    try connection.transaction {
      // No other promotion between reading and writing.
      try connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(current_schema() || '.promotions', 0))::text")
      var standing: [String] = []
      for row in try connection.execute(
        "select model_id, is_rollback from promotions where task = $1 order by id", [.text(task)])
      {
        if try row["is_rollback", .bool] {
          standing.removeLast()
        } else {
          standing.append(try row["model_id", .text])
        }
      }
      guard standing.count > 1 else {
        throw StoreError(.notFound, "task '\(task)' has no earlier model to go back to; promote one instead")
      }
      let rows = try connection.execute(
        "insert into promotions (task, model_id, by, reason, is_rollback) values ($1, $2, $3, $4, true) returning *",
        [.text(task), .text(standing[standing.count - 2]), .text(by), .text(reason)])
      return try Promotion(rows[0])
    }
  }

  public func live(task: String) throws -> Promotion? {
    try connection.execute("select * from promotions where task = $1 order by id desc limit 1", [.text(task)])
      .first.map(Promotion.init)
  }

  /// The id of the model that was live at a time.
  public func live(task: String, at time: Date) throws -> String? {
    try connection.execute("select live_model_at($1, $2) as model_id", [.text(task), .timestamp(time)])[0][
      optional: "model_id", .text]
  }

  /// Newest first.
  public func history(task: String, limit: Int = 100) throws -> [Promotion] {
    try connection.execute(
      "select * from promotions where task = $1 order by id desc limit $2", [.text(task), .int(limit)]
    ).map(Promotion.init)
  }
}
