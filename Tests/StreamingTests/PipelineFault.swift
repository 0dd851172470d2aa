import Streaming
import TestSupport
import Testing

/// Wrong answers to one request of a pipeline, and what it does about them.
struct PipelineFault: Sendable, CustomTestStringConvertible {
  enum Moment: Sendable {
    /// From before the pipeline starts.
    case start
    /// Once it has committed something; the request comes with the next messages.
    case work
    /// Once it has committed something; the request comes by itself.
    case idle
  }

  enum Outcome: Sendable {
    /// Tried again by librdkafka or by the pipeline, without an abort.
    case unseen
    /// Partitions are given back and taken over again.
    case rejoins
    /// The transaction is aborted; the same producer and consumer read its input again.
    case aborts
    /// Producer and consumer are made anew; what was not committed is read again.
    case restarts
    /// One of the last two: it depends on how many messages the broker had already taken.
    case abortsOrRestarts
    /// Any of these: it depends on how much of the transaction's time is left.
    case timeDecides
    /// Not ready, for as long as the answers are wrong.
    case waits
    /// The pipeline ends with this error.
    case ends(StreamingError.Code)
  }

  var number = 0
  let moment: Moment
  let fault: BrokerFault
  let outcome: Outcome
  /// A second fault, which the first leads to.
  var then: BrokerFault?

  var testDescription: String { "\(fault)\(then.map { ", then \($0)" } ?? ""): \(outcome)" }
}

extension PipelineFault {
  static let table: [PipelineFault] = {
    var rows = starting + producing + transactions + aborting + reading
    for number in rows.indices { rows[number].number = number }
    return rows
  }()

  private static func rows(
    _ moment: Moment, _ request: BrokerFault.Request, _ codes: [KafkaErrorCode], when: BrokerFault.Moment = .instead,
    times: Int? = 1, _ outcome: Outcome
  ) -> [PipelineFault] {
    codes.map {
      PipelineFault(moment: moment, fault: BrokerFault(request, .error($0), when, times: times), outcome: outcome)
    }
  }

  private static func rows(
    _ moment: Moment, _ requests: [BrokerFault.Request], _ kind: BrokerFault.Kind,
    when: BrokerFault.Moment = .instead, _ outcome: Outcome
  ) -> [PipelineFault] {
    requests.map { PipelineFault(moment: moment, fault: BrokerFault($0, kind, when), outcome: outcome) }
  }

  private static let coordinatorMoves: [KafkaErrorCode] = [
    .coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator,
  ]
  private static let late = BrokerFault.Kind.slow(milliseconds: 3000)

  /// Taking over the transactional id, joining the group, reading offsets and states.
  private static let starting =
    rows(.start, .initializeProducer, coordinatorMoves + [.concurrentTransactions], times: 2, .unseen)
    + rows(.start, .initializeProducer, [.requestTimedOut, .unknown], .unseen)
    + rows(.start, .initializeProducer, [.invalidProducerEpoch, .producerFenced], .restarts)
    + rows(
      .start, .initializeProducer, [.transactionalIDAuthorizationFailed, .clusterAuthorizationFailed], times: nil,
      .ends(.notAuthorized))
    + rows(.start, .initializeProducer, [.invalidTransactionTimeout], times: nil, .ends(.configurationInvalid))
    + rows(.start, .findTransactionCoordinator, [.coordinatorNotAvailable, .requestTimedOut], times: 2, .unseen)
    + rows(
      .start, .findTransactionCoordinator, [.transactionalIDAuthorizationFailed], times: nil, .ends(.notAuthorized))
    + rows(.start, .findGroupCoordinator, [.coordinatorNotAvailable, .requestTimedOut], times: 2, .unseen)
    + rows(.start, .findGroupCoordinator, [.groupAuthorizationFailed], times: nil, .ends(.notAuthorized))
    + rows(
      .start, .joinGroup,
      coordinatorMoves + [.unknownMemberID, .memberIDRequired, .rebalanceInProgress, .groupMaximumSizeReached], .unseen)
    + rows(.start, .joinGroup, [.fencedInstanceID], .restarts)
    + rows(.start, .joinGroup, [.groupAuthorizationFailed], times: nil, .ends(.notAuthorized))
    + rows(
      .start, .joinGroup, [.inconsistentGroupProtocol, .invalidSessionTimeout], times: nil, .ends(.configurationInvalid)
    )
    + rows(
      .start, .syncGroup, coordinatorMoves + [.unknownMemberID, .illegalGeneration, .rebalanceInProgress], .unseen)
    + rows(.start, .syncGroup, [.fencedInstanceID], .restarts)
    // librdkafka keeps this to itself; the right was there when the group was joined.
    + rows(.start, .syncGroup, [.groupAuthorizationFailed], times: nil, .waits)
    + rows(
      .start, .fetchOffsets, coordinatorMoves + [.unstableOffsetCommit, .unknownMemberID, .illegalGeneration], .unseen)
    + rows(.start, .fetchOffsets, [.groupAuthorizationFailed], times: nil, .ends(.notAuthorized))
    + rows(
      .start, .listOffsets,
      [.notLeaderOrFollower, .leaderNotAvailable, .unknownTopicOrPartition, .kafkaStorageError, .fencedLeaderEpoch],
      .unseen)
    + rows(.start, .listOffsets, [.topicAuthorizationFailed], times: nil, .ends(.notAuthorized))
    + rows(.start, .metadata, [.leaderNotAvailable, .unknownTopicOrPartition, .invalidTopic], times: 2, .unseen)
    + rows(.start, .metadata, [.topicAuthorizationFailed], times: nil, .ends(.notAuthorized))
    + rows(.start, startingRequests, .hangUp, .unseen)
    + rows(.start, startingRequests, .hangUp, when: .after, .unseen)
    + rows(.start, startingRequests, late, .timeDecides)

