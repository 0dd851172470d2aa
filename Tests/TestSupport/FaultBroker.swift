import Foundation
import Streaming
import Synchronization

/// What is wrong with the answers to a client's requests.
package struct BrokerFault: Sendable, CustomStringConvertible {
  /// Requests of Kafka's protocol; that for a coordinator says whose.
  package enum Request: String, Sendable {
    case produce = "Produce"
    case fetch = "Fetch"
    case listOffsets = "ListOffsets"
    case metadata = "Metadata"
    case commitOffsets = "OffsetCommit"
    case fetchOffsets = "OffsetFetch"
    case findGroupCoordinator = "FindCoordinator/group"
    case findTransactionCoordinator = "FindCoordinator/transaction"
    case joinGroup = "JoinGroup"
    case syncGroup = "SyncGroup"
    case heartbeat = "Heartbeat"
    case initializeProducer = "InitProducerId"
    case addPartitionsToTransaction = "AddPartitionsToTxn"
    case addOffsetsToTransaction = "AddOffsetsToTxn"
    case commitOffsetsInTransaction = "TxnOffsetCommit"
    case endTransaction = "EndTxn"
  }

  package enum Kind: Sendable {
    /// Answered with this error of Kafka's protocol.
    case error(KafkaErrorCode)
    /// The connection ends without an answer.
    case hangUp
    /// Answered as it should be, but so late.
    case slow(milliseconds: Int)
  }

  package enum Moment: String, Sendable {
    case instead
    /// The work is done, and the client does not hear of it.
    case after
  }

  package var request: Request
  package var kind: Kind
  package var moment: Moment
  /// How many requests in a row; nil for all from now on.
  package var times: Int?

  package init(_ request: Request, _ kind: Kind, _ moment: Moment = .instead, times: Int? = 1) {
    self.request = request
    self.kind = kind
    self.moment = moment
    self.times = times
  }

  package var description: String {
    let how = moment == .after ? ", its work done," : ""
    let answer =
      switch kind {
      case .error(let code): "answered with \(code)"
      case .hangUp: "cut off"
      case .slow(let milliseconds): "answered \(milliseconds) ms late"
      }
    return "\(request.rawValue)\(how) \(answer) \(times.map { $0 == 1 ? "once" : "\($0) times" } ?? "always")"
  }

  fileprivate var order: String {
    let what =
      switch kind {
      case .error(let code): "\(code.rawValue)"
      case .hangUp: "hangup"
      case .slow(let milliseconds): "slow:\(milliseconds)"
      }
    return "\(request.rawValue) \(what) \(moment.rawValue) \(times ?? -1)"
  }
}

/// Errors of Kafka's protocol.
package enum KafkaErrorCode: Int, Sendable {
  case offsetOutOfRange = 1
  case corruptMessage = 2
  case unknownTopicOrPartition = 3
  case leaderNotAvailable = 5
  case notLeaderOrFollower = 6
  case requestTimedOut = 7
  case brokerNotAvailable = 8
  case messageTooLarge = 10
  case networkException = 13
  case coordinatorLoadInProgress = 14
  case coordinatorNotAvailable = 15
  case notCoordinator = 16
  case invalidTopic = 17
  case recordListTooLarge = 18
  case notEnoughReplicas = 19
  case notEnoughReplicasAfterAppend = 20
  case illegalGeneration = 22
  case inconsistentGroupProtocol = 23
  case unknownMemberID = 25
  case invalidSessionTimeout = 26
  case rebalanceInProgress = 27
  case topicAuthorizationFailed = 29
  case groupAuthorizationFailed = 30
  case clusterAuthorizationFailed = 31
  case unsupportedVersion = 35
  case policyViolation = 44
  case outOfOrderSequenceNumber = 45
  case invalidProducerEpoch = 47
  case invalidTransactionState = 48
  case invalidProducerIDMapping = 49
  case invalidTransactionTimeout = 50
  case concurrentTransactions = 51
  case transactionCoordinatorFenced = 52
  case transactionalIDAuthorizationFailed = 53
  case kafkaStorageError = 56
  case unknownProducerID = 59
  case fencedLeaderEpoch = 74
  case unknownLeaderEpoch = 75
  case memberIDRequired = 79
  case groupMaximumSizeReached = 81
  case fencedInstanceID = 82
  case invalidRecord = 87
  case unstableOffsetCommit = 88
  case producerFenced = 90
  case unknown = -1
}

/// The broker of `ops/dev/kafka` as a child process, which gives wrong answers to single clients when told to. It has
/// true transactions, which librdkafka's mock cluster has not, and ends with this process, however that ends.
package final class FaultBroker: Sendable {
  /// Debian's, for which the broker is written.
  private static let python = "/usr/bin/python3"
  package static let isAvailable = FileManager.default.isExecutableFile(atPath: python)
  private static let started = Result { try FaultBroker() }
  private static let slots = Slots(24)

  /// The one of this process; tests keep apart by topic prefixes and client ids.
  package static func shared() throws -> FaultBroker { try started.get() }

  /// Runs the body on a dedicated thread; few run at once, since each has dozens of threads.
  package static func use(_ body: @escaping @Sendable (FaultBroker) throws -> Void) async throws {
    await slots.take()
    defer { Task { await slots.release() } }
    try await blocking { try body(shared()) }
  }

  package let bootstrapServers: String
  private let process = Process()
  private let orders = Pipe()
  private let answers = Mutex(Pipe())

  private init() throws {
    let program = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("ops/dev/kafka")
    process.executableURL = URL(fileURLWithPath: Self.python)
    process.arguments = [program.path, "--port", "0", "--faults", "--initial-rebalance-delay", "50"]
    process.standardInput = orders
    process.standardError = FileHandle.nullDevice
    process.standardOutput = answers.withLock { $0 }
    try process.run()
    let line = try answers.withLock { try Self.line($0) }
    guard let address = line.split(separator: " ").last, line.hasPrefix("listening on ") else {
      throw WaitedInVain(description: "the broker said: \(line)")
    }
    bootstrapServers = String(address)
  }

  /// From now on this client's requests of this kind are answered so.
  package func arm(_ fault: BrokerFault, client: String) throws { _ = try order("\(client) \(fault.order)") }

  /// From now on this client's requests of this kind are answered as they should be.
  /// - Returns: how many wrong answers there were.
  @discardableResult
  package func disarm(_ request: BrokerFault.Request, client: String) throws -> Int {
    try order("\(client) \(request.rawValue) -")
  }

  /// How many wrong answers this client got to requests of this kind so far.
  package func count(_ request: BrokerFault.Request, client: String) throws -> Int {
    try order("\(client) \(request.rawValue)")
  }

  private func order(_ text: String) throws -> Int {
    let answer = try answers.withLock { answers in
      try orders.fileHandleForWriting.write(contentsOf: Data((text + "\n").utf8))
      return try Self.line(answers)
    }
    guard let count = Int(answer) else { throw WaitedInVain(description: "the broker said: \(answer)") }
    return count
  }

  private static func line(_ pipe: Pipe) throws -> String {
    var line = Data()
    while let byte = try pipe.fileHandleForReading.read(upToCount: 1), byte != Data("\n".utf8) {
      guard !byte.isEmpty else { break }
      line += byte
    }
    return String(decoding: line, as: UTF8.self)
  }
}

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
