/// The report as one HTML file: no script, nothing loaded from elsewhere, readable on a phone and in print.
///
/// Synthetic parts stand after all real ones, framed and watermarked. All text is escaped; figures that cannot be
/// (negative counts, ragged tables, not-a-number) are shown as a dash or as zero, never a crash.
public func renderHTML(_ report: EvaluationReport) -> String {
  let context = ReportContext(report)
  let general = report.sections.filter { $0.part == .general }.map { $0.html(context) }
  let real = report.sections.filter { $0.part == .real }.map { $0.html(context) }
  let synthetic = report.sections.filter { $0.part == .synthetic }.map { $0.html(context) }
  let realPart: HTML = real.isEmpty ? "" : "<h2>Real recordings</h2>\n\(real)"
  let synthesised: HTML = synthetic.isEmpty ? "" : syntheticPart(heading: "Synthetic cohort", synthetic)
  return reportPage(
    title: report.title, subtitle: "Resync evaluation, made \(report.generatedAt)",
    body: "\(general)\n\(realPart)\n\(synthesised)")
}

/// What stands apart: framed, watermarked, with the words that say why.
func syntheticPart(heading: String, _ sections: [HTML]) -> HTML {
  """
  <div class="synthetic"><h2>\(heading)</h2>
  <p class="warn">\(ReportWords.synthetic)</p>
  \(sections)</div>

  """
}

/// The frame of every report's page; its policy lets nothing be loaded and no script run.
func reportPage(title: String, subtitle: String, body: HTML) -> String {
  let words = ReportWords.disclaimer
  let page: HTML = """
    <!DOCTYPE html>
    <html lang="en"><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
    <title>\(title)</title>
    <style>
    \(HTML(stringLiteral: ReportStyle.css))
    </style></head><body>
    <header><h1>\(title)</h1>
    <p class="meta">\(subtitle)</p>
    <p class="words">\(words)</p></header>
    <main>
    \(body)
    </main>
    <footer class="note"><p>\(words)</p></footer>
    </body></html>

    """
  return page.markup
}

extension EvaluationReport.Section {
  fileprivate enum Part { case general, real, synthetic }

  fileprivate var part: Part {
    switch self {
    case .run, .models: .general
    case .beatClasses(let value): value.synthetic ? .synthetic : .real
    case .responses(let value): value.synthetic ? .synthetic : .real
    case .abstentions(let value): value.synthetic ? .synthetic : .real
    case .spectrograms(let value): value.synthetic ? .synthetic : .real
    case .waveforms(let value): value.synthetic ? .synthetic : .real
    }
  }

  fileprivate func html(_ context: ReportContext) -> HTML {
    switch self {
    case .run(let value): value.html
    case .models(let value): modelTable(value)
    case .beatClasses(let value): value.html(context)
    case .responses(let value): value.html(context)
    case .abstentions(let value): value.html(context)
    case .spectrograms(let value): value.html
    case .waveforms(let value): value.html
    }
  }
}

/// What a section must know of the others.
struct ReportContext {
  private let syntheticallyTrained: Set<String>

  init(_ report: EvaluationReport) {
    let models = report.sections.flatMap { section -> [EvaluationReport.Model] in
      if case .models(let models) = section { models } else { [] }
    }
    syntheticallyTrained = Set(models.filter(\.trainedOnSynthetic).map(\.id))
  }

  /// A model's id, with the mark of synthetic training wherever it is named.
  func model(_ id: String) -> HTML {
    let mark: HTML =
      syntheticallyTrained.contains(id) ? " <span class=\"badge syn\">\(ReportWords.trainedOnSynthetic)</span>" : ""
    return "Model <code>\(id)</code>\(mark)"
  }
}

/// A table that scrolls by itself on a narrow screen.
///
/// - Parameter columns: heading and whether the column holds numbers; the first column's cells head their rows.
func reportTable(caption: HTML, columns: [(title: String, numeric: Bool)], rows: [[HTML]]) -> HTML {
  let heads: [HTML] = columns.map { "<th scope=\"col\"\(numericClass($0.numeric))>\($0.title)</th>" }
  let body: [HTML] = rows.map { cells in
    let rendered: [HTML] = zip(cells, columns).enumerated().map { index, cell in
      index == 0
        ? "<th scope=\"row\">\(cell.0)</th>" : "<td\(numericClass(cell.1.numeric))>\(cell.0)</td>"
    }
    return "<tr>\(rendered)</tr>\n"
  }
  return """
    <div class="scroll"><table><caption><span>\(caption)</span></caption>
    <thead><tr>\(heads)</tr></thead>
    <tbody>\(body)</tbody></table></div>

    """
}

private func numericClass(_ numeric: Bool) -> HTML { numeric ? " class=\"n\"" : "" }

func reportTile(_ label: String, _ value: String, detail: String = "", bad: Bool = false) -> HTML {
  let kind: HTML = bad ? "tile bad" : "tile"
  let small: HTML = detail.isEmpty ? "" : "<small>\(detail)</small>"
  return "<div class=\"\(kind)\"><dt>\(label)</dt><dd>\(value)\(small)</dd></div>\n"
}

/// SYNTHETIC within a picture, so that it stays when the picture is copied out of the page.
///
/// - Parameters: `x`, `y` where the text ends, and its size, in the picture's own units.
func syntheticStamp(_ synthetic: Bool, x: Double, y: Double, size: Double, onDark: Bool = false) -> HTML {
  guard synthetic else { return "" }
  let ink: HTML = onDark ? "#fff" : "#8a5200"
  return """
    <text x="\(ReportNumber.coordinate(x))" y="\(ReportNumber.coordinate(y))" text-anchor="end" font-weight="700" \
    font-size="\(ReportNumber.coordinate(size))" style="fill:\(ink)">SYNTHETIC</text>
    """
}

let syntheticBadge: HTML = "<span class=\"badge syn\">SYNTHETIC</span>"
