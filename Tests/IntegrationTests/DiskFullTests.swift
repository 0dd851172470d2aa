import Foundation
import Messages
import ResyncCore
import Store
import Streaming
import SuiteKit
import TestSupport
import Testing

extension IntegrationTests {
  @Test("while PostgreSQL's disk is full services say so and wait; with room again all ends as if it had never been")
  func databaseDiskFull() async throws {
    try await RunningSuite.with { suite in
      try suite.registerTinyModels()
      // The report cannot be written either: its place is taken.
      let report = suite.folder.appendingPathComponent("reports/report.html")
      try FileManager.default.createDirectory(at: report, withIntermediateDirectories: true)
      let services = try suite.startAndWait(RunningSuite.serviceNames)
      let training = suite.folder.appendingPathComponent("training")
      for name in ["208", "223"] { try BundledRecord.excerpt(name, seconds: 30).write(to: training, as: name) }
      let manifest = suite.folder.appendingPathComponent("training.jsonl").path
      try suite.resync("publish", training.path, "--feed", "training", "--manifest", manifest)
      let order = [
        "--task", "beat-class", "--manifest", manifest, "--width", "0.125", "--epochs", "4", "--no-promote",
      ]
      let undisturbed = try suite.train(order)
      try suite.waitForOutcomes(ManifestLine.read(URL(fileURLWithPath: manifest)).map(\.recordingID))
      try waitUntil("the evaluator says that its report cannot be written") {
        services["evaluator"]?.logText.contains("FILE_NOT_WRITTEN: \(report.path): ") == true
      }

      let connection = try suite.connection()
      try connection.fillDisk()
      let job = try suite.train(order + ["--detach"])
      let recording = try BundledRecord.twelveLead("24")
      // Ingest's own refusals wait with its rows; the evaluator has one of another service to enter.
      try suite.send([OutgoingMessage(recording.single), elsewhereRefused])
      let spoilt = try suite.send(spoilt: recording)
      for name in ["ingest", "trainer", "evaluator"] {
        try waitUntil("\(name) says that the disk is full", seconds: 60) {
          services[name]?.logText.contains("53100): could not extend file: No space left on device; make room") == true
        }
      }
      for service in services.values { #expect(service.isRunning, "\(service.instance)") }
      // A command says it too, and leaves nothing.
      let file = repositoryRoot.appendingPathComponent("models/resnet18-mitdb-ds1.safetensors").path
      let resync = programs.appendingPathComponent("resync").path
      let refused = try CommandResult.of(resync, ["models", "import", file], environment: suite.environment)
      #expect(refused.status == 1 && refused.errors.contains("No space left on device; make room"), "\(refused.errors)")
      // The checkpoint of the first epoch stands, whole.
      let kept = try connection.execute(
        "select length(checkpoint) as bytes from training_jobs where job_id = $1", [.text(job)])[0]
      #expect(try kept["bytes", .int] > 1000)

      try connection.emptyDisk()
      try FileManager.default.removeItem(at: report)
      try waitUntil("the job has succeeded") { try TrainingJobs(connection).find(job)?.state == .succeeded }
      #expect(try TrainingJobs(connection).find(job)?.modelID == undisturbed)
      #expect(services["trainer"]?.logText.contains("job \(job) begins, attempt") == true)
      try suite.waitForOutcomes([recording.recordingID, spoilt])
      try waitUntil("the ledger is complete") { try Rejections(connection).waiting().count == 2 }
      try waitUntil("the report is written") { FileManager.default.fileExists(atPath: report.path) }
      try suite.resync("models", "import", file)
    }
  }

  @Test("a file that does not fit is named, and the one before it stays; with room the command does its work")
  func localDiskFull() async throws {
    try await blocking {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("resync-full-\(randomWord())")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let manifest = folder.appendingPathComponent("manifest.jsonl")
      // Files may have a kibibyte, and the signal that would end the program is ignored, as on a disk that is full.
      func publish(_ records: String, limit: String) throws -> CommandResult {
        let resync = programs.appendingPathComponent("resync").path
        return try CommandResult.of(
          "/bin/bash",
          [
            "-c", "trap '' XFSZ; ulimit -f \(limit); exec \"$@\"", "bash", resync, "publish",
            BundledRecord.ludb.path, "--plan", "--feed", String(repeating: "f", count: 200), "--only", records,
            "--manifest", manifest.path,
          ], environment: ["KAFKA_BOOTSTRAP_SERVERS": "nobody:1", "RESYNC_PSEUDONYM_KEY": RunningSuite.pseudonymKey])
      }
      #expect(try publish("1", limit: "unlimited").status == 0)
      let first = try Data(contentsOf: manifest)
      let full = try publish("1,24,34,44,145", limit: "1")
      #expect(full.status == 1)
      #expect(full.errors.contains("FILE_NOT_WRITTEN: \(manifest.path): File too large; make room"), "\(full.errors)")
      #expect(try Data(contentsOf: manifest) == first)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["manifest.jsonl"])
      #expect(try publish("1,24,34,44,145", limit: "unlimited").status == 0)
      #expect(try ManifestLine.read(manifest).count == 5)
    }
  }
}

private let elsewhereRefused = OutgoingMessage(
  topic: Topic.rejected, key: nil, value: [0],
  headers: [
    MessageHeader(HeaderName.originTopic, Topic.beats), MessageHeader(HeaderName.originPartition, "0"),
    MessageHeader(HeaderName.originOffset, "0"), MessageHeader(HeaderName.service, "spectrogram"),
    MessageHeader(HeaderName.errorCode, RejectionCode.malformedPayload.rawValue),
    MessageHeader(HeaderName.errorText, "spoilt"),
  ])

extension RunningSuite {
  /// The id of the model, or with `--detach` that of the job.
  fileprivate func train(_ order: [String]) throws -> String {
    let output = try resync(["train"] + order)
    let found = output.matches(of: /(?m)^(?:model|job)\s([-0-9a-z]+)\s/).last
    return String(try #require(found).1)
  }

  /// Sends a recording of a patient of its own that is refused.
  fileprivate func send(spoilt base: FeedRecording) throws -> String {
    var recording = base
    (recording.uid, recording.patient) = ("spoilt", "spoilt")
    var chunk = recording.single
    chunk.channels[0].unit = "mmHg"
    try send([OutgoingMessage(chunk)])
    return recording.recordingID
  }
}

extension Connection {
  /// Lets writes fail as PostgreSQL does when its disk is full: rows of recordings, rejections, models and beats at
  /// once, checkpoints after a job's first.
  fileprivate func fillDisk() throws {
    try execute(
      """
      create function disk_full() returns trigger language plpgsql as $$
      begin
        raise exception 'could not extend file: No space left on device'
          using errcode = 'disk_full', hint = 'Check free disk space.';
      end $$
      """)
    for table in ["recordings", "rejections", "models", "beat_predictions"] {
      try execute("create trigger disk_full before insert on \(table) for each row execute function disk_full()")
    }
    try execute(
      """
      create trigger disk_full before update on training_jobs for each row
        when (old.checkpoint is not null and new.checkpoint is not null and old.checkpoint <> new.checkpoint)
        execute function disk_full()
      """)
  }

  fileprivate func emptyDisk() throws { try execute("drop function disk_full cascade") }
}
