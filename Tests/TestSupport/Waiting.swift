import Foundation
import Streaming

package struct WaitedInVain: Error, CustomStringConvertible {
  package let description: String

  package init(description: String) { self.description = description }
}

/// Gives each job a thread of its own.
private final class DedicatedThreads: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    startDedicatedThread(name: "test") { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

/// Runs blocking work off the cooperative pool, which all tests share. It stays part of the test's task, to which its
/// failures are counted.
package func blocking<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
  try await withTaskExecutorPreference(DedicatedThreads()) { try body() }
}

/// Blocks until the condition holds. The limit is for a machine under load; what is waited for takes seconds.
package func waitUntil(_ what: String, seconds: Double = 180, _ condition: () throws -> Bool) throws {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while try !condition() {
    guard ContinuousClock.now < deadline else {
      throw WaitedInVain(description: "waited \(Int(seconds)) s in vain until \(what)")
    }
    Thread.sleep(forTimeInterval: 0.05)
  }
}
