/// How far each assigned partition has been read.
package struct PartitionProgress {
  private struct Entry {
    var position: Int64?
    var isAtEnd = false
  }

  private var entries: [Int32: Entry] = [:]

  package init() {}

  package mutating func start(_ partition: Int32, at position: Int64) { entries[partition] = Entry(position: position) }

  /// Moves past a message; false when it lies below the position, that is, was read before.
  package mutating func accept(_ offset: Int64, of partition: Int32) -> Bool {
    if let position = entries[partition]?.position, offset < position { return false }
    entries[partition, default: Entry()].position = offset + 1
    entries[partition, default: Entry()].isAtEnd = false
    return true
  }

  package mutating func reachedEnd(of partition: Int32) { entries[partition, default: Entry()].isAtEnd = true }

  package func isAtEnd(_ partition: Int32) -> Bool { entries[partition]?.isAtEnd ?? false }

  /// The next offset to read; nil before the first message of a partition without committed offset.
  package func position(of partition: Int32) -> Int64? { entries[partition]?.position }
}
