import Foundation
import SuiteKit
import TestSupport
import Testing

let databaseURL = ProcessInfo.processInfo.environment["DATABASE_URL"]

/// Whole suites of processes on a real broker and a real PostgreSQL: one after the other, for they need the machine.
@Suite(
  "The whole suite", .serialized, .timeLimit(.minutes(10)),
  .enabled(
    if: testBrokers != nil && databaseURL != nil, "set KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL; ops/dev/test does"))
struct IntegrationTests {}

extension RunningSuite {
  /// Runs a test on a suite of its own and leaves nothing behind: no process, topic, schema or file.
  static func with<T: Sendable>(
    brokers: String? = testBrokers, setUp: Bool = true, _ body: @escaping @Sendable (RunningSuite) throws -> T
  ) async throws -> T {
    try await blocking {
      try with(
        RunningSuite(brokers: #require(brokers), databaseURL: #require(databaseURL), name: freshName()),
        setUp: setUp, body)
    }
  }

  /// The same for a suite on other servers; blocks.
  static func with<T>(_ suite: RunningSuite, setUp: Bool = true, _ body: (RunningSuite) throws -> T) throws -> T {
    defer {
      do { try suite.close() } catch { Issue.record("the suite \(suite.schema) was not cleared away: \(error)") }
    }
    do {
      if setUp { try suite.setUp() }
      return try body(suite)
    } catch {
      let words = suite.services.map { "--- \($0.instance)\($0.isRunning ? "" : " (ended)")\n\($0.lastWords)" }
      throw Failure(description: "\(error)\n\(words.joined(separator: "\n"))")
    }
  }

  /// What went wrong, with what the services said last.
  private struct Failure: Error, CustomStringConvertible {
    let description: String
  }
}
