import Foundation

/// One row of PTB-XL's `ptbxl_database.csv` (Wagner et al., Sci Data 7:154, 2020), as far as it is used here.
public struct PTBXLEntry: Hashable, Sendable {
  /// `ecg_id`; records are numbered in the order of their dates.
  public var record: Int
  /// `patient_id`, a pseudonym of the data set.
  public var patient: String
  /// `strat_fold`, 1–10. All records of a patient are in one fold.
  public var fold: Int
  /// Keys of `scp_codes`, whatever their likelihood.
  public var codes: Set<String>
  /// Years; nil when unknown. The data set writes 300 for everyone older than 89, read here as 90.
  public var age: Double?
  public var sex: PatientSex?
  /// The recorder's family: the first word of `device`, so `CS100    3` and `CS100` are one.
  public var device: String
  /// `filename_lr`: the 100 Hz record, relative to the data set's folder, without extension.
  public var path: String

  /// SCP codes of the diagnostic superclass MI in `scp_statements.csv`.
  public static let infarctionCodes: Set<String> = [
    "IMI", "ASMI", "ILMI", "AMI", "ALMI", "INJAS", "LMI", "INJAL", "IPLMI", "IPMI", "INJIN", "INJLA", "PMI", "INJIL",
  ]

  /// - Parameter row: values by column name.
  /// - Returns: nil when the record's number, patient, fold or path is missing.
  public init?(row: [String: String]) {
    guard let record = row["ecg_id"].flatMap({ Int($0) }), let patient = row["patient_id"], !patient.isEmpty,
      let fold = row["strat_fold"].flatMap({ Int($0) }), let path = row["filename_lr"], !path.isEmpty
    else { return nil }
    self.record = record
    self.patient = patient
    self.fold = fold
    self.path = path
    // A Python dictionary, {'NORM': 100.0, 'SR': 0.0}: what stands between quotes is a code.
    let parts = (row["scp_codes"] ?? "").split(separator: "'", omittingEmptySubsequences: false)
    codes = Set(parts.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) })
    age = row["age"].flatMap { Double($0) }.map { $0 > 89 ? 90 : $0 }
    sex = row["sex"].flatMap { ["0": .male, "1": .female][$0] }
    device = (row["device"] ?? "").split(separator: " ").first.map(String.init) ?? "unknown"
  }
}
