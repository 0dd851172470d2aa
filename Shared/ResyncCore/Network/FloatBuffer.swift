import Foundation

/// A stretch of floats with a fixed address, aligned for vector loads. The object owns the memory and frees it.
///
/// Sendable without checks: whoever shares a buffer between threads has them write disjoint parts, or nobody writes.
package final class FloatBuffer: @unchecked Sendable {
  package let count: Int
  package let start: UnsafeMutablePointer<Float>
  private let memory: UnsafeMutableRawPointer

  private static let hugePage = 2 << 20

  /// - Parameter count: floats, all 0 at first.
  package init(count: Int) {
    precondition(count >= 0, "a buffer cannot have \(count) floats")
    self.count = count
    let bytes = max(count, 1) * MemoryLayout<Float>.stride
    let isLarge = bytes >= Self.hugePage
    memory = .allocate(byteCount: bytes, alignment: isLarge ? Self.hugePage : 64)
    #if os(Linux)
    // Advice only: without huge pages all works, but a pass over a batch spends its time looking up small ones.
    if isLarge { madvise(memory, bytes, Int32(MADV_HUGEPAGE)) }
    #endif
    start = memory.bindMemory(to: Float.self, capacity: max(count, 1))
    start.initialize(repeating: 0, count: max(count, 1))
  }

  deinit { memory.deallocate() }

  package func values(_ range: Range<Int>) -> [Float] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range outside the buffer")
    return Array(UnsafeBufferPointer(start: start + range.lowerBound, count: range.count))
  }

  package var values: [Float] { values(0..<count) }

  package func store(_ values: [Float], at offset: Int = 0) {
    precondition(offset >= 0 && offset + values.count <= count, "range outside the buffer")
    values.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { (start + offset).update(from: base, count: source.count) }
    }
  }
}
