/// The document as one HTML file, as `renderHTML(_:)` of an evaluation makes it: no script, nothing loaded.
package func renderHTML(_ document: ReportDocument) -> String {
  let parts = ReportDocument.Origin.allCases.map { origin in
    (origin, document.sections.filter { $0.origin == origin })
  }.filter { !$0.1.isEmpty }
  let contents: [HTML] = parts.map { origin, sections in
    let links: [HTML] = sections.map { "<li><a href=\"#\($0.id)\">\($0.title)</a></li>" }
    return "<li>\(origin.heading)<ul>\(links)</ul></li>\n"
  }
  let body: [HTML] = parts.map { origin, sections in
    let rendered = sections.map(\.html)
    return origin == .synthetic
      ? syntheticPart(heading: origin.heading, rendered) : "<h2>\(origin.heading)</h2>\n\(rendered)"
  }
  return reportPage(
    title: document.title, subtitle: "Resync study, report made \(document.generatedAt)",
    body: "<nav aria-label=\"Contents\"><ul class=\"contents\">\(contents)</ul></nav>\n\(body)")
}

extension ReportDocument.Origin {
  fileprivate var heading: String {
    switch self {
    case .run: "The run"
    case .real: "Real recordings"
    case .paper: "What the paper printed"
    case .synthetic: "Synthetic cohort"
    case .appendix: "Appendix"
    }
  }
}

extension ReportDocument.Section {
  fileprivate var html: HTML {
    let rendered = blocks.map { $0.html(synthetic: origin == .synthetic) }
    return "<section id=\"\(id)\"><h3>\(title)</h3>\n\(rendered)</section>\n"
  }
}

extension ReportDocument.Block {
  fileprivate func html(synthetic: Bool) -> HTML {
    switch self {
    case .text(let text): "<p>\(text)</p>\n"
    case .note(let text): "<p class=\"note\">\(text)</p>\n"
    case .warning(let text): "<p class=\"bad\"><strong>\(text)</strong></p>\n"
    case .heading(let text): "<h4>\(text)</h4>\n"
    case .table(let table): table.html
    case .chart(let chart): chart.html(synthetic: synthetic)
    case .forest(let forest): forest.html(synthetic: synthetic)
    case .flow(let steps): "<ol class=\"flow\">\(steps.map(\.html))</ol>\n"
    case .confusion(let counts): confusionFigure(BeatTable(counts), synthetic: synthetic)
    case .spectrograms(let value): value.html
    case .waveforms(let value): value.html
    }
  }
}

extension ReportDocument.FlowStep {
  fileprivate var html: HTML {
    let gone: HTML = left.map { "<span class=\"note left\">\($0)</span>" } ?? ""
    return "<li>\(gone)<span class=\"step\">\(label)<strong>n = \(ReportNumber.count(count))</strong></span></li>\n"
  }
}

extension ReportTable {
  fileprivate var html: HTML {
    reportTable(
      caption: "\(caption)", columns: columns.map { ($0.title, $0.format != .text) },
      rows: rows.map { cells in zip(columns, cells).map { $1.html($0.format) } })
  }
}

extension ReportTable.Cell {
  fileprivate func html(_ format: ReportTable.Format) -> HTML {
    let number = value.map { value in digits.map { ReportNumber.fixed(value, $0) } ?? printed(value, format) }
    guard let shown = number ?? text else { return "–" }
    let words: HTML = number != nil && text != nil ? " \(text!)" : ""
    guard let low, let high, number != nil else { return "\(shown)\(words)" }
    return """
      \(shown)\(words)<br><span class="note">\(printed(low, format)) to \(printed(high, format))</span>
      """
  }

  private func printed(_ value: Double, _ format: ReportTable.Format) -> String {
    switch format {
    case .text, .count:
      value == value.rounded() && abs(value) < 1e15 ? ReportNumber.count(Int(value)) : ReportNumber.fixed(value)
    case .oneDecimal: ReportNumber.fixed(value, 1)
    case .threeDecimals: ReportNumber.fixed(value, 3)
    case .pValue: value < 0.0005 ? "<0.001" : ReportNumber.fixed(value, 3)
    }
  }
}
