/// What is wrong with weights, a model file, or what a training run was given. The message names key, value and
/// expectation; it never holds patient data.
public struct ModelError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// A safetensors file or checkpoint breaks its format.
    case malformedFile = "MALFORMED_FILE"
    /// Keys or shapes of tensors do not fit the architecture.
    case tensorMismatch = "TENSOR_MISMATCH"
    /// A weight is infinite or not a number.
    case notFinite = "NOT_FINITE"
    /// A configuration or specification is outside its limits.
    case invalidConfiguration = "INVALID_CONFIGURATION"
    /// The model's metadata contradicts itself.
    case invalidMetadata = "INVALID_METADATA"
    /// A beat does not have the shape that the model reads.
    case shapeMismatch = "SHAPE_MISMATCH"
    /// The training examples cannot be trained on.
    case invalidExamples = "INVALID_EXAMPLES"
    /// A parent model cannot be continued with this specification.
    case parentMismatch = "PARENT_MISMATCH"
    /// A checkpoint belongs to another run.
    case checkpointMismatch = "CHECKPOINT_MISMATCH"
    /// The loss became infinite or not a number.
    case diverged = "DIVERGED"
    /// A metric was asked of numbers that cannot have it.
    case invalidMetric = "INVALID_METRIC"
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { "\(code.rawValue): \(message)" }
}
