import Foundation
import Store
import Streaming

/// Makes every writer wait: tables are locked most of the time.
enum SlowDatabase {
  static func start(_ configuration: DatabaseConfiguration, seconds: Double) {
    startDedicatedThread(name: "slow-database") {
      let end = ContinuousClock.now + .seconds(seconds)
      while ContinuousClock.now < end {
        // A server that restarts meanwhile, or a deadlock that it resolves, is none of this thread's business.
        guard let connection = try? Connection(configuration) else {
          Thread.sleep(forTimeInterval: 0.5)
          continue
        }
        while ContinuousClock.now < end, (try? hold(connection)) != nil { Thread.sleep(forTimeInterval: 0.05) }
      }
    }
  }

  private static func hold(_ connection: Connection) throws {
    try connection.transaction {
      try connection.execute("lock table recordings, beat_predictions in access exclusive mode")
      Thread.sleep(forTimeInterval: 0.7)
    }
  }
}
