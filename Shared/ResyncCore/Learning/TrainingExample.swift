import Crypto
import Foundation

/// One labelled beat.
public struct TrainingExample: Sendable {
  /// Beat id.
  public var id: String
  /// Recording or patient: what is held out as a whole, and for crt-response what weighs 1 in the loss.
  public var group: String
  /// The leads of the specification's lead set, in its order.
  public var image: SpectrogramImage
  public var features: BeatFeatures
  /// Index into the task's class names.
  public var label: Int
  public var weight: Float

  public init(
    id: String, group: String, image: SpectrogramImage, features: BeatFeatures, label: Int, weight: Float = 1
  ) {
    self.id = id
    self.group = group
    self.image = image
    self.features = features
    self.label = label
    self.weight = weight
  }
}

extension TrainingExample {
  /// Examples in the order of their ids, so that the order of arrival never matters.
  /// - Throws: `ModelError` with code `invalidExamples`, naming the rule but never an id or patient.
  package static func ordered(
    _ examples: [TrainingExample], specification: TrainingSpecification, pipeline: PipelineConfiguration
  ) throws -> [TrainingExample] {
    func invalid(_ what: String) -> ModelError { ModelError(.invalidExamples, "training examples: \(what)") }
    let classes = specification.task.classNames.count
    let (leads, rows, columns) = (specification.leadSet.channelCount, pipeline.image.rows, pipeline.image.columns)
    guard examples.count >= 2 else { throw invalid("there are \(examples.count), expected at least 2") }
    let ordered = examples.sorted { $0.id < $1.id }
    for (a, b) in zip(ordered, ordered.dropFirst()) where a.id == b.id {
      throw invalid("two have the same id; drop repeats before training")
    }
    var labelOfGroup: [String: Int] = [:]
    for example in ordered {
      let image = example.image
      guard image.leadCount == leads, image.rows == rows, image.columns == columns else {
        throw invalid(
          "an image is \(image.leadCount) × \(image.rows) × \(image.columns), expected \(leads) × \(rows) × \(columns)")
      }
      guard (0..<classes).contains(example.label) else {
        throw invalid("a label is \(example.label), expected 0..<\(classes)")
      }
      guard example.weight.isFinite, example.weight > 0, HalfPrecision.areFinite(image.values),
        example.features.vector.allSatisfy(\.isFinite)
      else { throw invalid("an image, feature or weight is not finite, or a weight not above 0") }
      if labelOfGroup.updateValue(example.label, forKey: example.group) ?? example.label != example.label,
        specification.task == .crtResponse
      {
        throw invalid("a patient has beats of both labels, expected one outcome a patient")
      }
    }
    return ordered
  }

  /// SHA-256 over id, tensor hash and label of each example, hexadecimal; `examples` in order.
  package static func fingerprint(_ examples: [TrainingExample]) -> String {
    var hash = SHA256()
    for example in examples {
      let tensor = example.image.values.withUnsafeBytes { SHA256.hash(data: $0) }
      hash.update(data: Data("\(example.id) \(tensor.hexadecimal) \(example.label)\n".utf8))
    }
    return hash.finalize().hexadecimal
  }
}

/// Where training data come from; goes into the model as it is.
public struct TrainingProvenance: Codable, Hashable, Sendable {
  public var trainingRecordings: [String]
  public var trainedOnSynthetic: Bool

  public init(trainingRecordings: [String], trainedOnSynthetic: Bool) {
    self.trainingRecordings = trainingRecordings
    self.trainedOnSynthetic = trainedOnSynthetic
  }
}
