import ArgumentParser
import Foundation
import ResyncCore

struct NetworkOptions: ParsableArguments {
  @Option(help: "resnet18, resnet50 or resnet101.") var arch = "resnet18"
  @Option(help: "Images at once.") var batch = 64
  @Option(help: "Rows and columns of an image.") var side = 64
  @Option(help: "Channels of an image.") var channels = 1
  @Option(help: "Threads.") var threads = 2
  @Option(help: "Width of the network, relative to the paper's.") var width = 1.0
  @Option(help: "Steps that are timed, after one that is not; the fastest counts.") var repeats = 5
  @Flag(help: "Print the time of each kind of layer, of all timed steps together.") var profile = false

  func configuration() throws -> ResNetConfiguration {
    guard let depth = ResNetConfiguration.Depth(rawValue: arch) else {
      throw ValidationError("--arch is \(arch), must be one of \(ResNetConfiguration.Depth.allCases.map(\.rawValue))")
    }
    guard batch > 0, side > 0, threads > 0, repeats > 0 else {
      throw ValidationError("--batch, --side, --threads and --repeats must be at least 1")
    }
    let configuration = ResNetConfiguration(
      depth: depth, widthMultiplier: width, inputChannels: channels, classCount: 5)
    try configuration.validate()
    return configuration
  }

  var images: [Float] {
    var generator = SeededGenerator(seed: 1)
    return (0..<batch * channels * side * side).map { _ in Float(generator.gaussian()) }
  }

  /// Times `step` and prints the figures, the last line as JSON.
  /// - Parameter passes: multiplications of a step relative to those of a forward pass.
  func measure(_ job: String, _ configuration: ResNetConfiguration, passes: Double, _ step: (NetworkProfile?) -> Void) {
    // The machine's speed changes from minute to minute, so its peak is taken before and after.
    let before = MachinePeak.measure(threads: threads)
    step(nil)
    let counted = profile ? NetworkProfile() : nil
    var fastest = Double.infinity
    for _ in 0..<repeats {
      let start = ContinuousClock.now
      step(counted)
      let elapsed = (ContinuousClock.now - start).components
      fastest = min(fastest, Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
    }
    let peak = max(before, MachinePeak.measure(threads: threads))
    for (kind, seconds) in (counted?.seconds ?? [:]).sorted(by: { $0.value > $1.value }) {
      let name = kind.padding(toLength: 36, withPad: " ", startingAt: 0)
      print(name + String(format: "%8.2f ms a step", seconds / Double(repeats) * 1e3))
    }
    let rate = Double(batch) / fastest
    let gigaflops = rate * passes * NetworkCost.forwardOperations(configuration, side: side) * 1e-9
    print(
      String(
        format: "{\"bench\":\"%@\",\"arch\":\"%@\",\"batch\":%d,\"side\":%d,\"channels\":%d,\"threads\":%d,"
          + "\"width\":%g,\"kernels\":\"%@\",\"images_per_second\":%.1f,\"gflop_per_second\":%.1f,"
          + "\"peak_gflop_per_second\":%.1f,\"share_of_peak\":%.3f,\"peak_memory_mb\":%d}",
        job, arch, batch, side, channels, threads, width, Kernels.best.description, rate, gigaflops, peak,
        gigaflops / peak, ProcessMemory.peakMegabytes))
  }
}

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Training steps: forward, backward, Adam; the peer is peers/resnet_torch.py.")
  @OptionGroup var options: NetworkOptions
  @Option(help: "Images computed at once, if fewer than the batch; gradients then add up over the parts.")
  var microBatch: Int?

  func run() throws {
    let configuration = try options.configuration()
    if let microBatch, microBatch < 1 {
      throw ValidationError("--micro-batch is \(microBatch), must be at least 1")
    }
    let network = try ResNet(configuration: configuration, seed: 1, threads: options.threads)
    let optimiser = network.makeOptimiser(OptimiserConfiguration())
    let images = options.images
    let (batch, side) = (options.batch, options.side)
    let image = images.count / batch
    let parts = stride(from: 0, to: batch, by: microBatch ?? batch).map { $0..<min(batch, $0 + (microBatch ?? batch)) }
    options.measure("train", configuration, passes: 3) { profile in
      network.profile = profile
      for part in parts {
        let logits = network.forward(
          images: parts.count == 1
            ? images : Array(images[part.lowerBound * image..<part.upperBound * image]),
          auxiliary: [], count: part.count, height: side, width: side)
        let loss = Loss.crossEntropy(
          logits: logits, labels: part.map { $0 % configuration.classCount },
          weights: [Float](repeating: 1, count: part.count), classes: configuration.classCount, total: batch)
        network.backward(logitGradients: loss.gradient, accumulating: part.lowerBound > 0)
      }
      network.step(optimiser, learningRate: 1e-3)
    }
  }
}

struct InferCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "infer", abstract: "Predictions of a trained network; the peer is peers/resnet_torch.py.")
  @OptionGroup var options: NetworkOptions

  func run() throws {
    let configuration = try options.configuration()
    let network = try InferenceNetwork(
      configuration: configuration, tensors: ResNet(configuration: configuration, seed: 1, threads: 1).tensors)
    let images = options.images
    options.measure("infer", configuration, passes: 1) { profile in
      _ = network.forward(
        images: images, auxiliary: [], count: options.batch, height: options.side, width: options.side,
        threads: options.threads, profile: profile)
    }
  }
}
