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
    let rule = Rule(configuration, step: steps, learningRate: learningRate)
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
      case .adam, .adamW: rule.adam(p, g, first + low, second + low, count)
      case .sgd: rule.sgd(p, g, first + low, count)
      }
    }
  }

  /// The constants of one step.
  private struct Rule {
    let beta1, beta2, epsilon, momentum: Float
    /// Added to the gradient as a share of the parameter.
    let coupledDecay: Float
    /// What is left of the parameter before the step.
    let shrinkage: Float
    let stepSize: Float
    let secondCorrection: Float

    init(_ c: OptimiserConfiguration, step: Int, learningRate: Double) {
      beta1 = Float(c.beta1)
      beta2 = Float(c.beta2)
      epsilon = Float(c.epsilon)
      momentum = Float(c.momentum)
      coupledDecay = c.kind == .adamW ? 0 : Float(c.weightDecay)
      shrinkage = c.kind == .adamW ? Float(1 - learningRate * c.weightDecay) : 1
      stepSize = Float(c.kind == .sgd ? learningRate : learningRate / (1 - pow(c.beta1, Double(step))))
      secondCorrection = Float(1 / (1 - pow(c.beta2, Double(step))).squareRoot())
    }

    func adam(
      _ p: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ m: UnsafeMutablePointer<Float>,
      _ v: UnsafeMutablePointer<Float>, _ count: Int
    ) {
      for i in 0..<count {
        let gradient = g[i] + coupledDecay * p[i]
        m[i] += (1 - beta1) * (gradient - m[i])
        v[i] = beta2 * v[i] + (1 - beta2) * gradient * gradient
        p[i] = shrinkage * p[i] - stepSize * m[i] / (v[i].squareRoot() * secondCorrection + epsilon)
      }
    }

    func sgd(
      _ p: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ velocity: UnsafeMutablePointer<Float>, _ count: Int
    ) {
      for i in 0..<count {
        velocity[i] = momentum * velocity[i] + g[i] + coupledDecay * p[i]
        p[i] -= stepSize * velocity[i]
      }
    }
  }
}
