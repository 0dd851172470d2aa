/// A report as values: what it says once, from which the page, its JSON and the rows of a database are all made.
package struct ReportDocument: Encodable, Hashable, Sendable {
  /// Where a section's figures come from. Sections of different origin never share a table and stand apart on the page.
  package enum Origin: String, Encodable, CaseIterable, Hashable, Sendable {
    case run, real, paper, synthetic, appendix
  }

  package struct Section: Encodable, Hashable, Sendable {
    /// Of lower-case letters, digits and hyphens; the place to link to, and a key that stays.
    package var id: String
    package var title: String
    package var origin: Origin
    package var blocks: [Block]

    package init(_ id: String, _ title: String, _ origin: Origin, _ blocks: [Block]) {
      (self.id, self.title, self.origin, self.blocks) = (id, title, origin, blocks)
    }
  }

  package var title: String
  /// ISO 8601.
  package var generatedAt: String
  package var sections: [Section]
  package let words = ReportWords.disclaimer

  package init(title: String, generatedAt: String, sections: [Section]) {
    (self.title, self.generatedAt, self.sections) = (title, generatedAt, sections)
  }
}

extension ReportDocument {
  package enum Block: Encodable, Hashable, Sendable {
    case text(String)
    /// What must be known to read the figures above it.
    case note(String)
    case warning(String)
    case heading(String)
    case table(ReportTable)
    case chart(ReportChart)
    case forest(ReportForest)
    case flow([FlowStep])
    /// Beats, `[reference][predicted]` in the order of `BeatClass.allCases`.
    case confusion([[Int]])
    case spectrograms(EvaluationReport.Spectrograms)
    case waveforms(EvaluationReport.Waveforms)

    private enum Kind: String, CodingKey {
      case text, note, warning, heading, table, chart, forest, flow, confusion, spectrograms, waveforms
    }

    /// `{"kind": content}`.
    package func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Kind.self)
      switch self {
      case .text(let value): try container.encode(value, forKey: .text)
      case .note(let value): try container.encode(value, forKey: .note)
      case .warning(let value): try container.encode(value, forKey: .warning)
      case .heading(let value): try container.encode(value, forKey: .heading)
      case .table(let value): try container.encode(value, forKey: .table)
      case .chart(let value): try container.encode(value, forKey: .chart)
      case .forest(let value): try container.encode(value, forKey: .forest)
      case .flow(let value): try container.encode(value, forKey: .flow)
      case .confusion(let value): try container.encode(value, forKey: .confusion)
      case .spectrograms(let value): try container.encode(value, forKey: .spectrograms)
      case .waveforms(let value): try container.encode(value, forKey: .waveforms)
      }
    }
  }

  /// A step of a flow diagram: who is there, and who left before it.
  package struct FlowStep: Encodable, Hashable, Sendable {
    package var label: String
    package var count: Int
    /// Who is not in this step that was in the one before, and why.
    package var left: String?

    package init(_ label: String, _ count: Int, left: String? = nil) {
      (self.label, self.count, self.left) = (label, count, left)
    }
  }
}

/// A table whose cells keep their numbers, with intervals where there are any.
package struct ReportTable: Encodable, Hashable, Sendable {
  /// How a column's numbers are printed.
  package enum Format: String, Encodable, Hashable, Sendable {
    case text, count
    case oneDecimal = "1-decimal"
    case threeDecimals = "3-decimals"
    case pValue = "p-value"
  }

  package struct Column: Encodable, Hashable, Sendable {
    package var title: String
    package var format: Format

    package init(_ title: String, _ format: Format = .text) { (self.title, self.format) = (title, format) }
  }

  /// Nothing at all is a dash.
  package struct Cell: Encodable, Hashable, Sendable {
    package var text: String?
    package var value: Double?
    /// 95 % interval.
    package var low: Double?
    package var high: Double?
    /// Decimals, where they are not the column's.
    package var digits: Int?

    /// - Parameter text: the cell's word, or what follows its number.
    package init(
      text: String? = nil, value: Double? = nil, low: Double? = nil, high: Double? = nil, digits: Int? = nil
    ) {
      (self.text, self.value, self.low, self.high, self.digits) = (text, value, low, high, digits)
    }

    package static let none = Cell()
    package static func text(_ text: String) -> Cell { Cell(text: text) }
    package static func count(_ count: Int) -> Cell { Cell(value: Double(count)) }
    /// What is not finite counts as absent, here and in the intervals.
    package static func number(_ value: Double?, digits: Int? = nil) -> Cell {
      Cell(value: finite(value), digits: digits)
    }
    package static func estimate(_ value: Double?, _ low: Double?, _ high: Double?) -> Cell {
      Cell(value: finite(value), low: finite(low), high: finite(high))
    }
    package static func estimate(_ estimate: Estimate?) -> Cell {
      .estimate(estimate?.value, estimate?.low, estimate?.high)
    }

    private static func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
  }

  package var caption: String
  package var columns: [Column]
  package var rows: [[Cell]]

  /// - Precondition: each row has a cell for each column.
  package init(_ caption: String, columns: [Column], rows: [[Cell]]) {
    precondition(rows.allSatisfy { $0.count == columns.count }, "a row has a cell for each column")
    (self.caption, self.columns, self.rows) = (caption, columns, rows)
  }
}

/// Curves and points over two axes.
package struct ReportChart: Encodable, Hashable, Sendable {
  package struct Point: Encodable, Hashable, Sendable {
    package var x: Double
    package var y: Double
    /// 95 % interval of y.
    package var low: Double?
    package var high: Double?

    package init(_ x: Double, _ y: Double, low: Double? = nil, high: Double? = nil) {
      (self.x, self.y, self.low, self.high) = (x, y, low, high)
    }
  }

  package struct Series: Encodable, Hashable, Sendable {
    package enum Style: String, Encodable, Hashable, Sendable { case line, points, reference }
    package var name: String
    package var style: Style
    package var points: [Point]

    package init(_ name: String, _ style: Style, _ points: [Point]) {
      (self.name, self.style, self.points) = (name, style, points)
    }
  }

  package var caption: String
  package var xTitle: String
  package var yTitle: String
  package var x: ClosedRange<Double>
  package var y: ClosedRange<Double>
  package var series: [Series]

  package init(
    _ caption: String, x: ClosedRange<Double>, _ xTitle: String, y: ClosedRange<Double>, _ yTitle: String,
    series: [Series]
  ) {
    (self.caption, self.xTitle, self.yTitle) = (caption, xTitle, yTitle)
    (self.x, self.y, self.series) = (x, y, series)
  }
}

/// Estimates with their intervals beside one another.
package struct ReportForest: Encodable, Hashable, Sendable {
  package struct Row: Encodable, Hashable, Sendable {
    package var label: String
    package var value: Double
    package var low: Double
    package var high: Double

    package init(_ label: String, _ value: Double, _ low: Double, _ high: Double) {
      (self.label, self.value, self.low, self.high) = (label, value, low, high)
    }
  }

  package var caption: String
  package var axisTitle: String
  /// No effect.
  package var reference: Double
  package var rows: [Row]

  package init(_ caption: String, axis: String, reference: Double, rows: [Row]) {
    (self.caption, axisTitle, self.reference, self.rows) = (caption, axis, reference, rows)
  }
}
