import Foundation

/// Threads that share out numbered items of work. The caller works too, so a busy pool slows a job but never blocks it,
/// and jobs may be submitted from several threads at once.
///
/// An item's result must not depend on which worker ran it: only then do results not depend on the thread count.
package final class WorkerPool: @unchecked Sendable {
  /// One pool for the process, a thread for each core beside the caller's; its threads live as long as the process.
  package static let shared = WorkerPool(helpers: ProcessInfo.processInfo.activeProcessorCount - 1)
  /// As many threads as there are cores.
  package static var defaultThreads: Int { ProcessInfo.processInfo.activeProcessorCount }

  package typealias Body = (_ item: Int, _ worker: Int) -> Void

  private final class Job {
    let body: Body
    let count: Int
    var next = 0
    var unfinished: Int
    var freeSeats: Int
    var workers = 1

    init(count: Int, helpers: Int, body: @escaping Body) {
      self.body = body
      self.count = count
      unfinished = count
      freeSeats = helpers
    }
  }

  private let helpers: Int
  /// Guards every property of `jobs` and of the jobs in it.
  private let condition = NSCondition()
  private var jobs: [Job] = []

  package init(helpers: Int) {
    self.helpers = max(0, helpers)
    for number in 0..<self.helpers {
      let thread = Thread { [self] in help() }
      thread.name = "resync-worker-\(number + 1)"
      thread.start()
    }
  }

  /// Calls `body` once for each item in `0..<count` and returns when all are done. Items may run at the same time and
  /// must write disjoint memory.
  /// - Parameters:
  ///   - threads: at most so many work on the job, the caller included.
  ///   - body: `worker` is in `0..<threads` and no two running items share it; it picks scratch memory.
  package func run(_ count: Int, threads: Int, _ body: @escaping Body) {
    let seats = min(threads, count, helpers + 1)
    guard seats > 1 else {
      for item in 0..<max(0, count) { body(item, 0) }
      return
    }
    let job = Job(count: count, helpers: seats - 1, body: body)
    condition.lock()
    jobs.append(job)
    condition.broadcast()
    work(on: job, as: 0)
    while job.unfinished > 0 { condition.wait() }
    jobs.removeAll { $0 === job }
    condition.unlock()
  }

  private func help() {
    condition.lock()
    while true {
      if let job = jobs.first(where: { $0.freeSeats > 0 && $0.next < $0.count }) {
        job.freeSeats -= 1
        let worker = job.workers
        job.workers += 1
        work(on: job, as: worker)
      } else {
        condition.wait()
      }
    }
  }

  /// Called and left with the lock held.
  private func work(on job: Job, as worker: Int) {
    while job.next < job.count {
      let item = job.next
      job.next += 1
      condition.unlock()
      job.body(item, worker)
      condition.lock()
      job.unfinished -= 1
      if job.unfinished == 0 { condition.broadcast() }
    }
  }
}
