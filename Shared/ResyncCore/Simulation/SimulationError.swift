/// Why a simulation cannot be set up.
public struct SimulationError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    case invalidConfiguration = "INVALID_SIMULATION"
  }

  public let code: Code
  /// Names the key, the value given and what was expected.
  public let message: String

  package init(key: String, value: String, expected: String) {
    code = .invalidConfiguration
    message = "\(key) = \(value): expected \(expected)"
  }

  public var description: String { "\(code.rawValue): \(message)" }
}
