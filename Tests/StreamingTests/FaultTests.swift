import Foundation
import Streaming
import TestSupport
import Testing

/// What a pipeline makes of each wrong answer, judged by what a reader of committed messages sees in the end: every
/// input counted once, whatever came in between.
@Suite("A pipeline under wrong answers", .enabled(if: FaultBroker.isAvailable), .timeLimit(.minutes(3)))
struct FaultTests {
  @Test("a wrong answer is met as the table says, and every message counts once", arguments: PipelineFault.table)
  func pipeline(_ row: PipelineFault) async throws {
    try await Bench.limited { try Bench(broker: FaultBroker.shared(), number: row.number).run(row) }
  }
}

/// Topics and names of one row.
private struct Bench {
  let broker: FaultBroker
  let client: String
  let kafka: KafkaConfiguration
  let topics: TestTopics

  private static let slots = Slots(8)

  static func limited(_ body: @escaping @Sendable () throws -> Void) async throws {
    await slots.take()
    let result = await Result { try await blocking(body) }
    await slots.release()
    try result.get()
  }

  init(broker: FaultBroker, number: Int) throws {
    self.broker = broker
    client = "faulty\(number)"
    kafka = KafkaConfiguration(
      bootstrapServers: broker.bootstrapServers, topicPrefix: "\(client).", clientID: client)
    var sound = kafka
    sound.clientID = "sound"
    topics = TestTopics(kafka: sound)
  }

  func start() -> RunningPipeline {
    RunningPipeline.start(kafka) {
      $0.isStaticMember = true
      $0.sessionTimeoutMilliseconds = 3000
      $0.transactionTimeoutMilliseconds = 3000
    }
  }

  func run(_ row: PipelineFault) throws {
    let began = ContinuousClock.now
    let admin = try Admin(kafka: topics.kafka, logger: testLogger)
    try admin.create(
      ["input", "output", "state"].map { TopicSpecification(name: $0, partitions: Int(TestTopics.partitions)) })
    let work = RunningSum.workload(keys: 3, numbersPerKey: 4, end: true)
    let first = 6
    let request = row.fault.request
    try topics.send(Array(work.messages.prefix(first)))
    if row.atStart { try broker.arm(row.fault, client: client) }
    let running = start()
    var met = 0
    if !row.atStart {
      try topics.waitForOutputs(first, seconds: 20)
      try broker.arm(row.fault, client: client)
      if row.comesByItself {
        Thread.sleep(forTimeInterval: 2.5)
      }
    }
    try topics.send(Array(work.messages.dropFirst(first)))
    var note = ""
    do {
      try waitUntil("done", seconds: 15) {
        if running.thread.isFinished { return true }
        return try topics.readAll("output").count >= work.messages.count
      }
    } catch { note = "STUCK " }
    met = try broker.disarm(request, client: client)
    if note != "" {
    do {
      try waitUntil("done", seconds: 25) {
        if running.thread.isFinished { return true }
        return try topics.readAll("output").count >= work.messages.count
      }
    } catch { note = "STUCKFOREVER " }
    }
    running.pipeline.stop()
    do { try waitUntil("the pipeline has stopped", seconds: 15) { running.thread.isFinished } } catch { note += "HANGS " }
    let right = try topics.values("output") == work.expected
    let counts = running.observer.counts.value
    let ended = running.error.value
    print("ROW \(row.number) \(row.atStart ? "start" : "run") \(row.fault) | met \(met) \(note)| aborted \(counts.aborted) restarted \(counts.restarted) ended \(ended.map { "\($0)" } ?? "-") | right \(right) | \(began.duration(to: .now))")
  }
}

/// Lets few at once work, each of which has some dozen threads.
private actor Slots {
  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(_ count: Int) { free = count }

  func take() async {
    if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
  }

  func release() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}

extension Result where Failure == any Error {
  init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}

struct PipelineFault: Sendable {
  var fault: BrokerFault
  var atStart = false
  var comesByItself = false
  var number = 0

