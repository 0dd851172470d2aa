import Foundation
import TestSupport

/// The folder of the built programs: they lie beside the test bundle, as beside each other.
package let programs: URL = {
  guard let own = Bundle.main.executableURL else { preconditionFailure("a running program has a path") }
  return own.resolvingSymlinksInPath().deletingLastPathComponent()
}()

/// A service as a process of its own, as an operator starts it.
package final class ServiceProcess {
  package let program: String
  package let instance: String
  private let process = Process()
  private let log: URL

  /// The kernel kills the process should the thread that starts it end, by whatever way.
  package init(
    _ program: String, _ arguments: [String] = [], instance: String, environment: [String: String], log: URL
  ) throws {
    self.program = program
    self.instance = instance
    self.log = log
    process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
    process.arguments = ["--pdeathsig", "KILL", programs.appendingPathComponent(program).path] + arguments
    process.environment = environment.merging(["RESYNC_INSTANCE": instance, "RESYNC_HTTP_PORT": "0"]) { own, _ in own }
    process.currentDirectoryURL = log.deletingLastPathComponent()
    try Data().write(to: log)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: log)
    try process.run()
  }

  // MARK: - The process

  package var isRunning: Bool { process.isRunning }
  package var processID: Int32 { process.processIdentifier }

  /// Ends it as a crash would.
  package func crash() throws {
    kill(process.processIdentifier, SIGKILL)
    try waitUntil("\(instance) is gone", seconds: 20) { !isRunning }
  }

  /// Stops it in its tracks, as a long pause of its machine would; `resume` lets it go on.
  package func freeze() { kill(process.processIdentifier, SIGSTOP) }
  package func resume() { kill(process.processIdentifier, SIGCONT) }

  /// Asks it to stop.
  package func terminate() { process.terminate() }

  /// Waits for its end after `terminate`.
  package func exitStatus(seconds: Double = 30) throws -> Int32 {
    try waitUntil("\(instance) has stopped", seconds: seconds) { !isRunning }
    return process.terminationStatus
  }

  // MARK: - What it says

  package var logText: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

  package var lastWords: String { logText.split(separator: "\n").suffix(6).joined(separator: "\n") }

  private var port: Int? {
    logText.firstMatch(of: /health and metrics on http:\/\/127\.0\.0\.1:(\d+)/).flatMap { Int($0.1) }
  }

  /// An HTTP answer; nil while nothing listens.
  package func get(_ path: String) -> (status: Int, body: String)? {
    guard let port, let answer = try? httpGet(path, port: port), answer.status != 0 else { return nil }
    return answer
  }

  package var isReady: Bool { self.get("/health/ready")?.status == 200 }

  package func waitUntilReady(seconds: Double = 120) throws {
    try waitUntil("\(instance) is ready", seconds: seconds) {
      guard isRunning else { throw WaitedInVain(description: "\(instance) ended instead:\n\(lastWords)") }
      return isReady
    }
  }

  /// The sum over all series of a metric.
  package func metric(_ name: String) -> Double {
    let lines = get("/metrics")?.body.split(separator: "\n") ?? []
    return lines.filter { $0.hasPrefix(name + "{") || $0.hasPrefix(name + " ") }
      .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
  }

  package var messagesIn: Double { metric("resync_messages_in_total") }
}

/// One request over a plain socket of the shell; Foundation's URL loading would add a library for it.
private func httpGet(_ path: String, port: Int) throws -> (status: Int, body: String) {
  let script = """
    exec 3<>/dev/tcp/127.0.0.1/\(port)
    printf 'GET \(path) HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' >&3
    cat <&3
    """
  // A service that takes a connection and never answers is not there.
  let text = try CommandResult.of("/bin/bash", ["-c", script], seconds: 10).output
  let parts = text.components(separatedBy: "\r\n\r\n")
  let status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  return (status, parts.dropFirst().joined(separator: "\r\n\r\n"))
}
