import Foundation
import Messages
import ResyncCore

/// How a disturbed run departs from what an undisturbed one says, each departure named once.
package struct Findings: Hashable, Sendable {
  /// No outcome where one is due, no job done, no message where the undisturbed run has one.
  package var lost: [String] = []
  /// More than one of what there is one of.
  package var duplicated: [String] = []
  /// Something else is said.
  package var differing: [String] = []
  /// Refused although it is good, or bad and not refused.
  package var rejected: [String] = []

  package init() {}

  package var all: [String] {
    lost.map { "lost: \($0)" } + duplicated.map { "duplicated: \($0)" } + differing.map { "differing: \($0)" }
      + rejected.map { "rejected: \($0)" }
  }
}

/// Holds a disturbed run against the reference.
package struct Comparison {
  /// A row by recording, task and model.
  package struct Key: Hashable, Sendable {
    var recordingID: String
    var task: String
    var modelID: String

    package init(recordingID: String, task: String, modelID: String) {
      self.recordingID = recordingID
      self.task = task
      self.modelID = modelID
    }
  }

  /// Digests of the undisturbed run under every model.
  package var reference: [Key: String]
  package var referenceRows: SuiteRows
  /// First publication of each recording, by the database's clock.
  package var publishedAt: [String: Date]
  /// How many messages had to be refused; each is junk.
  package var junkCount: Int
  /// Topics whose messages do not depend on how a recording was cut.
  package static let comparableTopics = [Topic.beats, Topic.spectrograms]

  package init(reference: [Key: String], referenceRows: SuiteRows, publishedAt: [String: Date], junkCount: Int) {
    self.reference = reference
    self.referenceRows = referenceRows
    self.publishedAt = publishedAt
    self.junkCount = junkCount
  }

  package func findings(in rows: SuiteRows) -> Findings {
    var findings = Findings()
    compareOutcomes(rows, &findings)
    compareTables(rows, &findings)
    compareMessages(rows, &findings)
    compareRejections(rows, &findings)
    return findings
  }

  private func compareOutcomes(_ rows: SuiteRows, _ findings: inout Findings) {
    var seen: Set<String> = []
    for row in rows.outcomes {
      let name = "\(row.recordingID.prefix(12)) \(row.task)"
      guard let published = publishedAt[row.recordingID] else {
        findings.differing.append("\(name) is an outcome of a recording that nobody published")
        continue
      }
      seen.insert(row.recordingID + row.task)
      if row.outcome == "rejected" {
        findings.rejected.append("\(name) ended as \(row.code ?? "rejected")")
        continue
      }
      let model = row.modelID ?? ""
      let expected = reference[Key(recordingID: row.recordingID, task: row.task, modelID: model)]
      if expected != row.digest {
        findings.differing.append("\(name) under \(model) is not what the undisturbed run says")
      }
      let wasLive = rows.periods.contains {
        $0.task == row.task && $0.modelID == model && $0.from <= row.createdAt && $0.until >= published
      }
      if !wasLive {
        findings.differing.append("\(name) has \(model), which was not live between its publication and its row")
      }
    }
    for id in publishedAt.keys.sorted() {
      for task in ModelTask.allCases where !seen.contains(id + task.rawValue) {
        findings.lost.append("\(id.prefix(12)) \(task.rawValue) has no outcome")
      }
    }
    if rows.surplusBeats > 0 { findings.duplicated.append("\(rows.surplusBeats) rows of beats too many") }
  }

  private func compareTables(_ rows: SuiteRows, _ findings: inout Findings) {
    let tables = [
      ("recordings", rows.recordings, referenceRows.recordings), ("patients", rows.patients, referenceRows.patients),
    ]
    for (name, found, expected) in tables {
      for (id, text) in expected.sorted(by: { $0.key < $1.key }) where found[id] != text {
        if found[id] == nil {
          findings.lost.append("\(id.prefix(12)) is not in \(name)")
        } else {
          findings.differing.append("\(id.prefix(12)) in \(name) differs")
        }
      }
      let surplus = Set(found.keys).subtracting(expected.keys)
      if !surplus.isEmpty { findings.differing.append("\(surplus.count) rows of \(name) too many") }
    }
  }

  private func compareMessages(_ rows: SuiteRows, _ findings: inout Findings) {
    for (topic, counts) in rows.messages.sorted(by: { $0.key < $1.key }) {
      let surplus = counts.values.reduce(0) { $0 + $1 - 1 }
      if surplus > 0 { findings.duplicated.append("\(surplus) messages of \(topic) are there more than once") }
      guard Self.comparableTopics.contains(topic), let expected = referenceRows.messages[topic] else { continue }
      let missing = Set(expected.keys).subtracting(counts.keys).count
      if missing > 0 { findings.lost.append("\(missing) messages of \(topic)") }
      let strange = Set(counts.keys).subtracting(expected.keys).count
      if strange > 0 {
        findings.differing.append("\(strange) messages of \(topic) are not those of the undisturbed run")
      }
    }
  }

  private func compareRejections(_ rows: SuiteRows, _ findings: inout Findings) {
    let junk = rows.rejections.filter { $0.hasPrefix(RejectionCode.malformedPayload.rawValue + " of ingest") }.count
    if junk != junkCount { findings.rejected.append("\(junk) junk messages are in the ledger instead of \(junkCount)") }
    let others = rows.rejections.filter { !$0.hasPrefix(RejectionCode.malformedPayload.rawValue + " of ingest") }
    findings.rejected += others
  }
}
