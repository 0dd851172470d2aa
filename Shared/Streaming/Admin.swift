import CLibrdkafka
import Logging

/// Looks after topics and groups. Unless told otherwise it sees the logs as they are, open transactions included.
public final class Admin: Sendable {
  private let kafka: KafkaConfiguration
  private let handle: KafkaHandle
  private let timeoutMilliseconds: Int32

  public init(
    kafka: KafkaConfiguration, isolation: IsolationLevel = .readUncommitted, logger: Logger,
    timeout: Duration = .seconds(15)
  ) throws(StreamingError) {
    self.kafka = kafka
    timeoutMilliseconds = timeout.kafkaMilliseconds
    handle = try KafkaHandle(
      .consumer,
      properties: kafka.resolvedProperties(
        .consumer,
        ["isolation.level": isolation.rawValue, "group.id": kafka.fullName("admin")]),
      keepsConnectionErrors: true, logger: logger)
  }

  // MARK: Topics

  /// Names of the topics under the configured prefix, without it, sorted.
  public func topicNames() throws(StreamingError) -> [String] { try partitionCounts().keys.sorted() }

  /// Creates the topics that are not there yet; leaves others as they are.
  /// - Parameter replication: copies of each partition; -1 for the broker's default.
  public func create(_ topics: [TopicSpecification], replication: Int = -1) throws(StreamingError) {
    let existing = try partitionCounts()
    let missing = topics.filter { existing[$0.name] == nil }
    guard !missing.isEmpty else { return }
    var requests: [OpaquePointer?] = []
    defer { for request in requests { rd_kafka_NewTopic_destroy(request) } }
    var errorText = [CChar](repeating: 0, count: 512)
    for topic in missing {
      let request = rd_kafka_NewTopic_new(
        kafka.fullName(topic.name), Int32(clamping: topic.partitions), Int32(clamping: replication), &errorText,
        errorText.count)
      guard let request else {
        throw StreamingError(.configurationInvalid, "topic \(topic.name): \(KafkaHandle.text(errorText))")
      }
      requests.append(request)
      for (property, value) in topic.configuration.sorted(by: { $0.key < $1.key }) {
        try StreamingError.check(
          rd_kafka_NewTopic_set_config(request, property, value), doing: "set \(property) of topic \(topic.name)")
      }
    }
    let event = try perform("create topics") { client, options, queue in
      rd_kafka_CreateTopics(client, &requests, requests.count, options, queue)
    }
    let results = event.withPointer { event in
      var count = 0
      let list = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
      return Self.topicResults(list, count)
    }
    for (name, error) in results where error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS {
      try StreamingError.check(error, doing: "create topic \(name)")
    }
  }

