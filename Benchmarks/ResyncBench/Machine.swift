import Foundation
import ResyncCore

/// What this machine can do at best, by a product of matrices that stay in the nearest caches.
enum MachinePeak {
  /// Billions of additions and multiplications a second, of so many threads together.
  static func measure(threads: Int) -> Double {
    let (rows, columns, depth, rounds) = (56, 32, 256, 2000)
    let operands = (0..<threads).map { _ in
      (FloatBuffer(count: rows * depth), FloatBuffer(count: depth * columns), FloatBuffer(count: rows * columns))
    }
    var fastest = Double.infinity
    for _ in 0..<5 {
      let start = ContinuousClock.now
      Crew.with(threads: threads) { crew in
        crew.run(threads) { item, _ in
          let (a, b, c) = operands[item]
          for _ in 0..<rounds {
            Kernels.best.multiply(a.start, b.start, into: c.start, rows: rows, columns: columns, depth: depth)
          }
        }
      }
      let elapsed = (ContinuousClock.now - start).components
      fastest = min(fastest, Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
    }
    return 2 * Double(threads * rounds * rows * columns * depth) / fastest * 1e-9
  }
}

enum NetworkCost {
  /// Additions and multiplications of one image's forward pass by the definition, taps outside a map included.
  static func forwardOperations(_ configuration: ResNetConfiguration, side: Int) -> Double {
    let plan = NetworkPlan(configuration)
    let layouts = plan.layouts(Geometry(images: 1, height: side, width: side))
    let products = layouts.map { $0.convolution.weightCount * $0.output.plane }.reduce(0, +)
    return 2 * Double(products + plan.headInputs * configuration.classCount)
  }
}

enum ProcessMemory {
  /// The most memory that the process has held, from /proc; 0 where there is none.
  static var peakMegabytes: Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
    return (line.split(separator: " ").compactMap { Int($0) }.first ?? 0) / 1024
  }
}
