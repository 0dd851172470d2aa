/// Which residual network: the table of He et al. 2015, at any width, for any number of leads.
public struct ResNetConfiguration: Codable, Hashable, Sendable {
  /// Three-by-three convolutions in pairs, or one-by-one, three-by-three, one-by-one with four times the channels out.
  package enum BlockKind: Sendable {
    case basic, bottleneck

    package var expansion: Int {
      switch self {
      case .basic: 1
      case .bottleneck: 4
      }
    }
  }

  public enum Depth: String, CaseIterable, Codable, Hashable, Sendable {
    case resnet18, resnet50, resnet101

    /// |           | layer1 | layer2 | layer3 | layer4 |
    /// | channels  | 64     | 128    | 256    | 512    | (times the width; times 4 out of a bottleneck)
    package var table: (block: BlockKind, blocksOfLayer: [Int]) {
      switch self {
      case .resnet18: (.basic, [2, 2, 2, 2])
      case .resnet50: (.bottleneck, [3, 4, 6, 3])
      case .resnet101: (.bottleneck, [3, 4, 23, 3])
      }
    }
  }

  public var depth: Depth
  /// Channels of every layer relative to the paper's, rounded to a multiple of 8.
  public var widthMultiplier: Double
  public var inputChannels: Int
  public var classCount: Int
  /// Features appended to the pooled vector before `fc`.
  public var auxiliaryCount: Int
  /// Rectified linear units over the auxiliary features, appended as well.
  public var auxiliaryHidden: Int

  public init(
    depth: Depth, widthMultiplier: Double = 1, inputChannels: Int = 1, classCount: Int, auxiliaryCount: Int = 0,
    auxiliaryHidden: Int = 0
  ) {
    self.depth = depth
    self.widthMultiplier = widthMultiplier
    self.inputChannels = inputChannels
    self.classCount = classCount
    self.auxiliaryCount = auxiliaryCount
    self.auxiliaryHidden = auxiliaryHidden
  }

  /// - Throws: `ModelError` with code `invalidConfiguration` naming the field outside its limits.
  public func validate() throws {
    func check(_ name: String, _ value: some CustomStringConvertible, _ allowed: String, _ holds: Bool) throws {
      if !holds { throw ModelError(.invalidConfiguration, "architecture: \(name) is \(value), must be \(allowed)") }
    }
    try check("widthMultiplier", widthMultiplier, "0.0625 to 4", (0.0625...4).contains(widthMultiplier))
    try check("inputChannels", inputChannels, "1 to 64", (1...64).contains(inputChannels))
    try check("classCount", classCount, "2 to 1000", (2...1000).contains(classCount))
    try check("auxiliaryCount", auxiliaryCount, "0 to 1024", (0...1024).contains(auxiliaryCount))
    try check("auxiliaryHidden", auxiliaryHidden, "0 to 1024", (0...1024).contains(auxiliaryHidden))
  }

  /// `base` channels at this width: the nearest multiple of 8, at least 8.
  package func channels(_ base: Int) -> Int {
    max(8, Int((Double(base) * widthMultiplier / 8).rounded()) * 8)
  }

  /// Inputs of `fc`: the pooled vector, the auxiliary features, the units over them.
  package var headInputs: Int { featureCount + auxiliaryCount + auxiliaryHidden }

  /// Length of the pooled vector, without auxiliary features.
  public var featureCount: Int { channels(512) * depth.table.block.expansion }
}
