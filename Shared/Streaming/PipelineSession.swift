import Foundation
import Logging

/// One membership of a pipeline in its group with one producer, until a stop or an error that ends both.
///
/// Whatever goes wrong, there is one way back: abort, forget states and positions, read both again. What was read but
/// not committed comes again.
final class PipelineSession<P: StreamProcessor> {
  private enum Phase {
    /// The group has given nothing yet, or has taken everything back.
    case unassigned
    /// Partitions are held but not read until this moment.
    case waiting(until: ContinuousClock.Instant)
    case restoring
    case running
  }

  private struct OpenTransaction {
    let begun: ContinuousClock.Instant
    var messagesIn = 0
    var messagesOut = 0
    var bytes = 0
    var processing = Duration.zero
    /// Next offset to read of each partition that took part.
    var offsets: [TopicPartition: Int64] = [:]
  }

  private let configuration: TransformConfiguration
  private let control: PipelineControl
  private let logger: Logger
  private let observer: any PipelineObserver
  private let producer: TransactionalProducer
  private let consumer: Consumer
  private let restorer: StateRestorer?

  private var phase = Phase.unassigned
  /// Set while partitions are held; proves to the broker that they are.
  private var membership: GroupMetadata?
  private var assigned: [Int32] = []
  private var progress = PartitionProgress()
  private var states = KeyedStates<P.State>()
  private var transaction: OpenTransaction?
  private var retryBackoff = Backoff()
  private var nextReport = ContinuousClock.now
  private var lastPunctuation: [Int32: ContinuousClock.Instant] = [:]

  init(
    kafka: KafkaConfiguration, configuration: TransformConfiguration, control: PipelineControl, logger: Logger,
    observer: any PipelineObserver
  ) throws(StreamingError) {
    self.configuration = configuration
    self.control = control
    self.logger = logger
    self.observer = observer
    var writing = kafka
    if !configuration.compressesOutputs { writing.properties.merge(["compression.codec": "none"]) { own, _ in own } }
    producer = try TransactionalProducer(
      kafka: writing, transactionalID: kafka.fullName(configuration.transactionalID),
      transactionTimeoutMilliseconds: configuration.transactionTimeoutMilliseconds, logger: logger)
    try producer.initialize()
    restorer = try configuration.changelogTopic.map { (topic) throws(StreamingError) in
      try StateRestorer(kafka: kafka, topic: topic, logger: logger)
    }
    consumer = try Consumer(kafka: kafka, membership: configuration.membership, logger: logger)
    try consumer.subscribe([configuration.inputTopic])
  }

  /// - Parameter onCommit: called after every commit.
  /// - Throws: what the caller must see, or `Recovery.Restart`.
  func run(_ processor: inout P, onCommit: () -> Void) throws {
    do {
      while !control.isStopping {
        do {
          try step(&processor, onCommit)
        } catch {
          try recover(from: error, &processor)
        }
      }
    } catch {
      giveUp(&processor, because: error)
      throw error
    }
    if control.isAbandoned { return }
    do {
      try commit(&processor)
    } catch {
      giveUp(&processor, because: error)
      return
    }
    close()
  }

  // MARK: One turn of the loop

  private func step(_ processor: inout P, _ onCommit: () -> Void) throws {
    if let event = try consumer.poll(timeoutMilliseconds: pollTimeoutMilliseconds) {
      try handle(event, &processor)
    }
    switch phase {
    case .unassigned:
      return
    case .waiting(let moment):
      if ContinuousClock.now >= moment { try startRestoring() }
    case .restoring:
      if try restorer?.step() ?? true { try startRunning(&processor) }
    case .running:
      try punctuate(&processor)
      if isCommitDue, try commit(&processor) {
        retryBackoff.reset()
        onCommit()
      }
      report()
    }
  }

  private var pollTimeoutMilliseconds: Int {
    switch phase {
    case .unassigned, .waiting: return 50
    // The restorer waits by itself.
    case .restoring: return 0
    case .running:
      guard let transaction else { return 100 }
      let age = transaction.begun.duration(to: .now)
      return max(0, configuration.commitIntervalMilliseconds - Int(age.kafkaMilliseconds))
    }
  }

  private func handle(_ event: ConsumerEvent, _ processor: inout P) throws {
    switch event {
    case .message(let message):
      guard case .running = phase else { return }
      try process(message, &processor)
    case .endOfPartition(let partition, let offset):
      progress.reachedEnd(of: partition.partition, at: offset)
    case .assigned(let partitions):
      try takeOver(partitions)
    case .revoked(let partitions, let isLost):
      logger.info("partitions revoked", metadata: ["count": "\(partitions.count)", "lost": "\(isLost)"])
      try abort(&processor, code: "REVOKED")
      try letGo()
      try consumer.unassign()
    case .failure(let error):
      // Missing topics, lost connections and the like mend themselves, while the group goes on.
      guard error.endsSession else {
        logger.warning("reading is disturbed", metadata: ["error": "\(error)"])
        return
      }
      throw error
    }
  }

