/// The topics of the suite, without the operator's prefix. `schemas/topics.yaml` configures them.
public enum Topic {
  public static let ingest = "ecg.ingest"
  public static let recordings = "ecg.recordings"
  public static let beats = "ecg.beats"
  public static let spectrograms = "ecg.spectrograms"
  public static let predictions = "crt.predictions"
  public static let trainingJobs = "training.jobs"
  public static let modelEvents = "model.events"
  public static let rejected = "ecg.rejected"
  public static let ingestState = "state.ingest"
  public static let preprocessState = "state.preprocess"
}

/// What a payload on `ecg.ingest` is, as its `content-type` header says.
public enum ContentType: String, CaseIterable, Sendable {
  case protobuf = "application/x-protobuf"
  case json = "application/json"
  /// A tar archive of one WFDB record: header, signal files and, if there are any, `.atr` annotations.
  case wfdb = "application/x-wfdb"
}

/// Names of the Kafka message headers that the suite reads and writes.
public enum HeaderName {
  public static let contentType = "content-type"
  /// For content types that do not carry them inside.
  public static let feedID = "feed-id"
  public static let patientID = "patient-id"
  public static let originTopic = "origin-topic"
  public static let originPartition = "origin-partition"
  public static let originOffset = "origin-offset"
  public static let service = "service"
  public static let errorCode = "error-code"
  public static let errorText = "error-text"
  public static let recordingID = "recording-id"
  /// On a refused message whose value was cut to the size limit: its original size in bytes. It cannot be replayed.
  public static let cutFrom = "cut-from-bytes"
  /// On a refused message that an operator has sent back.
  public static let replayed = "replayed"
}

/// The largest message that any topic carries, bytes.
public let maximumMessageBytes = 900_000
