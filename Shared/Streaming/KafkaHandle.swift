import CLibrdkafka
import Logging
import Synchronization

/// What librdkafka's callbacks reach: they run on its threads or inside a poll, so everything here is locked.
final class HandleContext: Sendable {
  struct Rebalance: Sendable {
    let isAssignment: Bool
    /// Full topic names.
    let partitions: [TopicPartition]
  }

  struct FailedDeliveries: Sendable {
    var count = 0
    /// Topic, partition and error of each, no more than `limit` different ones.
    var examples: [String: Int] = [:]
    /// The first error that sending again would not mend.
    var permanent: StreamingError?
    static let limit = 8
  }

  let logger: Logger
  let rebalances = Mutex<[Rebalance]>([])
  let failedDeliveries = Mutex(FailedDeliveries())
  /// Why brokers are not reached, in a client that asks for it.
  let connectionError = Mutex<StreamingError?>(nil)
  /// While closing nobody polls for rebalances: they are answered in the callback.
  let isClosing = Atomic(false)

  let keepsConnectionErrors: Bool

  init(logger: Logger, keepsConnectionErrors: Bool) {
    self.logger = logger
    self.keepsConnectionErrors = keepsConnectionErrors
  }

  func recordFailedDelivery(topic: String, partition: Int32, error: rd_kafka_resp_err_t) {
    let label = "\(topic)[\(partition)]: \(String(cString: rd_kafka_err2name(error)))"
    failedDeliveries.withLock { failed in
      failed.count += 1
      if failed.examples[label] != nil || failed.examples.count < FailedDeliveries.limit {
        failed.examples[label, default: 0] += 1
      }
      let cause = StreamingError(error, doing: "send to \(topic)")
      if failed.permanent == nil, cause.code == .messageTooLarge || cause.code == .notAuthorized {
        failed.permanent = cause
      }
    }
  }

  func recordConnectionError(_ error: rd_kafka_resp_err_t, _ reason: String) {
    // It says no more than that others came before.
    guard error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN else { return }
    // Times and counts differ at each attempt, and the same reason must read the same.
    let steady = reason.replacing(/\s\(after \d+ms in state .*\)$/, with: "")
    let found = StreamingError(error, doing: "connect to Kafka", detail: steady)
    // After a refused certificate the connection is reported as broken too.
    connectionError.withLock { if $0 == nil || found.code != .brokerUnreachable { $0 = found } }
  }

  /// The context of a handle, lent during a callback.
  static func of(_ handle: OpaquePointer?) -> HandleContext? {
    guard let handle, let opaque = rd_kafka_opaque(handle) else { return nil }
    return Unmanaged<HandleContext>.fromOpaque(opaque).takeUnretainedValue()
  }
}

/// The one owner of a client of librdkafka, which is itself thread-safe.
final class KafkaHandle: @unchecked Sendable {
  let context: HandleContext
  private let pointer: OpaquePointer
  /// The client then belongs to the call that closes it.
  private let isLeftBehind = Atomic(false)

