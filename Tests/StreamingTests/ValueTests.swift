import Dispatch
import Logging
import Streaming
import Synchronization
import TestSupport
import Testing

@Suite("Values", .timeLimit(.minutes(5)))
struct ValueTests {
  @Test("a key that came and went within a transaction leaves no trace in the changelog")
  func transientKey() throws {
    var states = KeyedStates<SumState>()
    states.slotForChange(0, "a").value = SumState()
    states.slotForChange(0, "a").value = nil
    #expect(try states.changes().isEmpty)
    states.committed()
    #expect(states.count == 0)
  }

  @Test("deleting a state that the changelog holds writes a tombstone, once")
  func tombstone() throws {
    var states = KeyedStates<SumState>()
    #expect(states.load(3, ["a": Array("2:5".utf8)]).isEmpty)
    #expect(states.value(3, "a")?.sum == 5)
    states.slotForChange(3, "a").value = nil
    let changes = try states.changes()
    #expect(changes.map(\.key) == ["a"] && changes[0].snapshot == nil && changes[0].partition == 3)
    states.committed()
    #expect(try states.changes().isEmpty)
    #expect(states.count == 0 && states.keys(of: 3).isEmpty)
  }

  @Test("a key changed many times goes to the changelog once, with its last state")
  func oneSnapshot() throws {
    var states = KeyedStates<SumState>()
    for number in 1...5 {
      var sum = SumState()
      sum.count = number
      states.slotForChange(0, "a").value = sum
    }
    #expect(try states.changes().map(\.snapshot) == [Array("5:0".utf8)])
    states.committed()
    #expect(try states.changes().isEmpty)
    #expect(states.count == 1)
  }

  @Test("a snapshot that can't be read leaves its key without state here, and is overwritten by what it does next")
  func badSnapshot() throws {
    var states = KeyedStates<SumState>()
    let unreadable = states.load(0, ["a": [1, 2, 3], "b": Array("2:5".utf8)])
    #expect(unreadable.keys.sorted() == ["a"] && unreadable["a"] is StreamingError)
    #expect(states.value(0, "a") == nil && states.value(0, "b")?.sum == 5)
    #expect(try states.changes().isEmpty)
    states.slotForChange(0, "a").value = nil
    #expect(try states.changes().map(\.key) == ["a"])
  }

  @Test("a message below the position is refused, and the end of a partition is forgotten with the next message")
  func progress() {
    var progress = PartitionProgress()
    progress.start(1, at: 10)
    let below = progress.accept(9, of: 1)
    #expect(!below)
    progress.reachedEnd(of: 1, at: 9)
    #expect(progress.isAtEnd(1) && progress.reached(1) == 9)
    let next = progress.accept(10, of: 1)
    #expect(next && !progress.isAtEnd(1))
    #expect(progress.position(of: 1) == 11)
    let again = progress.accept(10, of: 1)
    #expect(!again)
    #expect(progress.position(of: 2) == nil)
  }

  @Test("waiting times double up to their limit and stay between half and all of it")
  func backoff() {
    var backoff = Backoff(initial: .milliseconds(100), maximum: .milliseconds(1000))
    for full in [100, 200, 400, 800, 1000, 1000] {
      let wait = backoff.next()
      #expect(wait >= .milliseconds(full) / 2 && wait <= .milliseconds(full))
    }
    backoff.reset()
    #expect(backoff.next() <= .milliseconds(100))
  }

  @Test(
    "properties that exactly-once depends on can't be changed",
    arguments: ["enable.idempotence", "isolation.level", "transactional.id", "enable.auto.commit", "group.id"])
  func reservedProperties(name: String) {
    let kafka = KafkaConfiguration(bootstrapServers: "localhost:1", properties: [name: "x"])
    let error = #expect(throws: StreamingError.self) { try Producer(kafka: kafka, logger: testLogger) }
    #expect(error?.code == .configurationInvalid && error?.text.contains("'\(name)'") == true)
  }