  /// The topics with these names that exist; others are absent.
  public func describe(_ names: [String]) throws(StreamingError) -> [TopicDescription] {
    let counts = try partitionCounts().filter { names.contains($0.key) }
    guard !counts.isEmpty else { return [] }
    let known = counts.keys.sorted()
    var requests: [OpaquePointer?] = known.map {
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, kafka.fullName($0))
    }
    defer { for request in requests { rd_kafka_ConfigResource_destroy(request) } }
    let event = try perform("describe topics") { client, options, queue in
      rd_kafka_DescribeConfigs(client, &requests, requests.count, options, queue)
    }
    var configurations: [String: [String: String]] = [:]
    try event.withPointer { (event) throws(StreamingError) in
      var count = 0
      let list = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count)
      for index in 0..<count {
        guard let resource = list?[index] else { continue }
        let name = kafka.shortName(String(cString: rd_kafka_ConfigResource_name(resource)))
        try StreamingError.check(rd_kafka_ConfigResource_error(resource), doing: "describe topic \(name)")
        configurations[name] = Self.entries(resource)
      }
    }
    return known.map {
      TopicDescription(name: $0, partitions: counts[$0] ?? 0, configuration: configurations[$0] ?? [:])
    }
  }

  /// How the topics on the broker depart from what they should be, one sentence each; empty when they do not.
  public func verify(_ topics: [TopicSpecification]) throws(StreamingError) -> [String] {
    let found = Dictionary(uniqueKeysWithValues: try describe(topics.map(\.name)).map { ($0.name, $0) })
    return topics.flatMap { found[$0.name]?.differences(from: $0) ?? ["\($0.name) does not exist"] }
  }

  /// Deletes topics; those that are not there are no error.
  public func delete(_ names: [String]) throws(StreamingError) {
    guard !names.isEmpty else { return }
    var requests: [OpaquePointer?] = names.map { rd_kafka_DeleteTopic_new(kafka.fullName($0)) }
    defer { for request in requests { rd_kafka_DeleteTopic_destroy(request) } }
    let event = try perform("delete topics") { client, options, queue in
      rd_kafka_DeleteTopics(client, &requests, requests.count, options, queue)
    }
    let results = event.withPointer { event in
      var count = 0
      let list = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count)
      return Self.topicResults(list, count)
    }
    for (name, error) in results where error != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART {
      try StreamingError.check(error, doing: "delete topic \(name)")
    }
  }

  /// Deletes every topic under the configured prefix, which must not be empty.
  public func deleteAllTopics() throws(StreamingError) {
    guard !kafka.topicPrefix.isEmpty else {
      throw StreamingError(
        .configurationInvalid, "topicPrefix is empty: this would delete every topic of the cluster; set a prefix")
    }
    try delete(topicNames())
  }

  // MARK: Offsets and groups

  /// First and next offset of a partition; with `readCommitted` the next offset is the first open transaction's.
  public func watermarks(_ partition: TopicPartition) throws(StreamingError) -> Watermarks {
    var low: Int64 = 0
    var high: Int64 = 0
    try StreamingError.check(
      handle.withPointer {
        rd_kafka_query_watermark_offsets(
          $0, kafka.fullName(partition.topic), partition.partition, &low, &high, timeoutMilliseconds)
      }, doing: "read the watermarks of \(partition)")
    return Watermarks(low: low, high: high)
  }

  /// Messages between a group's committed offset and the end of each partition of a topic. Markers of transactions
  /// count as messages, so that a drained topic may keep a lag above 0.
  public func lag(group: String, topic: String) throws(StreamingError) -> [Int32: Int64] {
    guard let partitions = try partitionCounts()[topic] else {
      throw StreamingError(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, doing: "read the lag of \(topic)")
    }
    let committed = try committedOffsets(group: group, topic: topic, partitions: partitions)
    var lag: [Int32: Int64] = [:]
    for partition in 0..<Int32(partitions) {
      let marks = try watermarks(TopicPartition(topic, partition))
      lag[partition] = max(0, marks.high - max(marks.low, committed[partition] ?? marks.low))
    }
    return lag
  }

  /// Deletes a group that has no members; one that is not there is no error.
  public func deleteGroup(_ group: String) throws(StreamingError) {
    var requests: [OpaquePointer?] = [rd_kafka_DeleteGroup_new(kafka.fullName(group))]
    defer { for request in requests { rd_kafka_DeleteGroup_destroy(request) } }
    let event = try perform("delete group") { client, options, queue in
      rd_kafka_DeleteGroups(client, &requests, requests.count, options, queue)
    }
    let error = event.withPointer { event in
      var count = 0
      let list = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &count)
      return count > 0 ? rd_kafka_group_result_error(list?[0]).map { rd_kafka_error_code($0) } : nil
    }
    if let error, error != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND {
      try StreamingError.check(error, doing: "delete group \(group)")
    }
  }

  // MARK: Inner workings

  private func committedOffsets(
    group: String, topic: String, partitions: Int
  ) throws(StreamingError) -> [Int32: Int64] {
    let list = PartitionList()
    for partition in 0..<Int32(partitions) { list.add(kafka.fullName(topic), partition) }
    var requests: [OpaquePointer?] = [
      list.withPointer { rd_kafka_ListConsumerGroupOffsets_new(kafka.fullName(group), $0) }
    ]
    defer { for request in requests { rd_kafka_ListConsumerGroupOffsets_destroy(request) } }
    let event = try perform("read group offsets") { client, options, queue in
      rd_kafka_ListConsumerGroupOffsets(client, &requests, requests.count, options, queue)
    }
    return event.withPointer { event in
      var count = 0
      let groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count)
      guard count > 0, let found = rd_kafka_group_result_partitions(groups?[0]) else { return [:] }
      let committed = PartitionList.read(found).filter { $0.offset >= 0 }
      return Dictionary(uniqueKeysWithValues: committed.map { ($0.partition, $0.offset) })
    }
  }

  /// Number of partitions of each topic under the prefix, by name without it.
  private func partitionCounts() throws(StreamingError) -> [String: Int] {
    var metadata: UnsafePointer<rd_kafka_metadata>?
    let answer = handle.withPointer { rd_kafka_metadata($0, 1, nil, &metadata, timeoutMilliseconds) }
    // Taken in any case: what was wrong before brokers answered explains no later failure.
    let reason = handle.takeConnectionError()
    if answer != RD_KAFKA_RESP_ERR_NO_ERROR, let reason { throw reason }
    try StreamingError.check(answer, doing: "list topics")
    defer { rd_kafka_metadata_destroy(metadata) }
    guard let metadata else { return [:] }
    var counts: [String: Int] = [:]
    for topic in UnsafeBufferPointer(start: metadata.pointee.topics, count: Int(metadata.pointee.topic_cnt)) {
      let name = String(cString: topic.topic)
      guard name.hasPrefix(kafka.topicPrefix), topic.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
      counts[kafka.shortName(name)] = Int(topic.partition_cnt)
    }
    return counts
  }

  /// Sends one request and waits for its answer.
  private func perform(
    _ action: String, _ send: (OpaquePointer, OpaquePointer?, OpaquePointer?) -> Void
  ) throws(StreamingError) -> AdminEvent {
    let timeout = timeoutMilliseconds
    let answer: OpaquePointer? = handle.withPointer { client in
      let queue = rd_kafka_queue_new(client)
      defer { rd_kafka_queue_destroy(queue) }
      let options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_ANY)
      defer { rd_kafka_AdminOptions_destroy(options) }
      rd_kafka_AdminOptions_set_request_timeout(options, timeout, nil, 0)
      send(client, options, queue)
      return rd_kafka_queue_poll(queue, timeout + 1000)
    }
    guard let answer else { throw StreamingError(RD_KAFKA_RESP_ERR__TIMED_OUT, doing: action) }
    let event = AdminEvent(adopting: answer)
    if let failure = event.failure(doing: action) { throw failure }
    return event
  }

  private static func topicResults(
    _ list: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int
  ) -> [(name: String, error: rd_kafka_resp_err_t)] {
    (0..<count).compactMap { index in
      guard let result = list?[index] else { return nil }
      return (String(cString: rd_kafka_topic_result_name(result)), rd_kafka_topic_result_error(result))
    }
  }

  private static func entries(_ resource: OpaquePointer) -> [String: String] {
    var count = 0
    let list = rd_kafka_ConfigResource_configs(resource, &count)
    var entries: [String: String] = [:]
    for index in 0..<count {
      guard let entry = list?[index], let value = rd_kafka_ConfigEntry_value(entry) else { continue }
      entries[String(cString: rd_kafka_ConfigEntry_name(entry))] = String(cString: value)
    }
    return entries
  }
}

/// The one owner of an answer to an admin request.
private final class AdminEvent {
  private let pointer: OpaquePointer

  init(adopting pointer: OpaquePointer) { self.pointer = pointer }

  deinit { rd_kafka_event_destroy(pointer) }

  func withPointer<Result, Failure: Error>(
    _ body: (OpaquePointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(self) {} }
    return try body(pointer)
  }

  func failure(doing action: String) -> StreamingError? {
    let error = rd_kafka_event_error(pointer)
    guard error != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
    return StreamingError(
      error, doing: action, detail: rd_kafka_event_error_string(pointer).map { String(cString: $0) })
  }
}
