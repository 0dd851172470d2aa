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

  /// Makes the model that was live before the present one live again, as a new row.
  /// - Throws: `StoreError` (`NOT_FOUND`) when the task never had another model.
  @discardableResult
  public func rollback(task: String, by: String, reason: String = "") throws -> Promotion {
    let rows = try connection.execute(
      """
      insert into promotions (task, model_id, by, reason)
      select p.task, p.model_id, $2, $3 from promotions p join live_models l using (task)
      where p.task = $1 and p.model_id <> l.model_id
      order by p.id desc limit 1
      returning *
      """, [.text(task), .text(by), .text(reason)])
    guard let row = rows.first else {
      throw StoreError(.notFound, "task '\(task)' has no earlier model to go back to; promote one instead")
    }
    return try Promotion(row)
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
