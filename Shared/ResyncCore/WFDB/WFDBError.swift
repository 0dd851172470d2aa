/// Why a WFDB file could not be read or written: which file, where, and what was expected there.
///
/// The text never carries a file's contents beyond the field in question, so no comment (patient data) reaches a log.
public struct WFDBError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, Hashable, Sendable {
    case fileMissing = "WFDB_FILE_MISSING"
    case headerMalformed = "WFDB_HEADER_MALFORMED"
    case unsupported = "WFDB_UNSUPPORTED"
    case signalTruncated = "WFDB_SIGNAL_TRUNCATED"
    case checksumMismatch = "WFDB_CHECKSUM_MISMATCH"
    case annotationMalformed = "WFDB_ANNOTATION_MALFORMED"
    case notWritable = "WFDB_NOT_WRITABLE"
  }

  public let code: Code
  /// Name of the file inside its record's folder.
  public let file: String
  /// Offset into the file, bytes; nil when the error concerns the file as a whole.
  public let byte: Int?
  public let message: String

  public var description: String {
    "\(code.rawValue): \(file)\(byte.map { ", byte \($0)" } ?? ""): \(message)"
  }

  init(_ code: Code, file: String, byte: Int? = nil, _ message: String) {
    self.code = code
    self.file = file
    self.byte = byte
    self.message = message
  }
}
