import Foundation
import TestSupport

/// The folder of the built programs: they lie beside the test bundle.
let programs: URL = {
  guard let tests = Bundle.main.executableURL else { preconditionFailure("a running program has a path") }
  return tests.resolvingSymlinksInPath().deletingLastPathComponent()
}()

/// A service as a process of its own, as an operator starts it.
final class ServiceProcess {
  let program: String
  let instance: String
  private let process = Process()
  private let log: URL

  /// The kernel kills the process should the thread that starts it end, by whatever way.
  init(_ program: String, instance: String, environment: [String: String], log: URL) throws {
    self.program = program
    self.instance = instance
    self.log = log
    process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
    process.arguments = ["--pdeathsig", "KILL", programs.appendingPathComponent(program).path]
    process.environment = environment.merging(["RESYNC_INSTANCE": instance, "RESYNC_HTTP_PORT": "0"]) { own, _ in own }
    process.currentDirectoryURL = log.deletingLastPathComponent()
    try Data().write(to: log)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: log)
    try process.run()
  }

  // MARK: - The process

  var isRunning: Bool { process.isRunning }
  var processID: Int32 { process.processIdentifier }

  /// Ends it as a crash would.
  func crash() throws {
    kill(process.processIdentifier, SIGKILL)
    try waitUntil("\(instance) is gone", seconds: 20) { !isRunning }
  }

  /// Asks it to stop.
  func terminate() { process.terminate() }

  /// Waits for its end after `terminate`.
  func exitStatus(seconds: Double = 30) throws -> Int32 {
    try waitUntil("\(instance) has stopped", seconds: seconds) { !isRunning }
    return process.terminationStatus
  }

  // MARK: - What it says

  var logText: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

  var lastWords: String { logText.split(separator: "\n").suffix(6).joined(separator: "\n") }

  private var port: Int? {
    logText.firstMatch(of: /health and metrics on http:\/\/127\.0\.0\.1:(\d+)/).flatMap { Int($0.1) }
  }

  /// An HTTP answer; nil while nothing listens.
  func get(_ path: String) -> (status: Int, body: String)? {
    guard let port, let answer = try? httpGet(path, port: port), answer.status != 0 else { return nil }
    return answer
  }

  var isReady: Bool { self.get("/health/ready")?.status == 200 }

  func waitUntilReady(seconds: Double = 120) throws {
    try waitUntil("\(instance) is ready", seconds: seconds) {
      guard isRunning else { throw WaitedInVain(description: "\(instance) ended instead:\n\(lastWords)") }
      return isReady
    }
  }

  /// The sum over all series of a metric.
  func metric(_ name: String) -> Double {
    let lines = get("/metrics")?.body.split(separator: "\n") ?? []
    return lines.filter { $0.hasPrefix(name + "{") || $0.hasPrefix(name + " ") }
      .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
  }

  var messagesIn: Double { metric("resync_messages_in_total") }
}

/// One request over a plain socket of the shell; Foundation's URL loading would add a library for it.
private func httpGet(_ path: String, port: Int) throws -> (status: Int, body: String) {
  let script = """
    exec 3<>/dev/tcp/127.0.0.1/\(port)
    printf 'GET \(path) HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' >&3
    cat <&3
    """
  let text = try CommandResult.of("/bin/bash", ["-c", script]).output
  let parts = text.components(separatedBy: "\r\n\r\n")
  let status = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  return (status, parts.dropFirst().joined(separator: "\r\n\r\n"))
}

/// What a command that ends by itself gave back.
struct CommandResult {
  var status: Int32
  var output: String
  var errors: String

  static func of(
    _ program: String, _ arguments: [String], environment: [String: String]? = nil, folder: URL? = nil
  ) throws -> CommandResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    if let environment { process.environment = environment }
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    // Files, not pipes: nobody would empty one while the other is read.
    let files = ["output", "errors"].map { name in
      FileManager.default.temporaryDirectory.appendingPathComponent("resync-\(UUID().uuidString).\(name)")
    }
    defer { for file in files { try? FileManager.default.removeItem(at: file) } }
    for file in files { try Data().write(to: file) }
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    return CommandResult(
      status: process.terminationStatus, output: try String(contentsOf: files[0], encoding: .utf8),
      errors: try String(contentsOf: files[1], encoding: .utf8))
  }
}
