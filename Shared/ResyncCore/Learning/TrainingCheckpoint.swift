import Foundation

extension TrainingRun {
  /// What a checkpoint belongs to; another run must not go on from it.
  private struct Identity: Codable, Equatable {
    let specification: TrainingSpecification
    let pipelineID: String
    let fingerprint: String
    let parentModelID: String?
  }

  private struct Header: Codable {
    let identity: Identity
    let state: State
    let optimiserSteps: Int
  }

  private static let metadataKey = "resync-checkpoint"
  private static let current = "current."
  private static let best = "best."
  private static let first = "optimiser.first"
  private static let second = "optimiser.second"

  private var identity: Identity {
    Identity(
      specification: specification, pipelineID: pipeline.id, fingerprint: fingerprint, parentModelID: parentModelID)
  }

  /// Everything that the run needs to go on as if never stopped, as a safetensors file. May be taken between any two
  /// batches.
  public func checkpoint() -> [UInt8] {
    var tensors: [String: NamedTensor] = [:]
    for (key, tensor) in network.tensors { tensors[Self.current + key] = tensor }
    for (key, tensor) in bestTensors ?? [:] { tensors[Self.best + key] = tensor }
    for (key, buffer) in [(Self.first, optimiser.first), (Self.second, optimiser.second)] {
      tensors[key] = NamedTensor(shape: [buffer.count], values: buffer.values)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let header = Header(identity: identity, state: state, optimiserSteps: optimiser.steps)
    // A finite loss was checked in every step, so everything in the header encodes.
    let json = String(decoding: try! encoder.encode(header), as: UTF8.self)
    return Safetensors.encode(tensors, metadata: [Self.metadataKey: json])
  }

  /// Goes on from a checkpoint of a run with the same inputs.
  /// - Throws: `ModelError` with code `checkpointMismatch` when the checkpoint is of other inputs, `malformedFile` when it
  ///   is damaged; and as the other initialiser.
  public convenience init(
    resuming bytes: [UInt8], specification: TrainingSpecification, examples: [TrainingExample],
    pipeline: PipelineConfiguration, provenance: TrainingProvenance, parent: ModelArtifact? = nil, threads: Int? = nil
  ) throws {
    try self.init(
      specification: specification, examples: examples, pipeline: pipeline, provenance: provenance, parent: parent,
      threads: threads)
    let (tensors, metadata) = try Safetensors.decode(bytes)
    guard let json = metadata[Self.metadataKey],
      let header = try? JSONDecoder().decode(Header.self, from: Data(json.utf8))
    else { throw ModelError(.malformedFile, "checkpoint: the file is not a Resync training checkpoint") }
    guard header.identity == identity else {
      throw ModelError(
        .checkpointMismatch,
        "checkpoint: it belongs to a run with another specification, pipeline, parent or other examples; start anew")
    }
    func part(_ prefix: String) -> [String: NamedTensor] {
      Dictionary(
        uniqueKeysWithValues: tensors.filter { $0.key.hasPrefix(prefix) }.map {
          (String($0.key.dropFirst(prefix.count)), $0.value)
        })
    }
    let state = header.state
    guard state.epoch >= 0, state.batch >= 0, header.optimiserSteps >= 0, state.history.count == state.epoch,
      (state.bestEpoch == nil) == part(Self.best).isEmpty
    else { throw ModelError(.malformedFile, "checkpoint: its counters contradict each other") }
    try network.load(part(Self.current))
    if state.bestEpoch != nil {
      try network.plan.check(part(Self.best))
      bestTensors = part(Self.best)
    }
    for (key, buffer) in [(Self.first, optimiser.first), (Self.second, optimiser.second)] {
      guard let stored = tensors[key], stored.shape == [buffer.count] else {
        throw ModelError(.malformedFile, "checkpoint: \(key) must have \(buffer.count) values")
      }
      buffer.store(stored.values)
    }
    optimiser.steps = header.optimiserSteps
    self.state = state
  }
}