  @Test("an unknown property and a bad value are refused by name")
  func unknownProperties() {
    for (name, value) in [("no.such.property", "1"), ("security.protocol", "carrier-pigeon")] {
      let kafka = KafkaConfiguration(bootstrapServers: "localhost:1", properties: [name: value])
      let error = #expect(throws: StreamingError.self) { try Producer(kafka: kafka, logger: testLogger) }
      #expect(error?.code == .configurationInvalid && error?.text.contains(name) == true)
    }
  }

  @Test("a file of certificates that cannot be read is refused with its property and path")
  func unreadableCertificates() {
    let kafka = KafkaConfiguration(bootstrapServers: "localhost:1", properties: ["ssl.ca.location": "/nowhere/ca.pem"])
    let error = #expect(throws: StreamingError.self) { try Producer(kafka: kafka, logger: testLogger) }
    #expect(error?.code == .configurationInvalid)
    #expect(error?.text.contains("'ssl.ca.location' is '/nowhere/ca.pem'") == true)
  }

  @Test("a configuration's description holds no values of further properties")
  func description() {
    let kafka = KafkaConfiguration(bootstrapServers: "b:1", properties: ["sasl.password": "secret-word"])
    #expect(!"\(kafka)".contains("secret-word") && "\(kafka)".contains("sasl.password"))
  }

  @Test("a transaction that may outlive the session is refused before anything connects")
  func timeouts() throws {
    var configuration = TransformConfiguration(group: "g", instance: "i", inputTopic: "input")
    configuration.transactionTimeoutMilliseconds = configuration.sessionTimeoutMilliseconds + 1
    let pipeline = TransactionalPipeline(
      kafka: KafkaConfiguration(bootstrapServers: "localhost:1"), configuration: configuration,
      processor: RunningSum(), logger: testLogger)
    // Should the check be missing, run() ends at once instead of waiting for a broker.
    pipeline.stop()
    let error = #expect(throws: StreamingError.self) { try pipeline.run() }
    #expect(error?.text.contains("transactionTimeoutMilliseconds") == true)
  }

  @Test("a topic's departures from its specification are named one by one")
  func differences() {
    let wanted = TopicSpecification(name: "a", partitions: 12, configuration: ["cleanup.policy": "compact"])
    let found = TopicDescription(name: "a", partitions: 3, configuration: ["cleanup.policy": "delete"])
    #expect(
      found.differences(from: wanted) == [
        "a has 3 partitions; expected 12", "a has cleanup.policy=delete; expected compact",
      ])
  }

  @Test("a dedicated thread tells its end, and the error that ended it, to all who wait")
  func dedicatedThread() async throws {
    try await startDedicatedThread(name: "good") {}.completion()
    let thread = startDedicatedThread(name: "bad") { throw TemporaryTrouble() }
    await #expect(throws: TemporaryTrouble.self) { try await thread.completion() }
    await #expect(throws: TemporaryTrouble.self) { try await thread.completion() }
    #expect(thread.isFinished)
  }

  @Test("a call that ends a client is waited for; one that does not return is left behind, and cleans up when it does")
  func boundedCall() async throws {
    try await blocking {
      let calls = BoundedCalls()
      let gate = DispatchSemaphore(value: 0)
      let cleaned = Mutex(0)
      let silent = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
      let cleanUp: @Sendable () -> Void = { cleaned.withLock { $0 += 1 } }
      #expect(calls.run("close", logger: silent, late: cleanUp) {})
      #expect(!calls.areUnderWay && cleaned.withLock(\.self) == 0)
      #expect(!calls.run("close", seconds: 0.05, logger: silent, late: cleanUp) { gate.wait() })
      #expect(calls.areUnderWay && cleaned.withLock(\.self) == 0)
      gate.signal()
      try waitUntil("the call that was left behind has returned") { !calls.areUnderWay }
      #expect(cleaned.withLock(\.self) == 1)
    }
  }
}
