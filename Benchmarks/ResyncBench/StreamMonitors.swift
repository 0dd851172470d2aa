import Foundation
import Messages
import ResyncCore
import Streaming
import SuiteKit

/// Bedside monitors: two leads each without end, in chunks of ten seconds, faster than real time. Every chunk leaves a
/// snapshot of its recording's state behind.
struct StreamMonitors {
  static let chunkSeconds = 10.0
  static let recordingSeconds = 60
  private static let streams = 16
  private static let roundSeconds = 0.5

  private let suite: RunningSuite
  private let name: String
  private let recordings: [FeedRecording]
  private let chunks: [[ProtoEcgChunk]]
  /// Keys of all messages of these recordings, on whatever topic.
  private(set) var keys: Set<String> = []

  init(_ suite: RunningSuite, name: String) throws {
    self.suite = suite
    self.name = name
    let names = BundledRecord.training + BundledRecord.heldOut
    recordings = try (0..<Self.streams).map { number in
      var recording = try BundledRecord.excerpt(
        names[number % names.count], start: 300 + 600 * (number / names.count), seconds: Self.recordingSeconds)
      // As in a ward, nobody has marked the beats.
      recording.annotations = []
      return recording
    }
    chunks = recordings.map { $0.chunks(seconds: Self.chunkSeconds) }
  }

  /// Lets all streams run for so long and measures all but the beginning, in which recordings open.
  mutating func run(seconds: Double, cpu: ProcessTime) throws -> StreamReport.Monitors {
    let producer = try Producer(kafka: suite.kafka, logger: quietLogger)
    let connection = try suite.connection()
    func beats() throws -> Int {
      Int(
        try connection.execute(
          "select count(*) as n from beat_predictions where task = $1", [.text(ModelTask.beatClass.rawValue)])[0][
            "n", .int])
    }
    let perRecording = chunks[0].count
    let opening = 2 * perRecording
    let last = opening + Int(seconds / Self.roundSeconds)
    var before: (time: [String: Double], beats: Int)?
    var after: (time: [String: Double], beats: Int)?
    let began = ContinuousClock.now
    // Those that are open at the end are sent to theirs.
    for round in 0..<last + perRecording {
      Thread.sleep(forTimeInterval: max(0, Double(round) * Self.roundSeconds - began.duration(to: .now) / .seconds(1)))
      if round == opening { before = (cpu.read(), try beats()) }
      if round == last { after = (cpu.read(), try beats()) }
      for stream in 0..<Self.streams {
        // They do not begin together.
        let place = round - stream % perRecording
        guard place >= 0, round < last || place % perRecording > 0 else { continue }
        if round >= last, place / perRecording > (last - 1 - stream % perRecording) / perRecording { continue }
        try producer.send(message(stream, number: place / perRecording, chunk: place % perRecording))
      }
    }
    try producer.flush()
    guard let before, let after else { preconditionFailure("both rounds are among those sent") }
    return .init(
      recordedSeconds: Double((last - opening) * Self.streams) * Self.chunkSeconds, beats: after.beats - before.beats,
      cpuSeconds: ProcessTime.spent(before.time, after.time), chunkSeconds: Self.chunkSeconds,
      stateBytes: try stateBytes())
  }

  private mutating func message(_ stream: Int, number: Int, chunk: Int) throws -> OutgoingMessage {
    var recording = recordings[stream]
    (recording.uid, recording.patient) = ("\(name)-\(stream)-\(number)", "\(name)-\(stream)")
    keys.formUnion([recording.uid, recording.recordingID])
    var chunk = chunks[stream][chunk]
    (chunk.recordingUid, chunk.patientID) = (recording.uid, recording.patient)
    return OutgoingMessage(chunk)
  }

  /// Of preprocess's snapshot in the midst of a recording.
  private func stateBytes() throws -> Int {
    let record = recordings[0].record
    let leads = record.header.signals.compactMap { Lead(name: $0.description) }
    var extractor = try BeatExtractor(
      pipeline: PipelineConfiguration.Name.compact.configuration, sampleRateHz: record.header.sampleRateHz, leads: leads
    )
    _ = extractor.consume(record.millivolts(), references: [])
    return extractor.snapshot().count
  }
}
