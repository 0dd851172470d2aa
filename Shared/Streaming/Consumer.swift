import CLibrdkafka
import Logging

/// Which messages of transactions a reader sees.
public enum IsolationLevel: String, Sendable {
  /// Only those of committed transactions, up to the first open one.
  case readCommitted = "read_committed"
  case readUncommitted = "read_uncommitted"
}

/// Where to start reading a partition.
public enum StartOffset: Hashable, Sendable {
  case beginning
  case end
  case offset(Int64)

  var kafkaOffset: Int64 {
    switch self {
    case .beginning: Int64(RD_KAFKA_OFFSET_BEGINNING)
    case .end: Int64(RD_KAFKA_OFFSET_END)
    case .offset(let offset): offset
    }
  }
}

/// What a poll can bring.
public enum ConsumerEvent: Sendable {
  case message(ConsumedMessage)
  /// Everything there is was read; `offset` is the next one. With `readCommitted` that is the last stable offset.
  case endOfPartition(TopicPartition, offset: Int64)
  /// The group gave these partitions. The next poll starts them at their committed offsets, or throws when it can't
  /// learn them, unless the caller answers first with `assign`.
  case assigned([TopicPartition])
  /// The group takes these partitions back. The next poll lets go of them, unless the caller does so with `unassign`.
  /// When `isLost`, others may own them already: offsets can't be committed any more.
  case revoked([TopicPartition], isLost: Bool)
  /// Something that librdkafka goes on from by itself, unless it is fatal.
  case failure(StreamingError)
}

/// Membership in a consumer group.
public struct GroupMembership: Sendable {
  /// Without the configured prefix.
  public var group: String
  /// A stable name makes a static member: started again within the session timeout, it goes on with its partitions at
  /// once, and an older process of the same name is shut out; closing it says no goodbye. nil makes a dynamic member.
  public var instance: String?
  /// How long the broker waits for a silent member before it gives its partitions to others.
  public var sessionTimeoutMilliseconds: Int
  /// How long a member may go without polling.
  public var maximumPollIntervalMilliseconds: Int

  public init(
    group: String, instance: String? = nil, sessionTimeoutMilliseconds: Int = 10_000,
    maximumPollIntervalMilliseconds: Int = 300_000
  ) {
    self.group = group
    self.instance = instance
    self.sessionTimeoutMilliseconds = sessionTimeoutMilliseconds
    self.maximumPollIntervalMilliseconds = maximumPollIntervalMilliseconds
  }

  var properties: [String: String] {
    var properties = [
      "session.timeout.ms": String(sessionTimeoutMilliseconds),
      "heartbeat.interval.ms": String(max(1, sessionTimeoutMilliseconds / 4)),
      "max.poll.interval.ms": String(max(maximumPollIntervalMilliseconds, sessionTimeoutMilliseconds)),
    ]
    properties["group.instance.id"] = instance
    return properties
  }
}

/// Reads topics, as a member of a group (`subscribe`) or on its own (`assign`). One thread uses it; not `Sendable`.
public final class Consumer {
  private let kafka: KafkaConfiguration
  private let handle: KafkaHandle
  private var unanswered: HandleContext.Rebalance?
  private var isClosed = false
  private let callTimeoutMilliseconds: Int32 = 10_000

  /// - Parameter membership: nil for a reader that only uses `assign` and commits nothing.
  public init(
    kafka: KafkaConfiguration, membership: GroupMembership?, isolation: IsolationLevel = .readCommitted, logger: Logger
  ) throws(StreamingError) {
    self.kafka = kafka
    // librdkafka asks for a group id even where no group is joined.
    var own = membership?.properties ?? [:]
    own["group.id"] = kafka.fullName(membership?.group ?? "reader-\(kafka.clientID)")
    own["isolation.level"] = isolation.rawValue
    handle = try KafkaHandle(.consumer, properties: kafka.resolvedProperties(.consumer, own), logger: logger)
  }

  // MARK: Choosing what to read

  /// Joins the group for these topics. Partitions come and go as events of `poll`.
  public func subscribe(_ topics: [String]) throws(StreamingError) {
    let list = PartitionList()
    for topic in topics { list.add(kafka.fullName(topic), -1) }
    try check(
      handle.withPointer { pointer in list.withPointer { rd_kafka_subscribe(pointer, $0) } }, doing: "subscribe")
  }

  /// Replaces what is read: also the answer to `.assigned`. What was fetched before is dropped. An empty list
  /// acknowledges an assignment without reading yet.
  public func assign(_ partitions: [TopicPartition: StartOffset]) throws(StreamingError) {
    unanswered = nil
    let list = PartitionList()
    for (partition, start) in partitions {
      list.add(kafka.fullName(partition.topic), partition.partition, offset: start.kafkaOffset)
    }
    try check(
      handle.withPointer { pointer in list.withPointer { rd_kafka_assign(pointer, $0) } }, doing: "assign partitions")
  }