  private static let startingRequests: [BrokerFault.Request] = [
    .initializeProducer, .findTransactionCoordinator, .findGroupCoordinator, .joinGroup, .syncGroup, .fetchOffsets,
    .listOffsets, .metadata,
  ]

  private static let producing =
    rows(
      .work, .produce,
      [
        .notLeaderOrFollower, .leaderNotAvailable, .requestTimedOut, .notEnoughReplicas, .notEnoughReplicasAfterAppend,
        .kafkaStorageError, .unknownTopicOrPartition,
      ], times: 2, .unseen)
    + rows(
      .work, .produce, [.requestTimedOut, .notEnoughReplicasAfterAppend, .notLeaderOrFollower], when: .after, .unseen)
    + rows(
      .work, .produce,
      [
        .networkException, .corruptMessage, .invalidRecord, .policyViolation, .unknownProducerID, .producerFenced,
        .invalidProducerIDMapping, .invalidTransactionState, .unknown,
      ], .aborts)
    + rows(.work, .produce, [.invalidRecord, .unknown], when: .after, .aborts)
    + rows(.work, .produce, [.outOfOrderSequenceNumber, .invalidProducerEpoch], .restarts)
    + rows(
      .work, .produce, [.topicAuthorizationFailed, .clusterAuthorizationFailed], times: nil, .ends(.notAuthorized))
    + rows(.work, .produce, [.messageTooLarge, .recordListTooLarge], times: nil, .ends(.messageTooLarge))
    + rows(.work, [.produce], .hangUp, .unseen)
    + rows(.work, [.produce], .hangUp, when: .after, .unseen)

  private static let transactionRequests: [BrokerFault.Request] = [
    .addPartitionsToTransaction, .addOffsetsToTransaction, .commitOffsetsInTransaction, .endTransaction,
  ]

