import Foundation

/// What a command that ends by itself gave back.
package struct CommandResult {
  package var status: Int32
  package var output: String
  package var errors: String

  /// - Parameter seconds: after so long it is ended, and its status is 124, or 9 where it took force. That of a
  ///   program that is not there is 127.
  package static func of(
    _ program: String, _ arguments: [String], environment: [String: String]? = nil, folder: URL? = nil,
    seconds: Int = 300
  ) throws -> CommandResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["--kill-after", "5", String(seconds), program] + arguments
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
