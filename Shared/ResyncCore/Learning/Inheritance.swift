/// How a first layer for fewer leads becomes one for more.
public enum LeadInflation: String, Codable, CaseIterable, Sendable {
  /// Its weights repeat over the leads, divided by the number of copies: equal leads give the response that they gave
  /// before (as Carreira & Zisserman 2017 inflate over time).
  case mean
  /// Divided by that number's root: leads of equal power that have nothing in common give the power that they gave.
  case power
  /// It is not taken over at all.
  case fresh
}

extension ResNet {
  /// Takes over a parent's trunk, and its head too when `continuing`; else the head keeps its fresh weights.
  ///
  /// - Parameter inflation: what becomes of the first layer where the parent has fewer leads.
  /// - Throws: `ModelError` with code `parentMismatch` when depth or width differ, or the parent has more leads, or, when
  ///   continuing, another number of units over the features.
  package func inherit(from parent: ModelArtifact, continuing: Bool, inflation: LeadInflation = .mean) throws {
    let (mine, theirs) = (configuration, parent.metadata.architecture)
    guard mine.depth == theirs.depth, mine.channels(64) == theirs.channels(64), mine.featureCount == theirs.featureCount
    else {
      throw ModelError(
        .parentMismatch,
        "parent \(parent.modelID) is a \(theirs.depth.rawValue) of width \(theirs.widthMultiplier), the specification "
          + "asks for \(mine.depth.rawValue) of width \(mine.widthMultiplier): set depth and widthMultiplier alike")
    }
    guard mine.inputChannels >= theirs.inputChannels else {
      throw ModelError(
        .parentMismatch,
        "parent \(parent.modelID) reads \(theirs.inputChannels) leads, the specification's leadSet only "
          + "\(mine.inputChannels): choose a leadSet of at least as many")
    }
    var tensors = parent.tensors
    tensors["conv1.weight"] = tensors["conv1.weight"]?.inflating(inputChannels: mine.inputChannels, inflation)
    guard !continuing || mine.auxiliaryHidden == theirs.auxiliaryHidden else {
      throw ModelError(
        .parentMismatch,
        "parent \(parent.modelID) has \(theirs.auxiliaryHidden) units over the features, the specification asks for "
          + "\(mine.auxiliaryHidden): set auxiliaryHidden alike")
    }
    if continuing {
      tensors = tensors.scalingImageWeights(theirs, by: 1 / Float(1 - parent.metadata.specification.imageDropout))
    }
    let keepsFirstLayer = inflation == .fresh && mine.inputChannels > theirs.inputChannels
    try load(tensors, allow: (continuing ? [] : ["fc.", "aux."]) + (keepsFirstLayer ? ["conv1."] : []))
  }
}

extension [String: NamedTensor] {
  /// The tensors with the head's weights for the pooled vector multiplied.
  func scalingImageWeights(_ architecture: ResNetConfiguration, by factor: Float) -> Self {
    guard factor != 1, let head = self["fc.weight"] else { return self }
    let (inputs, features) = (architecture.headInputs, architecture.featureCount)
    var tensors = self
    tensors["fc.weight"] = NamedTensor(
      shape: head.shape,
      values: head.values.enumerated().map { $0.offset % inputs < features ? $0.element * factor : $0.element })
    return tensors
  }
}

extension NamedTensor {
  /// First-layer weights [out, in, k, k] for more input channels: each channel's weights repeat over the new channels in
  /// turn and are divided by the number of their copies, or its root.
  package func inflating(inputChannels count: Int, _ inflation: LeadInflation = .mean) -> NamedTensor {
    precondition(shape.count == 4 && count >= shape[1], "cannot inflate shape \(shape) to \(count) channels")
    let (outputs, inputs, plane) = (shape[0], shape[1], shape[2] * shape[3])
    var values: [Float] = []
    values.reserveCapacity(outputs * count * plane)
    for output in 0..<outputs {
      for channel in 0..<count {
        let source = channel % inputs
        let copies = Float((count - source + inputs - 1) / inputs)
        let divisor = inflation == .power ? copies.squareRoot() : copies
        let start = (output * inputs + source) * plane
        values += self.values[start..<start + plane].map { $0 / divisor }
      }
    }
    return NamedTensor(shape: [outputs, count, shape[2], shape[3]], values: values)
  }
}
