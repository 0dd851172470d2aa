import Logging
import Streaming

extension Consumer {
  /// Commits offsets of messages whose effects are repeatable. A failure only means that they come again, here or at the
  /// replica that has the partitions by now, unless it would come every time.
  public func commitRepeatable(_ offsets: [TopicPartition: Int64], logger: Logger) throws {
    do {
      try commit(offsets)
    } catch {
      if error.endsSession { throw error }
      logger.info("offsets were not committed; the messages come again: \(error)")
    }
  }
}
