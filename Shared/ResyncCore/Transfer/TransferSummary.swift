/// Results of one arm: all draws, or some of them.
package struct TransferArmResult: Codable, Hashable, Sendable {
  package var task: TransferTask
  package var arm: TransferArm
  /// nil for arms without a network.
  package var depth: ResNetConfiguration.Depth?
  /// PTB-XL's numbers of the test records, and their labels.
  package var testRecords: [Int]
  package var testLabels: [Bool]
  /// SHA-256 of the weights from which the network started or that stayed frozen.
  package var parentSHA256: String?
  package var draws: [TransferDrawResult]

  package init(
    task: TransferTask, arm: TransferArm, depth: ResNetConfiguration.Depth?, testRecords: [Int], testLabels: [Bool],
    parentSHA256: String?, draws: [TransferDrawResult]
  ) {
    self.task = task
    self.arm = arm
    self.depth = depth
    self.testRecords = testRecords
    self.testLabels = testLabels
    self.parentSHA256 = parentSHA256
    self.draws = draws
  }
}

/// All arms beside one another, whatever the sign.
package struct TransferSummary: Codable, Hashable, Sendable {
  package struct Row: Codable, Hashable, Sendable {
    package var task: TransferTask
    package var arm: TransferArm
    package var depth: ResNetConfiguration.Depth?
    package var draws: Int
    package var auc: TransferStatistics.Estimate
    /// Standard deviation of the test AUC over draws; not a standard error.
    package var deviation: Double
    /// What cross-validation on the training patients promised, mean over draws.
    package var crossValidatedAUC: Double
    /// The arm less training from scratch: the same task, depth, draws and test patients.
    package var gain: TransferStatistics.Estimate?
    /// Holm's adjustment of the gain's p-value over all gains but the endpoint's, whose own stands.
    package var adjustedP: Double?
    package var isEndpoint: Bool
  }

  package var rows: [Row]

  /// - Parameter parts: in any order; parts of one arm are joined by draw. An arm is compared on the draws that training
  ///   from scratch has too.
  package init(_ parts: [TransferArmResult], endpoint: Preregistration.Endpoint, bootstrap: Bootstrap) {
    var joined: [TransferArmResult] = []
    for part in parts {
      if let place = joined.firstIndex(where: { $0.task == part.task && $0.arm == part.arm && $0.depth == part.depth })
      {
        joined[place].draws += part.draws
      } else {
        joined.append(part)
      }
    }
    rows = joined.map { result in
      let statistics = TransferStatistics(labels: result.testLabels, bootstrap: bootstrap)
      let draws = result.draws.sorted { $0.draw < $1.draw }
      let scratch = joined.first { $0.task == result.task && $0.depth == result.depth && $0.arm == .scratch }
      let reference = Dictionary(
        (scratch?.draws ?? []).map { ($0.draw, $0.probabilities) }, uniquingKeysWith: { first, _ in first })
      let paired = draws.filter { reference[$0.draw] != nil }
      let isCompared = result.depth != nil && result.arm != .scratch && !paired.isEmpty
      return Row(
        task: result.task, arm: result.arm, depth: result.depth, draws: draws.count,
        auc: statistics.auc(draws.map(\.probabilities)),
        deviation: draws.map(\.testAUC).meanAndVariance.variance.squareRoot(),
        crossValidatedAUC: draws.map(\.crossValidatedAUC).meanAndVariance.mean,
        gain: isCompared
          ? statistics.difference(paired.map(\.probabilities), minus: paired.map { reference[$0.draw]! }) : nil,
        isEndpoint: result.task == endpoint.task && result.arm == endpoint.arm && result.depth == endpoint.depth)
    }
    let others = rows.indices.filter { !rows[$0].isEndpoint && rows[$0].gain != nil }
    for (row, p) in zip(others, ModelComparison.holm(others.map { rows[$0].gain!.pValue })) { rows[row].adjustedP = p }
  }
}
