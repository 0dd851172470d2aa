/// One header of a message: names may repeat, order is kept.
public struct MessageHeader: Hashable, Sendable {
  public var name: String
  public var value: [UInt8]

  public init(_ name: String, _ value: [UInt8]) {
    self.name = name
    self.value = value
  }

  public init(_ name: String, _ text: String) { self.init(name, Array(text.utf8)) }

  /// The value as UTF-8 text; bytes that are none become replacement characters.
  public var text: String { String(decoding: value, as: UTF8.self) }
}

/// A partition of a topic; the topic is named without the configured prefix.
public struct TopicPartition: Hashable, Sendable, CustomStringConvertible {
  public var topic: String
  public var partition: Int32

  public init(_ topic: String, _ partition: Int32) {
    self.topic = topic
    self.partition = partition
  }

  public var description: String { "\(topic)[\(partition)]" }
}

/// A message as read, copied out of librdkafka.
public struct ConsumedMessage: Sendable {
  /// Without the configured prefix.
  public var topic: String
  public var partition: Int32
  public var offset: Int64
  public var key: [UInt8]?
  /// Empty for a tombstone.
  public var value: [UInt8]
  /// The message had no value at all: on a compacted topic it deletes its key.
  public var isTombstone: Bool
  public var headers: [MessageHeader]
  /// Milliseconds since 1970; 0 when the broker gave none.
  public var timestampMilliseconds: Int64

  public init(
    topic: String, partition: Int32, offset: Int64, key: [UInt8]?, value: [UInt8]?, headers: [MessageHeader] = [],
    timestampMilliseconds: Int64 = 0
  ) {
    self.topic = topic
    self.partition = partition
    self.offset = offset
    self.key = key
    self.value = value ?? []
    self.isTombstone = value == nil
    self.headers = headers
    self.timestampMilliseconds = timestampMilliseconds
  }

  /// The value of the first header with this name.
  public func header(_ name: String) -> String? { headers.first { $0.name == name }?.text }

  /// The key as UTF-8 text; nil when there is none.
  public var keyText: String? { key.map { String(decoding: $0, as: UTF8.self) } }

  /// Bytes of key, value and headers.
  public var byteCount: Int { messageByteCount(key, value, headers) }
}

/// A message to be written.
public struct OutgoingMessage: Sendable {
  /// Without the configured prefix.
  public var topic: String
  /// nil: chosen by the key's murmur2 hash, as Java clients do.
  public var partition: Int32?
  public var key: [UInt8]?
  /// nil is a tombstone.
  public var value: [UInt8]?
  public var headers: [MessageHeader]

  public init(
    topic: String, partition: Int32? = nil, key: [UInt8]?, value: [UInt8]?, headers: [MessageHeader] = []
  ) {
    self.topic = topic
    self.partition = partition
    self.key = key
    self.value = value
    self.headers = headers
  }

  public var byteCount: Int { messageByteCount(key, value ?? [], headers) }
}

private func messageByteCount(_ key: [UInt8]?, _ value: [UInt8], _ headers: [MessageHeader]) -> Int {
  (key?.count ?? 0) + value.count + headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.count }
}