  // MARK: Partitions come and go

  private func takeOver(_ partitions: [TopicPartition]) throws {
    // Acknowledged, but nothing is read before the states are restored.
    try consumer.assign([:])
    membership = try consumer.groupMetadata()
    // Without a place in the group the assignment is stale already; its revocation comes next.
    guard membership != nil else { return }
    assigned = partitions.map(\.partition).sorted()
    observer.assignmentChanged(partitions: assigned)
    if assigned.isEmpty {
      logger.warning(
        "no partition for this instance: there are more instances than partitions",
        metadata: ["topic": "\(configuration.inputTopic)"])
      control.isReady = true
      // It takes over when another goes.
      observer.readinessChanged(isReady: true)
      return
    }
    try startRestoring()
  }

  private func letGo() throws {
    if case .restoring = phase { try restorer?.cancel() }
    phase = .unassigned
    membership = nil
    assigned = []
    forget()
    observer.assignmentChanged(partitions: [])
  }

  private func forget() {
    control.isReady = false
    observer.readinessChanged(isReady: false)
    states.removeAll()
    progress = PartitionProgress()
    lastPunctuation = [:]
  }

  private func startRestoring() throws {
    forget()
    try restorer?.begin(assigned)
    phase = .restoring
  }

  private func startRunning(_ processor: inout P) throws {
    let input = assigned.map { TopicPartition(configuration.inputTopic, $0) }
    for partition in assigned { load(partition) }
    // Only now: offsets and states of a transaction that ended meanwhile are then both seen.
    let committed = try consumer.committed(input)
    for (partition, offset) in committed { progress.start(partition.partition, at: offset) }
    reportPositions()
    try consumer.assign(
      Dictionary(
        uniqueKeysWithValues: input.map { partition in
          (partition, committed[partition].map(StartOffset.offset) ?? .beginning)
        }))
    processor.statesRestored()
    phase = .running
    control.isReady = true
    observer.readinessChanged(isReady: true)
    observer.stateSizeChanged(keys: states.count)
    logger.info("partitions taken over", metadata: ["count": "\(assigned.count)", "keys": "\(states.count)"])
  }

  private func load(_ partition: Int32) {
    let unreadable = states.load(partition, restorer?.snapshots[partition] ?? [:])
    guard let first = unreadable.min(by: { $0.key < $1.key }) else { return }
    observer.statesUnreadable(unreadable.count)
    logger.error(
      "stored states cannot be read, perhaps they are another version's; what follows of their keys is refused",
      metadata: [
        "partition": "\(partition)", "count": "\(unreadable.count)", "first": "\(first.key)", "cause": "\(first.value)",
      ])
  }

  // MARK: Work

  private func process(_ message: ConsumedMessage, _ processor: inout P) throws {
    if progress.position(of: message.partition) == nil {
      observer.positionObserved(partition: message.partition, next: message.offset)
    }
    guard progress.accept(message.offset, of: message.partition) else {
      observer.messageRepeated(partition: message.partition)
      return
    }
    try begin()
    let began = ContinuousClock.now
    defer { transaction?.processing += began.duration(to: .now) }
    transaction?.messagesIn += 1
    transaction?.bytes += message.byteCount
    take(message.partition, into: message.offset + 1)
    guard let key = processor.stateKey(of: message) else {
      var none: P.State?
      let outputs = try processor.process(message, state: &none)
      guard none == nil else { throw Self.stateWithoutHome("stateKey(of:) gave no key") }
      try send(outputs)
      return
    }
    let slot = states.slotForChange(message.partition, key)
    try send(try processor.process(message, state: &slot.value))
    if slot.value != nil, configuration.changelogTopic == nil {
      throw Self.stateWithoutHome("TransformConfiguration.changelogTopic is nil")
    }
  }

  private static func stateWithoutHome(_ reason: String) -> StreamingError {
    StreamingError(.stateInvalid, "the processor set a state but \(reason); a state needs both key and changelog")
  }

