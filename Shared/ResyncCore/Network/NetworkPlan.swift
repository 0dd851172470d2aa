/// An architecture laid out: every convolution with its shape, and where each tensor lies in memory.
///
/// Keys and shapes are torchvision's (`conv1.weight`, `layer1.0.bn1.running_mean`, `layer2.0.downsample.0.weight`,
/// `fc.bias`), except that `fc.weight` is [classes, features + auxiliary + hidden] and
/// that `aux.weight` [hidden, auxiliary] and `aux.bias` belong to the units over the auxiliary features.
package struct NetworkPlan: Sendable {
  /// What the optimiser changes, and what batch normalisation measures.
  package enum Arena: Sendable { case parameters, statistics }

  package struct Entry: Sendable {
    package let key: String
    package let shape: [Int]
    package let arena: Arena
    package let offset: Int
    package var count: Int { shape.reduce(1, *) }
    package var range: Range<Int> { offset..<offset + count }
  }

  /// A convolution and the batch normalisation after it; numbers are offsets into the arenas.
  package struct Unit: Sendable {
    package let convolution: Convolution
    package let convolutionKey: String
    package let normalisationKey: String
    package let weight: Int
    package let gain: Int
    package let bias: Int
    package let mean: Int
    package let variance: Int
    /// Number of this unit among all units, for buffers kept by unit.
    package let index: Int
  }

  package struct Block: Sendable {
    package let units: [Unit]
    /// The projection beside the units, where shapes change.
    package let shortcut: Unit?
  }

  package let configuration: ResNetConfiguration
  package let stem: Unit
  package let blocks: [Block]
  package let entries: [Entry]
  package let headWeight: Int
  package let headBias: Int
  package let hiddenWeight: Int
  package let hiddenBias: Int
  package let unitCount: Int
  package let parameterCount: Int
  package let statisticCount: Int

  package var featureCount: Int { configuration.featureCount }
  /// Inputs of `fc`.
  package var headInputs: Int { configuration.headInputs }

  /// Every unit, input first; a block's projection after its other units.
  package var units: [Unit] {
    [stem] + blocks.flatMap { block in block.units + (block.shortcut.map { [$0] } ?? []) }
  }

  package init(_ configuration: ResNetConfiguration) {
    self.configuration = configuration
    var layout = Layout()
    let stemChannels = configuration.channels(64)
    stem = layout.unit(
      "conv1", "bn1",
      Convolution(
        inputChannels: configuration.inputChannels, outputChannels: stemChannels, kernel: 7, stride: 2, padding: 3))
    let (kind, blocksOfLayer) = configuration.depth.table
    var channels = stemChannels
    var blocks: [Block] = []
    for (layer, count) in blocksOfLayer.enumerated() {
      let width = configuration.channels(64 << layer)
      for number in 0..<count {
        let stride = number == 0 && layer > 0 ? 2 : 1
        let block = layout.block(
          "layer\(layer + 1).\(number)", kind, inputChannels: channels, width: width, stride: stride)
        blocks.append(block)
        channels = width * kind.expansion
      }
    }
    self.blocks = blocks
    let (hidden, extra) = (configuration.auxiliaryHidden, configuration.auxiliaryCount)
    hiddenWeight = hidden == 0 ? 0 : layout.add("aux.weight", [hidden, extra], .parameters)
    hiddenBias = hidden == 0 ? 0 : layout.add("aux.bias", [hidden], .parameters)
    headWeight = layout.add("fc.weight", [configuration.classCount, configuration.headInputs], .parameters)
    headBias = layout.add("fc.bias", [configuration.classCount], .parameters)
    entries = layout.entries
    unitCount = layout.unitCount
    parameterCount = layout.parameterCount
    statisticCount = layout.statisticCount
  }

  private struct Layout {
    var entries: [Entry] = []
    var unitCount = 0
    var parameterCount = 0
    var statisticCount = 0

    mutating func add(_ key: String, _ shape: [Int], _ arena: Arena) -> Int {
      let offset = arena == .parameters ? parameterCount : statisticCount
      let entry = Entry(key: key, shape: shape, arena: arena, offset: offset)
      entries.append(entry)
      switch arena {
      case .parameters: parameterCount += entry.count
      case .statistics: statisticCount += entry.count
      }
      return offset
    }

    mutating func unit(_ convolutionKey: String, _ normalisationKey: String, _ c: Convolution) -> Unit {
      let channels = [c.outputChannels]
      defer { unitCount += 1 }
      return Unit(
        convolution: c, convolutionKey: convolutionKey, normalisationKey: normalisationKey,
        weight: add(
          convolutionKey + ".weight", [c.outputChannels, c.inputChannels, c.kernel, c.kernel], .parameters),
        gain: add(normalisationKey + ".weight", channels, .parameters),
        bias: add(normalisationKey + ".bias", channels, .parameters),
        mean: add(normalisationKey + ".running_mean", channels, .statistics),
        variance: add(normalisationKey + ".running_var", channels, .statistics), index: unitCount)
    }

    mutating func block(
      _ name: String, _ kind: ResNetConfiguration.BlockKind, inputChannels: Int, width: Int, stride: Int
    ) -> Block {
      let out = width * kind.expansion
      // (kernel, stride, channels out); the bottleneck's stride is on its 3×3, as in torchvision.
      let table: [(Int, Int, Int)] =
        switch kind {
        case .basic: [(3, stride, width), (3, 1, width)]
        case .bottleneck: [(1, 1, width), (3, stride, width), (1, 1, out)]
        }
      var units: [Unit] = []
      var channels = inputChannels
      for (number, (kernel, stride, outputs)) in table.enumerated() {
        let convolution = Convolution(
          inputChannels: channels, outputChannels: outputs, kernel: kernel, stride: stride, padding: kernel / 2)
        units.append(unit("\(name).conv\(number + 1)", "\(name).bn\(number + 1)", convolution))
        channels = outputs
      }
      guard stride != 1 || inputChannels != out else { return Block(units: units, shortcut: nil) }
      let projection = Convolution(
        inputChannels: inputChannels, outputChannels: out, kernel: 1, stride: stride, padding: 0)
      return Block(units: units, shortcut: unit("\(name).downsample.0", "\(name).downsample.1", projection))
    }
  }
}

