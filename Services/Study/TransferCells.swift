import Foundation
import ResyncCore

/// The transfer study's cells.
package enum TransferCells {
  /// Draws of a network's cell: some minutes on two cores.
  private static let group = 5
  /// What a quick run looks at.
  private static let quickDraws = 2
  private static let quickTasks: [TransferTask] = [.block, .infarction]
  private static let quickArms: [TransferArm] = [.scratch, .pretrained, .linearProbe]

  /// - Parameter quick: few draws within the training folds; locked folds stay closed.
  package static func cells(quick: Bool, registry: TransferRegistry = TransferRegistry()) -> [any Cell] {
    let plan: Preregistration
    do {
      plan = try registry.plan()
    } catch {
      return [UnregisteredCell(registry: registry)]
    }
    let workbench = TransferWorkbench()
    func cells(_ task: TransferTask, _ arm: TransferArm, _ network: Preregistration.Network?) -> [TransferCell] {
      let count = quick ? quickDraws : plan.draws.count
      let step = network == nil ? count : min(group, count)
      return stride(from: 0, to: count, by: step).map { low in
        TransferCell(
          scope: quick ? .development : .locked, task: task, arm: arm, network: network,
          draws: low..<min(count, low + step), registry: registry, workbench: workbench)
      }
    }
    let classical = plan.classicalTasks.flatMap { task in plan.classicalArms.flatMap { cells(task, $0, nil) } }
    let networks = plan.networks.flatMap { network in
      network.tasks.flatMap { task in network.arms.flatMap { cells(task, $0, network) } }
    }
    guard quick else { return classical + networks }
    let depth = plan.networks.first?.depth
    return (classical + networks).filter { cell in
      quickTasks.contains(cell.task)
        && (cell.network.map { $0.depth == depth && quickArms.contains(cell.arm) } ?? true)
    }
  }
}

/// Stands for all transfer cells where the preregistration is missing or was changed: it fails and says why.
private struct UnregisteredCell: Cell {
  let registry: TransferRegistry
  var name: String { "transfer/preregistration" }
  var needs: [DataSet] { [.ptbxl] }
  var inputs: String { Preregistration.registeredSHA256 }

  func run(_ context: StudyContext) throws -> String {
    _ = try registry.plan()
    return inputs
  }
}
