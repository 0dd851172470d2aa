import CKernels
import Foundation
import Synchronization

/// Threads that stay together through a computation of many short steps and wait actively between them: a step costs
/// about a microsecond to share out, where waking a thread costs tens.
///
/// The caller works too and never waits for a thread that has not come. As with `WorkerPool`, an item's result must not
/// depend on which worker ran it.
package final class Crew: @unchecked Sendable {
  package let threads: Int
  /// Items of the current step: generation, count and the next item, in 24, 20 and 20 bits.
  private let ticket = Atomic<UInt64>(0)
  private let unfinished = Atomic<Int>(0)
  private let closed = Atomic<Bool>(false)
  private var generation: UInt64 = 0
  /// Of the current step. Written while no item is open, read after an item was taken.
  private var body: WorkerPool.Body = { _, _ in }

  private static let mostItems = 1 << 20
  /// Looks for work before a waiting thread offers its processor to others.
  private static let patience = 4096

  private init(threads: Int) { self.threads = threads }

  /// Calls `body` with a crew of at most so many threads, the caller's included.
  package static func with<Result>(threads: Int, _ body: (Crew) -> Result) -> Result {
    let threads = max(1, min(threads, WorkerPool.defaultThreads))
    let crew = Crew(threads: threads)
    guard threads > 1 else { return body(crew) }
    return withoutActuallyEscaping(body) { body in
      var result: Result?
      // Item 0 is always the caller's.
      WorkerPool.shared.run(threads, threads: threads) { item, worker in
        if item == 0 {
          result = body(crew)
          crew.closed.store(true, ordering: .releasing)
        } else {
          crew.help(as: worker)
        }
      }
      return result!
    }
  }

  /// Calls `body` once for each item in `0..<count` and returns when all are done.
  /// - Parameter body: `worker` is in `0..<threads` and no two running items share it.
  package func run(_ count: Int, _ body: @escaping WorkerPool.Body) {
    precondition(count < Self.mostItems, "too many items for one step")
    guard threads > 1, count > 1 else {
      for item in 0..<max(0, count) { body(item, 0) }
      return
    }
    self.body = body
    generation &+= 1
    unfinished.store(count, ordering: .relaxed)
    ticket.store(generation << 40 | UInt64(count) << 20, ordering: .releasing)
    work(as: 0)
    var waited = 0
    while unfinished.load(ordering: .acquiring) > 0 { Self.wait(&waited) }
  }

  /// Calls `body` with ranges that cover `0..<count`, whole multiples of `grain` but for the last.
  package func split(_ count: Int, grain: Int = 1, _ body: @escaping (Range<Int>) -> Void) {
    let grains = (count + grain - 1) / grain
    let parts = min(grains, threads == 1 ? 1 : 4 * threads)
    run(parts) { item, _ in
      body(item * grains / parts * grain..<min(count, (item + 1) * grains / parts * grain))
    }
  }

  private func help(as worker: Int) {
    var waited = 0
    while !closed.load(ordering: .acquiring) {
      if work(as: worker) { waited = 0 } else { Self.wait(&waited) }
    }
  }

  /// Takes items of the current step until none is left; says whether there were any.
  @discardableResult
  private func work(as worker: Int) -> Bool {
    var worked = false
    while true {
      let seen = ticket.load(ordering: .acquiring)
      let item = seen & 0xF_FFFF
      guard item < seen >> 20 & 0xF_FFFF else { return worked }
      guard ticket.compareExchange(expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing).exchanged else {
        continue
      }
      body(Int(item), worker)
      unfinished.subtract(1, ordering: .releasing)
      worked = true
    }
  }

  private static func wait(_ waited: inout Int) {
    waited += 1
    if waited < patience { resync_pause() } else { sched_yield() }
  }
}
