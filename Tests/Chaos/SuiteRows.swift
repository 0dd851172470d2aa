import Foundation
import Messages
import ResyncCore
import Store
import SuiteKit

/// What stands in PostgreSQL of one recording and task, with everything that is said in one hash.
package struct OutcomeRow: Hashable, Sendable {
  package var recordingID: String
  package var task: String
  package var modelID: String?
  package var outcome: String
  package var code: String?
  package var createdAt: Date
  /// SHA-256 of the prediction, times left out, and of all its beats.
  package var digest: String

  package init(
    recordingID: String, task: String, modelID: String?, outcome: String, code: String?, createdAt: Date, digest: String
  ) {
    self.recordingID = recordingID
    self.task = task
    self.modelID = modelID
    self.outcome = outcome
    self.code = code
    self.createdAt = createdAt
    self.digest = digest
  }
}

/// A promotion's time as the database has it, and when the next one followed.
package struct LivePeriod: Hashable, Sendable {
  package var task: String
  package var modelID: String
  package var from: Date
  package var until: Date

  package init(task: String, modelID: String, from: Date, until: Date) {
    self.task = task
    self.modelID = modelID
    self.from = from
    self.until = until
  }
}

/// What a run said in the end, in tables and on topics.
package struct SuiteRows: Sendable {
  package var outcomes: [OutcomeRow] = []
  /// By id: what is said and measured of recordings and said of patients, but for times and places in topics.
  package var recordings: [String: String] = [:]
  package var patients: [String: String] = [:]
  package var periods: [LivePeriod] = []
  /// Beat rows beyond those that their recording has, and those of no recording that ended.
  package var surplusBeats = 0
  /// Codes and texts of refused messages.
  package var rejections: [String] = []
  /// By topic, what each message says as a hash, and how often it is there.
  package var messages: [String: [String: Int]] = [:]

  package init() {}

  init(_ suite: RunningSuite, topics: [String]) throws {
    let connection = try suite.connection()
    // jsonb writes each number so that it reads back as the same bits.
    outcomes = try connection.execute(
      """
      select p.recording_id, p.task::text as task, p.model_id, p.outcome, p.code, p.created_at,
        encode(sha256(convert_to((to_jsonb(p) - 'created_at')::text || coalesce((
          select string_agg(to_jsonb(b)::text, E'\\n' order by b.r_peak_sample) from beat_predictions b
          where b.recording_id = p.recording_id and b.task = p.task), ''), 'UTF8')), 'hex') as digest
      from predictions p
      """
    ).map { row in
      OutcomeRow(
        recordingID: try row["recording_id", .text], task: try row["task", .text],
        modelID: try row[optional: "model_id", .text], outcome: try row["outcome", .text],
        code: try row[optional: "code", .text], createdAt: try row["created_at", .timestamp],
        digest: try row["digest", .text])
    }
    recordings = try Self.table(
      connection,
      """
      select recording_id as id, (to_jsonb(r) - array['origin_topic', 'origin_partition', 'origin_offset', 'first_seen',
        'ended_at'])::text || coalesce(to_jsonb(m)::text, '') as text
      from recordings r left join twelve_lead_measures m using (recording_id)
      """)
    patients = try Self.table(
      connection, "select patient as id, (to_jsonb(p) - 'first_seen')::text as text from patients p")
    periods = try connection.execute(
      "select task::text as task, model_id, live_from, live_until from v_promotion_periods"
    ).map { row in
      LivePeriod(
        task: try row["task", .text], modelID: try row["model_id", .text], from: try row["live_from", .timestamp],
        until: try row[optional: "live_until", .timestamp] ?? .distantFuture)
    }
    surplusBeats = Int(
      try connection.execute(
        """
        select coalesce(sum(greatest(0, b.n - coalesce(p.beats, 0))), 0)::bigint as surplus
        from (select recording_id, task, count(*) as n from beat_predictions group by 1, 2) b
          left join predictions p using (recording_id, task)
        """)[0]["surplus", .int])
    rejections = try Rejections(connection).waiting().map { "\($0.code) of \($0.service): \($0.text)" }
    for topic in topics {
      var counts: [String: Int] = [:]
      try suite.forEachMessage(of: topic) { message in
        let headers = message.headers.flatMap { Array($0.name.utf8) + $0.value }
        counts[sha256(Data((message.key ?? []) + message.value + headers)).hexadecimal, default: 0] += 1
      }
      messages[topic] = counts
    }
  }

  private static func table(_ connection: Connection, _ sql: String) throws -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: try connection.execute(sql).map { (try $0["id", .text], try $0["text", .text]) })
  }
}
