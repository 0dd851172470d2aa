import Foundation
import Streaming
import TestSupport
import Testing

/// Every message takes effect once, whatever happens in between.
@Suite(
  "A pipeline against a real broker", .enabled(if: testBrokers != nil, "set KAFKA_BOOTSTRAP_SERVERS"), .serialized,
  .timeLimit(.minutes(5)))
struct PipelineTests {
  @Test("every message counts once in an undisturbed run, and ended keys leave no state")
  func undisturbed() async throws {
    try await TestTopics.with { test in
      let work = RunningSum.workload(keys: 6, numbersPerKey: 50, end: true)
      try test.send(work.messages)
      let running = RunningPipeline.start(test.kafka)
      try test.waitForOutputs(work.messages.count)
      try waitUntil("no state is left") { running.observer.counts.value.keys == 0 }
      let admin = try Admin(kafka: test.kafka, logger: testLogger)
      let ends = try Dictionary(
        uniqueKeysWithValues: (0..<4).map { ($0, try admin.watermarks(TopicPartition("input", $0)).high) })
      try waitUntil("the ends are reached") { running.observer.counts.value.positions == ends }
      try running.stop()
      #expect(try test.values("output") == work.expected)
      #expect(running.observer.counts.value.aborted == [])
      var latest: [String: Bool] = [:]
      for change in try test.readAll("state") { latest[change.keyText ?? ""] = change.isTombstone }
      #expect(latest.values.allSatisfy { $0 })
    }
  }

  @Test("a restart goes on from the stored state")
  func restart() async throws {
    try await TestTopics.with { test in
      let work = RunningSum.workload(keys: 5, numbersPerKey: 40)
      for part in [work.messages.prefix(73), work.messages.dropFirst(73)] {
        let running = RunningPipeline.start(test.kafka)
        try test.send(Array(part))
        let total = part.startIndex == 0 ? 73 : work.messages.count
        try test.waitForOutputs(total)
        try running.stop()
      }
      #expect(try test.values("output") == work.expected)
    }
  }

  @Test("temporary trouble in processing and before the commit is undone and worked on again")
  func aborts() async throws {
    try await TestTopics.with { test in
      let work = RunningSum.workload(keys: 6, numbersPerKey: 60)
      let seen = Shared(0)
      let commits = Shared(0)
      let aborts = Shared(0)
      let processor = RunningSum(
        onMessage: { _ in
          if seen.increment() % 97 == 0 {
            throw TemporaryTrouble()
          }
        },
        onPrepareCommit: {
          if commits.increment() % 5 == 0 {
            throw TemporaryTrouble()
          }
        },
        onAbort: { aborts.change { $0 += 1 } })
      let running = RunningPipeline.start(test.kafka, processor)
      try test.send(work.messages)
      try test.waitForOutputs(work.messages.count)
      try running.stop()
      #expect(try test.values("output") == work.expected)
      let counts = running.observer.counts.value
      #expect(counts.aborted.count >= 4 && counts.aborted.allSatisfy { $0 == "TemporaryTrouble" })
      #expect(aborts.value == counts.aborted.count)
      #expect(counts.restarted == [])
    }
  }

  @Test("an error that no repetition mends stops the pipeline with it, and commits nothing of its transaction")
  func poison() async throws {
    try await TestTopics.with { test in
      let processor = RunningSum(onMessage: { message in
        if message.value == Array("13".utf8) { throw TemporaryTrouble(isRetriable: false) }
      })
      let running = RunningPipeline.start(test.kafka, processor)
      try test.send([RunningSum.message("a", "1")])
      try test.waitForOutputs(1)
      try test.send([RunningSum.message("a", "13")])
      try waitUntil("the pipeline has ended") { running.thread.isFinished }
      #expect(running.error.value is TemporaryTrouble)
      #expect(!running.pipeline.isReady)
      #expect(try test.values("output") == ["a": ["1:1"]])
    }
  }

  @Test("a state without a changelog is an error that says what is missing")
  func stateWithoutChangelog() async throws {
    try await TestTopics.with { test in
      let running = RunningPipeline.start(test.kafka) { $0.changelogTopic = nil }
      try test.send([RunningSum.message("a", "1")])
      try waitUntil("the pipeline has ended") { running.thread.isFinished }
      let error = running.error.value as? StreamingError
      #expect(error?.code == .stateInvalid && error?.text.contains("changelogTopic") == true)
    }
  }

  @Test("partitions move between instances under load without loss or double")
  func rebalances() async throws {
    try await TestTopics.with { test in
      let work = RunningSum.workload(keys: 8, numbersPerKey: 120)
      let feed = startDedicatedThread(name: "feed") {
        let producer = try Producer(kafka: test.kafka, logger: testLogger)
        for (index, message) in work.messages.enumerated() {
          try producer.send(message)
          if index % 40 == 0 { Thread.sleep(forTimeInterval: 0.2) }
        }
        try producer.flush()
      }
      let first = RunningPipeline.start(test.kafka, instance: "one")
      try test.waitForOutputs(40)
      let second = RunningPipeline.start(test.kafka, instance: "two")
      try waitUntil("the second has a share") { second.observer.counts.value.messagesIn > 0 }
      try first.stop()
      let third = RunningPipeline.start(test.kafka, instance: "three")
      try waitUntil("the feed is done") { feed.isFinished }
      try test.waitForOutputs(work.messages.count)
      try second.stop()
      try third.stop()
      #expect(try test.values("output") == work.expected)
      #expect(third.observer.counts.value.assignments.contains { !$0.isEmpty })
    }
  }

