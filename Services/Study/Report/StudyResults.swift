import Foundation
import ResyncCore

/// What is kept of the study's cells, by kind, in the order of the cells.
package struct StudyResults: Sendable {
  package struct Kept<C: Cell>: Sendable {
    package var cell: C
    package var result: C.Result
  }

  /// How a kept cell was computed.
  package struct Computation: Sendable {
    package var finishedAt: Date
    package var seconds: Double
    package var machine: String
    package var threads: Int
    package var identity: String
  }

  package private(set) var computations: [String: Computation] = [:]
  package private(set) var beats: [Kept<BeatsCell>] = []
  private(set) var transfers: [Kept<TransferCell>] = []
  package private(set) var baseline: CohortBaselineCell.Result?
  package private(set) var pictures: CohortPicturesCell.Result?
  package private(set) var explanation: CohortExplanationCell.Result?
  package private(set) var adaptation: CohortAdaptationCell.Result?
  package private(set) var leaky: [(link: CohortSimulatorConfiguration.Link, result: LeakyCell.Result)] = []
  package private(set) var chance: [(name: String, result: ChanceResult)] = []
  /// Predictions of each model on the cohort, all repetitions that are kept.
  package private(set) var predictions: [String: [FoldPredictions]] = [:]

  /// - Throws: what reading the store throws.
  package init(_ cells: [any Cell], store: CellStore) throws {
    for cell in cells { try add(cell, store) }
  }

  private mutating func add(_ cell: any Cell, _ store: CellStore) throws {
    switch cell {
    case let cell as BeatsCell:
      if let result = try load(cell, store) { beats.append(.init(cell: cell, result: result)) }
    case let cell as TransferCell:
      if let result = try load(cell, store) { transfers.append(.init(cell: cell, result: result)) }
    case let cell as CohortBaselineCell: baseline = try load(cell, store)
    case let cell as CohortPicturesCell: pictures = try load(cell, store)
    case let cell as CohortExplanationCell: explanation = try load(cell, store)
    case let cell as CohortAdaptationCell: adaptation = try load(cell, store)
    case let cell as LeakyCell:
      if let result = try load(cell, store) { leaky.append((cell.inputs.cohort.link, result)) }
    case let cell as ChanceCell:
      if let result = try load(cell, store) { chance.append((cell.name, result)) }
    case let cell as ChanceNetworkCell:
      if let result = try load(cell, store) { chance.append((cell.name, result)) }
    case let cell as CohortTablesCell: add(try load(cell, store))
    case let cell as CohortNetworkCell: add(try load(cell, store))
    case let cell as FrozenTrunkCell: add(try load(cell, store))
    default: break
    }
  }

  private mutating func load<C: Cell>(_ cell: C, _ store: CellStore) throws -> C.Result? {
    let record = try store.load(cell)
    computations[cell.name] = record.map {
      Computation(
        finishedAt: $0.finishedAt, seconds: $0.seconds, machine: $0.machine, threads: $0.threads,
        identity: $0.identity)
    }
    return record?.result
  }

  private mutating func add(_ found: CohortPredictions?) {
    for (model, folds) in found?.models ?? [:] { predictions[model, default: []] += folds }
  }
}
