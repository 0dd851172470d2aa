import CLibrdkafka
import Logging

/// A producer without transactions: idempotent, so a message that is sent again by the client is not doubled.
/// Its queue is bounded (20,000 messages, 64 MB). May be used from several threads.
public final class Producer: Sendable {
  private let producer: ProducerHandle
  private let queueLimit: Duration

  /// - Parameter queueLimit: how long `send` waits at most while the queue is full.
  /// - Throws: `StreamingError` `CONFIGURATION_INVALID`; an unreachable broker shows only in `flush`.
  public init(kafka: KafkaConfiguration, logger: Logger, queueLimit: Duration = .seconds(30)) throws(StreamingError) {
    producer = try ProducerHandle(kafka, properties: [:], logger: logger)
    self.queueLimit = queueLimit
  }

  /// Queues a message. Blocks the calling thread while the queue is full.
  /// - Throws: `MESSAGE_TOO_LARGE`, or `QUEUE_FULL` when the queue did not empty within `queueLimit`.
  public func send(_ message: OutgoingMessage) throws(StreamingError) {
    try producer.send(message, limit: queueLimit)
  }

  /// Blocks until everything that was sent is acknowledged.
  /// - Throws: `DELIVERY_FAILED`, `MESSAGE_TOO_LARGE` or `NOT_AUTHORIZED`, naming topics and causes of what was lost
  ///   since the last flush; `TIMED_OUT`.
  public func flush(timeout: Duration = .seconds(30)) throws(StreamingError) {
    try producer.flush(timeout)
  }
}
