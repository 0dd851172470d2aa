import Foundation
import ResyncCore
import Testing

@Suite("Training network")
struct NetworkTrainingTests {
  static let tiny = ResNetConfiguration(
    depth: .resnet18, widthMultiplier: 0.125, inputChannels: 2, classCount: 3, auxiliaryCount: 4, auxiliaryHidden: 5)

  struct Batch {
    let count: Int
    let side: Int
    let images, auxiliary: [Float]
    let labels: [Int]

    init(count: Int, side: Int = 32, name: String = "") {
      self.count = count
      self.side = side
      images = filled("images" + name, count * 2 * side * side)
      auxiliary = filled("auxiliary" + name, count * 4)
      labels = (0..<count).map { $0 * 7 % 3 }
    }

    func loss(_ network: ResNet) -> (loss: Double, gradient: [Float]) {
      let logits = network.forward(images: images, auxiliary: auxiliary, count: count, height: side, width: side)
      return Loss.crossEntropy(
        logits: logits, labels: labels, weights: [Float](repeating: 1, count: count), classes: 3)
    }
  }

  @Test("the loss changes along each parameter group as the gradient says")
  func directionalDerivatives() throws {
    let network = try ResNet(configuration: Self.tiny, seed: 3, threads: 2)
    let batch = Batch(count: 12)
    network.backward(logitGradients: batch.loss(network).gradient)
    let gradients = network.gradients
    let start = network.tensors
    for key in [
      "conv1.weight", "bn1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight",
      "layer3.1.bn2.weight", "layer4.1.conv2.weight", "aux.weight", "aux.bias", "fc.weight",
      "fc.bias",
    ] {
      let gradient = gradients[key]!.values
      let norm = gradient.map { Double($0) * Double($0) }.reduce(0, +).squareRoot()
      func lossAfter(_ distance: Double) throws -> Double {
        var moved = start
        for i in gradient.indices { moved[key]!.values[i] += Float(distance * Double(gradient[i]) / norm) }
        try network.load(moved)
        return batch.loss(network).loss
      }
      let step = 2e-3 / max(1, norm)
      let slope = try (lossAfter(step) - lossAfter(-step)) / (2 * step)
      #expect(abs(slope - norm) < 0.03 * norm, "\(key): \(slope) against \(norm)")
    }
  }

  @Test("gradients of a batch computed in parts add up")
  func accumulation() throws {
    let network = try ResNet(configuration: Self.tiny, seed: 3, threads: 2)
    func gradient(_ batches: [Batch], accumulating: Bool) -> [Float] {
      for (number, batch) in batches.enumerated() {
        network.backward(logitGradients: batch.loss(network).gradient, accumulating: accumulating && number > 0)
      }
      return network.gradientBuffer.values
    }
    let batches = [Batch(count: 12), Batch(count: 7, name: "b"), Batch(count: 9, name: "c")]
    let each = batches.map { gradient([$0], accumulating: false) }
    let sum = each[0].indices.map { (each[0][$0] + each[1][$0]) + each[2][$0] }
    #expect(gradient(batches, accumulating: true) == sum)
  }

  @Test("classes that share the image's weights are told apart by the auxiliary features alone, after every step")
  func sharedClasses() throws {
    let network = try ResNet(configuration: Self.tiny, seed: 3)
    network.shareImageWeights(ofClasses: [[0, 2]])
    let optimiser = network.makeOptimiser(OptimiserConfiguration())
    for number in 0..<3 {
      network.backward(logitGradients: Batch(count: 9, name: "\(number)").loss(network).gradient)
      network.step(optimiser, learningRate: 1e-2)
    }
    let (inputs, features) = (Self.tiny.headInputs, Self.tiny.featureCount)
    let rows = (0..<3).map { Array(network.tensors["fc.weight"]!.values[$0 * inputs..<($0 + 1) * inputs]) }
    #expect(rows[0].prefix(features) == rows[2].prefix(features))
    #expect(rows[0].prefix(features) != rows[1].prefix(features))
    #expect(rows[0].dropFirst(features) != rows[2].dropFirst(features))
  }

