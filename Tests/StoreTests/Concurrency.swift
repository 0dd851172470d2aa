import Foundation
import Synchronization
import Testing

/// Runs `body` on `count` threads at once, as the store's callers are threads, and gathers what each returns.
func inParallel<T: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) throws -> T) throws -> [T] {
  let results = Results<T>()
  let finished = DispatchGroup()
  for index in 0..<count {
    finished.enter()
    Thread.detachNewThread {
      let result = Result { try body(index) }
      results.values.withLock { $0.append(result) }
      finished.leave()
    }
  }
  finished.wait()
  return try results.values.withLock { try $0.map { try $0.get() } }
}

private final class Results<T: Sendable>: Sendable {
  let values = Mutex<[Result<T, any Error>]>([])
}
