import ResyncCore
import Store
import SuiteKit
import TestSupport

/// What a run over `BundledRecord.stream()` says in the end.
struct SuiteOutcome: Hashable {
  /// Of all rows, by recording.
  var digests: [String: String]
  /// Scope, recordings and beats of each evaluation.
  var evaluations: Set<[String]>
  /// By code.
  var rejections: [String: Int64]
  /// Patients, recordings and pins; what they say, but for times and places in topics.
  var others: [String]

  init(_ suite: RunningSuite) throws {
    let connection = try suite.connection()
    digests = try Digests(connection).all()
    evaluations = Set(
      try Evaluations(connection).list().map { [$0.evaluationID, String($0.recordings), String($0.beats)] })
    rejections = try Rejections(connection).countByCode()
    others = try connection.execute(
      """
      select concat_ws('|', 'recording', recording_id, patient, feed_id, sample_rate_hz, leads, samples, status, code,
        end_reason, waveform_sha256, synthetic, age_years) as text from recordings
      union all select concat_ws('|', 'patient', patient, sex, synthetic) from patients
      union all select concat_ws('|', 'pin', recording_id, task, model_id) from pins
      order by text
      """
    ).map { try $0["text", .text] }
  }
}

/// The run that disturbed ones are held against: one process of each service, nothing goes wrong. Made once.
actor Undisturbed {
  static let shared = Undisturbed()
  private var made: Task<SuiteOutcome, any Error>?

  func outcome() async throws -> SuiteOutcome {
    let task =
      made
      ?? Task {
        try await RunningSuite.with { suite in
          try suite.registerTinyModels()
          try suite.startAndWait(["ingest", "preprocess", "spectrogram", "predictor", "evaluator"])
          let recordings = try BundledRecord.stream()
          try suite.send(recordings.flatMap { $0.messages(chunkSeconds: 10) } + [BadMessage.junk.message])
          try suite.waitForOutcomes(recordings.map(\.recordingID))
          return try SuiteOutcome.final(suite)
        }
      }
    made = task
    return try await task.value
  }
}

extension SuiteOutcome {
  /// Waits until the evaluator has scored the last prediction and noted the one bad message.
  static func final(_ suite: RunningSuite) throws -> SuiteOutcome {
    let connection = try suite.connection()
    try waitUntil("the evaluator has scored all") {
      let row = try connection.execute(
        """
        select coalesce(min(scored_at) >= (select max(created_at) from predictions), false) as scored from evaluations
        """)[0]
      return try row["scored", .bool] && !Rejections(connection).countByCode().isEmpty
    }
    return try SuiteOutcome(suite)
  }
}
