import CLibrdkafka
import Logging

/// What the plain and the transactional producer share: sending with back-pressure, and flushing.
final class ProducerHandle: Sendable {
  let kafka: KafkaConfiguration
  let handle: KafkaHandle

  init(_ kafka: KafkaConfiguration, properties: [String: String], logger: Logger) throws(StreamingError) {
    self.kafka = kafka
    handle = try KafkaHandle(.producer, properties: kafka.resolvedProperties(.producer, properties), logger: logger)
  }

  /// Messages and reports of delivery that wait.
  var queuedMessages: Int { handle.withPointer { Int(rd_kafka_outq_len($0)) } }

  /// Queues a message; while the queue is full it waits for the broker, no longer than `limit`.
  func send(_ message: OutgoingMessage, limit: Duration) throws(StreamingError) {
    guard message.byteCount <= KafkaConfiguration.maximumMessageBytes else {
      throw StreamingError(
        .messageTooLarge,
        "message of \(message.byteCount) bytes for \(message.topic); expected at most "
          + "\(KafkaConfiguration.maximumMessageBytes): cut it into smaller ones")
    }
    let deadline = ContinuousClock.now + limit
    while true {
      guard let failure = enqueue(message) else { break }
      guard failure.code == .queueFull, ContinuousClock.now < deadline else { throw handle.fatalError ?? failure }
      // Serves delivery reports, which make room.
      handle.withPointer { _ = rd_kafka_poll($0, 50) }
    }
    handle.withPointer { _ = rd_kafka_poll($0, 0) }
  }

  /// Waits until every queued message is delivered or has failed. Throws naming what failed since the last flush.
  func flush(_ timeout: Duration) throws(StreamingError) {
    let answer = handle.withPointer { rd_kafka_flush($0, timeout.kafkaMilliseconds) }
    let failed = handle.context.failedDeliveries.withLock { failed in
      defer { failed = .init() }
      return failed
    }
    if let fatal = handle.fatalError { throw fatal }
    if failed.count > 0 {
      let examples = failed.examples.sorted { $0.key < $1.key }.map { "\($0.key) ×\($0.value)" }
      throw StreamingError(
        failed.permanent?.code ?? .deliveryFailed,
        "\(failed.count) messages were not delivered: \(examples.joined(separator: ", "))"
          + (failed.permanent.map { "; \($0.text)" } ?? ""),
        isRetriable: failed.permanent == nil)
    }
    try StreamingError.check(answer, doing: "flush")
  }

  private func enqueue(_ message: OutgoingMessage) -> StreamingError? {
    var arguments: [rd_kafka_vu_t] = []
    func argument(_ type: rd_kafka_vtype_t, _ fill: (inout rd_kafka_vu_t) -> Void) {
      var item = rd_kafka_vu_t()
      item.vtype = type
      fill(&item)
      arguments.append(item)
    }
    let headers = message.headers.isEmpty ? nil : Self.makeHeaders(message.headers)
    // librdkafka copies key and value before it returns (RD_KAFKA_MSG_F_COPY); the pointers are lent for the call.
    let error = kafka.fullName(message.topic).withCString { topic in
      Self.lend(message.key) { key in
        Self.lend(message.value) { value in
          argument(RD_KAFKA_VTYPE_TOPIC) { $0.u.cstr = topic }
          argument(RD_KAFKA_VTYPE_PARTITION) { $0.u.i32 = message.partition ?? -1 }
          argument(RD_KAFKA_VTYPE_MSGFLAGS) { $0.u.i = RD_KAFKA_MSG_F_COPY }
          argument(RD_KAFKA_VTYPE_KEY) { $0.u.mem = .init(ptr: key.pointer, size: key.count) }
          argument(RD_KAFKA_VTYPE_VALUE) { $0.u.mem = .init(ptr: value.pointer, size: value.count) }
          if let headers { argument(RD_KAFKA_VTYPE_HEADERS) { $0.u.headers = headers } }
          return handle.withPointer { rd_kafka_produceva($0, arguments, arguments.count) }
        }
      }
    }
    guard let error else { return nil }
    // Headers pass to librdkafka with the message, and stay ours when the call fails.
    if let headers { rd_kafka_headers_destroy(headers) }
    return StreamingError(consuming: error, doing: "send to \(message.topic)")
  }

  private static func makeHeaders(_ headers: [MessageHeader]) -> OpaquePointer? {
    let list = rd_kafka_headers_new(headers.count)
    for header in headers {
      header.value.withUnsafeBytes { bytes in
        // Length -1 asks for the name's own length; an empty value needs an address that is not null.
        _ = withUnsafePointer(to: UInt8(0)) { empty in
          rd_kafka_header_add(list, header.name, -1, bytes.baseAddress ?? UnsafeRawPointer(empty), bytes.count)
        }
      }
    }
    return list
  }

  /// Lends bytes to C: a null pointer for nil, and an address that is not null for no bytes.
  private static func lend<Result>(
    _ bytes: [UInt8]?, _ body: ((pointer: UnsafeMutableRawPointer?, count: Int)) -> Result
  ) -> Result {
    guard let bytes else { return body((nil, 0)) }
    return bytes.withUnsafeBytes { raw in
      withUnsafePointer(to: UInt8(0)) { empty in
        body((UnsafeMutableRawPointer(mutating: raw.baseAddress ?? UnsafeRawPointer(empty)), raw.count))
      }
    }
  }
}

extension Duration {
  /// Whole milliseconds, 0 or more, as librdkafka takes them.
  var kafkaMilliseconds: Int32 {
    let (seconds, attoseconds) = components
    let milliseconds = seconds.multipliedReportingOverflow(by: 1000)
    guard !milliseconds.overflow else { return .max }
    return Int32(clamping: max(0, milliseconds.partialValue + attoseconds / 1_000_000_000_000_000))
  }

  /// In seconds.
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
