import Foundation
import ResyncCore

/// Which patients of PTB-XL train and which test.
enum TransferScope: String, Codable, Sendable {
  /// Draws from the preregistered folds, test on the locked ones; each computed cell is a row of the opening log.
  case locked
  /// Draws from the first half of the preregistered folds, test on the other half: locked folds stay closed.
  case development
}

/// Some draws of one arm on one task.
struct TransferCell: Cell {
  struct Inputs: Encodable {
    let preregistration: String
    let scope: TransferScope
    let task: TransferTask
    let arm: TransferArm
    let depth: ResNetConfiguration.Depth?
    let draws: [Int]
  }

  let scope: TransferScope
  let task: TransferTask
  let arm: TransferArm
  /// nil for arms without a network.
  let network: Preregistration.Network?
  let draws: Range<Int>
  let registry: TransferRegistry
  let workbench: TransferWorkbench

  var name: String {
    let parts = [
      "transfer", scope.rawValue, task.rawValue, network?.depth.rawValue, arm.rawValue,
      "draws-\(draws.lowerBound)-\(draws.upperBound - 1)",
    ]
    return parts.compactMap { $0 }.joined(separator: "/")
  }

  var needs: [DataSet] {
    switch arm.kind {
    case .fineTuned(.fresh), .classical: [.ptbxl]
    case .fineTuned, .frozen: [.ptbxl, .mitdb]
    }
  }

  var inputs: Inputs {
    Inputs(
      preregistration: Preregistration.registeredSHA256, scope: scope, task: task, arm: arm, depth: network?.depth,
      draws: Array(draws))
  }

  func run(_ context: StudyContext) throws -> TransferArmResult {
    let plan = try registry.plan()
    if scope == .locked { try registry.append(purpose: name) }
    let material = try workbench.material(task, plan, context)
    let patients = material.patients
    let (trainingFolds, testFolds) = scope.folds(plan)
    let test = TransferTest.patients(patients, folds: testFolds, task: task, seed: seed("test"))
    let testLabels = test.map { patients[$0].label }
    let pool = patients.indices.filter { trainingFolds.contains(patients[$0].fold) }
    let (learner, parent) = try learner(material, plan, context)
    let results = try draws.map { number in
      try context.checkStop()
      let draw = try TransferDraw(
        number: number, of: patients, pool: pool, positives: plan.draws.positives, negatives: plan.draws.negatives,
        permutes: task == .permuted, seed: seed("draw", "\(number)"))
      let result = try TransferProtocol.evaluate(
        learner, draw: draw, test: test, testLabels: testLabels, seed: seed("fit", "\(number)"))
      // Locked figures are not shown while they come in: nothing may be decided on a part of them.
      let figure = scope == .locked ? "" : String(format: ": AUC %.3f, %@", result.testAUC, result.chosen)
      context.note("  draw \(number)\(figure)")
      return result
    }
    return TransferArmResult(
      task: task, arm: arm, depth: network?.depth, testRecords: test.map { patients[$0].record },
      testLabels: testLabels, parentSHA256: parent?.weightsSHA256, draws: results)
  }

  /// The same for every arm, so that arms are compared on the same draws, folds and orders.
  private func seed(_ use: String, _ number: String = "") -> UInt64 {
    TransferSeed.make(Preregistration.registeredSHA256, task.cohort.rawValue, use, number)
  }

  private func learner(
    _ material: TransferWorkbench.Material, _ plan: Preregistration, _ context: StudyContext
  ) throws -> (any TransferLearner, parent: ModelArtifact?) {
    let penalties = plan.logistic.inversePenalties
    switch (arm.kind, network) {
    case (.classical, _):
      let components = arm == .components ? plan.logistic.medianBeatComponents : nil
      return (
        LogisticLearner(table: material.tables[arm]!, components: components, inversePenalties: penalties), nil
      )
    case (.frozen(let start), let network?):
      let trunk = try workbench.parent(start, frozen: true, network, plan, context)!
      let table = try trunk.features(of: material.beats, fusion: plan.logistic.fusion, threads: context.threads)
      return (
        LogisticLearner(table: table, components: plan.logistic.trunkComponents, inversePenalties: penalties), trunk
      )
    case (.fineTuned(let start), let network?):
      let parent = try workbench.parent(start, frozen: false, network, plan, context)
      var specification = TrainingSpecification(task: .crtResponse)
      specification.depth = network.depth
      specification.widthMultiplier = network.width
      specification.batchSize = plan.fineTuning.batchSize
      specification.timeShiftColumns = plan.fineTuning.timeShiftColumns
      specification.withoutFeatures = Preregistration.withoutFeatures
      specification.schedule = .constant
      specification.validationShare = 0
      return (
        FineTuningLearner(
          beats: material.beats, pipeline: plan.pipeline, specification: specification, parent: parent,
          settings: plan.fineTuning.grid, threads: context.threads, checkStop: { try context.checkStop() }), parent
      )
    case (_, nil): preconditionFailure("a network's arm needs a network")
    }
  }
}

extension TransferScope {
  func folds(_ plan: Preregistration) -> (training: Set<Int>, test: Set<Int>) {
    let folds = plan.draws.folds.sorted()
    switch self {
    case .locked: return (Set(folds), Set(plan.lockedFolds))
    case .development:
      return (Set(folds.prefix(folds.count / 2)), Set(folds.dropFirst(folds.count / 2)))
    }
  }
}

/// The preregistration and the log of openings in the repository's `docs` folder.
package struct TransferRegistry: Sendable {
  package let folder: URL

  package init(folder: URL = URL(fileURLWithPath: "docs")) { self.folder = folder }

  /// - Throws: `ModelError` when the file is not the one that was registered.
  package func plan() throws -> Preregistration {
    let file = folder.appendingPathComponent("prereg.json")
    guard let bytes = try? Data(contentsOf: file) else {
      throw ModelError(.invalidConfiguration, "\(file.relativePath): not readable; run from the repository's folder")
    }
    return try Preregistration(registered: bytes)
  }

  /// Adds a row to the log; nothing in it is ever changed.
  package func append(purpose: String) throws {
    let opening = LockedOpening(
      time: Date().ISO8601Format(), purpose: purpose, preregistration: Preregistration.registeredSHA256)
    let log = folder.appendingPathComponent("results/openings.jsonl")
    // At the end and at once, also when several processes write: a row can be neither lost nor split.
    let file = open(log.path, O_WRONLY | O_APPEND | O_CLOEXEC)
    defer { if file >= 0 { close(file) } }
    let line = Array(opening.line)
    guard file >= 0, write(file, line, line.count) == line.count else {
      throw UnwrittenFile(log, POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO))
    }
  }
}
