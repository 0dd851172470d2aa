import Metrics
import Synchronization

/// The metrics every service has, under one set of names.
public struct ServiceMetrics: Sendable {
  /// Name and meaning of each metric, for `# HELP` and the documentation.
  public static let names: [(name: String, help: String)] = [
    ("resync_messages_in_total", "Messages read, by topic."),
    ("resync_messages_out_total", "Messages written, by topic."),
    ("resync_messages_rejected_total", "Messages rejected, by error code."),
    ("resync_messages_repeated_total", "Repeated messages recognised and dropped, by topic."),
    ("resync_processing_seconds", "Time to process one message or batch, by step."),
    ("resync_transactions_committed_total", "Kafka transactions committed."),
    ("resync_transactions_aborted_total", "Kafka transactions aborted and done again."),
    ("resync_transaction_seconds", "Time to commit a Kafka transaction."),
    ("resync_lag", "Messages between the consumer and the end of the partition."),
    ("resync_queue_depth", "Entries waiting in a queue, by queue."),
    ("resync_state_entries", "Recordings open in the keyed state."),
    ("resync_states_unreadable_total", "Keys whose stored state could not be read at a takeover."),
    ("resync_ready", "1 when every readiness condition holds."),
  ]

  private let factory: any MetricsFactory
  private let handles = Handles()

  public init(factory: any MetricsFactory = MetricsSystem.factory) {
    self.factory = factory
  }

  public func messagesIn(_ count: Int, topic: String) { add(count, "resync_messages_in_total", [("topic", topic)]) }
  public func messagesOut(_ count: Int, topic: String) { add(count, "resync_messages_out_total", [("topic", topic)]) }
  public func rejected(_ count: Int = 1, code: String) {
    add(count, "resync_messages_rejected_total", [("code", code)])
  }
  public func repeated(_ count: Int = 1, topic: String) {
    add(count, "resync_messages_repeated_total", [("topic", topic)])
  }
  public func processing(seconds: Double, step: String) { time(seconds, "resync_processing_seconds", [("step", step)]) }

  public func transactionCommitted(seconds: Double) {
    add(1, "resync_transactions_committed_total", [])
    time(seconds, "resync_transaction_seconds", [])
  }
  public func transactionAborted() { add(1, "resync_transactions_aborted_total", []) }

  public func lag(_ messages: Int64, topic: String, partition: Int32) {
    set(Double(messages), "resync_lag", [("topic", topic), ("partition", String(partition))])
  }
  /// Takes the lag of a partition that is no longer this replica's out of the output.
  public func removeLag(topic: String, partition: Int32) {
    handles.removeMeter("resync_lag", [("topic", topic), ("partition", String(partition))])
  }
  public func queueDepth(_ entries: Int, queue: String) {
    set(Double(entries), "resync_queue_depth", [("queue", queue)])
  }
  public func statesUnreadable(_ count: Int) { add(count, "resync_states_unreadable_total", []) }
  public func stateEntries(_ entries: Int) { set(Double(entries), "resync_state_entries", []) }
  public func ready(_ isReady: Bool) { set(isReady ? 1 : 0, "resync_ready", []) }

  private func add(_ count: Int, _ name: String, _ labels: [(String, String)]) {
    handles.counter(name, labels, factory).increment(by: count)
  }

  private func time(_ seconds: Double, _ name: String, _ labels: [(String, String)]) {
    handles.timer(name, labels, factory).recordSeconds(seconds)
  }

  private func set(_ value: Double, _ name: String, _ labels: [(String, String)]) {
    handles.meter(name, labels, factory).set(value)
  }
}

/// Metric objects by name and labels, so that a hot path makes each once.
private final class Handles: Sendable {
  private let counters = Mutex<[String: Counter]>([:])
  private let meters = Mutex<[String: Meter]>([:])
  private let timers = Mutex<[String: Timer]>([:])

  func counter(_ name: String, _ labels: [(String, String)], _ factory: any MetricsFactory) -> Counter {
    cached(counters, name, labels) { Counter(label: name, dimensions: labels, factory: factory) }
  }

  func meter(_ name: String, _ labels: [(String, String)], _ factory: any MetricsFactory) -> Meter {
    cached(meters, name, labels) { Meter(label: name, dimensions: labels, factory: factory) }
  }

  func timer(_ name: String, _ labels: [(String, String)], _ factory: any MetricsFactory) -> Timer {
    cached(timers, name, labels) { Timer(label: name, dimensions: labels, factory: factory) }
  }

  func removeMeter(_ name: String, _ labels: [(String, String)]) {
    meters.withLock { $0.removeValue(forKey: key(name, labels)) }?.destroy()
  }

  private func cached<Metric: Sendable>(
    _ store: borrowing Mutex<[String: Metric]>, _ name: String, _ labels: [(String, String)], make: () -> Metric
  ) -> Metric {
    let key = key(name, labels)
    return store.withLock { metrics in
      if let metric = metrics[key] { return metric }
      let metric = make()
      // The registry bounds the series of a name; beyond that bound nothing is kept here either.
      if metrics.count < 4_096 { metrics[key] = metric }
      return metric
    }
  }

  private func key(_ name: String, _ labels: [(String, String)]) -> String {
    labels.reduce(name) { "\($0)\u{1}\($1.0)\u{2}\($1.1)" }
  }
}
