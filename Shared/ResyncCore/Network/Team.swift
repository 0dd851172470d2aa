/// The threads of one training network with their scratch memory, and how a batch is split over them.
///
/// A batch falls into parts by its shape only, never by the number of threads, and what parts contribute to a sum is
/// added in their order: the weights after a step do not depend on the thread count.
package final class Team {
  package let threads: Int
  private var scratch: [FloatBuffer]
  private var partials: FloatBuffer

  /// - Parameters:
  ///   - threads: at least 1.
  ///   - scratchCount: floats for each thread.
  ///   - partialCount: the largest weight gradient, floats.
  package init(threads: Int, scratchCount: Int, partialCount: Int) {
    precondition(threads > 0, "a team needs a thread")
    self.threads = threads
    scratch = (0..<threads).map { _ in FloatBuffer(count: scratchCount) }
    partials = FloatBuffer(count: partialCount * Self.mostParts)
  }

  private static let mostParts = 8
  /// Fewer columns than this in a part make the products slow.
  private static let columnsOfPart = 64

  private static func parts(_ g: Geometry) -> Int {
    min(g.images, max(2, min(mostParts, g.columns / columnsOfPart)))
  }

  private static func part(_ number: Int, of parts: Int, _ count: Int) -> Range<Int> {
    number * count / parts..<(number + 1) * count / parts
  }

  /// Calls `body` with ranges that cover `0..<count`, at the same time; each must write its own memory.
  package func split(_ count: Int, into pieces: Int = 16, _ body: @escaping (Range<Int>) -> Void) {
    let parts = max(1, min(count, pieces))
    WorkerPool.shared.run(parts, threads: threads) { item, _ in body(Self.part(item, of: parts, count)) }
  }

  package func forward(
    _ convolution: Convolution, input: UnsafePointer<Float>, _ g: Geometry, weights: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>
  ) {
    let parts = Self.parts(convolution.output(g))
    let scratch = scratch
    WorkerPool.shared.run(parts, threads: threads) { item, worker in
      convolution.forward(
        images: Self.part(item, of: parts, g.images), input: input, g, weights: weights, output: output,
        scratch: scratch[worker].start)
    }
  }

  /// As `Convolution.backward`, over all images.
  package func backward(
    _ convolution: Convolution, input: UnsafePointer<Float>, _ g: Geometry, weights: UnsafePointer<Float>,
    outputGradient: UnsafePointer<Float>, weightGradient: UnsafeMutablePointer<Float>?,
    inputGradient: UnsafeMutablePointer<Float>?, accumulating: Bool
  ) {
    let parts = Self.parts(convolution.output(g))
    let count = convolution.weightCount
    let (scratch, partials) = (scratch, partials)
    WorkerPool.shared.run(parts, threads: threads) { item, worker in
      convolution.backward(
        images: Self.part(item, of: parts, g.images), input: input, g, weights: weights,
        outputGradient: outputGradient, weightGradient: weightGradient == nil ? nil : partials.start + item * count,
        inputGradient: inputGradient, accumulating: accumulating, scratch: scratch[worker].start)
    }
    guard let weightGradient else { return }
    split(count) { range in
      let target = weightGradient + range.lowerBound
      target.update(from: partials.start + range.lowerBound, count: range.count)
      for part in 1..<max(1, parts) {
        Vector.add(partials.start + part * count + range.lowerBound, to: target, range.count)
      }
    }
  }
}
