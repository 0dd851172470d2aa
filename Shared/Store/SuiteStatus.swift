import ResyncCore

/// What became of recordings, counted from the rows; the figures of `resync status` and of the report.
public struct SuiteStatus: Hashable, Sendable {
  public var published: Int
  /// With an outcome other than a rejection for every task.
  public var predicted: Int
  public var rejected: Int
  /// Without an outcome for some task.
  public var missing: Int
  /// Beat rows beyond the beats found in their recording.
  public var duplicates: Int
  /// Beats found in the recordings that ended.
  public var beats: Int
  /// Rows of beats of the first task in recordings that ended, for comparison with `beats`.
  public var beatRows: Int

  /// - Parameter recordings: the publisher's own list; every recording that is known when nil.
  public static func read(
    _ connection: Connection, recordings: [String]?, tasks: [ModelTask] = ModelTask.allCases
  ) throws -> SuiteStatus {
    let row = try connection.execute(
      """
      with wanted as (
        select unnest($1::text[]) as recording_id where $2
        union select recording_id from recordings where not $2
      ), outcomes as (
        select w.recording_id, count(p.task) as tasks, coalesce(bool_or(p.outcome = 'rejected'), false) as refused,
          coalesce(max(p.beats), 0) as beats
        from wanted w left join predictions p on p.recording_id = w.recording_id and p.task = any($3)
        group by w.recording_id
      ), rows as (
        select b.recording_id, b.task, count(*) as n
        from beat_predictions b join wanted using (recording_id) group by b.recording_id, b.task
      )
      select count(*) as published,
        count(*) filter (where tasks = cardinality($3) and not refused) as predicted,
        count(*) filter (where tasks = cardinality($3) and refused) as rejected,
        count(*) filter (where tasks < cardinality($3)) as missing,
        coalesce(sum(beats) filter (where not refused), 0)::bigint as beats,
        (select coalesce(sum(greatest(0, r.n - o.beats)), 0)::bigint from rows r join outcomes o using (recording_id)
          where o.tasks = cardinality($3))
          as duplicates,
        (select coalesce(sum(r.n), 0)::bigint from rows r join outcomes o using (recording_id)
          where r.task = $3[1] and o.tasks = cardinality($3) and not o.refused) as beat_rows
      from outcomes
      """,
      [.texts(recordings ?? []), .bool(recordings != nil), .texts(tasks.map(\.rawValue))])[0]
    return SuiteStatus(
      published: Int(try row["published", .int]), predicted: Int(try row["predicted", .int]),
      rejected: Int(try row["rejected", .int]), missing: Int(try row["missing", .int]),
      duplicates: Int(try row["duplicates", .int]), beats: Int(try row["beats", .int]),
      beatRows: Int(try row["beat_rows", .int]))
  }
}
