/// Everything of a model but its weights: what it reads, what it answers, and where it comes from.
public struct ModelMetadata: Codable, Hashable, Sendable {
  /// What the pooled features of training beats look like, to tell beats unlike them.
  public struct OutOfDistribution: Codable, Hashable, Sendable {
    public var featureMean: [Float]
    public var featureVariance: [Float]
    /// A `BeatScore.distance` above this is out of distribution.
    public var limit: Float

    public init(featureMean: [Float], featureVariance: [Float], limit: Float) {
      self.featureMean = featureMean
      self.featureVariance = featureVariance
      self.limit = limit
    }
  }

  public var task: ModelTask
  public var architecture: ResNetConfiguration
  public var leadSet: LeadSet
  /// A beat of another pipeline must not be scored.
  public var pipeline: PipelineConfiguration
  public var classNames: [String]
  public var normalisation: BeatNormalisation
  /// Task crt-response without calibration: a patient is a responder from this probability up; largest balanced
  /// accuracy on the validation patients, 0.5 where there were none of one class.
  public var threshold: Double
  public var outOfDistribution: OutOfDistribution?
  public var trainedOnSynthetic: Bool
  /// The model from which training started.
  public var parentModelID: String?
  /// SHA-256 over beat ids, tensor hashes and labels, sorted by id; validation beats included.
  public var trainingFingerprint: String
  /// Recordings from which any training or validation beat came, sorted.
  public var trainingRecordings: [String]
  public var specification: TrainingSpecification
  /// Epoch whose weights these are, from 0.
  public var bestEpoch: Int
  /// Figures of that epoch; nil when nothing was held out.
  public var validation: ValidationFigures?

  /// Task crt-response; nil in models that do not have it, whose decisions are at `threshold`.
  public var calibration: ScoreCalibration? { validation?.calibration }
  public var imageMean: [Float] { normalisation.imageMean }
  public var imageDeviation: [Float] { normalisation.imageDeviation }
  public var auxiliaryMean: [Float] { normalisation.auxiliaryMean }
  public var auxiliaryDeviation: [Float] { normalisation.auxiliaryDeviation }
  public var seed: UInt64 { specification.seed }
  public var epochs: Int { specification.epochs }

  /// - Throws: `ModelError` naming the field that contradicts another.
  package func validate() throws {
    try architecture.validate()
    try pipeline.image.validateForTraining()
    func check(_ name: String, _ holds: Bool, _ expected: String) throws {
      if !holds { throw ModelError(.invalidMetadata, "model metadata: \(name) must be \(expected)") }
    }
    func usable(_ mean: [Float], _ deviation: [Float], _ count: Int) -> Bool {
      mean.count == count && deviation.count == count && mean.allSatisfy(\.isFinite)
        && deviation.allSatisfy { $0.isFinite && $0 > 0 }
    }
    try check("classNames", classNames == task.classNames, "\(task.classNames)")
    try check("architecture.classCount", architecture.classCount == classNames.count, "\(classNames.count)")
    try check(
      "architecture.inputChannels", architecture.inputChannels == leadSet.channelCount, "\(leadSet.channelCount)")
    try check("architecture.auxiliaryCount", architecture.auxiliaryCount == BeatFeatures.count, "\(BeatFeatures.count)")
    try check(
      "normalisation of images", usable(imageMean, imageDeviation, pipeline.image.rows),
      "\(pipeline.image.rows) finite means and positive deviations")
    try check(
      "normalisation of features", usable(auxiliaryMean, auxiliaryDeviation, BeatFeatures.count),
      "\(BeatFeatures.count) finite means and positive deviations")
    try check(
      "normalisation.auxiliaryUnused",
      normalisation.auxiliaryUnused.allSatisfy { (0..<BeatFeatures.count).contains($0) }, "places of features")
    try check("threshold", (0...1).contains(threshold), "0 to 1")
    try check("calibration", calibration?.isUsable ?? true, "a rising curve with a threshold from 0 to 1")
    if let known = outOfDistribution {
      try check(
        "outOfDistribution", usable(known.featureMean, known.featureVariance, architecture.featureCount),
        "\(architecture.featureCount) finite means and positive variances")
    }
  }
}

extension ImageConfiguration {
  /// Limits that keep a hostile file from asking for absurd memory.
  package func validateForTraining() throws {
    for (name, value) in [("rows", rows), ("columns", columns)] where !(1...1024).contains(value) {
      throw ModelError(.invalidConfiguration, "pipeline: image.\(name) is \(value), must be 1 to 1024")
    }
  }
}
