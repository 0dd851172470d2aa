/// One number of a report, where it stands.
package struct ReportFigure: Encodable, Hashable, Sendable {
  package var section: String
  package var origin: ReportDocument.Origin
  /// Of the section's tables, from 1.
  package var table: Int
  /// From 1.
  package var row: Int
  /// What heads the row.
  package var label: String
  package var column: String
  package var value: Double
  package var low: Double?
  package var high: Double?
}

extension ReportDocument {
  /// Every number of every table, in the order of the page.
  package var figures: [ReportFigure] {
    sections.flatMap { section in
      section.tables.enumerated().flatMap { number, table in
        table.rows.enumerated().flatMap { row, cells in
          zip(table.columns, cells).compactMap { column, cell in
            cell.value.map {
              ReportFigure(
                section: section.id, origin: section.origin, table: number + 1, row: row + 1,
                label: cells.first?.text ?? "", column: column.title, value: $0, low: cell.low, high: cell.high)
            }
          }
        }
      }
    }
  }
}

extension ReportDocument.Section {
  package var tables: [ReportTable] {
    blocks.compactMap { block in if case .table(let table) = block { table } else { nil } }
  }
}