  private func punctuate(_ processor: inout P) throws {
    let now = ContinuousClock.now
    let interval = Duration.milliseconds(configuration.punctuationIntervalMilliseconds)
    for partition in assigned {
      // Behind the end, a key's silence says nothing; without a known position the broker could not fence it.
      guard progress.isAtEnd(partition), let position = progress.position(of: partition),
        lastPunctuation[partition].map({ $0.duration(to: now) >= interval }) ?? true
      else { continue }
      lastPunctuation[partition] = now
      let milliseconds = Int64(Date().timeIntervalSince1970 * 1000)
      for key in states.keys(of: partition) {
        guard let before = states.value(partition, key) else { continue }
        var state: P.State? = before
        let outputs = try processor.punctuate(key: key, state: &state, nowMilliseconds: milliseconds)
        guard state == nil || !outputs.isEmpty else { continue }
        try begin()
        take(partition, into: position)
        states.slotForChange(partition, key).value = state
        try send(outputs)
      }
    }
  }

  // MARK: Transactions

  private func begin() throws {
    guard transaction == nil else { return }
    try producer.begin()
    transaction = OpenTransaction(begun: .now)
  }

  private func take(_ partition: Int32, into position: Int64) {
    transaction?.offsets[TopicPartition(configuration.inputTopic, partition)] = position
  }

  private func send(_ messages: [OutgoingMessage]) throws {
    for message in messages {
      try producer.send(message)
      transaction?.messagesOut += 1
      transaction?.bytes += message.byteCount
    }
  }

  private var isCommitDue: Bool {
    guard let transaction else { return false }
    return transaction.messagesIn + transaction.messagesOut >= configuration.maximumMessagesPerTransaction
      || transaction.bytes >= configuration.maximumBytesPerTransaction
      || transaction.begun.duration(to: .now) >= .milliseconds(configuration.commitIntervalMilliseconds)
  }

  /// True when a transaction was open.
  @discardableResult
  private func commit(_ processor: inout P) throws -> Bool {
    guard transaction != nil, let membership else { return false }
    try processor.prepareCommit()
    if let changelog = configuration.changelogTopic {
      for change in try states.changes() {
        try send([
          OutgoingMessage(
            topic: changelog, partition: change.partition, key: Array(change.key.utf8), value: change.snapshot)
        ])
      }
    }
    // The changelog must hold the states before the broker holds the offsets: who takes over reads them in this order.
    try producer.flush()
    guard let finished = transaction else { return false }
    // The broker refuses a replaced member by its generation; brokers before 2.5 do not, so ask here as well.
    if consumer.isAssignmentLost {
      throw StreamingError(.fenced, "the group gave this instance's partitions to others", isRetriable: true)
    }
    try producer.sendOffsets(finished.offsets, of: membership)
    try producer.commit()
    transaction = nil
    states.committed()
    observer.transactionCommitted(
      messagesIn: finished.messagesIn, messagesOut: finished.messagesOut,
      processing: finished.processing, duration: finished.begun.duration(to: .now))
    observer.stateSizeChanged(keys: states.count)
    return true
  }

  private func abort(_ processor: inout P, code: String) throws {
    guard transaction != nil else { return }
    transaction = nil
    processor.transactionAborted()
    observer.transactionAborted(code: code)
    do {
      try producer.abort()
    } catch {
      // A producer that can't abort is replaced; taking over the transactional id then ends what it left open.
      throw Recovery.Restart(cause: error)
    }
  }

  // MARK: Trouble

  private func recover(from error: any Error, _ processor: inout P) throws {
    switch Recovery(error) {
    case .stop: throw error
    case .restart:
      throw (error as? StreamingError).map { Recovery.Restart(cause: $0) } ?? error
    case .retry:
      let code = Recovery.code(of: error)
      let wait = retryBackoff.next()
      logger.warning(
        "work is tried again", metadata: ["cause": "\(Recovery.summary(of: error))", "wait": "\(wait)"])
      try abort(&processor, code: code)
      if case .restoring = phase { try restorer?.cancel() }
      guard !assigned.isEmpty else { return }
      // Holds the partitions and drops what was fetched, so that polling goes on meanwhile.
      try consumer.assign([:])
      forget()
      phase = .waiting(until: .now + wait)
    }
  }

  /// Leaves nothing open behind, as far as that can be done.
  private func giveUp(_ processor: inout P, because error: any Error) {
    do {
      try abort(&processor, code: Recovery.code(of: error))
    } catch {
      logger.warning("the open transaction is left to its timeout", metadata: ["code": "\(Recovery.code(of: error))"])
    }
    close()
  }

  private func close() {
    control.isReady = false
    restorer?.close()
    consumer.close()
  }

  private func report() {
    guard ContinuousClock.now >= nextReport else { return }
    nextReport = .now + .seconds(1)
    observer.queueObserved(messages: producer.queuedMessages)
    reportPositions()
  }

  private func reportPositions() {
    for partition in assigned {
      if let next = progress.reached(partition) { observer.positionObserved(partition: partition, next: next) }
    }
  }
}
