/// State of one key that outlives its messages, as bytes in a changelog topic.
public protocol KeyedStateValue {
  /// - Throws: when the bytes are none that `serialized` gave; the key then has the state `unreadable`.
  init(serialized: [UInt8]) throws
  func serialized() throws -> [UInt8]
  /// What a key goes on with whose stored state cannot be read; nil where a key without state refuses what follows.
  static var unreadable: Self? { get }
}

extension KeyedStateValue {
  public static var unreadable: Self? { nil }
}

/// The state of stages that keep none: it has no values.
public enum Stateless: KeyedStateValue, Sendable {
  public init(serialized: [UInt8]) throws {
    throw StreamingError(.stateInvalid, "a stateless stage has a changelog; leave changelogTopic out")
  }

  public func serialized() throws -> [UInt8] {
    switch self {}
  }
}

/// The states of the assigned partitions, live, with what must go to the changelog at the next commit.
///
/// There is no undo: after an abort the partitions are loaded again from the changelog.
package struct KeyedStates<State: KeyedStateValue> {
  /// One key's state; a class, so that a large state is changed where it lies.
  package final class Slot {
    package var value: State?
    /// The changelog holds a value for the key.
    fileprivate var isPersisted: Bool
    fileprivate var isDirty = false

    fileprivate init(value: State?, isPersisted: Bool) {
      self.value = value
      self.isPersisted = isPersisted
    }
  }

  package struct Change {
    package let partition: Int32
    package let key: String
    /// nil deletes the key.
    package let snapshot: [UInt8]?
  }

  private var slots: [Int32: [String: Slot]] = [:]
  private var dirty: [(partition: Int32, key: String, slot: Slot)] = []

  /// Keys with a state, over all partitions.
  package private(set) var count = 0

  package init() {}

  /// - Returns: why the snapshots of some keys cannot be read. These have the state `unreadable` from now on; the changelog
  ///   keeps what it has of them until their next message.
  package mutating func load(_ partition: Int32, _ snapshots: [String: [UInt8]]) -> [String: any Error] {
    var loaded: [String: Slot] = [:]
    var unreadable: [String: any Error] = [:]
    for (key, snapshot) in snapshots {
      do {
        loaded[key] = Slot(value: try State(serialized: snapshot), isPersisted: true)
      } catch {
        loaded[key] = Slot(value: State.unreadable, isPersisted: true)
        unreadable[key] = error
      }
    }
    slots[partition] = loaded
    count = slots.values.reduce(0) { $0 + $1.count }
    return unreadable
  }

  package mutating func removeAll() {
    slots = [:]
    dirty = []
    count = 0
  }

  package func keys(of partition: Int32) -> [String] { (slots[partition] ?? [:]).keys.sorted() }

  package func value(_ partition: Int32, _ key: String) -> State? { slots[partition]?[key]?.value }

  /// The key's slot, to be changed: its content goes to the changelog at the next commit.
  package mutating func slotForChange(_ partition: Int32, _ key: String) -> Slot {
    let slot: Slot
    if let found = slots[partition]?[key] {
      slot = found
    } else {
      slot = Slot(value: nil, isPersisted: false)
      slots[partition, default: [:]][key] = slot
      count += 1
    }
    if !slot.isDirty {
      slot.isDirty = true
      dirty.append((partition, key, slot))
    }
    return slot
  }

  /// What the changelog must learn, in the order in which the keys were first touched. A key that came and went since
  /// the last commit leaves no trace.
  package func changes() throws -> [Change] {
    try dirty.compactMap { entry in
      guard entry.slot.value != nil || entry.slot.isPersisted else { return nil }
      return Change(partition: entry.partition, key: entry.key, snapshot: try entry.slot.value?.serialized())
    }
  }

  /// The changes are in the changelog for good.
  package mutating func committed() {
    for entry in dirty {
      entry.slot.isDirty = false
      entry.slot.isPersisted = entry.slot.value != nil
      if entry.slot.value == nil, slots[entry.partition]?.removeValue(forKey: entry.key) != nil { count -= 1 }
    }
    dirty.removeAll(keepingCapacity: true)
  }
}
