import CLibrdkafka

/// An error that knows whether the same work may succeed later. A processor throws one to make its pipeline abort,
/// wait and try again; any other error stops the pipeline. What it prints goes to logs and holds no patient data.
public protocol RetriableError: Error {
  var isRetriable: Bool { get }
}

/// What went wrong between this process and Kafka. The text says what to do and never holds keys or values of messages.
public struct StreamingError: RetriableError, Equatable, CustomStringConvertible {
  public enum Code: String, Sendable {
    case configurationInvalid = "CONFIGURATION_INVALID"
    case brokerUnreachable = "BROKER_UNREACHABLE"
    case tlsFailed = "TLS_FAILED"
    case notAuthorized = "NOT_AUTHORIZED"
    case topicUnavailable = "TOPIC_UNAVAILABLE"
    case messageTooLarge = "MESSAGE_TOO_LARGE"
    case queueFull = "QUEUE_FULL"
    case deliveryFailed = "DELIVERY_FAILED"
    case timedOut = "TIMED_OUT"
    case fenced = "FENCED"
    case transactionFailed = "TRANSACTION_FAILED"
    case stateInvalid = "STATE_INVALID"
    case kafka = "KAFKA_ERROR"
  }

  public var code: Code
  /// librdkafka's number of the error, where there is one.
  public var kafkaCode: Int32?
  /// librdkafka's name of the error, such as `_TRANSPORT`; otherwise the code itself.
  public var name: String
  public var text: String
  public var isRetriable: Bool
  /// The producer or consumer that gave it can't be used again.
  public var isFatal: Bool
  /// The open transaction has to be aborted before anything else.
  public var requiresAbort: Bool

  public init(
    _ code: Code, _ text: String, kafkaCode: Int32? = nil, name: String? = nil, isRetriable: Bool = false,
    isFatal: Bool = false, requiresAbort: Bool = false
  ) {
    self.code = code
    self.kafkaCode = kafkaCode
    self.name = name ?? code.rawValue
    self.text = text
    self.isRetriable = isRetriable
    self.isFatal = isFatal
    self.requiresAbort = requiresAbort
  }

  /// Going on with the same client is of no use: librdkafka has given up, or an administrator must act.
  public var endsSession: Bool { isFatal || code == .notAuthorized || code == .configurationInvalid }

  /// No repetition mends it, not even with a new client.
  package var needsOperator: Bool {
    code == .notAuthorized || code == .configurationInvalid || code == .messageTooLarge
  }

  public var description: String { "\(code.rawValue) (\(name)): \(text)" }
}

extension StreamingError {
  private struct Rule {
    let code: Code
    let isRetriable: Bool
    let advice: String
  }

  private static let unreachable = Rule(
    code: .brokerUnreachable, isRetriable: true,
    advice: "check that bootstrap.servers names brokers that run and can be reached from here")
  private static let untrusted = Rule(
    code: .tlsFailed, isRetriable: true,
    advice: "check that ssl.ca.location holds the authority of the broker's certificate, that the certificate is valid "
      + "now and for the host name by which the broker is reached, and that the broker's port speaks TLS")
  private static let noTopic = Rule(
    code: .topicUnavailable, isRetriable: true,
    advice: "create the topics with `resync setup`, with the same topic prefix and number of partitions")
  private static let refused = Rule(
    code: .notAuthorized, isRetriable: false,
    advice: "check the credentials and the access rights of this service's user on the broker")
  private static let fencedOff = Rule(
    code: .fenced, isRetriable: true,
    advice: "another process took over this instance's work; give each running instance a name of its own")
  private static let busy = Rule(code: .kafka, isRetriable: true, advice: "the cluster is busy or moving; try again")

