import Logging

/// Reads the changelog of newly assigned partitions, in small steps, so that the group consumer can be polled between.
///
/// The end is taken as it stands in the log, open transactions included, and then read as committed until it is
/// reached: by then every transaction that a former owner left open is resolved, by its end or by its timeout.
final class StateRestorer {
  private let topic: String
  private let admin: Admin
  private let consumer: Consumer
  private let logger: Logger
  private var unfinished: [Int32: Int64] = [:]
  private var nextWarning = ContinuousClock.now
  /// Last snapshot of each key, by partition.
  private(set) var snapshots: [Int32: [String: [UInt8]]] = [:]

  init(kafka: KafkaConfiguration, topic: String, logger: Logger) throws(StreamingError) {
    self.topic = topic
    self.logger = logger
    admin = try Admin(kafka: kafka, logger: logger)
    consumer = try Consumer(kafka: kafka, membership: nil, isolation: .readCommitted, logger: logger)
  }

  func begin(_ partitions: [Int32]) throws(StreamingError) {
    unfinished = [:]
    snapshots = [:]
    nextWarning = .now + Self.patience
    for partition in partitions {
      snapshots[partition] = [:]
      let marks = try admin.watermarks(TopicPartition(topic, partition))
      if marks.high > marks.low { unfinished[partition] = marks.high }
    }
    try consumer.assign(
      Dictionary(uniqueKeysWithValues: unfinished.keys.map { (TopicPartition(topic, $0), StartOffset.beginning) }))
  }

  func cancel() throws(StreamingError) {
    unfinished = [:]
    snapshots = [:]
    try consumer.unassign()
  }

  /// Reads on for a short while. True when all partitions have been read to their ends.
  func step() throws(StreamingError) -> Bool {
    if !unfinished.isEmpty {
      for event in try consumer.pollBatch(maximum: 500, timeoutMilliseconds: 50) { try handle(event) }
    }
    guard unfinished.isEmpty else {
      if ContinuousClock.now >= nextWarning {
        nextWarning = .now + Self.patience
        logger.warning(
          "still reading states; a former owner's open transaction may hold them until its timeout",
          metadata: ["topic": "\(topic)", "partitions": "\(unfinished.keys.sorted())"])
      }
      return false
    }
    try consumer.unassign()
    return true
  }

  private static let patience = Duration.seconds(30)

  func close() { consumer.close() }

  private func handle(_ event: ConsumerEvent) throws(StreamingError) {
    switch event {
    case .message(let message):
      guard let key = message.keyText else { return }
      snapshots[message.partition]?[key] = message.isTombstone ? nil : message.value
      passed(message.partition, message.offset + 1)
    case .endOfPartition(let partition, let offset):
      passed(partition.partition, offset)
    case .failure(let error):
      throw error
    case .assigned, .revoked:
      preconditionFailure("a reader without membership has no rebalances")
    }
  }

  private func passed(_ partition: Int32, _ position: Int64) {
    if let end = unfinished[partition], position >= end { unfinished[partition] = nil }
  }
}
