import Foundation
import Synchronization

/// The study was asked to stop: by Ctrl-C, or because its hours are over.
package struct StudyStopped: Error {}

/// What a cell may use of the outside.
package final class StudyContext: Sendable {
  package let threads: Int
  /// Where cells may keep what is costly to compute and safe to lose.
  package let cache: URL
  /// Beats may be split at random, so that a person is on both sides.
  package let allowsRandomByBeat: Bool
  private let folders: [DataSet: URL]
  private let deadline: Date?
  private let interrupted = Atomic(false)
  private let write: @Sendable (String) -> Void

  /// - Parameters:
  ///   - data: a folder that may hold `mitdb` and `ptbxl`; nil for none.
  ///   - deadline: when `checkStop` begins to throw.
  ///   - write: takes a line of progress.
  package init(
    data: URL?, demoRecords: URL, cache: URL, threads: Int, deadline: Date? = nil, allowsRandomByBeat: Bool = false,
    write: @escaping @Sendable (String) -> Void
  ) {
    var folders = [DataSet.demoRecords: demoRecords]
    for set in [DataSet.mitdb, .ptbxl] {
      if let data { folders[set] = data.appendingPathComponent(set.rawValue) }
    }
    self.folders = folders.filter { FileManager.default.fileExists(atPath: $0.value.path) }
    self.cache = cache
    self.threads = threads
    self.allowsRandomByBeat = allowsRandomByBeat
    self.deadline = deadline
    self.write = write
  }

  /// - Precondition: the cell lists it among its needs.
  package func folder(of set: DataSet) -> URL {
    guard let folder = folders[set] else { preconditionFailure("the cell does not list \(set.rawValue) in `needs`") }
    return folder
  }

  package func missing(_ sets: [DataSet]) -> [DataSet] { sets.filter { folders[$0] == nil } }

  package func note(_ line: String) { write(line) }

  /// To be called at least every few seconds of work.
  /// - Throws: `StudyStopped`.
  package func checkStop() throws {
    if interrupted.load(ordering: .relaxed) || deadline.map({ Date() >= $0 }) ?? false { throw StudyStopped() }
  }

  /// Makes the next `checkStop` throw; may be called from any thread.
  package func interrupt() { interrupted.store(true, ordering: .relaxed) }
}
