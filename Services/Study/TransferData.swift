import Foundation
import ResyncCore
import SwiftCSV
import Synchronization

/// PTB-XL as the transfer study reads it.
struct PTBXLFolder {
  let folder: URL

  /// All rows of the database that can be used, in the file's order.
  func entries() throws -> [PTBXLEntry] {
    try CSV<Named>(url: folder.appendingPathComponent("ptbxl_database.csv")).rows.compactMap(PTBXLEntry.init(row:))
  }

  func recording(_ entry: PTBXLEntry, pipeline: PipelineConfiguration) throws -> TransferRecording {
    let file = folder.appendingPathComponent(entry.path)
    let record = try WFDBRecord.read(folder: file.deletingLastPathComponent(), name: file.lastPathComponent)
    let leads = record.header.signals.compactMap { Lead(name: $0.description) }
    let samples = record.millivolts()
    guard let channels = LeadSet.standardTwelve.channels(from: leads), leads.count == samples.count else {
      throw ModelError(.invalidExamples, "\(entry.path): a lead is missing, expected the standard twelve")
    }
    return try TransferRecording(
      samples: channels.map { samples[$0] }, leads: Lead.allCases, rateHz: record.header.sampleRateHz,
      pipeline: pipeline, sex: entry.sex)
  }
}

/// A task's patients with all that the arms read of them.
struct TransferCohort: Sendable {
  let patients: [TransferPatient]
  let entries: [PTBXLEntry]
  let recordings: [TransferRecording]

  init(task: TransferTask, data: PTBXLFolder, pipeline: PipelineConfiguration, threads: Int) throws {
    let all = try data.entries()
    let byRecord = Dictionary(all.map { ($0.record, $0) }, uniquingKeysWith: { first, _ in first })
    patients = task.patients(all)
    let entries = patients.compactMap { byRecord[$0.record] }
    self.entries = entries
    let results = Mutex([Result<TransferRecording, any Error>?](repeating: nil, count: entries.count))
    WorkerPool.shared.run(entries.count, threads: threads) { index, _ in
      let result = Result { try data.recording(entries[index], pipeline: pipeline) }
      results.withLock { $0[index] = result }
    }
    recordings = try results.withLock { try $0.map { try $0!.get() } }
  }
}
