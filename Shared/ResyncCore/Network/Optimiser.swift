import CKernels
import Foundation

/// Which rule turns gradients into steps, as PyTorch defines each.
public struct OptimiserConfiguration: Codable, Hashable, Sendable {
  public enum Kind: String, CaseIterable, Codable, Hashable, Sendable {
    /// Kingma & Ba 2015; weight decay is added to the gradient.
    case adam
    /// Loshchilov & Hutter 2019; weight decay is apart from the gradient.
    case adamW = "adam-w"
    /// With momentum; weight decay is added to the gradient.
    case sgd
  }

  public var kind: Kind
  public var weightDecay: Double
  /// Of `sgd`.
  public var momentum: Double
  /// Of `adam` and `adam-w`: decay of the first and second moment.
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double

  public init(
    kind: Kind = .adam, weightDecay: Double = 0, momentum: Double = 0.9, beta1: Double = 0.9, beta2: Double = 0.999,
    epsilon: Double = 1e-8
  ) {
    self.kind = kind
    self.weightDecay = weightDecay
    self.momentum = momentum
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }
}

/// An optimiser with its state: first and second moment of each parameter (`sgd`: velocity in the first) and the number
/// of steps taken.
public final class Optimiser {
  public let configuration: OptimiserConfiguration
  public package(set) var steps: Int
  package let first: FloatBuffer
  package let second: FloatBuffer

  /// Parameters that one worker takes at a time.
  private static let piece = 1 << 16

  package init(_ configuration: OptimiserConfiguration, count: Int) {
    self.configuration = configuration
    steps = 0
    first = FloatBuffer(count: count)
    second = FloatBuffer(count: configuration.kind == .sgd ? 0 : count)
  }

  package func step(
    parameters: FloatBuffer, gradients: FloatBuffer, ranges: [Range<Int>], learningRate: Double, threads: Int
  ) {
    steps += 1
    let rule = resync_adam_rule(configuration, step: steps, learningRate: learningRate)
    let (momentum, decay) = (Float(configuration.momentum), Float(configuration.weightDecay))
    let rate = Float(learningRate)
    let (kind, first, second) = (configuration.kind, first.start, second.start)
    // Every parameter is its own sum, so pieces may be of any size.
    let pieces = ranges.flatMap { range in
      stride(from: range.lowerBound, to: range.upperBound, by: Self.piece).map {
        $0..<min($0 + Self.piece, range.upperBound)
      }
    }
    WorkerPool.shared.run(pieces.count, threads: threads) { item, _ in
      let (low, count) = (pieces[item].lowerBound, pieces[item].count)
      let (p, g) = (parameters.start + low, gradients.start + low)
      switch kind {
      case .adam, .adamW:
        var rule = rule
        Kernels.best.table.adam(&rule, p, g, first + low, second + low, count)
      case .sgd: Kernels.best.table.sgd(momentum, decay, rate, p, g, first + low, count)
      }
    }
  }
}

extension resync_adam_rule {
  /// The constants of one step.
  fileprivate init(_ c: OptimiserConfiguration, step: Int, learningRate: Double) {
    let isCoupled = c.kind != .adamW
    self.init(
      beta1: Float(c.beta1), beta2: Float(c.beta2), epsilon: Float(c.epsilon),
      step_size: Float(learningRate / (1 - pow(c.beta1, Double(step)))),
      second_correction: Float(1 / (1 - pow(c.beta2, Double(step))).squareRoot()),
      coupled_decay: isCoupled ? Float(c.weightDecay) : 0,
      shrinkage: isCoupled ? 1 : Float(1 - learningRate * c.weightDecay))
  }
}