extension NetworkPlan {
  /// How each unit is computed for images of one size, by index.
  package func layouts(_ g: Geometry) -> [ConvolutionLayout] {
    var layouts: [Int: ConvolutionLayout] = [:]
    func add(_ unit: Unit, _ input: Geometry) -> Geometry {
      let layout = ConvolutionLayout(unit.convolution, input, isImage: unit.index == stem.index)
      layouts[unit.index] = layout
      return layout.output
    }
    var geometry = Pooling.output(add(stem, g))
    for block in blocks {
      if let shortcut = block.shortcut { _ = add(shortcut, geometry) }
      for unit in block.units { geometry = add(unit, geometry) }
    }
    return (0..<unitCount).map { layouts[$0]! }
  }

  /// Holds tensors against the architecture, so that nothing is ever loaded in part.
  /// - Parameter exceptions: keys that begin with one of these may be missing, extra or of any shape.
  /// - Throws: `ModelError` naming up to five keys with expected and actual shape.
  package func check(_ tensors: [String: NamedTensor], except exceptions: [String] = []) throws {
    func excepted(_ key: String) -> Bool { exceptions.contains { key.hasPrefix($0) } }
    var problems: [String] = []
    var known: Set<String> = []
    for entry in entries {
      known.insert(entry.key)
      if excepted(entry.key) { continue }
      guard let tensor = tensors[entry.key] else {
        problems.append("\(entry.key) is missing, expected shape \(entry.shape)")
        continue
      }
      if tensor.shape != entry.shape {
        problems.append("\(entry.key) has shape \(tensor.shape), expected \(entry.shape)")
      } else if !tensor.values.allSatisfy(\.isFinite) {
        throw ModelError(.notFinite, "tensor \(entry.key) holds a value that is not finite")
      }
    }
    for key in tensors.keys.sorted() where !known.contains(key) && !excepted(key) && !Self.isCounter(key) {
      problems.append("\(key) of shape \(tensors[key]?.shape ?? []) is not part of this architecture")
    }
    guard problems.isEmpty else {
      let shown = problems.prefix(5).joined(separator: "; ")
      let more = problems.count > 5 ? "; and \(problems.count - 5) more" : ""
      throw ModelError(.tensorMismatch, "tensors do not fit \(configuration.depth.rawValue): \(shown)\(more)")
    }
  }

  /// PyTorch's count of batches, which plays no part in the arithmetic.
  private static func isCounter(_ key: String) -> Bool { key.hasSuffix(".num_batches_tracked") }
}