  /// Reads nothing any more: also the answer to `.revoked`.
  public func unassign() throws(StreamingError) {
    unanswered = nil
    try check(handle.withPointer { rd_kafka_assign($0, nil) }, doing: "let go of partitions")
  }

  public func pause(_ partitions: [TopicPartition]) throws(StreamingError) {
    try apply(partitions, doing: "pause") { rd_kafka_pause_partitions($0, $1) }
  }

  public func resume(_ partitions: [TopicPartition]) throws(StreamingError) {
    try apply(partitions, doing: "resume") { rd_kafka_resume_partitions($0, $1) }
  }

  /// Goes on reading a partition elsewhere. The partition must have been read from already.
  public func seek(_ partition: TopicPartition, to start: StartOffset) throws(StreamingError) {
    let list = PartitionList()
    list.add(kafka.fullName(partition.topic), partition.partition, offset: start.kafkaOffset)
    try check(
      handle.withPointer { pointer in
        list.withPointer { rd_kafka_seek_partitions(pointer, $0, callTimeoutMilliseconds) }
      }, doing: "seek")
    try throwFirstFailure(in: list, doing: "seek")
  }

  // MARK: Reading

  /// Waits for the next event, no longer than `timeoutMilliseconds`; nil when there is none.
  public func poll(timeoutMilliseconds: Int) throws(StreamingError) -> ConsumerEvent? {
    try answerRebalance()
    if let rebalance = nextRebalance() { return rebalance }
    let message = handle.withPointer { rd_kafka_consumer_poll($0, Int32(clamping: timeoutMilliseconds)) }
    if let message {
      defer { rd_kafka_message_destroy(message) }
      return read(message)
    }
    return nextRebalance()
  }

  /// Waits for events, then takes what is there already, `maximum` at most. A rebalance ends the batch.
  public func pollBatch(maximum: Int, timeoutMilliseconds: Int) throws(StreamingError) -> [ConsumerEvent] {
    var batch: [ConsumerEvent] = []
    while batch.count < maximum, let event = try poll(timeoutMilliseconds: batch.isEmpty ? timeoutMilliseconds : 0) {
      batch.append(event)
      switch event {
      case .assigned, .revoked: return batch
      case .message, .endOfPartition, .failure: continue
      }
    }
    return batch
  }

  // MARK: Offsets

  /// Commits the next offset to read of each partition, and waits for the answer.
  public func commit(_ offsets: [TopicPartition: Int64]) throws(StreamingError) {
    guard !offsets.isEmpty else { return }
    let list = PartitionList()
    for (partition, offset) in offsets {
      list.add(kafka.fullName(partition.topic), partition.partition, offset: offset)
    }
    try check(
      handle.withPointer { pointer in list.withPointer { rd_kafka_commit(pointer, $0, 0) } }, doing: "commit offsets")
    try throwFirstFailure(in: list, doing: "commit offsets")
  }

  /// The group's committed offsets; a partition without one is absent. With `readCommitted` it waits for open
  /// transactions that hold offsets of these partitions.
  public func committed(_ partitions: [TopicPartition]) throws(StreamingError) -> [TopicPartition: Int64] {
    guard !partitions.isEmpty else { return [:] }
    let list = PartitionList()
    for partition in partitions { list.add(kafka.fullName(partition.topic), partition.partition) }
    try check(
      handle.withPointer { pointer in
        list.withPointer { rd_kafka_committed(pointer, $0, callTimeoutMilliseconds) }
      }, doing: "read committed offsets")
    try throwFirstFailure(in: list, doing: "read committed offsets")
    return offsets(in: list)
  }

  /// The next offset to read of each partition from which something was read since it was assigned.
  public func positions(_ partitions: [TopicPartition]) throws(StreamingError) -> [TopicPartition: Int64] {
    let list = PartitionList()
    for partition in partitions { list.add(kafka.fullName(partition.topic), partition.partition) }
    try check(
      handle.withPointer { pointer in list.withPointer { rd_kafka_position(pointer, $0) } }, doing: "read positions")
    return offsets(in: list)
  }

