import Store
import Streaming

/// Keeps readiness true to what it says of Kafka and PostgreSQL, long after both were reached for the first time, and
/// the lag true to where the partitions end.
///
/// It asks on connections of its own, so that a server that is away, and messages that pile up, are seen also while the
/// pipeline does nothing or waits.
struct ServerWatch {
  private static let intervalSeconds = 5.0

  let context: ServiceContext

  var pipeline: any DedicatedPipeline { BlockingPipeline(name: "server-watch") { watch($0) } }

  private func watch(_ stop: StopSignal) {
    var admin: Admin?
    var connection: Connection?
    // A condition that was never true is the business of the pipeline that waits for it.
    var reached: Set<String> = []
    while !stop.wait(seconds: Self.intervalSeconds) {
      for (name, check) in context.readiness.report.checks where check.isReady { reached.insert(name) }
      if reached.contains(ReadinessCondition.kafka) {
        report(ReadinessCondition.kafka) {
          // What open transactions hold back cannot be read yet.
          let known =
            try admin
            ?? Admin(kafka: context.kafka, isolation: .readCommitted, logger: context.logger, timeout: .seconds(3))
          admin = known
          _ = try known.topicNames()
        }
        // A partition without a leader says nothing of the others, nor of the service.
        for partition in context.lag.partitions where !stop.isStopped {
          context.lag.ends(partition, at: try? admin?.watermarks(partition).high)
        }
      }
      if reached.contains(ReadinessCondition.database) {
        report(ReadinessCondition.database) {
          do {
            let known = try connection ?? Connection(context.databaseConfiguration())
            connection = known
            try known.execute("select 1")
          } catch {
            connection = nil
            throw error
          }
        }
      }
    }
  }

  private func report(_ condition: String, _ ask: () throws -> Void) {
    do {
      try ask()
      context.readiness.set(condition, true)
    } catch {
      context.readiness.set(condition, false, detail: "does not answer")
    }
  }
}