  /// - Parameters:
  ///   - properties: as `KafkaConfiguration.resolvedProperties` gives them.
  ///   - keepsConnectionErrors: they are told by `takeConnectionError`, and not logged by librdkafka at each attempt.
  init(
    _ role: KafkaConfiguration.Role, properties: [String: String], keepsConnectionErrors: Bool = false, logger: Logger
  ) throws(StreamingError) {
    context = HandleContext(logger: logger, keepsConnectionErrors: keepsConnectionErrors)
    guard let settings = rd_kafka_conf_new() else { preconditionFailure("rd_kafka_conf_new has no failure") }
    var errorText = [CChar](repeating: 0, count: 512)
    for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
      if rd_kafka_conf_set(settings, name, value, &errorText, errorText.count) != RD_KAFKA_CONF_OK {
        rd_kafka_conf_destroy(settings)
        throw StreamingError(.configurationInvalid, "Kafka property '\(name)': \(Self.text(errorText))")
      }
    }
    // The context outlives the client: whoever destroys the client holds the context until then.
    rd_kafka_conf_set_opaque(settings, Unmanaged.passUnretained(context).toOpaque())
    rd_kafka_conf_set_log_cb(settings) { handle, level, facility, text in
      guard let context = HandleContext.of(handle), let facility, let text else { return }
      let isKept = context.keepsConnectionErrors && ["FAIL", "ERROR"].contains(String(cString: facility))
      context.logger.log(
        level: isKept ? .debug : KafkaHandle.level(level), "\(String(cString: text))",
        metadata: ["facility": "\(String(cString: facility))"])
    }
    if keepsConnectionErrors {
      rd_kafka_conf_set_error_cb(settings) { handle, error, reason, _ in
        guard let context = HandleContext.of(handle), let reason else { return }
        context.recordConnectionError(rd_kafka_resp_err_t(error), String(cString: reason))
      }
    }
    switch role {
    case .producer:
      rd_kafka_conf_set_dr_msg_cb(settings) { handle, message, _ in
        guard let message, message.pointee.err != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        HandleContext.of(handle)?.recordFailedDelivery(
          topic: message.pointee.rkt.map { String(cString: rd_kafka_topic_name($0)) } ?? "?",
          partition: message.pointee.partition, error: message.pointee.err)
      }
    case .consumer:
      rd_kafka_conf_set_rebalance_cb(settings) { handle, kind, partitions, _ in
        guard let context = HandleContext.of(handle) else { return }
        if context.isClosing.load(ordering: .acquiring) {
          rd_kafka_assign(handle, nil)
          return
        }
        let list = partitions.map { PartitionList.read($0).map { TopicPartition($0.topic, $0.partition) } } ?? []
        context.rebalances.withLock {
          $0.append(.init(isAssignment: kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, partitions: list))
        }
        rd_kafka_yield(handle)
      }
    }
    let kind = role == .producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER
    guard let created = rd_kafka_new(kind, settings, &errorText, errorText.count) else {
      rd_kafka_conf_destroy(settings)
      throw StreamingError(.configurationInvalid, "Kafka client: \(Self.text(errorText))")
    }
    pointer = created
    if role == .consumer { rd_kafka_poll_set_consumer(created) }
  }

  deinit {
    guard !isLeftBehind.load(ordering: .acquiring) else { return }
    let destroy = destroying
    _ = BoundedCalls.ofThisProcess.run("let go of a client", logger: context.logger) { destroy() }
  }

  /// Destroys the client, which must be nobody else's by then.
  private var destroying: @Sendable () -> Void {
    nonisolated(unsafe) let pointer = pointer
    return { [context] in
      // A consumer that was not closed leaves no goodbye to the group, just as a killed process.
      rd_kafka_destroy_flags(pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
      // The client's last callbacks use it.
      withExtendedLifetime(context) {}
    }
  }

  /// Leaves the group. Nothing else may be done with the client afterwards.
  func closeConsumer(hasUnansweredRebalance: Bool) {
    context.isClosing.store(true, ordering: .releasing)
    // Lent to the call, which keeps it should it not return in time.
    nonisolated(unsafe) let pointer = pointer
    let isClosed = BoundedCalls.ofThisProcess.run("close a consumer", logger: context.logger, late: destroying) {
      // It would hold the closing up.
      if hasUnansweredRebalance { rd_kafka_assign(pointer, nil) }
      rd_kafka_consumer_close(pointer)
    }
    if !isClosed { isLeftBehind.store(true, ordering: .releasing) }
  }

  func withPointer<Result>(_ body: (OpaquePointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(self) { try body(pointer) }
  }

  /// The error that made this client unusable, if any did.
  var fatalError: StreamingError? {
    withPointer { pointer in
      var errorText = [CChar](repeating: 0, count: 512)
      let code = rd_kafka_fatal_error(pointer, &errorText, errorText.count)
      guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
      var error = StreamingError(code, doing: "Kafka client", detail: Self.text(errorText))
      error.isFatal = true
      // Another client may do what this one can't any more.
      error.isRetriable = !error.needsOperator
      return error
    }
  }

  /// Why connections have failed since this was last asked, if any has.
  func takeConnectionError() -> StreamingError? {
    withPointer { _ = rd_kafka_poll($0, 0) }
    return context.connectionError.withLock { error in
      defer { error = nil }
      return error
    }
  }

  static func text(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// From syslog's levels; a lost connection (3) is a warning, since librdkafka mends it itself.
  private static func level(_ syslog: Int32) -> Logger.Level {
    switch syslog {
    case ...2: .error
    case 3, 4: .warning
    case 5: .notice
    case 6: .info
    default: .debug
    }
  }
}

/// The one owner of a list of partitions of librdkafka.
final class PartitionList {
  struct Element {
    let topic: String
    let partition: Int32
    let offset: Int64
    let error: rd_kafka_resp_err_t
  }

  private let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

  init() { pointer = rd_kafka_topic_partition_list_new(16) }

  deinit { rd_kafka_topic_partition_list_destroy(pointer) }

  /// - Parameter topic: the full name.
  func add(_ topic: String, _ partition: Int32, offset: Int64? = nil) {
    let element = rd_kafka_topic_partition_list_add(pointer, topic, partition)
    if let offset { element?.pointee.offset = offset }
  }

  func withPointer<Result>(
    _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(self) { try body(pointer) }
  }

  var elements: [Element] { withPointer { Self.read($0) } }

  /// Copies a lent list.
  static func read(_ list: UnsafePointer<rd_kafka_topic_partition_list_t>) -> [Element] {
    UnsafeBufferPointer(start: list.pointee.elems, count: Int(list.pointee.cnt)).map {
      Element(topic: String(cString: $0.topic), partition: $0.partition, offset: $0.offset, error: $0.err)
    }
  }
}
