import Foundation
import Testing

struct WaitedInVain: Error, CustomStringConvertible {
  let description: String
}

/// Runs blocking work on a thread of its own: the tests share Swift's cooperative pool with all others.
func onOwnThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
  try await withCheckedThrowingContinuation { continuation in
    let thread = Thread { continuation.resume(with: Result { try body() }) }
    thread.stackSize = 8 << 20
    thread.start()
  }
}

/// Blocks until the condition holds. The limit is for a machine under load; what is waited for takes seconds.
func waitUntil(_ what: String, seconds: Double = 180, _ condition: () throws -> Bool) throws {
  let deadline = Date(timeIntervalSinceNow: seconds)
  while try !condition() {
    guard Date() < deadline else { throw WaitedInVain(description: "waited \(Int(seconds)) s in vain until \(what)") }
    Thread.sleep(forTimeInterval: 0.1)
  }
}
