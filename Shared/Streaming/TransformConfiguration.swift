/// How a pipeline takes part in its group, and how large its transactions grow.
public struct TransformConfiguration: Sendable {
  /// Without the configured prefix.
  public var group: String
  /// The stable name of this instance; two that run at once must not share one.
  public var instance: String
  /// A static member goes on at once when it is started again, and leaves its partitions idle for the session timeout
  /// when it is not. A dynamic one hands them over when it stops.
  public var isStaticMember: Bool
  public var inputTopic: String
  /// Compacted, with at least as many partitions as the input topic; nil for a stage that keeps no state.
  public var changelogTopic: String?
  /// A transaction is committed this long after its first message.
  public var commitIntervalMilliseconds: Int
  public var maximumMessagesPerTransaction: Int
  /// Bytes read and written.
  public var maximumBytesPerTransaction: Int
  /// After this long without a sign of life the group gives the partitions to others.
  public var sessionTimeoutMilliseconds: Int
  /// After this long the broker aborts a transaction; at most the session timeout.
  public var transactionTimeoutMilliseconds: Int
  /// How long a transaction's work may keep the pipeline from polling; also how long others wait for it at most when
  /// partitions move.
  public var maximumPollIntervalMilliseconds: Int
  public var punctuationIntervalMilliseconds: Int
  /// False where what is written hardly gets smaller; a `compression.codec` among the user's properties goes before it.
  public var compressesOutputs = true

  public init(
    group: String, instance: String, inputTopic: String, changelogTopic: String? = nil, isStaticMember: Bool = true,
    commitIntervalMilliseconds: Int = 50, maximumMessagesPerTransaction: Int = 500,
    maximumBytesPerTransaction: Int = 32 << 20, sessionTimeoutMilliseconds: Int = 10_000,
    transactionTimeoutMilliseconds: Int = 10_000, maximumPollIntervalMilliseconds: Int = 60_000,
    punctuationIntervalMilliseconds: Int = 1000
  ) {
    self.group = group
    self.instance = instance
    self.isStaticMember = isStaticMember
    self.inputTopic = inputTopic
    self.changelogTopic = changelogTopic
    self.commitIntervalMilliseconds = commitIntervalMilliseconds
    self.maximumMessagesPerTransaction = maximumMessagesPerTransaction
    self.maximumBytesPerTransaction = maximumBytesPerTransaction
    self.sessionTimeoutMilliseconds = sessionTimeoutMilliseconds
    self.transactionTimeoutMilliseconds = transactionTimeoutMilliseconds
    self.maximumPollIntervalMilliseconds = maximumPollIntervalMilliseconds
    self.punctuationIntervalMilliseconds = punctuationIntervalMilliseconds
  }

  /// `transactional.id`, without the configured prefix.
  var transactionalID: String { "\(group)-\(instance)" }

  var membership: GroupMembership {
    GroupMembership(
      group: group, instance: isStaticMember ? instance : nil,
      sessionTimeoutMilliseconds: sessionTimeoutMilliseconds,
      maximumPollIntervalMilliseconds: maximumPollIntervalMilliseconds)
  }

  func validate() throws(StreamingError) {
    func require(_ condition: Bool, _ text: String) throws(StreamingError) {
      if !condition { throw StreamingError(.configurationInvalid, text) }
    }
    for (name, value) in [("group", group), ("instance", instance), ("inputTopic", inputTopic)] {
      try require(!value.isEmpty, "\(name) is empty; expected a name")
    }
    let limits = [
      ("commitIntervalMilliseconds", commitIntervalMilliseconds),
      ("maximumMessagesPerTransaction", maximumMessagesPerTransaction),
      ("maximumBytesPerTransaction", maximumBytesPerTransaction),
      ("sessionTimeoutMilliseconds", sessionTimeoutMilliseconds),
      ("transactionTimeoutMilliseconds", transactionTimeoutMilliseconds),
      ("maximumPollIntervalMilliseconds", maximumPollIntervalMilliseconds),
      ("punctuationIntervalMilliseconds", punctuationIntervalMilliseconds),
    ]
    for (name, value) in limits { try require(value > 0, "\(name) is \(value); expected more than 0") }
    try require(
      transactionTimeoutMilliseconds <= sessionTimeoutMilliseconds,
      "transactionTimeoutMilliseconds is \(transactionTimeoutMilliseconds); expected at most the session timeout, "
        + "\(sessionTimeoutMilliseconds)")
    try require(
      commitIntervalMilliseconds < transactionTimeoutMilliseconds,
      "commitIntervalMilliseconds is \(commitIntervalMilliseconds); expected less than the transaction timeout, "
        + "\(transactionTimeoutMilliseconds)")
    try require(
      changelogTopic != inputTopic, "changelogTopic is the input topic, \(inputTopic); expected a topic of its own")
  }
}