  @Test("a hidden image has no part in its logits and teaches the trunk nothing")
  func hiddenImages() throws {
    let network = try ResNet(configuration: Self.tiny, seed: 3)
    let batch = Batch(count: 6)
    func logits(_ images: [Float], hidden: Set<Int>) -> [Float] {
      network.forward(
        images: images, auxiliary: batch.auxiliary, count: 6, height: 32, width: 32, hidden: hidden)
    }
    let seen = logits(batch.images, hidden: [])
    let one = logits(batch.images, hidden: [4])
    #expect((0..<18).filter { seen[$0] != one[$0] } == [12, 13, 14])
    let all = logits(batch.images, hidden: Set(0..<6))
    #expect(all == logits(filled("other", batch.images.count), hidden: Set(0..<6)))
    network.backward(logitGradients: all.map { $0 + 1 })
    #expect(network.gradients["layer4.1.conv2.weight"]!.values.allSatisfy { $0 == 0 })
    #expect(network.gradients["aux.weight"]!.values.contains { $0 != 0 })
  }

  @Test("it overfits 32 examples")
  func overfits() throws {
    let network = try ResNet(configuration: Self.tiny, seed: 3)
    let optimiser = network.makeOptimiser(OptimiserConfiguration())
    let batch = Batch(count: 32)
    var last = Double.infinity
    for _ in 0..<60 {
      let (loss, gradient) = batch.loss(network)
      last = loss
      network.backward(logitGradients: gradient)
      network.step(optimiser, learningRate: 3e-3)
    }
    #expect(last < 0.02)
  }

  @Test("weights after training do not depend on the thread count, nor on earlier, larger batches")
  func threadCount() throws {
    func trained(threads: Int, warmingUp: Bool) throws -> [String: NamedTensor] {
      let network = try ResNet(configuration: Self.tiny, seed: 3, threads: threads)
      let start = network.tensors
      if warmingUp {
        network.backward(logitGradients: Batch(count: 50).loss(network).gradient)
        try network.load(start)
      }
      let optimiser = network.makeOptimiser(OptimiserConfiguration(kind: .adamW, weightDecay: 0.01))
      for (number, count) in [33, 16, 33].enumerated() {
        network.backward(logitGradients: Batch(count: count, name: "\(number)").loss(network).gradient)
        network.step(optimiser, learningRate: 1e-3, clipping: 0.5)
      }
      return network.tensors
    }
    let one = try trained(threads: 1, warmingUp: false)
    #expect(same(try trained(threads: 2, warmingUp: false), one))
    #expect(same(try trained(threads: 5, warmingUp: true), one))
  }

  @Test("frozen prefixes keep weights and running statistics, the rest trains as far as gradients reach")
  func freezing() throws {
    let prefixes = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4.0"]
    let network = try ResNet(configuration: Self.tiny, seed: 3)
    let reference = try ResNet(configuration: Self.tiny, seed: 3)
    network.freeze(prefixes: prefixes)
    let before = network.tensors
    let optimiser = network.makeOptimiser(OptimiserConfiguration(weightDecay: 0.1))
    network.backward(logitGradients: Batch(count: 8).loss(network).gradient)
    network.step(optimiser, learningRate: 1e-2)
    for (key, tensor) in network.tensors {
      #expect((tensor == before[key]!) == prefixes.contains { key.hasPrefix($0) }, "\(key)")
    }
    // With nothing but the head to train, the trunk computes what it computes at inference.
    reference.freeze(prefixes: ["conv1", "bn1", "layer"])
    let batch = Batch(count: 8)
    let logits = reference.forward(images: batch.images, auxiliary: batch.auxiliary, count: 8, height: 32, width: 32)
    let folded = try InferenceNetwork(configuration: Self.tiny, tensors: reference.tensors)
    let expected = folded.forward(
      images: batch.images, auxiliary: batch.auxiliary, count: 8, height: 32, width: 32, threads: 1)
    #expect(relativeError(logits, expected.logits.map(Double.init)) < 1e-4)
  }