  static let table: [PipelineFault] = {
    var rows: [PipelineFault] = []
    func add(_ request: BrokerFault.Request, _ codes: [KafkaErrorCode], times: Int? = 1, start: Bool = false, itself: Bool = false) {
      for code in codes {
        rows.append(PipelineFault(fault: BrokerFault(request, .error(code), times: times), atStart: start, comesByItself: itself))
      }
    }
    func after(_ request: BrokerFault.Request, start: Bool = false) {
      rows.append(PipelineFault(fault: BrokerFault(request, .hangUp), atStart: start))
      rows.append(PipelineFault(fault: BrokerFault(request, .hangUp, .after), atStart: start))
      rows.append(PipelineFault(fault: BrokerFault(request, .slow(milliseconds: 4000)), atStart: start))
      rows.append(PipelineFault(fault: BrokerFault(request, .error(.requestTimedOut), .after), atStart: start))
    }
    add(.produce, [.notLeaderOrFollower, .requestTimedOut, .notEnoughReplicas, .notEnoughReplicasAfterAppend, .kafkaStorageError, .unknownTopicOrPartition, .networkException, .leaderNotAvailable], times: 2)
    add(.produce, [.corruptMessage, .invalidRecord, .messageTooLarge, .outOfOrderSequenceNumber, .unknownProducerID, .invalidProducerEpoch, .invalidProducerIDMapping, .invalidTransactionState, .producerFenced, .policyViolation, .unknown])
    add(.produce, [.topicAuthorizationFailed, .clusterAuthorizationFailed, .messageTooLarge], times: nil)
    after(.produce)
    add(.addPartitionsToTransaction, [.coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator, .concurrentTransactions, .unknownTopicOrPartition], times: 2)
    add(.addPartitionsToTransaction, [.invalidProducerEpoch, .producerFenced, .invalidProducerIDMapping, .invalidTransactionState, .unknownProducerID, .requestTimedOut, .unknown])
    add(.addPartitionsToTransaction, [.topicAuthorizationFailed, .transactionalIDAuthorizationFailed], times: nil)
    after(.addPartitionsToTransaction)
    add(.addOffsetsToTransaction, [.coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator, .concurrentTransactions], times: 2)
    add(.addOffsetsToTransaction, [.invalidProducerEpoch, .producerFenced, .invalidProducerIDMapping, .invalidTransactionState, .unknown])
    add(.addOffsetsToTransaction, [.groupAuthorizationFailed, .transactionalIDAuthorizationFailed], times: nil)
    after(.addOffsetsToTransaction)
    add(.commitOffsetsInTransaction, [.coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator, .concurrentTransactions, .requestTimedOut, .unknownTopicOrPartition], times: 2)
    add(.commitOffsetsInTransaction, [.illegalGeneration, .unknownMemberID, .fencedInstanceID, .rebalanceInProgress, .invalidProducerEpoch, .producerFenced, .invalidProducerIDMapping, .invalidTransactionState, .unknown])
    add(.commitOffsetsInTransaction, [.groupAuthorizationFailed, .topicAuthorizationFailed, .transactionalIDAuthorizationFailed], times: nil)
    after(.commitOffsetsInTransaction)
    add(.endTransaction, [.coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator, .concurrentTransactions, .requestTimedOut], times: 2)
    add(.endTransaction, [.invalidProducerEpoch, .producerFenced, .invalidProducerIDMapping, .invalidTransactionState, .transactionCoordinatorFenced, .unknown])
    add(.endTransaction, [.transactionalIDAuthorizationFailed], times: nil)
    after(.endTransaction)
    add(.initializeProducer, [.coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator, .concurrentTransactions], times: 2, start: true)
    add(.initializeProducer, [.invalidProducerEpoch, .producerFenced, .requestTimedOut, .unknown, .invalidTransactionTimeout], start: true)
    add(.initializeProducer, [.transactionalIDAuthorizationFailed, .clusterAuthorizationFailed, .invalidTransactionTimeout], times: nil, start: true)
    after(.initializeProducer, start: true)
    add(.findTransactionCoordinator, [.coordinatorLoadInProgress, .coordinatorNotAvailable, .unknown], times: 2, start: true)
    add(.findTransactionCoordinator, [.transactionalIDAuthorizationFailed], times: nil, start: true)
    after(.findTransactionCoordinator, start: true)
    add(.findGroupCoordinator, [.coordinatorLoadInProgress, .coordinatorNotAvailable, .unknown], times: 2, start: true)
    add(.findGroupCoordinator, [.groupAuthorizationFailed], times: nil, start: true)
    after(.findGroupCoordinator, start: true)
    add(.joinGroup, [.coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator, .unknownMemberID, .memberIDRequired, .rebalanceInProgress, .groupMaximumSizeReached, .fencedInstanceID], start: true)
    add(.joinGroup, [.groupAuthorizationFailed, .inconsistentGroupProtocol, .invalidSessionTimeout], times: nil, start: true)
    after(.joinGroup, start: true)
    add(.syncGroup, [.coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator, .unknownMemberID, .illegalGeneration, .rebalanceInProgress, .fencedInstanceID], start: true)
    add(.syncGroup, [.groupAuthorizationFailed], times: nil, start: true)
    after(.syncGroup, start: true)
    add(.heartbeat, [.coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator, .unknownMemberID, .illegalGeneration, .rebalanceInProgress, .fencedInstanceID], itself: true)
    add(.heartbeat, [.groupAuthorizationFailed], times: nil, itself: true)
    add(.fetch, [.notLeaderOrFollower, .leaderNotAvailable, .unknownTopicOrPartition, .offsetOutOfRange, .kafkaStorageError, .fencedLeaderEpoch, .unknownLeaderEpoch, .corruptMessage, .brokerNotAvailable, .unknown], itself: true)
    add(.fetch, [.topicAuthorizationFailed], times: nil, itself: true)
    add(.fetchOffsets, [.coordinatorLoadInProgress, .notCoordinator, .unstableOffsetCommit, .unknownMemberID, .illegalGeneration], start: true)
    add(.fetchOffsets, [.groupAuthorizationFailed], times: nil, start: true)
    after(.fetchOffsets, start: true)
    add(.listOffsets, [.notLeaderOrFollower, .leaderNotAvailable, .unknownTopicOrPartition, .kafkaStorageError, .fencedLeaderEpoch, .unknown], start: true)
    add(.listOffsets, [.topicAuthorizationFailed], times: nil, start: true)
    after(.listOffsets, start: true)
    add(.metadata, [.leaderNotAvailable, .unknownTopicOrPartition, .invalidTopic, .unknown], times: 2, start: true)
    add(.metadata, [.topicAuthorizationFailed], times: nil, start: true)
    after(.metadata, start: true)
    for index in rows.indices { rows[index].number = index }
    return rows
  }()
}
