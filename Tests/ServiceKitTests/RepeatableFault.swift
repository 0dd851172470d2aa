import Streaming
import TestSupport
import Testing

/// Wrong answers to one request of a service that writes rows and then commits offsets, and what it does about them.
struct RepeatableFault: Sendable, CustomTestStringConvertible {
  enum Outcome: Sendable {
    /// With the same producer and consumer.
    case goesOn
    /// With new ones; what was not committed is read again.
    case startsAnew
    /// The service ends with this error.
    case ends(StreamingError.Code)
  }

  var number = 0
  let fault: BrokerFault
  let outcome: Outcome
  /// Heartbeats and fetches come without new messages.
  var comesByItself: Bool { [.heartbeat, .fetch].contains(fault.request) }
  /// What is asked once, before the first message.
  var comesAtStart: Bool {
    [.joinGroup, .syncGroup, .fetchOffsets, .findGroupCoordinator, .initializeProducer, .metadata, .listOffsets]
      .contains(fault.request)
  }

  var testDescription: String { "\(fault): \(outcome)" }

  static let table: [RepeatableFault] = {
    var table = answers.flatMap(\.self)
    for request in [
      BrokerFault.Request.commitOffsets, .produce, .initializeProducer, .joinGroup, .syncGroup, .fetchOffsets,
      .metadata, .heartbeat, .fetch,
    ] {
      table.append(RepeatableFault(fault: BrokerFault(request, .hangUp), outcome: .goesOn))
      table.append(RepeatableFault(fault: BrokerFault(request, .hangUp, .after), outcome: .goesOn))
    }
    for number in table.indices { table[number].number = number }
    return table
  }()

  private static let answers: [[RepeatableFault]] = [
    rows(
      .commitOffsets,
      coordinatorMoves + [
        .requestTimedOut, .illegalGeneration, .unknownMemberID, .rebalanceInProgress, .unknownTopicOrPartition,
        .unknown,
      ], .goesOn),
    rows(.commitOffsets, [.requestTimedOut, .unknownMemberID], when: .after, .goesOn),
    rows(.commitOffsets, [.fencedInstanceID], .startsAnew),
    rows(.commitOffsets, [.groupAuthorizationFailed, .topicAuthorizationFailed], times: nil, .ends(.notAuthorized)),
    rows(
      .produce,
      [
        .notLeaderOrFollower, .requestTimedOut, .notEnoughReplicasAfterAppend, .unknownTopicOrPartition,
        .unknownProducerID,
      ],
      times: 2, .goesOn),
    rows(.produce, [.requestTimedOut, .notLeaderOrFollower], when: .after, .goesOn),
    rows(
      .produce,
      [
        .corruptMessage, .invalidRecord, .policyViolation, .outOfOrderSequenceNumber, .invalidProducerEpoch,
        .invalidProducerIDMapping, .unknown,
      ], .startsAnew),
    rows(.produce, [.invalidRecord, .outOfOrderSequenceNumber], when: .after, .startsAnew),
    rows(.produce, [.topicAuthorizationFailed, .clusterAuthorizationFailed], times: nil, .ends(.notAuthorized)),
    rows(.produce, [.messageTooLarge], times: nil, .ends(.messageTooLarge)),
    rows(.initializeProducer, coordinatorMoves + [.concurrentTransactions, .unknown], times: 2, .goesOn),
    rows(.initializeProducer, [.clusterAuthorizationFailed], times: nil, .ends(.notAuthorized)),
    rows(.joinGroup, coordinatorMoves + [.unknownMemberID, .rebalanceInProgress], .goesOn),
    rows(.joinGroup, [.fencedInstanceID], .startsAnew),
    rows(.joinGroup, [.groupAuthorizationFailed], times: nil, .ends(.notAuthorized)),
    rows(.joinGroup, [.invalidSessionTimeout, .inconsistentGroupProtocol], times: nil, .ends(.configurationInvalid)),
    rows(.syncGroup, coordinatorMoves + [.unknownMemberID, .illegalGeneration, .rebalanceInProgress], .goesOn),
    rows(.findGroupCoordinator, [.coordinatorNotAvailable], times: 2, .goesOn),
    rows(.findGroupCoordinator, [.groupAuthorizationFailed], times: nil, .ends(.notAuthorized)),
    rows(.fetchOffsets, [.coordinatorLoadInProgress, .unstableOffsetCommit], .goesOn),
    rows(
      .fetchOffsets, [.coordinatorNotAvailable, .notCoordinator, .unknownMemberID, .illegalGeneration], .startsAnew),
    rows(.fetchOffsets, [.groupAuthorizationFailed], times: nil, .ends(.notAuthorized)),
    rows(.listOffsets, [.notLeaderOrFollower, .unknownTopicOrPartition], .goesOn),
    rows(.metadata, [.leaderNotAvailable, .unknownTopicOrPartition], times: 2, .goesOn),
    rows(.metadata, [.topicAuthorizationFailed], times: nil, .ends(.notAuthorized)),
    rows(.heartbeat, coordinatorMoves + [.unknownMemberID, .illegalGeneration, .rebalanceInProgress], .goesOn),
    rows(.heartbeat, [.fencedInstanceID], .startsAnew),
    rows(
      .fetch, [.notLeaderOrFollower, .unknownTopicOrPartition, .offsetOutOfRange, .corruptMessage, .unknown], .goesOn),
    rows(.fetch, [.topicAuthorizationFailed], times: nil, .ends(.notAuthorized)),
  ]

  private static let coordinatorMoves: [KafkaErrorCode] = [
    .coordinatorLoadInProgress, .coordinatorNotAvailable, .notCoordinator,
  ]

  private static func rows(
    _ request: BrokerFault.Request, _ codes: [KafkaErrorCode], when: BrokerFault.Moment = .instead, times: Int? = 1,
    _ outcome: Outcome
  ) -> [RepeatableFault] {
    codes.map { RepeatableFault(fault: BrokerFault(request, .error($0), when, times: times), outcome: outcome) }
  }
}
