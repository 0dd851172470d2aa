import Foundation
import ResyncCore
import Testing

/// Against torchvision's networks, narrowed: see Fixtures/network/make_golden.py.
@Suite("Network against PyTorch")
struct NetworkGoldenTests {
  struct Golden: Decodable {
    struct Gradient: Decodable {
      let peak, norm, probe: Double
      let head: [Double]
    }
    let depth: ResNetConfiguration.Depth
    let widthMultiplier: Double
    let inputChannels, classCount, auxiliaryCount, count, side: Int
    let inferenceLogits, logits: [Double]
    let loss: Double
    let gradients: [String: Gradient]
    let statistics: [String: [Double]]
    let adamLosses: [Double]

    var configuration: ResNetConfiguration {
      .init(
        depth: depth, widthMultiplier: widthMultiplier, inputChannels: inputChannels, classCount: classCount,
        auxiliaryCount: auxiliaryCount)
    }
    var images: [Float] { filled("images", count * inputChannels * side * side) }
    var auxiliary: [Float] { filled("auxiliary", count * auxiliaryCount) }
    var labels: [Int] { (0..<count).map { $0 % classCount } }
    var weights: [Float] { filled("weights", count).map { 1 + 0.5 * $0 } }

    /// `initialise` of the script.
    func tensors() -> [String: NamedTensor] {
      let plan = NetworkPlan(configuration)
      return Dictionary(
        uniqueKeysWithValues: plan.entries.map { entry in
          let v = filled(entry.key, entry.count)
          let shape = entry.shape
          let scaled: [Float] =
            if entry.key.hasSuffix("running_mean") {
              v.map { 0.1 * $0 }
            } else if entry.key.hasSuffix("running_var") {
              v.map { 1 + 0.5 * $0 }
            } else if shape.count == 4 {
              v.map { $0 * Float((6 / Double(shape[0] * shape[2] * shape[3])).squareRoot()) }
            } else if shape.count == 2 {
              v.map { $0 / Float(Double(shape[1]).squareRoot()) }
            } else if entry.key.hasSuffix("bn3.weight") {
              v.map { 0.1 + 0.02 * $0 }
            } else if entry.key.hasSuffix("weight") {
              v.map { 1 + 0.2 * $0 }
            } else {
              v.map { 0.1 * $0 }
            }
          return (entry.key, NamedTensor(shape: shape, values: scaled))
        })
    }

    func network() throws -> ResNet {
      let network = try ResNet(configuration: configuration, seed: 1, threads: 2)
      try network.load(tensors())
      return network
    }
  }

  static let names = ["resnet18-1", "resnet18-12", "resnet50-1", "resnet101-12"]

  static func golden(_ name: String) throws -> Golden {
    try JSONDecoder().decode(Golden.self, from: Data(fixture(name + ".json")))
  }

  @Test("training logits, loss and running statistics agree", arguments: names)
  func forward(name: String) throws {
    let golden = try Self.golden(name)
    let network = try golden.network()
    let logits = network.forward(
      images: golden.images, auxiliary: golden.auxiliary, count: golden.count, height: golden.side, width: golden.side)
    #expect(relativeError(logits, golden.logits) < 1e-4)
    let (loss, _) = Loss.crossEntropy(
      logits: logits, labels: golden.labels, weights: golden.weights, classes: golden.classCount)
    #expect(abs(loss - golden.loss) < 1e-4 * golden.loss)
    let tensors = network.tensors
    for (key, values) in golden.statistics {
      #expect(relativeError(Array(tensors[key]!.values.prefix(8)), values) < 1e-4, "\(key)")
    }
  }

  @Test("every parameter's gradient agrees", arguments: names)
  func gradients(name: String) throws {
    let golden = try Self.golden(name)
    let network = try golden.network()
    let logits = network.forward(
      images: golden.images, auxiliary: golden.auxiliary, count: golden.count, height: golden.side, width: golden.side)
    network.backward(
      logitGradients: Loss.crossEntropy(
        logits: logits, labels: golden.labels, weights: golden.weights, classes: golden.classCount
      ).gradient)
    let gradients = network.gradients
    #expect(Set(gradients.keys) == Set(golden.gradients.keys))
    for (key, expected) in golden.gradients {
      let values = gradients[key]!.values.map(Double.init)
      let probe = zip(values, filled("probe." + key, values.count)).map { $0 * Double($1) }.reduce(0, +)
      let peak = values.map(abs).max()!
      #expect(abs(peak - expected.peak) < 1e-3 * expected.peak, "\(key)")
      #expect(abs(probe - expected.probe) < 1e-3 * expected.norm, "\(key)")
      for (actual, wanted) in zip(values, expected.head) {
        #expect(abs(actual - wanted) < 1e-3 * expected.peak, "\(key)")
      }
    }
  }

  @Test("the losses of ten Adam steps agree", arguments: names)
  func adam(name: String) throws {
    let golden = try Self.golden(name)
    let network = try golden.network()
    let optimiser = network.makeOptimiser(OptimiserConfiguration(kind: .adam))
    for expected in golden.adamLosses {
      let logits = network.forward(
        images: golden.images, auxiliary: golden.auxiliary, count: golden.count, height: golden.side,
        width: golden.side)
      let (loss, gradient) = Loss.crossEntropy(
        logits: logits, labels: golden.labels, weights: golden.weights, classes: golden.classCount)
      #expect(abs(loss - expected) < 1e-3)
      network.backward(logitGradients: gradient)
      network.step(optimiser, learningRate: 1e-3)
    }
  }

  @Test("inference logits agree, with normalisation folded", arguments: names)
  func inference(name: String) throws {
    let golden = try Self.golden(name)
    let network = try InferenceNetwork(configuration: golden.configuration, tensors: golden.tensors())
    let (logits, _) = network.forward(
      images: golden.images, auxiliary: golden.auxiliary, count: golden.count, height: golden.side, width: golden.side,
      threads: 2)
    #expect(relativeError(logits, golden.inferenceLogits) < 1e-4)
  }
}

/// The bytes of a file in Tests/Fixtures/network.
func fixture(_ name: String) throws -> [UInt8] {
  let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  return [UInt8](try Data(contentsOf: folder.appending(path: "Fixtures/network/\(name)")))
}
