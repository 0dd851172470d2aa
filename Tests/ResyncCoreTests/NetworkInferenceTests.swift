import ResyncCore
import Testing

@Suite("Inference network")
struct NetworkInferenceTests {
  static let depths = ResNetConfiguration.Depth.allCases

  @Test("an image gives the same bits alone, in a batch of 61, with one thread or more", arguments: depths)
  func company(depth: ResNetConfiguration.Depth) throws {
    let configuration = ResNetConfiguration(
      depth: depth, widthMultiplier: 0.25, inputChannels: 2, classCount: 5, auxiliaryCount: 3)
    let weights = try ResNet(configuration: configuration, seed: 7, threads: 1).tensors
    let network = try InferenceNetwork(configuration: configuration, tensors: weights)
    let (count, side) = (61, 40)
    let size = 2 * side * side
    let images = filled("images", count * size)
    let auxiliary = filled("auxiliary", count * 3)
    let one = network.forward(
      images: images, auxiliary: auxiliary, count: count, height: side, width: side, threads: 1)
    let four = network.forward(
      images: images, auxiliary: auxiliary, count: count, height: side, width: side, threads: 4)
    #expect(same(one.logits, four.logits) && same(one.features, four.features))
    for image in [0, 1, 30, 60] {
      let alone = network.forward(
        images: Array(images[image * size..<(image + 1) * size]),
        auxiliary: Array(auxiliary[image * 3..<(image + 1) * 3]), count: 1, height: side, width: side, threads: 2)
      #expect(alone.logits == Array(one.logits[image * 5..<(image + 1) * 5]))
      let features = network.featureCount
      #expect(same(alone.features, Array(one.features[image * features..<(image + 1) * features])))
    }
  }

  @Test("weights that miss a key, have one too many or a wrong shape are refused by name")
  func refusesMismatch() throws {
    let configuration = ResNetConfiguration(depth: .resnet18, widthMultiplier: 0.125, classCount: 2)
    let network = try ResNet(configuration: configuration, seed: 7, threads: 1)
    let good = network.tensors
    let cases: [(String, String, (inout [String: NamedTensor]) -> Void)] = [
      (
        "missing", "layer1.0.bn1.running_mean is missing, expected shape [8]", { $0["layer1.0.bn1.running_mean"] = nil }
      ),
      ("extra", "layer9.weight of shape [1] is not part", { $0["layer9.weight"] = .init(shape: [1], values: [0]) }),
      (
        "misshaped", "conv1.weight has shape [392], expected [8, 1, 7, 7]",
        { $0["conv1.weight"] = .init(shape: [392], values: $0["conv1.weight"]!.values) }
      ),
    ]
    for (name, message, change) in cases {
      var tensors = good
      change(&tensors)
      let error = #expect(throws: ModelError.self, "\(name)") { try network.load(tensors) }
      #expect(error?.code == .tensorMismatch)
      #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
      #expect(throws: ModelError.self) { try InferenceNetwork(configuration: configuration, tensors: tensors) }
    }
    var infinite = good
    infinite["fc.bias"]!.values[0] = .infinity
    #expect(throws: ModelError.self) { try network.load(infinite) }
    #expect(same(network.tensors, good))
    try network.load(good.merging(["bn1.num_batches_tracked": .init(shape: [], values: [3])]) { a, _ in a })
  }

  @Test("configurations outside their limits are refused")
  func refusesConfigurations() {
    let good = ResNetConfiguration(depth: .resnet18, classCount: 2)
    let changes: [(inout ResNetConfiguration) -> Void] = [
      { $0.widthMultiplier = .nan }, { $0.widthMultiplier = 1e300 }, { $0.inputChannels = 0 },
      { $0.classCount = 1 }, { $0.auxiliaryCount = -1 },
    ]
    for change in changes {
      var configuration = good
      change(&configuration)
      #expect(throws: ModelError.self) { try configuration.validate() }
    }
    #expect(throws: Never.self) { try good.validate() }
  }
}
