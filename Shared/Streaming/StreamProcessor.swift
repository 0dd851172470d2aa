/// What a stage does with its messages. A value or class that one thread uses.
///
/// Messages may be processed several times before their transaction is committed, so `process` must be deterministic:
/// the same messages after the same state give the same outputs and the same state.
public protocol StreamProcessor {
  associatedtype State: KeyedStateValue

  /// The key whose state the message belongs to, usually its Kafka key; nil when it belongs to none. All messages of a
  /// key must come by one partition.
  func stateKey(of message: ConsumedMessage) -> String?

  /// Handles one message. `state` is nil when the key has none; setting it to nil deletes it. Without a key it is nil
  /// and stays so.
  /// - Throws: a `RetriableError` to have the transaction aborted and tried again; any other error stops the pipeline.
  mutating func process(_ message: ConsumedMessage, state: inout State?) throws -> [OutgoingMessage]

  /// Called about once a second for each open key, once everything in its partition has been read. A changed state is
  /// kept only if it is deleted or comes with outputs.
  mutating func punctuate(key: String, state: inout State?, nowMilliseconds: Int64) throws -> [OutgoingMessage]

  /// Partitions were taken over and their states read: whatever else was kept about keys is of another time.
  mutating func statesRestored()

  /// Side effects that must be done before the transaction is committed; they must be repeatable.
  mutating func prepareCommit() throws

  /// Nothing since the last commit counts: drop what `prepareCommit` would have written.
  mutating func transactionAborted()
}

extension StreamProcessor {
  public mutating func punctuate(
    key: String, state: inout State?, nowMilliseconds: Int64
  ) throws -> [OutgoingMessage] { [] }

  public mutating func statesRestored() {}

  public mutating func prepareCommit() throws {}

  public mutating func transactionAborted() {}
}
