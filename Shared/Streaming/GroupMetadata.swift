import CLibrdkafka

/// The one owner of a consumer's proof of its place in the group: group, member and generation.
///
/// It is taken once, when partitions are assigned, and used for every commit until they are revoked. A later copy could
/// be blank: librdkafka forgets member and generation in the background when the broker has dropped the member, and a
/// broker does not fence transactional offsets that carry none.
package final class GroupMetadata {
  private let pointer: OpaquePointer

  init(adopting pointer: OpaquePointer) { self.pointer = pointer }

  deinit { rd_kafka_consumer_group_metadata_destroy(pointer) }

  func withPointer<Result>(_ body: (OpaquePointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(self) { try body(pointer) }
  }

  /// The generation, -1 when there is none. librdkafka tells it only in the serialized form: "CGMDv2:", the generation
  /// as a 32-bit integer of the machine, then names.
  package func generation() throws(StreamingError) -> Int32 {
    var buffer: UnsafeMutableRawPointer?
    var count = 0
    try StreamingError.check(
      withPointer { rd_kafka_consumer_group_metadata_write($0, &buffer, &count) }, doing: "read group metadata")
    defer { rd_kafka_mem_free(nil, buffer) }
    let bytes = UnsafeRawBufferPointer(start: buffer, count: count)
    guard bytes.starts(with: Self.magic), count >= Self.magic.count + 4 else {
      throw StreamingError(
        .configurationInvalid, "this version of librdkafka writes group metadata in an unknown form; use 1.9 to 2.x")
    }
    return bytes.loadUnaligned(fromByteOffset: Self.magic.count, as: Int32.self)
  }

  private static let magic = Array("CGMDv2:".utf8)
}
