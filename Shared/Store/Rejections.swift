import Foundation

/// A message that was refused.
public struct RejectionRow: Hashable, Sendable {
  public var origin: Origin
  public var service: String
  public var code: String
  /// For the feed; holds no patient data.
  public var text: String
  public var recordingID: String?
  public var sizeBytes: Int64

  public init(
    origin: Origin, service: String, code: String, text: String, recordingID: String? = nil, sizeBytes: Int64
  ) {
    self.origin = origin
    self.service = service
    self.code = code
    self.text = text
    self.recordingID = recordingID
    self.sizeBytes = sizeBytes
  }
}

/// Table `rejections`.
public struct Rejections {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// Adds a rejection; one of the same message that stands is left as it is.
  /// - Returns: whether it is new.
  @discardableResult
  public func upsert(_ row: RejectionRow) throws -> Bool {
    try connection.execute(
      """
      insert into rejections (origin_topic, origin_partition, origin_offset, service, code, text, recording_id,
        size_bytes)
      values ($1, $2, $3, $4, $5, $6, $7, $8)
      on conflict (origin_topic, origin_partition, origin_offset) do nothing
      """,
      row.origin.parameters + [
        .text(row.service), .text(row.code), .text(row.text), .text(row.recordingID), .int(row.sizeBytes),
      ]
    ).affected == 1
  }

  /// Notes that a message was sent again. The first time stands.
  /// - Returns: false when no such rejection waits.
  @discardableResult
  public func markReplayed(_ origin: Origin) throws -> Bool {
    try connection.execute(
      """
      update rejections set replayed_at = now()
      where origin_topic = $1 and origin_partition = $2 and origin_offset = $3 and replayed_at is null
      """, origin.parameters
    ).affected == 1
  }

  /// Oldest first.
  /// - Parameter code: of this code only.
  public func waiting(code: String? = nil, limit: Int = 1000) throws -> [RejectionRow] {
    try connection.execute(
      """
      select * from rejections where replayed_at is null and ($1::text is null or code = $1)
      order by rejected_at, origin_topic, origin_partition, origin_offset limit $2
      """, [.text(code), .int(limit)]
    ).map(RejectionRow.init)
  }

  public func countByCode() throws -> [String: Int64] {
    let rows = try connection.execute("select code, count(*) as n from rejections group by code")
    return Dictionary(uniqueKeysWithValues: try rows.map { (try $0["code", .text], try $0["n", .int]) })
  }
}

extension RejectionRow {
  init(_ row: Row) throws {
    origin = try Origin(row)
    service = try row["service", .text]
    code = try row["code", .text]
    text = try row["text", .text]
    recordingID = try row[optional: "recording_id", .text]
    sizeBytes = try row["size_bytes", .int]
  }
}
