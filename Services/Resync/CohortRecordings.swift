import Foundation
import Messages
import ResyncCore

/// The baseline ECGs that a cohort's table names: records on disk, or recordings of a feed by their uid.
package struct CohortRecordings {
  private struct Record {
    var uid: String
    var isTwelveLead: Bool
  }

  private let feed: String?
  /// nil: the table gives uids.
  private let records: [String: Record]?

  /// - Parameters:
  ///   - paths: records or folders of records, as `resync publish` takes them; none when the table gives uids.
  ///   - feed: that publishes them; nil for a table without ECGs.
  package init(paths: [String], feed: String?) throws {
    self.feed = feed
    guard !paths.isEmpty else {
      records = nil
      return
    }
    var found: [String: Record] = [:]
    for file in try RecordFile.find(paths) {
      let (record, _, uid) = try file.load()
      let leads = record.header.signals.compactMap { Lead(name: $0.description) }
      let known = Record(uid: uid, isTwelveLead: LeadSet.standardTwelve.channels(from: leads) != nil)
      guard found.updateValue(known, forKey: file.name) == nil else {
        throw CommandFailure("two records are named \(file.name); name the folders so that each record occurs once")
      }
    }
    records = found
  }

  /// Gives every patient with an ECG the id under which the feed's recording is known.
  /// - Throws: `CommandFailure` with every line whose record is not there, or has not the twelve leads.
  package func assign(to patients: [CohortPatient], pseudonymiser: Pseudonymiser) throws -> [CohortPatient] {
    // A guess would be the id of a recording that never comes, and the patient could not teach.
    guard let feed else {
      guard patients.allSatisfy({ $0.values["ecg_record"] == nil }) else {
        throw CommandFailure("column ecg_record needs --feed, the name of the feed that publishes the ECGs")
      }
      return patients
    }
    var faults: [CohortFault] = []
    let assigned = patients.map { patient in
      var patient = patient
      guard let name = patient.values["ecg_record"]?.text, let id = patient.values["patient_id"]?.text else {
        return patient
      }
      let record = records?[name]
      switch (records, record) {
      case (.some, nil): faults.append(patient.fault("ecg_record", "the name of a record in --recordings is expected"))
      case (.some, let record?) where !record.isTwelveLead:
        faults.append(patient.fault("ecg_record", "a record of the twelve standard leads is expected"))
      default:
        patient.recordingID = recordingID(
          patient: pseudonymiser.pseudonym(patientID: id), feedID: feed, recordingUID: record?.uid ?? name)
      }
      return patient
    }
    try CohortFault.throwAny(faults)
    return assigned
  }
}
