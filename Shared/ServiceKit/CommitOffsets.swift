import Logging
import Streaming

extension Consumer {
  /// Commits offsets of messages whose effects are repeatable. A failure that is not fatal only means that they come
  /// again, here or at the replica that has the partitions by now.
  public func commitRepeatable(_ offsets: [TopicPartition: Int64], logger: Logger) throws {
    do {
      try commit(offsets)
    } catch {
      if error.isFatal { throw error }
      logger.info("offsets were not committed; the messages come again: \(error)")
    }
  }
}
