import Foundation
import ResyncCore

/// Runs cells in their order, each once: what is kept is not computed again, and processes that share a folder share the
/// cells.
package struct StudyRunner {
  package struct Outcome: Codable, Equatable, Sendable {
    package enum State: String, Codable, Sendable {
      case kept, computed, failed
      case missingData = "missing-data"
      case notReached = "not-reached"
      /// Left out of this run by the user's choice.
      case notChosen = "not-chosen"
      /// Another process computes it.
      case elsewhere
    }
    package var name: String
    package var state: State
    /// Why a cell failed, or which data it lacks.
    package var reason: String?
  }

  package let store: CellStore
  package let context: StudyContext

  package init(store: CellStore, context: StudyContext) {
    self.store = store
    self.context = context
  }

  /// - Parameter chosen: of the others only what is kept counts.
  /// - Returns: one outcome for each cell, in order. A stop leaves the rest `notReached`.
  package func run(_ cells: [any Cell], chosen: (any Cell) -> Bool = { _ in true }) throws -> [Outcome] {
    try cells.enumerated().map { number, cell in
      let heading = "[\(number + 1)/\(cells.count)] \(cell.name)"
      do {
        if try isKept(cell) { return Outcome(name: cell.name, state: .kept) }
        let missing = context.missing(cell.needs)
        guard missing.isEmpty else {
          return Outcome(
            name: cell.name, state: .missingData, reason: missing.map(\.rawValue).joined(separator: ", "))
        }
        guard chosen(cell) else { return Outcome(name: cell.name, state: .notChosen) }
        try context.checkStop()
        let state = try store.claiming(cell.name) { () -> Outcome.State in
          if try isKept(cell) { return .kept }
          context.note(heading)
          try compute(cell)
          return .computed
        }
        return Outcome(name: cell.name, state: state ?? .elsewhere)
      } catch is StudyStopped {
        return Outcome(name: cell.name, state: .notReached)
      } catch let error where error is UnwrittenFile || (error as? CocoaError)?.isFileError == true {
        // A full disk or a folder without rights concerns every cell.
        throw error
      } catch {
        context.note("\(heading) failed: \(error)")
        return Outcome(name: cell.name, state: .failed, reason: "\(error)")
      }
    }
  }

  private func isKept(_ cell: some Cell) throws -> Bool { try store.load(cell) != nil }

  private func compute(_ cell: some Cell) throws {
    let start = ContinuousClock.now
    let result = try cell.run(context)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    try store.save(result, of: cell, seconds: seconds, threads: context.threads)
    context.note(String(format: "  done in %.1f s", seconds))
  }
}
