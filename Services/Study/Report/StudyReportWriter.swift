import Foundation
import ResyncCore
import Store

/// Writes a report: a page, the same as JSON, and rows where there is a database.
package struct StudyReportWriter {
  package let folder: URL

  package init(folder: URL) { self.folder = folder }

  /// - Returns: the page's path.
  package func write(_ document: ReportDocument) throws -> URL {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let page = folder.appendingPathComponent("report.html")
    try Data(renderHTML(document).utf8).writeWhole(to: page)
    try Self.json(document).writeWhole(to: folder.appendingPathComponent("report.json"))
    return page
  }

  package static func json(_ document: ReportDocument) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return try encoder.encode(document)
  }

  /// Rows of one study: itself, its cells, each number of its tables.
  package static func row(
    _ document: ReportDocument, outcomes: [StudyRunner.Outcome], results: StudyResults, provenance: StudyProvenance,
    isQuick: Bool
  ) throws -> StudyRow {
    let report = try json(document)
    return StudyRow(
      generatedAt: provenance.generatedAt, isQuick: isQuick, command: provenance.command, machine: provenance.machine,
      commit: provenance.commit, program: provenance.program, report: String(decoding: report, as: UTF8.self),
      cells: outcomes.map { outcome in
        let computation = results.computations[outcome.name]
        return StudyRow.Cell(
          name: outcome.name, state: outcome.state.rawValue, reason: outcome.reason, seconds: computation?.seconds,
          finishedAt: computation?.finishedAt, identity: computation?.identity)
      },
      figures: document.figures.map { figure in
        StudyRow.Figure(
          section: figure.section, origin: figure.origin.rawValue, table: figure.table, row: figure.row,
          label: figure.label, figure: figure.column, value: figure.value, low: figure.low, high: figure.high)
      })
  }
}
