/// Why the signal chain refuses a configuration or a snapshot.
public struct SignalError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, Hashable, Sendable {
    case configurationInvalid = "SIGNAL_CONFIGURATION_INVALID"
    case snapshotInvalid = "SIGNAL_SNAPSHOT_INVALID"
  }

  public let code: Code
  public let message: String

  public var description: String { "\(code.rawValue): \(message)" }

  static func configuration(_ key: String, _ value: some CustomStringConvertible, expected: String) -> SignalError {
    SignalError(code: .configurationInvalid, message: "\(key) is \(value); expected \(expected)")
  }

  static func snapshot(_ message: String) -> SignalError {
    SignalError(code: .snapshotInvalid, message: "\(message); start the recording again from its first sample")
  }
}
