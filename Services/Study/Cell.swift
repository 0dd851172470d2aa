/// A part of the study that is computed, kept and resumed on its own.
package protocol Cell: Sendable {
  /// Everything that decides the result beside the code and the data; a kept result of other inputs is computed anew.
  associatedtype Inputs: Encodable
  associatedtype Result: Codable & Sendable

  /// Words joined by "/", the same in every run: `beats/ds1-ds2/resnet18`.
  var name: String { get }
  /// The cell is left out, and listed as not run, where one of these is missing.
  var needs: [DataSet] { get }
  var inputs: Inputs { get }

  /// - Throws: `StudyStopped` from `StudyContext.checkStop()`; whatever else is thrown fails this cell only.
  func run(_ context: StudyContext) throws -> Result
}

/// What a cell needs beside the repository itself.
package enum DataSet: String, CaseIterable, Codable, Sendable {
  /// MIT-BIH arrhythmia database, all 48 records.
  case mitdb
  /// PTB-XL, 100 Hz: `ptbxl_database.csv` and `records100/`.
  case ptbxl
  /// The beats of a few MIT-BIH records that the repository brings along.
  case demoRecords = "demo-records"
}
