import Dispatch
import Foundation
import Synchronization

/// At most `limit` connections, opened when needed and used again. Broken ones are replaced.
public final class ConnectionPool: Sendable {
  public let configuration: DatabaseConfiguration
  public let limit: Int
  private let waitSeconds: Double
  private let free: DispatchSemaphore
  private let idle = Mutex<[IdleConnection]>([])

  /// - Parameter waitSeconds: how long a caller waits for a connection before `POOL_EXHAUSTED`.
  public init(_ configuration: DatabaseConfiguration, limit: Int = 4, waitSeconds: Double = 30) {
    precondition(limit > 0, "a pool of \(limit) connections")
    self.configuration = configuration
    self.limit = limit
    self.waitSeconds = waitSeconds
    free = DispatchSemaphore(value: limit)
  }

  /// Lends a connection for the time of `body`.
  ///
  /// - Parameter attempts: how often `body` is run when it fails with an error that is worth a retry, on a new
  ///   connection when the old one broke, after 0.05 s, 0.1 s, … up to 2 s. More than one needs a `body` that may run
  ///   twice; all writes of the store may.
  public func withConnection<T>(attempts: Int = 1, _ body: (Connection) throws -> T) throws -> T {
    precondition(attempts > 0, "\(attempts) attempts")
    var attempt = 1
    while true {
      do {
        return try lend(body)
      } catch let error as StoreError where error.isRetriable && attempt < attempts {
        Thread.sleep(forTimeInterval: min(2, 0.05 * Double(1 << min(attempt - 1, 10))))
        attempt += 1
      }
    }
  }

  private func lend<T>(_ body: (Connection) throws -> T) throws -> T {
    guard free.wait(timeout: .now() + waitSeconds) == .success else {
      throw StoreError(
        .poolExhausted,
        "no database connection became free in \(waitSeconds) s; raise the limit (\(limit)) or look for slow statements"
      )
    }
    defer { free.signal() }
    let connection = try reusable() ?? Connection(configuration)
    defer {
      if connection.isReusable { idle.withLock { $0.append(IdleConnection(connection: connection)) } }
    }
    return try body(connection)
  }

  /// The connection used last that is still good; those found broken are closed.
  private func reusable() -> Connection? {
    while let candidate = idle.withLock({ $0.popLast() }) {
      if candidate.connection.isReusable { return candidate.connection }
    }
    return nil
  }
}

/// A connection that no thread uses: it is boxed after one thread is done and unboxed before another begins.
private struct IdleConnection: @unchecked Sendable {
  let connection: Connection
}