  private static let transactions =
    transactionRequests.flatMap {
      rows(.work, $0, coordinatorMoves + [.concurrentTransactions], times: 2, .unseen)
        + rows(.work, $0, [.transactionalIDAuthorizationFailed], times: nil, .ends(.notAuthorized))
        + rows(.work, [$0], .hangUp, .unseen)
        + rows(.work, [$0], .hangUp, when: .after, .unseen)
    }
    + rows(.work, .addPartitionsToTransaction, [.unknownTopicOrPartition], times: 2, .unseen)
    + rows(
      .work, .addPartitionsToTransaction, [.invalidProducerIDMapping, .unknownProducerID, .requestTimedOut, .unknown],
      .abortsOrRestarts)
    + rows(
      .work, .addPartitionsToTransaction, [.invalidProducerEpoch, .producerFenced, .invalidTransactionState], .restarts)
    + rows(.work, .addPartitionsToTransaction, [.topicAuthorizationFailed], times: nil, .ends(.notAuthorized))
    + rows(
      .work, .addOffsetsToTransaction, [.producerFenced, .invalidProducerIDMapping, .unknown], .aborts)
    + rows(.work, .addOffsetsToTransaction, [.invalidProducerEpoch, .invalidTransactionState], .restarts)
    + rows(.work, .addOffsetsToTransaction, [.requestTimedOut], when: .after, .unseen)
    + rows(.work, .addOffsetsToTransaction, [.groupAuthorizationFailed], times: nil, .ends(.notAuthorized))
    + rows(.work, .commitOffsetsInTransaction, [.requestTimedOut, .unknownTopicOrPartition], times: 2, .unseen)
    + rows(.work, .commitOffsetsInTransaction, [.requestTimedOut], when: .after, .unseen)
    + rows(
      .work, .commitOffsetsInTransaction,
      [.illegalGeneration, .unknownMemberID, .fencedInstanceID, .rebalanceInProgress, .producerFenced, .unknown],
      .aborts)
    + rows(.work, .commitOffsetsInTransaction, [.illegalGeneration, .unknown], when: .after, .aborts)
    + rows(
      .work, .commitOffsetsInTransaction, [.invalidProducerEpoch, .invalidProducerIDMapping, .invalidTransactionState],
      .restarts)
    + rows(
      .work, .commitOffsetsInTransaction, [.groupAuthorizationFailed, .topicAuthorizationFailed], times: nil,
      .ends(.notAuthorized))
    + rows(
      .work, .endTransaction, [.invalidProducerIDMapping, .transactionCoordinatorFenced, .requestTimedOut, .unknown],
      .aborts)
    + rows(.work, .endTransaction, [.invalidProducerEpoch, .producerFenced, .invalidTransactionState], .restarts)
    // Committed, and the pipeline hears otherwise: it must not work on those messages again.
    + rows(
      .work, .endTransaction,
      [.invalidProducerEpoch, .producerFenced, .invalidTransactionState, .requestTimedOut, .unknown], when: .after,
      .restarts)
    + rows(.work, [.produce] + transactionRequests, late, .timeDecides)

  /// What can go wrong with an abort; a refused generation leads to it.
  private static let aborting = [
    (BrokerFault(.endTransaction, .error(.notCoordinator), times: 2), Outcome.aborts),
    (BrokerFault(.endTransaction, .error(.concurrentTransactions), times: 2), .aborts),
    (BrokerFault(.endTransaction, .hangUp), .aborts),
    (BrokerFault(.endTransaction, .hangUp, .after), .aborts),
    (BrokerFault(.endTransaction, .error(.invalidTransactionState)), .restarts),
    (BrokerFault(.endTransaction, .error(.producerFenced)), .restarts),
    (BrokerFault(.endTransaction, .error(.producerFenced), .after), .restarts),
    (BrokerFault(.endTransaction, .error(.unknown)), .restarts),
  ].map { abort, outcome in
    PipelineFault(
      moment: .work, fault: BrokerFault(.commitOffsetsInTransaction, .error(.illegalGeneration)), outcome: outcome,
      then: abort)
  }

  private static let reading =
    rows(
      .idle, .fetch,
      [
        .notLeaderOrFollower, .leaderNotAvailable, .unknownTopicOrPartition, .kafkaStorageError, .fencedLeaderEpoch,
        .unknownLeaderEpoch, .brokerNotAvailable, .corruptMessage, .unknown,
      ], .unseen)
    // It begins at the first message again; what lies below the committed offset is dropped.
    + rows(.idle, .fetch, [.offsetOutOfRange], .unseen)
    + rows(.idle, .fetch, [.topicAuthorizationFailed], times: nil, .ends(.notAuthorized))
    + rows(.idle, [.fetch, .heartbeat], .hangUp, .unseen)
    + rows(.idle, .heartbeat, coordinatorMoves, .unseen)
    + rows(.idle, .heartbeat, [.unknownMemberID, .illegalGeneration, .rebalanceInProgress], .rejoins)
    + rows(.idle, .heartbeat, [.fencedInstanceID], .restarts)
}
