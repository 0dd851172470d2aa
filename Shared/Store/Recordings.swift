import Foundation

/// Where on Kafka something came from.
public struct Origin: Hashable, Sendable {
  public var topic: String
  public var partition: Int32
  public var offset: Int64

  public init(topic: String, partition: Int32, offset: Int64) {
    self.topic = topic
    self.partition = partition
    self.offset = offset
  }

  var parameters: [SQLValue] { [.text(topic), .int(Int64(partition)), .int(offset)] }

  init(_ row: Row) throws {
    self.init(
      topic: try row["origin_topic", .text], partition: Int32(try row["origin_partition", .int]),
      offset: try row["origin_offset", .int])
  }
}

/// What is known of a recording at its first chunk.
public struct RecordingOpening: Hashable, Sendable {
  public var recordingID: String
  public var feedID: String
  public var patient: Patient
  /// Native rate; nil when the first chunk is rejected for it.
  public var sampleRateHz: Double?
  public var leads: [String]
  public var synthetic: Bool
  public var ageYears: Double?
  /// The first chunk.
  public var origin: Origin

  public init(
    recordingID: String, feedID: String, patient: Patient, sampleRateHz: Double?, leads: [String], synthetic: Bool,
    ageYears: Double? = nil, origin: Origin
  ) {
    self.recordingID = recordingID
    self.feedID = feedID
    self.patient = patient
    self.sampleRateHz = sampleRateHz
    self.leads = leads
    self.synthetic = synthetic
    self.ageYears = ageYears
    self.origin = origin
  }
}

/// How a recording ended.
public struct RecordingEnding: Hashable, Sendable {
  public var recordingID: String
  /// `complete` or `rejected`.
  public var status: RecordingRow.Status
  /// Why, when rejected.
  public var code: String?
  /// Samples a lead at the native rate.
  public var samples: Int64
  /// Hexadecimal; needed when complete.
  public var waveformSHA256: String?
  /// What closed it, e.g. `feed` or `idle`.
  public var reason: String

  public init(
    recordingID: String, status: RecordingRow.Status, code: String? = nil, samples: Int64, waveformSHA256: String?,
    reason: String
  ) {
    precondition(status != .open, "an ending is complete or rejected")
    self.recordingID = recordingID
    self.status = status
    self.code = code
    self.samples = samples
    self.waveformSHA256 = waveformSHA256
    self.reason = reason
  }
}

public struct RecordingRow: Hashable, Sendable {
  public enum Status: String, CaseIterable, Sendable { case open, complete, rejected }

  public var recordingID: String
  public var feedID: String
  public var patient: String
  public var sampleRateHz: Double?
  public var leads: [String]
  public var synthetic: Bool
  public var ageYears: Double?
  public var status: Status
  public var code: String?
  public var samples: Int64?
  public var waveformSHA256: String?
  public var origin: Origin
  public var firstSeen: Date
  public var endedAt: Date?
  public var endReason: String?

  init(_ row: Row) throws {
    recordingID = try row["recording_id", .text]
    feedID = try row["feed_id", .text]
    patient = try row["patient", .text]
    sampleRateHz = try row[optional: "sample_rate_hz", .double]
    leads = try row["leads", .texts]
    synthetic = try row["synthetic", .bool]
    ageYears = try row[optional: "age_years", .double]
    status = try row.oneOf("status")
    code = try row[optional: "code", .text]
    samples = try row[optional: "samples", .int]
    waveformSHA256 = try row[optional: "waveform_sha256", .text]
    origin = try Origin(row)
    firstSeen = try row["first_seen", .timestamp]
    endedAt = try row[optional: "ended_at", .timestamp]
    endReason = try row[optional: "end_reason", .text]
  }
}

/// Table `recordings`.
public struct Recordings {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  public func find(_ recordingID: String) throws -> RecordingRow? {
    try connection.execute("select * from recordings where recording_id = $1", [.text(recordingID)])
      .first.map(RecordingRow.init)
  }

  /// Adds the patient and the recording. One that is open or was refused is opened anew from this chunk; a complete one
  /// is left as it is.
  /// - Returns: whether a recording was opened.
  @discardableResult
  public func upsertOpen(_ opening: RecordingOpening) throws -> Bool {
    try Patients(connection).upsert(opening.patient)
    return try connection.execute(
      """
      insert into recordings (origin_topic, origin_partition, origin_offset, recording_id, feed_id, patient,
        sample_rate_hz, leads, synthetic, age_years)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
      on conflict (recording_id) do update set origin_topic = excluded.origin_topic,
        origin_partition = excluded.origin_partition, origin_offset = excluded.origin_offset,
        sample_rate_hz = excluded.sample_rate_hz, leads = excluded.leads, synthetic = excluded.synthetic,
        age_years = excluded.age_years, status = 'open', code = null, samples = null, waveform_sha256 = null,
        ended_at = null, end_reason = null
      where recordings.status <> 'complete'
        and (recordings.origin_topic, recordings.origin_partition, recordings.origin_offset)
          is distinct from (excluded.origin_topic, excluded.origin_partition, excluded.origin_offset)
      """,
      opening.origin.parameters + [
        .text(opening.recordingID), .text(opening.feedID), .text(opening.patient.pseudonym),
        .double(opening.sampleRateHz), .texts(opening.leads), .bool(opening.synthetic), .double(opening.ageYears),
      ]
    ).affected == 1
  }

  public enum EndOutcome: Hashable, Sendable {
    case recorded
    /// The same end stood already; nothing was written.
    case repeated
    /// Another end stood: one that was written but never committed on Kafka. The last one counts.
    case replaced
  }

  /// Closes a recording. Writing the same end again changes nothing, not even `ended_at`.
  /// - Throws: `StoreError` (`NOT_FOUND`) when `upsertOpen` has not been called.
  @discardableResult
  public func upsertEnd(_ ending: RecordingEnding) throws -> EndOutcome {
    try connection.transaction {
      let standing = try connection.execute(
        "select * from recordings where recording_id = $1 for update", [.text(ending.recordingID)]
      ).first.map(RecordingRow.init)
      guard let standing else {
        throw StoreError(.notFound, "the recording that ends was never opened; call upsertOpen at its first chunk")
      }
      let same =
        standing.status == ending.status && standing.code == ending.code && standing.samples == ending.samples
        && standing.waveformSHA256 == ending.waveformSHA256 && standing.endReason == ending.reason
      if same { return .repeated }
      try connection.execute(
        """
        update recordings set status = $2, code = $3, samples = $4, waveform_sha256 = $5, end_reason = $6,
          ended_at = now()
        where recording_id = $1
        """,
        [
          .text(ending.recordingID), .text(ending.status.rawValue), .text(ending.code), .int(ending.samples),
          .text(ending.waveformSHA256), .text(ending.reason),
        ])
      return standing.status == .open ? .recorded : .replaced
    }
  }

  public func countByStatus() throws -> [RecordingRow.Status: Int64] {
    let rows = try connection.execute("select status, count(*) as n from recordings group by status")
    return Dictionary(uniqueKeysWithValues: try rows.map { (try $0.oneOf("status"), try $0["n", .int]) })
  }
}

extension Row {
  /// A column whose check constraint allows the cases of `T` only.
  func oneOf<T: RawRepresentable>(_ column: String) throws -> T where T.RawValue == String {
    guard let value = T(rawValue: try self[column, .text]) else {
      throw StoreError(.unexpectedResult, "column '\(column)' holds a value that \(T.self) does not know")
    }
    return value
  }
}