  @Test("more instances than partitions: the one too many idles, ready to step in")
  func idleInstance() async throws {
    try await TestTopics.with { test in
      let all = (0...Int(TestTopics.partitions)).map { RunningPipeline.start(test.kafka, instance: "i\($0)") }
      try waitUntil("all are ready and one is idle") {
        all.allSatisfy { $0.pipeline.isReady }
          && all.filter { $0.observer.counts.value.assignments.last?.count == 1 }.count == Int(TestTopics.partitions)
      }
      try test.send([RunningSum.message("a", "1")])
      try test.waitForOutputs(1)
      for running in all { try running.stop() }
      #expect(try test.values("output") == ["a": ["1:1"]])
    }
  }

  @Test("a second pipeline of the same instance name fences the first; both together still count once")
  func sameName() async throws {
    try await TestTopics.with { test in
      let work = RunningSum.workload(keys: 4, numbersPerKey: 50)
      let first = RunningPipeline.start(test.kafka, instance: "twin")
      try test.send(Array(work.messages.prefix(100)))
      try test.waitForOutputs(50)
      let second = RunningPipeline.start(test.kafka, instance: "twin")
      try test.send(Array(work.messages.dropFirst(100)))
      try test.waitForOutputs(work.messages.count)
      try first.stop()
      try second.stop()
      #expect(try test.values("output") == work.expected)
      #expect(
        first.observer.counts.value.restarted.count + first.observer.counts.value.aborted.count > 0,
        "the first was never fenced")
    }
  }

  @Test("idle keys are punctuated only after everything before them was read, and end once")
  func punctuation() async throws {
    try await TestTopics.with { test in
      try test.send((1...20).map { RunningSum.message("a", "\($0)") })
      try test.send([RunningSum.message("b", "1")])
      let running = RunningPipeline.start(test.kafka, RunningSum(endsWhenIdleAfter: 3))
      try waitUntil("the idle key has ended") { try test.values("output")["a"]?.last == "idle:20:210" }
      try running.stop()
      let values = try test.values("output")
      #expect(values["a"]?.filter { $0.hasPrefix("idle") } == ["idle:20:210"])
      #expect(values["b"] == ["1:1"])
    }
  }

  @Test("a pipeline that vanished inside a transaction leaves nothing behind for its successor")
  func abandoned() async throws {
    try await TestTopics.with { test in
      let work = RunningSum.workload(keys: 4, numbersPerKey: 40)
      try test.send(work.messages)
      let seen = Shared(0)
      let held = Shared(true)
      let first = RunningPipeline.start(
        test.kafka,
        RunningSum(onMessage: { _ in
          // The 60th message is never finished: outputs of its transaction are sent already.
          guard seen.increment() == 60 else { return }
          while held.value { Thread.sleep(forTimeInterval: 0.01) }
        })
      ) {
        $0.maximumMessagesPerTransaction = 50
        $0.isStaticMember = true
      }
      try waitUntil("it hangs") { seen.value == 60 }
      first.pipeline.abandon()
      held.change { $0 = false }
      try waitUntil("it is gone") { first.thread.isFinished }
      let second = RunningPipeline.start(test.kafka) { $0.isStaticMember = true }
      try test.waitForOutputs(work.messages.count)
      try second.stop()
      #expect(try test.values("output") == work.expected)
    }
  }

  @Test("killed at any moment and started again, a pipeline loses nothing and doubles nothing")
  func killed() async throws {
    let servers = try #require(testBrokers)
    let prefix = Shared("")
    let work = RunningSum.workload(keys: 4, numbersPerKey: 60, end: true)
    let finish = Shared(false)
    // The topics live on a thread of their own while the processes die in turn.
    let topics = Task {
      try await TestTopics.with { test in
        try test.send(work.messages)
        prefix.change { $0 = test.kafka.topicPrefix }
        try waitUntil("the processes are dead", seconds: 200) { finish.value }
        let last = RunningPipeline.start(test.kafka) { $0.isStaticMember = true }
        try test.waitForOutputs(work.messages.count)
        try last.stop()
        #expect(try test.values("output") == work.expected)
        #expect(last.observer.counts.value.keys == 0)
        #expect(last.observer.counts.value.messagesIn < work.messages.count, "the killed processes did nothing")
      }
    }
    while prefix.value.isEmpty { try await Task.sleep(for: .milliseconds(50)) }
    let topicPrefix = prefix.value
    // In the middle of a message's outputs, and before a commit.
    for (messages, commits) in [(37, 0), (61, 0), (0, 2), (90, 0)] {
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [
          servers = servers as String, topicPrefix = topicPrefix as String, messages = messages as Int,
          commits = commits as Int
        ] in
        let seen = Shared(0)
        let committed = Shared(0)
        let running = RunningPipeline.start(
          KafkaConfiguration(bootstrapServers: servers, topicPrefix: topicPrefix, clientID: "test"),
          RunningSum(
            onMessage: { _ in
              if seen.increment() == messages { kill(getpid(), SIGKILL) }
            },
            onPrepareCommit: {
              if committed.increment() == commits { kill(getpid(), SIGKILL) }
            })
        ) { $0.isStaticMember = true }
        try? waitUntil("it is killed", seconds: 60) { running.thread.isFinished }
      }
    }
    finish.change { $0 = true }
    try await topics.value
  }
}