  /// What the numbers of librdkafka mean to a caller. Numbers that are not listed are neither retriable nor named.
  private static let rules: [Int32: Rule] = {
    let table: [(Rule, [rd_kafka_resp_err_t])] = [
      (
        unreachable,
        [
          RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE,
          RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
        ]
      ),
      (untrusted, [RD_KAFKA_RESP_ERR__SSL]),
      (
        noTopic,
        [
          RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
          RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        ]
      ),
      (
        refused,
        [
          RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
          RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
          RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
        ]
      ),
      (
        fencedOff,
        [
          RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
          RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
          RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST,
        ]
      ),
      (
        Rule(
          code: .messageTooLarge, isRetriable: false,
          advice: "keep messages under 900 KB, and message.max.bytes and the topics' max.message.bytes above that"),
        [
          RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
          RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
        ]
      ),
      (
        Rule(code: .queueFull, isRetriable: true, advice: "the broker takes messages slower than they are sent"),
        [RD_KAFKA_RESP_ERR__QUEUE_FULL]
      ),
      (
        Rule(code: .timedOut, isRetriable: true, advice: "the broker did not answer in time; see its log and load"),
        [
          RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
          RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        ]
      ),
      (
        busy,
        [
          RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
          RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
          RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
          RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
          RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
          RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT,
          RD_KAFKA_RESP_ERR__RETRY, RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS,
          RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, RD_KAFKA_RESP_ERR_UNKNOWN,
        ]
      ),
      (
        Rule(
          code: .transactionFailed, isRetriable: true,
          advice: "an earlier error, which librdkafka has logged, ended the transaction"),
        [RD_KAFKA_RESP_ERR__STATE]
      ),
      (
        Rule(code: .configurationInvalid, isRetriable: false, advice: "correct the property it names"),
        [RD_KAFKA_RESP_ERR__INVALID_ARG, RD_KAFKA_RESP_ERR__CONFLICT, RD_KAFKA_RESP_ERR_INVALID_CONFIG]
      ),
      (
        Rule(
          code: .configurationInvalid, isRetriable: false,
          advice: "set session-timeout-ms to what the brokers allow: from group.min.session.timeout.ms to "
            + "group.max.session.timeout.ms, at most transaction.max.timeout.ms"),
        [RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT]
      ),
      (
        Rule(
          code: .configurationInvalid, isRetriable: false,
          advice: "another program is in this service's group; give this installation a topic prefix of its own"),
        [RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL]
      ),
    ]
    return Dictionary(uniqueKeysWithValues: table.flatMap { rule, codes in codes.map { ($0.rawValue, rule) } })
  }()

  /// An answer code of librdkafka while doing `action`.
  init(_ kafka: rd_kafka_resp_err_t, doing action: String, detail: String? = nil) {
    let rule = Self.rules[kafka.rawValue]
    let explanation = detail ?? String(cString: rd_kafka_err2str(kafka))
    self.init(
      rule?.code ?? .kafka, "\(action): \(explanation)" + (rule.map { "; \($0.advice)" } ?? ""),
      kafkaCode: kafka.rawValue, name: String(cString: rd_kafka_err2name(kafka)),
      isRetriable: rule?.isRetriable ?? false, isFatal: kafka == RD_KAFKA_RESP_ERR__FATAL)
  }

  /// Reads and frees an error object of librdkafka.
  init(consuming error: OpaquePointer, doing action: String) {
    self.init(rd_kafka_error_code(error), doing: action, detail: String(cString: rd_kafka_error_string(error)))
    isFatal = rd_kafka_error_is_fatal(error) != 0
    requiresAbort = rd_kafka_error_txn_requires_abort(error) != 0
    isRetriable = isRetriable || rd_kafka_error_is_retriable(error) != 0
    if code == .kafka, requiresAbort { code = .transactionFailed }
    rd_kafka_error_destroy(error)
  }

  /// Throws when a call of librdkafka gave anything but success.
  static func check(_ kafka: rd_kafka_resp_err_t, doing action: String) throws(StreamingError) {
    if kafka != RD_KAFKA_RESP_ERR_NO_ERROR { throw StreamingError(kafka, doing: action) }
  }

  static func check(_ error: OpaquePointer?, doing action: String) throws(StreamingError) {
    if let error { throw StreamingError(consuming: error, doing: action) }
  }
}
