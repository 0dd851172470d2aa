/// Table `pins`: the model that serves a recording, settled at its first beat.
public struct Pins {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// Pins recordings to a model unless they are pinned already, perhaps by another replica at this moment.
  ///
  /// - Returns: the model that each recording is pinned to, whoever did it. Call it outside a longer transaction: what
  ///   is returned must be committed before it is acted on.
  /// - Throws: `StoreError` (`CONSTRAINT`) when the model is unknown or of another task.
  public func pin(_ recordingIDs: [String], task: String, modelID: String) throws -> [String: String] {
    var pinned = try standing(recordingIDs, task: task)
    let missing = Set(recordingIDs).subtracting(pinned.keys).sorted()
    if missing.isEmpty { return pinned }
    try connection.execute(
      """
      insert into pins (recording_id, task, model_id) select r, $2, $3 from unnest($1::text[]) as r
      on conflict (recording_id, task) do nothing
      """, [.texts(missing), .text(task), .text(modelID)])
    // A second statement, because the insert does not see what another replica committed while it waited.
    pinned.merge(try standing(missing, task: task)) { _, new in new }
    return pinned
  }

  /// The pins that stand, without making any.
  public func standing(_ recordingIDs: [String], task: String) throws -> [String: String] {
    let rows = try connection.execute(
      "select recording_id, model_id from pins where recording_id = any($1) and task = $2",
      [.texts(recordingIDs), .text(task)])
    return Dictionary(uniqueKeysWithValues: try rows.map { (try $0["recording_id", .text], try $0["model_id", .text]) })
  }
}
