import ResyncCore
import Testing

@Suite("Grad-CAM")
struct GradCAMTests {
  private static let (height, width) = (32, 40)
  private static let configuration = ResNetConfiguration(
    depth: .resnet18, widthMultiplier: 0.125, inputChannels: 2, classCount: 2, auxiliaryCount: 0)

  private static func image() -> [Float] {
    var generator = SeededGenerator(seed: 3)
    return (0..<2 * height * width).map { _ in Float(generator.gaussian()) }
  }

  /// A network with running statistics that are not 0 and 1, wholly frozen.
  private static func network(_ change: (inout [String: NamedTensor]) -> Void = { _ in }) throws -> ResNet {
    let network = try ResNet(configuration: configuration, seed: 5, threads: 1)
    _ = network.forward(images: image() + image().reversed(), auxiliary: [], count: 2, height: height, width: width)
    var tensors = network.tensors
    change(&tensors)
    try network.load(tensors)
    network.freeze(prefixes: [""])
    return network
  }

  private static func evidence(_ network: ResNet) -> Double {
    let logits = network.forward(images: image(), auxiliary: [], count: 1, height: height, width: width)
    return Double(logits[1]) - Double(logits[0])
  }

  @Test("on the last layer the gradient is what the definition says: the class's weight over the size of the map")
  func lastLayer() throws {
    let network = try Self.network()
    _ = Self.evidence(network)
    let layer = network.explained(layer: 4, logitGradients: [-1, 1])
    let weights = try #require(network.tensors["fc.weight"])
    let cells = layer.rows * layer.columns
    #expect(layer.channels == weights.shape[1] && (layer.rows, layer.columns) == (1, 2))
    for cell in 0..<cells {
      for channel in 0..<layer.channels {
        let expected = (weights.values[layer.channels + channel] - weights.values[channel]) / Float(cells)
        #expect(abs(layer.gradients[cell * layer.channels + channel] - expected) < 1e-6)
      }
    }
  }

  @Test("on an inner layer the gradient agrees with finite differences of the evidence", arguments: [1, 2, 3])
  func innerLayers(number: Int) throws {
    let network = try Self.network()
    _ = Self.evidence(network)
    let layer = network.explained(layer: number, logitGradients: [-1, 1])
    // The bias of the layer's last normalisation moves a channel's output wherever it is above 0.
    let key = "layer\(number).1.bn2.bias"
    let step: Float = 1e-3
    var (worst, largest) = (0.0, 0.0)
    for channel in 0..<min(6, layer.channels) {
      let moved = try [step, -step].map { step in
        Self.evidence(
          try Self.network { tensors in
            var values = tensors[key]!.values
            values[channel] += step
            tensors[key] = NamedTensor(shape: tensors[key]!.shape, values: values)
          })
      }
      let measured = (moved[0] - moved[1]) / Double(2 * step)
      let computed = (0..<layer.rows * layer.columns).reduce(0.0) { sum, cell in
        let place = cell * layer.channels + channel
        return sum + (layer.activations[place] > 0 ? Double(layer.gradients[place]) : 0)
      }
      worst = max(worst, abs(measured - computed))
      largest = max(largest, abs(measured))
    }
    #expect(largest > 1e-3)
    #expect(worst < 0.03 * largest, "\(worst) of \(largest)")
  }

  @Test("a map is resized by interpolation between cells' centres, and an even one stays even")
  func resizing() {
    let map = GradCAM.Map(rows: 1, columns: 2, values: [0, 4])
    #expect(map.resized(rows: 2, columns: 4) == [0, 1, 3, 4, 0, 1, 3, 4])
    #expect(Set(GradCAM.Map(rows: 2, columns: 2, values: [3, 3, 3, 3]).resized(rows: 5, columns: 7)) == [3])
  }

  @Test("maps are compared by correlation, which a map of zeros does not have")
  func correlation() throws {
    let map = GradCAM.Map(rows: 2, columns: 2, values: [0, 1, 2, 3])
    let twice = GradCAM.Map(rows: 2, columns: 2, values: [0, 2, 4, 6])
    let turned = GradCAM.Map(rows: 2, columns: 2, values: [3, 2, 1, 0])
    let (same, opposite) = (try #require(map.correlation(with: twice)), try #require(map.correlation(with: turned)))
    #expect(abs(same - 1) < 1e-6 && abs(opposite + 1) < 1e-6)
    #expect(map.correlation(with: GradCAM.Map(rows: 2, columns: 2, values: [0, 0, 0, 0])) == nil)
  }
}
