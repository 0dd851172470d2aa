/// A wide QRS complex by PTB-XL's codes.
public enum ConductionBlock: String, CaseIterable, Codable, Hashable, Sendable {
  case left = "CLBBB"
  case right = "CRBBB"
  case unspecific = "IVCD"
}

/// One patient of a transfer task.
public struct TransferPatient: Codable, Hashable, Sendable {
  /// PTB-XL's number of the record.
  public var record: Int
  public var label: Bool
  public var fold: Int
  /// What a draw keeps alike in both classes.
  public var stratum: String
  public var block: ConductionBlock

  package init(record: Int, label: Bool, fold: Int, stratum: String, block: ConductionBlock) {
    self.record = record
    self.label = label
    self.fold = fold
    self.stratum = stratum
    self.block = block
  }
}

/// What is learnt from 71 patients of PTB-XL.
public enum TransferTask: String, CaseIterable, Codable, Hashable, Sendable {
  /// Positive control: CLBBB against CRBBB and IVCD.
  case block = "T0"
  /// Primary: a code of the superclass MI against none, among CRBBB and IVCD.
  case infarction = "T1"
  /// Women against men within CLBBB: a label that was not read from the ECG.
  case sex = "T2"
  /// T1 with the training labels permuted.
  case permuted = "T3"

  /// The task whose patients these are: a permutation changes none of them.
  public var cohort: TransferTask { self == .permuted ? .infarction : self }

  /// Positive class; nil: not in the task.
  private func label(_ entry: PTBXLEntry, _ block: ConductionBlock) -> Bool? {
    switch self {
    case .block: block == .left
    case .infarction, .permuted: block == .left ? nil : !entry.codes.isDisjoint(with: PTBXLEntry.infarctionCodes)
    case .sex: block == .left ? entry.sex.map { $0 == .female } : nil
    }
  }

  /// One record a patient, the first that carries the block code; patients with different block codes are left out.
  ///
  /// - Parameter entries: all records of the data set, in any order.
  /// - Returns: in the order of their records.
  public func patients(_ entries: [PTBXLEntry]) -> [TransferPatient] {
    let coded = entries.sorted { $0.record < $1.record }.flatMap { entry in
      ConductionBlock.allCases.filter { entry.codes.contains($0.rawValue) }.map { (entry: entry, block: $0) }
    }
    let byPatient = Dictionary(grouping: coded, by: \.entry.patient).values
    return byPatient.compactMap { rows -> TransferPatient? in
      guard Set(rows.map(\.block)).count == 1, let (entry, block) = rows.first, let label = label(entry, block) else {
        return nil
      }
      let stratum = cohort == .infarction ? "\(block.rawValue) \(entry.device)" : entry.device
      return TransferPatient(record: entry.record, label: label, fold: entry.fold, stratum: stratum, block: block)
    }.sorted { $0.record < $1.record }
  }
}
