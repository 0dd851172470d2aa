import Foundation

struct WaitedInVain: Error, CustomStringConvertible {
  let description: String
}

/// Gives each job a thread of its own.
private final class OwnThreads: TaskExecutor {
  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let thread = Thread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    thread.stackSize = 8 << 20
    thread.start()
  }
}

/// Runs blocking work on one thread off Swift's cooperative pool, which the tests share with all others. It stays part
/// of the test's task, to which its failures are counted.
func onOwnThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
  try await withTaskExecutorPreference(OwnThreads()) { try body() }
}

/// Blocks until the condition holds. The limit is for a machine under load; what is waited for takes seconds.
func waitUntil(_ what: String, seconds: Double = 180, _ condition: () throws -> Bool) throws {
  let deadline = Date(timeIntervalSinceNow: seconds)
  while try !condition() {
    guard Date() < deadline else { throw WaitedInVain(description: "waited \(Int(seconds)) s in vain until \(what)") }
    Thread.sleep(forTimeInterval: 0.1)
  }
}
