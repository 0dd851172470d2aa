import CLibrdkafka
import Logging

/// A producer whose messages and offsets become visible together or not at all. Used by one thread.
package final class TransactionalProducer {
  private let producer: ProducerHandle
  private let callTimeout: Duration

  package init(
    kafka: KafkaConfiguration, transactionalID: String, transactionTimeoutMilliseconds: Int, logger: Logger
  ) throws(StreamingError) {
    let timeout = String(transactionTimeoutMilliseconds)
    producer = try ProducerHandle(
      kafka, properties: ["transactional.id": transactionalID, "transaction.timeout.ms": timeout], logger: logger)
    callTimeout = .milliseconds(transactionTimeoutMilliseconds)
  }

  package var queuedMessages: Int { producer.queuedMessages }

  /// Takes over the transactional id: fences older owners and resolves what they left open.
  package func initialize() throws(StreamingError) {
    try call("take over the transactional id") { rd_kafka_init_transactions($0, $1) }
  }

  package func begin() throws(StreamingError) {
    try call("begin a transaction") { producer, _ in rd_kafka_begin_transaction(producer) }
  }

  package func send(_ message: OutgoingMessage) throws(StreamingError) {
    do { try producer.send(message, limit: callTimeout) } catch { throw transactionError ?? error }
  }

  package func flush() throws(StreamingError) {
    do { try producer.flush(callTimeout) } catch { throw transactionError ?? error }
  }

  /// What made the open transaction fail, if it has. Messages that are sent or delivered in it afterwards only say that
  /// it has failed; of librdkafka's calls that tell the reason, this one changes nothing while a transaction is open.
  private var transactionError: StreamingError? {
    guard let error = producer.handle.withPointer({ rd_kafka_begin_transaction($0) }) else { return nil }
    let failure = StreamingError(consuming: error, doing: "write in a transaction")
    return failure.requiresAbort || failure.isFatal ? failure : nil
  }

  /// Adds consumed offsets, guarded by the generation in which the partitions were assigned: a broker of 2.5 or later
  /// refuses them from a member that was replaced.
  /// - Parameter offsets: the next offset to read of each partition.
  package func sendOffsets(_ offsets: [TopicPartition: Int64], of metadata: GroupMetadata) throws(StreamingError) {
    let list = PartitionList()
    for (partition, offset) in offsets {
      list.add(producer.kafka.fullName(partition.topic), partition.partition, offset: offset)
    }
    try call("add offsets to the transaction") { producer, timeout in
      list.withPointer { offsets in
        metadata.withPointer { rd_kafka_send_offsets_to_transaction(producer, offsets, $0, timeout) }
      }
    }
  }

  package func commit() throws(StreamingError) {
    try call("commit the transaction") { rd_kafka_commit_transaction($0, $1) }
  }

  package func abort() throws(StreamingError) {
    // What the abort throws away is no failed delivery.
    defer { producer.handle.context.failedDeliveries.withLock { $0 = .init() } }
    try call("abort the transaction") { rd_kafka_abort_transaction($0, $1) }
  }

  /// Repeats a call as long as librdkafka says it may, no longer than twice the transaction's timeout.
  private func call(
    _ action: String, _ body: (OpaquePointer, Int32) -> OpaquePointer?
  ) throws(StreamingError) {
    let deadline = ContinuousClock.now + callTimeout * 2
    while true {
      guard let error = producer.handle.withPointer({ body($0, callTimeout.kafkaMilliseconds) }) else { return }
      let mayRepeat = rd_kafka_error_is_retriable(error) != 0
      let failure = StreamingError(consuming: error, doing: action)
      guard mayRepeat, ContinuousClock.now < deadline else { throw failure }
      producer.handle.withPointer { _ = rd_kafka_poll($0, 100) }
    }
  }
}
