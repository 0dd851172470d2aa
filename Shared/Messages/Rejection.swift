/// Why a message or a recording was refused; `docs/OPERATING.md` explains each code to operators.
public enum RejectionCode: String, CaseIterable, Sendable {
  case unsupportedContentType = "UNSUPPORTED_CONTENT_TYPE"
  case payloadTooLarge = "PAYLOAD_TOO_LARGE"
  case malformedPayload = "MALFORMED_PAYLOAD"
  case missingField = "MISSING_FIELD"
  case invalidField = "INVALID_FIELD"
  case keyMismatch = "KEY_MISMATCH"
  case rateOutOfRange = "RATE_OUT_OF_RANGE"
  case unknownLead = "UNKNOWN_LEAD"
  case duplicateLead = "DUPLICATE_LEAD"
  case unknownUnit = "UNKNOWN_UNIT"
  case sampleCountMismatch = "SAMPLE_COUNT_MISMATCH"
  case nonFiniteSample = "NON_FINITE_SAMPLE"
  case amplitudeOutOfRange = "AMPLITUDE_OUT_OF_RANGE"
  case invalidReference = "INVALID_REFERENCE"
  case chunkOutOfOrder = "CHUNK_OUT_OF_ORDER"
  case headerChanged = "HEADER_CHANGED"
  case recordingTooLong = "RECORDING_TOO_LONG"
  case recordingEnded = "RECORDING_ENDED"
  case contentConflict = "CONTENT_CONFLICT"
  case replayWithoutEffect = "REPLAY_WITHOUT_EFFECT"
  case noBeats = "NO_BEATS"
  case beatsMissing = "BEATS_MISSING"
  case wrongPipeline = "WRONG_PIPELINE"
}

/// One refusal: a code for machines and a sentence for people, free of patient data.
public struct Rejection: Error, Hashable, Sendable {
  public var code: RejectionCode
  public var text: String

  public init(_ code: RejectionCode, _ text: String) {
    self.code = code
    self.text = text
  }
}
