/// What a training job asks for, as it stands in the job's row.
public struct TrainingOrder: Codable, Hashable, Sendable {
  public var training: TrainingSpecification
  public var pipeline: PipelineConfiguration
  /// The registered model whose weights training starts from.
  public var parentModelID: String?
  /// Whether the finished model goes live.
  public var promotes: Bool

  public init(
    training: TrainingSpecification, pipeline: PipelineConfiguration, parentModelID: String?, promotes: Bool
  ) {
    self.training = training
    self.pipeline = pipeline
    self.parentModelID = parentModelID
    self.promotes = promotes
  }
}
