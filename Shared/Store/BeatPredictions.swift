/// What a model said of one beat.
public struct BeatPredictionRow: Hashable, Sendable {
  public var recordingID: String
  public var task: String
  /// At the native rate; with the recording it is the beat's id.
  public var rPeakSample: Int64
  public var modelID: String
  /// From the start of the recording.
  public var rPeakSeconds: Double
  /// One a class, in the model's order.
  public var probabilities: [Float]
  public var logits: [Float]
  public var predictedClass: String
  /// MIT-BIH symbol of the matched reference beat.
  public var referenceSymbol: String?
  public var qualityPassed: Bool
  public var ectopicSuspected: Bool
  /// From the training data; nil when the model does not tell.
  public var distance: Float?
  /// 32 bytes each.
  public var segmentSHA256: [UInt8]
  public var tensorSHA256: [UInt8]

  public init(
    recordingID: String, task: String, rPeakSample: Int64, modelID: String, rPeakSeconds: Double,
    probabilities: [Float], logits: [Float], predictedClass: String, referenceSymbol: String? = nil,
    qualityPassed: Bool, ectopicSuspected: Bool, distance: Float? = nil, segmentSHA256: [UInt8], tensorSHA256: [UInt8]
  ) {
    self.recordingID = recordingID
    self.task = task
    self.rPeakSample = rPeakSample
    self.modelID = modelID
    self.rPeakSeconds = rPeakSeconds
    self.probabilities = probabilities
    self.logits = logits
    self.predictedClass = predictedClass
    self.referenceSymbol = referenceSymbol
    self.qualityPassed = qualityPassed
    self.ectopicSuspected = ectopicSuspected
    self.distance = distance
    self.segmentSHA256 = segmentSHA256
    self.tensorSHA256 = tensorSHA256
  }
}

/// Table `beat_predictions`.
public struct BeatPredictions {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// Rows that one statement carries at most.
  public static let batchLimit = 5000

  /// Writes rows of any number and any recordings; a beat that stands is overwritten, one that stands with the same
  /// content is not touched. Of a beat given twice the last counts. Not one transaction unless the caller makes it so.
  public func upsert(_ rows: [BeatPredictionRow]) throws {
    var positions: [Key: Int] = [:]
    positions.reserveCapacity(rows.count)
    for (index, row) in rows.enumerated() { positions[Key(row)] = index }
    // In the order of the key, so that two writers of the same beats wait for each other instead of deadlocking.
    let kept = positions.sorted { $0.key < $1.key }.map { rows[$0.value] }
    for start in stride(from: 0, to: kept.count, by: Self.batchLimit) {
      try upsertBatch(Array(kept[start..<min(start + Self.batchLimit, kept.count)]))
    }
  }

  private struct Key: Hashable, Comparable {
    let recordingID: String
    let task: String
    let rPeakSample: Int64

    init(_ row: BeatPredictionRow) {
      recordingID = row.recordingID
      task = row.task
      rPeakSample = row.rPeakSample
    }

    static func < (a: Key, b: Key) -> Bool {
      (a.recordingID, a.task, a.rPeakSample) < (b.recordingID, b.task, b.rPeakSample)
    }
  }

  /// One array a column. Arrays of arrays must be rectangular in SQL, so probabilities and logits go flat, and each
  /// row takes its slice.
  private func upsertBatch(_ rows: [BeatPredictionRow]) throws {
    let probabilities = Slices(rows.map(\.probabilities))
    let logits = Slices(rows.map(\.logits))
    try connection.execute(
      Self.upsertSQL,
      [
        .texts(rows.map(\.recordingID)), .texts(rows.map(\.task)), .ints(rows.map(\.rPeakSample)),
        .texts(rows.map(\.modelID)), .doubles(rows.map(\.rPeakSeconds)), .ints(probabilities.ends),
        .ints(logits.ends), .texts(rows.map(\.predictedClass)), .texts(rows.map(\.referenceSymbol)),
        .bools(rows.map(\.qualityPassed)), .bools(rows.map(\.ectopicSuspected)), .reals(rows.map(\.distance)),
        .byteStrings(rows.map(\.segmentSHA256)), .byteStrings(rows.map(\.tensorSHA256)),
        .ints(probabilities.starts), .ints(logits.starts), .reals(probabilities.flat), .reals(logits.flat),
      ])
  }

  private static let values = """
    model_id, r_peak_seconds, probabilities, logits, predicted_class, reference_symbol, quality_passed,
      ectopic_suspected, distance, segment_sha256, tensor_sha256
    """

  private static let upsertSQL = """
    insert into beat_predictions as b (recording_id, task, r_peak_sample, \(values))
    select recording_id, task, r_peak_sample, model_id, r_peak_seconds, ($17::real[])[p_start:p_end],
      ($18::real[])[l_start:l_end], predicted_class, reference_symbol, quality_passed, ectopic_suspected, distance,
      segment_sha256, tensor_sha256
    from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::float8[], $6::bigint[], $7::bigint[], $8::text[],
      $9::text[], $10::bool[], $11::bool[], $12::real[], $13::bytea[], $14::bytea[], $15::bigint[], $16::bigint[])
      as u (recording_id, task, r_peak_sample, model_id, r_peak_seconds, p_end, l_end, predicted_class,
        reference_symbol, quality_passed, ectopic_suspected, distance, segment_sha256, tensor_sha256, p_start, l_start)
    on conflict (recording_id, task, r_peak_sample) do update set (\(values)) = row (
      excluded.model_id, excluded.r_peak_seconds, excluded.probabilities, excluded.logits, excluded.predicted_class,
      excluded.reference_symbol, excluded.quality_passed, excluded.ectopic_suspected, excluded.distance,
      excluded.segment_sha256, excluded.tensor_sha256)
    where b *<> excluded
    """

  /// In the order of the beats.
  public func rows(recordingID: String, task: String) throws -> [BeatPredictionRow] {
    try connection.execute(
      "select * from beat_predictions where recording_id = $1 and task = $2 order by r_peak_sample",
      [.text(recordingID), .text(task)]
    ).map(BeatPredictionRow.init)
  }

  /// Removes the beats of a recording, of all tasks: what is said of a rejected recording is void.
  /// - Returns: the number of rows removed.
  @discardableResult
  public func deleteAll(recordingID: String) throws -> Int {
    try connection.execute("delete from beat_predictions where recording_id = $1", [.text(recordingID)]).affected
  }
}

/// Lists laid end to end, with each one's first and last place as SQL counts (from 1, both included).
private struct Slices {
  private(set) var flat: [Float] = []
  private(set) var starts: [Int64] = []
  private(set) var ends: [Int64] = []

  init(_ lists: [[Float]]) {
    for list in lists {
      starts.append(Int64(flat.count + 1))
      flat += list
      ends.append(Int64(flat.count))
    }
  }
}

extension BeatPredictionRow {
  init(_ row: Row) throws {
    recordingID = try row["recording_id", .text]
    task = try row["task", .text]
    rPeakSample = try row["r_peak_sample", .int]
    modelID = try row["model_id", .text]
    rPeakSeconds = try row["r_peak_seconds", .double]
    probabilities = try row["probabilities", .reals]
    logits = try row["logits", .reals]
    predictedClass = try row["predicted_class", .text]
    referenceSymbol = try row[optional: "reference_symbol", .text]
    qualityPassed = try row["quality_passed", .bool]
    ectopicSuspected = try row["ectopic_suspected", .bool]
    distance = try row[optional: "distance", .real]
    segmentSHA256 = try row["segment_sha256", .bytes]
    tensorSHA256 = try row["tensor_sha256", .bytes]
  }
}
