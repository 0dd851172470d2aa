import Streaming
import Synchronization

/// How far this replica has come in each partition it holds, and how many messages lie before it.
///
/// The pipeline tells its positions; the ends are asked of the broker by another thread, for a pipeline that waits, for
/// PostgreSQL say, reads no more and could not tell how much is piling up.
package final class LagGauge: Sendable {
  private let metrics: ServiceMetrics
  /// The next offset to read; nil as long as nothing is known of it.
  private let positions = Mutex<[TopicPartition: Int64?]>([:])

  package init(_ metrics: ServiceMetrics) { self.metrics = metrics }

  /// Forgets all other partitions.
  package func hold(_ partitions: Set<TopicPartition>) {
    positions.withLock { positions in
      for gone in positions.keys where !partitions.contains(gone) {
        metrics.removeLag(topic: gone.topic, partition: gone.partition)
      }
      positions = Dictionary(uniqueKeysWithValues: partitions.map { ($0, positions[$0] ?? nil) })
    }
  }

  /// Others have them now.
  package func release(_ partitions: [TopicPartition]) {
    positions.withLock { positions in
      for gone in partitions where positions.removeValue(forKey: gone) != nil {
        metrics.removeLag(topic: gone.topic, partition: gone.partition)
      }
    }
  }

  /// All before these offsets is done.
  package func reached(_ next: [TopicPartition: Int64]) {
    positions.withLock { positions in
      for (partition, offset) in next where positions.keys.contains(partition) { positions[partition] = offset }
    }
  }

  /// A message of the partition was read whose work is still to be done.
  package func began(_ partition: TopicPartition, at offset: Int64) {
    positions.withLock { if let position = $0[partition], position == nil { $0[partition] = offset } }
  }

  /// Those of which a position is known.
  package var partitions: [TopicPartition] { positions.withLock { $0.compactMap { $1 == nil ? nil : $0 } } }

  /// - Parameter end: the next offset that will be written; nil when no broker tells it. A lag that stands still would be
  ///   worse than none.
  package func ends(_ partition: TopicPartition, at end: Int64?) {
    positions.withLock {
      guard let position = $0[partition] ?? nil else { return }
      guard let end else { return metrics.removeLag(topic: partition.topic, partition: partition.partition) }
      metrics.lag(max(0, end - position), topic: partition.topic, partition: partition.partition)
    }
  }
}
