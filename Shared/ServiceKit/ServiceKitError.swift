/// What goes wrong in the frame around a service: its configuration, its HTTP port, its start and its stop.
///
/// The message tells an operator what to change; it never holds patient data or the value of a secret.
public struct ServiceKitError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: String, Sendable, CaseIterable {
    /// A setting is missing or not allowed.
    case invalidConfiguration = "INVALID_CONFIGURATION"
    /// No HTTP port could be bound.
    case httpUnavailable = "HTTP_UNAVAILABLE"
    /// A pipeline returned although nobody had asked it to stop.
    case pipelineEnded = "PIPELINE_ENDED"
    /// Pipelines were still running when the time for a graceful stop was over.
    case stopTimeout = "STOP_TIMEOUT"
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { "\(code.rawValue): \(message)" }

  /// The exit code of a program that ends with this error: 78 (`EX_CONFIG` of sysexits.h) for a configuration error,
  /// 1 for the others.
  public var exitCode: Int32 { code == .invalidConfiguration ? 78 : 1 }
}
