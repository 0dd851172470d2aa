import Foundation
import Messages
import Streaming
import SuiteKit
import TestSupport

/// What recordings leave on topics and in tables.
enum StreamStorage {
  private static let topics = [
    Topic.ingest, Topic.recordings, Topic.beats, Topic.spectrograms, Topic.predictions,
  ]
  /// One row each of a recording, beside those of its beats.
  private static let tables = ["patients", "recordings", "pins", "predictions", "twelve_lead_measures"]

  /// Of each topic so many are read.
  private static let partitions: Range<Int32> = 0..<4

  /// Reads some partitions of each topic.
  /// - Parameter monitors: keys of the monitors' messages; all others are ten-second recordings'.
  static func measure(_ suite: RunningSuite, monitors: Set<String>) throws -> StreamReport.Storage {
    var storage = StreamReport.Storage()
    for topic in topics {
      var bytes = (recordings: 0, monitors: 0)
      var (keys, monitorKeys) = (Set<String>(), Set<String>())
      try forEachMessage(of: topic, suite) { message in
        guard let key = message.keyText else { return }
        if monitors.contains(key) {
          bytes.monitors += message.byteCount
          monitorKeys.insert(key)
        } else {
          bytes.recordings += message.byteCount
          keys.insert(key)
        }
      }
      storage.topicBytesOfARecording[topic] = Double(bytes.recordings) / Double(max(1, keys.count))
      storage.topicBytesOfAMonitoredSecond[topic] =
        Double(bytes.monitors) / Double(max(1, monitorKeys.count * StreamMonitors.recordingSeconds))
    }
    let connection = try suite.connection()
    func bytes(_ table: String) throws -> Double {
      try connection.execute("select pg_total_relation_size($1::regclass) as n", [.text(table)])[0]["n", .int].asDouble
    }
    func rows(_ table: String) throws -> Double {
      try connection.execute("select count(*) as n from \(table)")[0]["n", .int].asDouble
    }
    storage.rowBytesOfABeat = try bytes("beat_predictions") / max(1, rows("beat_predictions"))
    // Monitors' among them.
    storage.rowBytesOfARecording = try tables.reduce(0) { $0 + (try bytes($1)) } / max(1, rows("recordings"))
    return storage
  }

  private static func forEachMessage(
    of topic: String, _ suite: RunningSuite, _ body: (ConsumedMessage) -> Void
  ) throws {
    let consumer = try Consumer(kafka: suite.kafka, membership: nil, logger: quietLogger)
    defer { consumer.close() }
    var open = Set(partitions)
    try consumer.assign(Dictionary(uniqueKeysWithValues: open.map { (TopicPartition(topic, $0), .beginning) }))
    try waitUntil("\(topic) is read", seconds: 30) {
      for event in try consumer.pollBatch(maximum: 500, timeoutMilliseconds: 200) {
        switch event {
        case .message(let message): body(message)
        case .endOfPartition(let partition, _): open.remove(partition.partition)
        case .failure(let error): throw error
        case .assigned, .revoked: break
        }
      }
      return open.isEmpty
    }
  }
}

extension Int64 {
  fileprivate var asDouble: Double { Double(self) }
}
