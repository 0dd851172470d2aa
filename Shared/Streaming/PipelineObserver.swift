/// What a pipeline tells of its work, on its own thread; must not block.
public protocol PipelineObserver: Sendable {
  /// A transaction was committed: messages read and written (changelog included), time spent on the messages themselves,
  /// time from first message to commit.
  func transactionCommitted(messagesIn: Int, messagesOut: Int, processing: Duration, duration: Duration)
  /// A transaction was aborted, with the code of the cause.
  func transactionAborted(code: String)
  /// A message below the partition's position came again and was dropped.
  func messageRepeated(partition: Int32)
  /// All before the offset `next` has been read: when a partition is taken over, and about once a second while there is
  /// work.
  func positionObserved(partition: Int32, next: Int64)
  /// Messages that wait in the producer for the broker, about once a second.
  func queueObserved(messages: Int)
  func assignmentChanged(partitions: [Int32])
  /// Whether the pipeline is a member of its group whose states are restored.
  func readinessChanged(isReady: Bool)
  /// Keys with a state, after each commit and restore.
  func stateSizeChanged(keys: Int)
  /// So many keys of a partition taken over have a stored state that cannot be read.
  func statesUnreadable(_ count: Int)
  /// Producer and consumer had to be made anew, with the code of the cause.
  func sessionRestarted(code: String)
}

extension PipelineObserver {
  public func transactionCommitted(messagesIn: Int, messagesOut: Int, processing: Duration, duration: Duration) {}
  public func transactionAborted(code: String) {}
  public func messageRepeated(partition: Int32) {}
  public func positionObserved(partition: Int32, next: Int64) {}
  public func queueObserved(messages: Int) {}
  public func assignmentChanged(partitions: [Int32]) {}
  public func readinessChanged(isReady: Bool) {}
  public func stateSizeChanged(keys: Int) {}
  public func statesUnreadable(_ count: Int) {}
  public func sessionRestarted(code: String) {}
}

/// Observes nothing.
public struct SilentObserver: PipelineObserver {
  public init() {}
}