  @Test("a gradient through frozen normalisation equals the slope of the loss")
  func frozenNormalisationGradient() throws {
    let network = try ResNet(configuration: Self.tiny, seed: 3)
    let norms = NetworkPlan(Self.tiny).units.map(\.normalisationKey)
    network.freeze(prefixes: norms)
    let batch = Batch(count: 6)
    network.backward(logitGradients: batch.loss(network).gradient)
    let gradient = network.gradients["layer1.0.conv1.weight"]!.values
    let norm = gradient.map { Double($0) * Double($0) }.reduce(0, +).squareRoot()
    let start = network.tensors
    func lossAfter(_ distance: Double) throws -> Double {
      var moved = start
      for i in gradient.indices {
        moved["layer1.0.conv1.weight"]!.values[i] += Float(distance * Double(gradient[i]) / norm)
      }
      try network.load(moved)
      return batch.loss(network).loss
    }
    let slope = try (lossAfter(1e-3) - lossAfter(-1e-3)) / 2e-3
    #expect(abs(slope - norm) < 0.03 * norm)
    #expect(network.gradients["bn1.weight"]!.values.allSatisfy { $0 == 0 })
  }

  @Test("optimisers follow PyTorch's formulas", arguments: OptimiserConfiguration.Kind.allCases)
  func optimisers(kind: OptimiserConfiguration.Kind) {
    let configuration = OptimiserConfiguration(kind: kind, weightDecay: 0.1)
    let optimiser = Optimiser(configuration, count: 3)
    let (parameters, gradients) = (FloatBuffer(count: 3), FloatBuffer(count: 3))
    parameters.store([1, -2, 0.5])
    var (p, m, v) = ([1.0, -2, 0.5], [0.0, 0, 0], [0.0, 0, 0])
    for step in 1...5 {
      let g = (0..<3).map { sin(Double(step * 3 + $0)) }
      gradients.store(g.map(Float.init))
      optimiser.step(
        parameters: parameters, gradients: gradients, ranges: [0..<2], learningRate: 0.01, threads: 1)
      for i in 0..<2 {
        let decayed = kind == .adamW ? g[i] : g[i] + 0.1 * p[i]
        if kind == .adamW { p[i] -= 0.01 * 0.1 * p[i] }
        if kind == .sgd {
          m[i] = 0.9 * m[i] + decayed
          p[i] -= 0.01 * m[i]
        } else {
          m[i] = 0.9 * m[i] + 0.1 * decayed
          v[i] = 0.999 * v[i] + 0.001 * decayed * decayed
          let (mHat, vHat) = (m[i] / (1 - pow(0.9, Double(step))), v[i] / (1 - pow(0.999, Double(step))))
          p[i] -= 0.01 * mHat / (vHat.squareRoot() + 1e-8)
        }
      }
    }
    #expect(relativeError(parameters.values, p) < 1e-5)
    #expect(parameters.values[2] == 0.5)
  }

  @Test("clipping scales all gradients together to the given norm")
  func clipping() throws {
    let network = try ResNet(configuration: Self.tiny, seed: 3)
    network.backward(logitGradients: Batch(count: 6).loss(network).gradient)
    func norm() -> Double {
      network.gradients.values.flatMap(\.values).map { Double($0) * Double($0) }.reduce(0, +).squareRoot()
    }
    let before = norm()
    network.step(network.makeOptimiser(.init(kind: .sgd)), learningRate: 0, clipping: before / 4)
    #expect(abs(norm() - before / 4) < 1e-4 * before)
    network.step(network.makeOptimiser(.init(kind: .sgd)), learningRate: 0, clipping: before)
    #expect(abs(norm() - before / 4) < 1e-4 * before)
  }
}
