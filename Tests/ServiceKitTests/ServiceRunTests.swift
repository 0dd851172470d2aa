import Foundation
import ServiceKit
import Synchronization
import Testing

/// An HTTP request from a thread of its own: the answer is made on the cooperative pool, which must not be blocked by
/// the question.
private func get(_ path: String, port: Int) async throws -> (status: Int, body: String) {
  try await withCheckedThrowingContinuation { continuation in
    Thread { continuation.resume(with: Result { try blockingGet(path, port: port) }) }.start()
  }
}

/// Talks HTTP over a plain socket; Foundation's URL loading would add a library for three requests.
private func blockingGet(_ path: String, port: Int) throws -> (status: Int, body: String) {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/bin/bash")
  let script = """
    exec 3<>/dev/tcp/127.0.0.1/\(port)
    printf 'GET \(path) HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' >&3
    cat <&3
    """
  process.arguments = ["-c", script]
  let output = Pipe()
  process.standardOutput = output
  process.standardError = FileHandle.nullDevice
  try process.run()
  let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  let parts = text.components(separatedBy: "\r\n\r\n")
  let status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  return (status, parts.dropFirst().joined(separator: "\r\n\r\n"))
}

/// A service running in a task; the pipelines say when they have begun.
private final class Running: Sendable {
  let context: ServiceContext
  let lines = Lines()
  private let task = Mutex<Task<Void, any Error>?>(nil)

  init(port: Int = 0, stopTimeout: Double = 30) throws {
    let settings = try sampleSettings(["http-port": ["\(port)"], "stop-timeout": ["\(stopTimeout)"]])
    context = ServiceContext(
      common: CommonConfiguration(serviceName: "test", settings: settings), settings: settings,
      logger: logger(to: lines))
  }

  func start(_ pipelines: [any DedicatedPipeline]) {
    let context = self.context
    task.withLock { $0 = Task { try await runService(context, pipelines: pipelines, signals: []) } }
  }

  /// Ends the service as a signal would, and gives its end.
  func stop() async throws {
    let task = self.task.withLock { $0 }
    task?.cancel()
    try await task?.value
  }

  func end() async throws { try await task.withLock { $0 }?.value }

  /// The port, once the service listens.
  func port() async throws -> Int {
    while true {
      if let line = lines.all.first(where: { $0.contains("health and metrics on") }),
        let match = line.firstMatch(of: /http:\/\/127\.0\.0\.1:(\d+)/), let port = Int(match.1)
      {
        return port
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}

private struct Failure: Error {}

private func trimmedLine(of path: String) -> String {
  (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .newlines) ?? ""
}

/// A pipeline that works until it is stopped.
private func steady(_ name: String, ended: Lines = Lines()) -> BlockingPipeline {
  BlockingPipeline(name: name) { stop in
    while !stop.wait(seconds: 60) {}
    ended.append(name)
  }
}

@Suite("A running service", .timeLimit(.minutes(5)))
struct ServiceRunTests {
  @Test("live answers at once, ready follows the named conditions, metrics are Prometheus text")
  func endpoint() async throws {
    let running = try Running()
    // Not one that the service itself watches.
    running.context.readiness.set("models", false, detail: "not yet \"reached\"")
    running.context.metrics.messagesIn(3, topic: "ecg.ingest")
    running.start([steady("main")])
    let port = try await running.port()
    #expect(try await get("/health/live", port: port) == (200, #"{"status":"live"}"#))
    let waiting = try await get("/health/ready", port: port)
    #expect(waiting.status == 503)
    #expect(
      waiting.body
        == #"{"status":"not_ready","checks":{"models":{"ready":false,"detail":"not yet \"reached\""}}}"#)
    running.context.readiness.set("models", true)
    #expect(
      try await get("/health/ready", port: port) == (200, #"{"status":"ready","checks":{"models":{"ready":true}}}"#))
    let metrics = try await get("/metrics", port: port)
    #expect(metrics.status == 200)
    #expect(metrics.body.contains("resync_messages_in_total{topic=\"ecg.ingest\"} 3\n"))
    #expect(metrics.body.contains("resync_ready 1\n"))
    #expect(try await get("/other", port: port).status == 404)
    try await running.stop()
  }

  @Test("a port in use is stepped over, and the log says which is taken")
  func portInUse() async throws {
    let first = try Running()
    first.start([steady("main")])
    let port = try await first.port()
    let second = try Running(port: port)
    second.start([steady("main")])
    let next = try await second.port()
    #expect(next > port)
    #expect(second.lines.contains("HTTP port \(port) is in use"))
    #expect(try await get("/health/live", port: next).status == 200)
    try await second.stop()
    try await first.stop()
  }

  @Test("an address that is not this machine's ends the service with a message that names the keys")
  func foreignAddress() async throws {
    let settings = try sampleSettings(["http-host": ["192.0.2.1"], "http-port": ["8080"]])
    let context = ServiceContext(
      common: CommonConfiguration(serviceName: "test", settings: settings), settings: settings,
      logger: logger(to: Lines()))
    let ended = Lines()
    let error = await #expect(throws: ServiceKitError.self) {
      try await runService(context, pipelines: [steady("main", ended: ended)], signals: [])
    }
    #expect(error?.code == .httpUnavailable)
    #expect(error?.message.contains("--http-host 192.0.2.1") == true)
    #expect(ended.all == ["main"])
  }

  @Test("a stop ends all pipelines and then the service, without an error")
  func gracefulStop() async throws {
    let running = try Running()
    let ended = Lines()
    running.start([steady("a", ended: ended), steady("b", ended: ended)])
    _ = try await running.port()
    try await running.stop()
    #expect(ended.all.sorted() == ["a", "b"])
    #expect(running.context.readiness.report.isStopping)
    #expect(!running.context.readiness.report.isReady)
  }

  @Test("a pipeline's error stops the others and is the service's error")
  func failure() async throws {
    let running = try Running()
    let ended = Lines()
    running.start([steady("a", ended: ended), BlockingPipeline(name: "bad") { _ in throw Failure() }])
    await #expect(throws: Failure.self) { try await running.end() }
    #expect(ended.all == ["a"])
    #expect(running.lines.contains("pipeline bad failed"))
  }

  @Test("a pipeline that returns unasked is an error")
  func unaskedEnd() async throws {
    let running = try Running()
    running.start([BlockingPipeline(name: "short") { _ in }])
    let error = await #expect(throws: ServiceKitError.self) { try await running.end() }
    #expect(error?.code == .pipelineEnded)
  }

  @Test("a pipeline that does not stop is named when the time is over")
  func stubborn() async throws {
    let running = try Running(stopTimeout: 0.1)
    let release = StopSignal()
    let stubborn = BlockingPipeline(name: "stubborn") { _ in release.wait(seconds: 60) }
    running.start([steady("a"), stubborn])
    _ = try await running.port()
    let error = await #expect(throws: ServiceKitError.self) { try await running.stop() }
    release.stop()
    #expect(error?.code == .stopTimeout)
    #expect(error?.message.hasPrefix("stubborn did not stop") == true)
  }

  @Test("pipelines run on threads of their own, with their names")
  func threads() async throws {
    let running = try Running()
    let names = Lines()
    running.start(
      ["one", "two"].map { name in
        BlockingPipeline(name: name) { stop in
          names.append(trimmedLine(of: "/proc/thread-self/comm"))
          stop.wait(seconds: 60)
        }
      })
    _ = try await running.port()
    try await running.stop()
    #expect(names.all.sorted() == ["one", "two"])
  }
}
