import Crypto
import Foundation

/// A trained model as one file: safetensors whose `__metadata__` holds the `ModelMetadata` as JSON.
///
/// The bytes hold no time and no machine: the same training gives the same bytes, so the same id.
public struct ModelArtifact: Sendable {
  public let metadata: ModelMetadata
  public let tensors: [String: NamedTensor]
  /// SHA-256 of the encoded bytes, hexadecimal.
  public let weightsSHA256: String

  private static let metadataKey = "resync"

  /// - Throws: `ModelError` when metadata contradict themselves or tensors do not fit the architecture.
  public init(metadata: ModelMetadata, tensors: [String: NamedTensor]) throws {
    try metadata.validate()
    try NetworkPlan(metadata.architecture).check(tensors)
    self.metadata = metadata
    self.tensors = tensors
    weightsSHA256 = SHA256.hash(data: Self.encode(metadata, tensors)).hexadecimal
  }

  /// - Throws: `ModelError`: hostile or damaged bytes, contradicting metadata, tensors that do not fit.
  public init(decoding bytes: [UInt8]) throws {
    let (tensors, fields) = try Safetensors.decode(bytes)
    guard let json = fields[Self.metadataKey] else {
      throw ModelError(.invalidMetadata, "model file: __metadata__ has no \"\(Self.metadataKey)\", not a Resync model")
    }
    let metadata: ModelMetadata
    do {
      metadata = try JSONDecoder().decode(ModelMetadata.self, from: Data(json.utf8))
    } catch {
      throw ModelError(.invalidMetadata, "model file: __metadata__.\(Self.metadataKey) is not a model's JSON")
    }
    try metadata.validate()
    try NetworkPlan(metadata.architecture).check(tensors)
    self.metadata = metadata
    self.tensors = tensors
    weightsSHA256 = SHA256.hash(data: bytes).hexadecimal
  }

  /// `<task>-<first 12 digits of the hash>`.
  public var modelID: String { "\(metadata.task.rawValue)-\(weightsSHA256.prefix(12))" }

  /// - Parameter type: `float16` rounds the weights to half the bytes: another model with another id, that of the artifact
  ///   decoded from them.
  public func encoded(as type: Safetensors.ElementType = .float32) -> [UInt8] { Self.encode(metadata, tensors, type) }

  private static func encode(
    _ metadata: ModelMetadata, _ tensors: [String: NamedTensor], _ type: Safetensors.ElementType = .float32
  ) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Validated metadata hold finite numbers and strings, which always encode.
    let json = String(decoding: try! encoder.encode(metadata), as: UTF8.self)
    return Safetensors.encode(tensors, metadata: [metadataKey: json], as: type)
  }
}
