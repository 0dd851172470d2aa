/// What a model says of one beat.
public struct BeatScore: Hashable, Sendable {
  /// One for each class.
  public var logits: [Float]
  public var probabilities: [Float]
  /// Mean squared z-score of the pooled features against the training beats; 0 if the model knows none.
  public var distance: Float

  public init(logits: [Float], probabilities: [Float], distance: Float) {
    self.logits = logits
    self.probabilities = probabilities
    self.distance = distance
  }
}

/// A model ready to score beats: the one way in which the trainer's validation and the predictor do it.
///
/// A beat's score depends on the beat alone, bit for bit, not on the beats beside it or on the thread count.
public final class Classifier: Sendable {
  /// The image of all leads of the recording, the leads to read in the order of the model's channels
  /// (`LeadSet.channels(from:)`), and the features.
  public typealias Beat = (image: SpectrogramImage, channels: [Int], features: BeatFeatures)

  public let metadata: ModelMetadata
  private let network: InferenceNetwork

  /// - Throws: `ModelError`.
  public convenience init(_ artifact: ModelArtifact) throws {
    try self.init(metadata: artifact.metadata, tensors: artifact.tensors)
  }

  package init(metadata: ModelMetadata, tensors: [String: NamedTensor]) throws {
    try metadata.validate()
    self.metadata = metadata
    network = try InferenceNetwork(configuration: metadata.architecture, tensors: tensors)
  }

  /// Beats computed at once, so that their images take bounded memory.
  private static let slice = 256

  /// - Throws: `ModelError` with code `shapeMismatch` when an image has another shape than the model's pipeline makes, a
  ///   channel is not in it, or a value is not finite.
  public func score(_ beats: [Beat], threads: Int) throws -> [BeatScore] {
    let classes = metadata.classNames.count
    let count = network.featureCount
    return try outputs(beats, threads: threads) { logits, features in
      (0..<logits.count / classes).map { beat in
        let row = Array(logits[beat * classes..<(beat + 1) * classes])
        return BeatScore(
          logits: row, probabilities: Loss.softmax(row),
          distance: distance(features[beat * count..<(beat + 1) * count]))
      }
    }
  }

  /// The pooled features of each beat, [beats, featureCount].
  package func features(_ beats: [Beat], threads: Int) throws -> [Float] {
    try outputs(beats, threads: threads) { _, features in features }
  }

  package var featureCount: Int { network.featureCount }

  private func outputs<T>(_ beats: [Beat], threads: Int, _ read: ([Float], [Float]) -> [T]) throws -> [T] {
    let (rows, columns) = (metadata.pipeline.image.rows, metadata.pipeline.image.columns)
    for beat in beats { try check(beat) }
    let size = metadata.leadSet.channelCount * rows * columns
    var results: [T] = []
    for low in stride(from: 0, to: beats.count, by: Self.slice) {
      let part = Array(beats[low..<min(beats.count, low + Self.slice)])
      var images = [Float](repeating: 0, count: part.count * size)
      images.withUnsafeMutableBufferPointer { images in
        let start = images.baseAddress!
        WorkerPool.shared.run(part.count, threads: threads) { [metadata] i, _ in
          metadata.normalisation.fill(part[i].image, channels: part[i].channels, into: start + i * size)
        }
      }
      let (logits, features) = network.forward(
        images: images, auxiliary: part.flatMap { metadata.normalisation.standardised($0.features) },
        count: part.count, height: rows, width: columns, threads: threads)
      results += read(logits, features)
    }
    return results
  }

  private func check(_ beat: Beat) throws {
    let (image, expected) = (beat.image, metadata.pipeline.image)
    guard image.rows == expected.rows, image.columns == expected.columns else {
      throw ModelError(
        .shapeMismatch,
        "a beat's image is \(image.rows) × \(image.columns), the model reads \(expected.rows) × "
          + "\(expected.columns): it comes from another pipeline")
    }
    guard beat.channels.count == metadata.leadSet.channelCount,
      beat.channels.allSatisfy({ (0..<image.leadCount).contains($0) })
    else {
      throw ModelError(
        .shapeMismatch,
        "a beat offers channels \(beat.channels) of \(image.leadCount) leads, the model reads "
          + "\(metadata.leadSet.channelCount)")
    }
    guard HalfPrecision.areFinite(image.values), beat.features.vector.allSatisfy(\.isFinite) else {
      throw ModelError(.shapeMismatch, "a beat's image or features hold a value that is not finite")
    }
  }

  private func distance(_ features: ArraySlice<Float>) -> Float {
    guard let known = metadata.outOfDistribution else { return 0 }
    return known.distance(features)
  }
}

extension ModelMetadata.OutOfDistribution {
  package func distance(_ features: ArraySlice<Float>) -> Float {
    var total = 0.0
    for (i, value) in features.enumerated() {
      let difference = Double(value) - Double(featureMean[i])
      total += difference * difference / Double(featureVariance[i])
    }
    return Float(total / Double(featureMean.count))
  }
}