  /// Leaves the group, if a dynamic member. Without it, and with a static one, the group waits for the session timeout.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    handle.closeConsumer(hasUnansweredRebalance: unanswered != nil)
  }

  /// This member's place in its group, as of now. Nil when it has none: librdkafka then hands out a blank one, with
  /// which a broker would take offsets from anybody.
  package func groupMetadata() throws(StreamingError) -> GroupMetadata? {
    guard let pointer = handle.withPointer({ rd_kafka_consumer_group_metadata($0) }) else {
      throw StreamingError(.configurationInvalid, "the consumer has no group; give it a GroupMembership")
    }
    let metadata = GroupMetadata(adopting: pointer)
    return try metadata.generation() >= 0 ? metadata : nil
  }

  /// The broker has dropped this member; its partitions may be others' already. Comes before the event that says so.
  package var isAssignmentLost: Bool { handle.withPointer { rd_kafka_assignment_lost($0) } != 0 }

  // MARK: Inner workings

  private func answerRebalance() throws(StreamingError) {
    guard let rebalance = unanswered else { return }
    if rebalance.isAssignment {
      let partitions = rebalance.partitions.map { (TopicPartition(kafka.shortName($0.topic), $0.partition)) }
      // Asked here: where librdkafka asks by itself and the coordinator has just moved, it never reads the partitions.
      let offsets = try committed(partitions)
      try assign(
        Dictionary(uniqueKeysWithValues: partitions.map { ($0, offsets[$0].map(StartOffset.offset) ?? .beginning) }))
    } else {
      try unassign()
    }
  }

  private func nextRebalance() -> ConsumerEvent? {
    let rebalance = handle.context.rebalances.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    guard let rebalance else { return nil }
    unanswered = rebalance
    let partitions = rebalance.partitions.map { TopicPartition(kafka.shortName($0.topic), $0.partition) }
    if rebalance.isAssignment { return .assigned(partitions) }
    return .revoked(partitions, isLost: isAssignmentLost)
  }

  /// The message is lent: librdkafka finds time and headers by its address.
  private func read(_ pointer: UnsafePointer<rd_kafka_message_t>) -> ConsumerEvent {
    let message = pointer.pointee
    let topic = message.rkt.map { kafka.shortName(String(cString: rd_kafka_topic_name($0))) } ?? ""
    switch message.err {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return .message(
        ConsumedMessage(
          topic: topic, partition: message.partition, offset: message.offset,
          key: Self.bytes(message.key, message.key_len), value: Self.bytes(message.payload, message.len),
          headers: Self.headers(pointer),
          timestampMilliseconds: max(0, rd_kafka_message_timestamp(pointer, nil))))
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      return .endOfPartition(TopicPartition(topic, message.partition), offset: message.offset)
    default:
      let subject = topic.isEmpty ? "read" : "read \(topic)"
      return .failure(error(message.err, doing: subject))
    }
  }

  private static func bytes(_ pointer: UnsafeRawPointer?, _ count: Int) -> [UInt8]? {
    pointer.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) }
  }

  private static func headers(_ message: UnsafePointer<rd_kafka_message_t>) -> [MessageHeader] {
    var list: OpaquePointer?
    guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return [] }
    return (0..<rd_kafka_header_cnt(list)).compactMap { index in
      var name: UnsafePointer<CChar>?
      var value: UnsafeRawPointer?
      var count = 0
      guard rd_kafka_header_get_all(list, index, &name, &value, &count) == RD_KAFKA_RESP_ERR_NO_ERROR, let name
      else { return nil }
      return MessageHeader(String(cString: name), bytes(value, count) ?? [])
    }
  }

  private func apply(
    _ partitions: [TopicPartition], doing action: String,
    _ body: (OpaquePointer, UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) -> rd_kafka_resp_err_t
  ) throws(StreamingError) {
    let list = PartitionList()
    for partition in partitions { list.add(kafka.fullName(partition.topic), partition.partition) }
    try check(
      handle.withPointer { pointer in list.withPointer { body(pointer, $0) } }, doing: action)
    try throwFirstFailure(in: list, doing: action)
  }

  private func offsets(in list: PartitionList) -> [TopicPartition: Int64] {
    Dictionary(
      uniqueKeysWithValues: list.elements.filter { $0.offset >= 0 }.map {
        (TopicPartition(kafka.shortName($0.topic), $0.partition), $0.offset)
      })
  }

  private func throwFirstFailure(in list: PartitionList, doing action: String) throws(StreamingError) {
    if let failed = list.elements.first(where: { $0.error != RD_KAFKA_RESP_ERR_NO_ERROR }) {
      throw error(failed.error, doing: "\(action) of \(failed.topic)[\(failed.partition)]")
    }
  }

  private func check(_ kafka: rd_kafka_resp_err_t, doing action: String) throws(StreamingError) {
    if kafka != RD_KAFKA_RESP_ERR_NO_ERROR { throw error(kafka, doing: action) }
  }

  private func check(_ failure: OpaquePointer?, doing action: String) throws(StreamingError) {
    if let failure { throw explained(StreamingError(consuming: failure, doing: action)) }
  }

  private func error(_ kafka: rd_kafka_resp_err_t, doing action: String) -> StreamingError {
    explained(StreamingError(kafka, doing: action))
  }

  /// An unusable client answers whatever it is asked with a code that does not say why; the client itself does.
  private func explained(_ error: StreamingError) -> StreamingError {
    error.kafkaCode == RD_KAFKA_RESP_ERR__FATAL.rawValue ? handle.fatalError ?? error : error
  }
}
