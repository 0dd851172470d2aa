/// The study's cells in order of importance.
package enum Study {
  /// - Parameter quick: the same code on less data and with fewer repetitions: at most 15 minutes on two cores.
  package static func cells(quick: Bool) -> [any Cell] {
    BeatsCells.all(quick: quick) + TransferCells.cells(quick: quick) + CohortCells.all(quick: quick)
  }
}
