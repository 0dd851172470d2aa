/// How far each assigned partition has been read.
package struct PartitionProgress {
  private struct Entry {
    var position: Int64?
    /// The partition's end, markers of transactions included, while everything before it has been read.
    var end: Int64?
  }

  private var entries: [Int32: Entry] = [:]

  package init() {}

  package mutating func start(_ partition: Int32, at position: Int64) { entries[partition] = Entry(position: position) }

  /// Moves past a message; false when it lies below the position, that is, was read before.
  package mutating func accept(_ offset: Int64, of partition: Int32) -> Bool {
    if let position = entries[partition]?.position, offset < position { return false }
    entries[partition, default: Entry()].position = offset + 1
    entries[partition, default: Entry()].end = nil
    return true
  }

  package mutating func reachedEnd(of partition: Int32, at offset: Int64) {
    entries[partition, default: Entry()].end = offset
  }

  package func isAtEnd(_ partition: Int32) -> Bool { entries[partition]?.end != nil }

  /// The next offset to read; nil before the first message of a partition without committed offset.
  package func position(of partition: Int32) -> Int64? { entries[partition]?.position }

  /// The same, past what is no message.
  package func reached(_ partition: Int32) -> Int64? { entries[partition].flatMap { $0.end ?? $0.position } }
}
