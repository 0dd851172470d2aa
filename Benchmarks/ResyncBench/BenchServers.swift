import ArgumentParser
import Foundation
import SuiteKit

/// The servers that the environment names.
struct BenchServers {
  let brokers: String
  let databaseURL: String

  /// - Throws: `ValidationError` when one is not named.
  init() throws {
    let environment = ProcessInfo.processInfo.environment
    guard let brokers = environment["KAFKA_BOOTSTRAP_SERVERS"], let databaseURL = environment["DATABASE_URL"] else {
      throw ValidationError("set KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL; ops/dev/bench-stream does")
    }
    (self.brokers, self.databaseURL) = (brokers, databaseURL)
  }

  /// Lends a suite of its own, and leaves nothing of it behind.
  /// - Parameter logs: where the services' logs are left; nil where they go too.
  func withSuite<Result>(logs: String? = nil, _ body: (RunningSuite) throws -> Result) throws -> Result {
    let suite = try RunningSuite(brokers: brokers, databaseURL: databaseURL, name: "bench\(RunningSuite.freshName())")
    do {
      let result = try body(suite)
      suite.stopServices()
      if let logs { try FileManager.default.copyItem(at: suite.folder, to: URL(fileURLWithPath: logs)) }
      try suite.close()
      return result
    } catch {
      try? suite.close()
      throw error
    }
  }
}

extension Encodable {
  /// The closing line of a command.
  var jsonLine: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}
