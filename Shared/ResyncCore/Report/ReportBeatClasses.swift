extension EvaluationReport.BeatClasses {
  private static let names = BeatClass.allCases.map(\.rawValue)
  private static let meanings = ["normal", "supraventricular", "ventricular", "fusion", "unclassifiable"]

  func html(_ context: ReportContext) -> HTML {
    let table = BeatTable(counts)
    let majority = table.majority
    let scored = table.scored.map { Self.names[$0] }.joined(separator: ", ")
    let tiles: [HTML] = [
      reportTile("Macro-F1", ReportNumber.fixed(table.macroF1), detail: scored.isEmpty ? "no beats" : "over \(scored)"),
      reportTile("Accuracy", ReportNumber.percent(table.accuracy), detail: "\(ReportNumber.count(table.total)) beats"),
      reportTile("Majority class: macro-F1", ReportNumber.fixed(majority.macroF1), detail: "every beat called alike"),
      reportTile("Majority class: accuracy", ReportNumber.percent(majority.accuracy), detail: "why accuracy misleads"),
    ]
    let rows: [[HTML]] = Self.names.indices.map { index in
      [
        "\(Self.names[index]) <span class=\"note\">\(Self.meanings[index])</span>",
        "\(ReportNumber.count(table.reference(index)))", "\(ReportNumber.percent(table.sensitivity(index)))",
        "\(ReportNumber.percent(table.predictivity(index)))", "\(ReportNumber.fixed(table.f1(index)))",
      ]
    }
    let perClass = reportTable(
      caption: "Classes of ANSI/AAMI EC57. Q stands outside macro-F1.",
      columns: [("Class", false), ("Beats", true), ("Sensitivity", true), ("PPV", true), ("F1", true)], rows: rows)
    return """
      <section><h3>Beat classes: \(dataset)</h3>
      <p class="meta">\(context.model(modelID))</p>
      <dl class="tiles">\(tiles)</dl>
      <div class="pair">\(confusionFigure(table, synthetic: synthetic))
      <div>\(perClass)<p class="note">Beats of one record are not independent, so no interval is computed over beats; \
      see the records.</p></div></div>
      \(recordTable)</section>

      """
  }

  private var recordTable: HTML {
    guard !records.isEmpty else { return "" }
    func hit(_ table: BeatTable, _ index: Int) -> HTML {
      table.reference(index) == 0
        ? "–" : "\(ReportNumber.count(table.counts[index][index])) / \(ReportNumber.count(table.reference(index)))"
    }
    let rows: [[HTML]] = records.map { record in
      let table = BeatTable(record.counts)
      return [
        "\(record.name)", "\(ReportNumber.count(table.total))", "\(ReportNumber.percent(table.accuracy))",
        hit(table, 0), hit(table, 1), hit(table, 2), hit(table, 3), "\(ReportNumber.fixed(table.macroF1))",
      ]
    }
    return "<h4>By record</h4>"
      + reportTable(
        caption: "Found / reference beats of each class; macro-F1 over the classes that the record has.",
        columns: [
          ("Record", false), ("Beats", true), ("Accuracy", true), ("N", true), ("S", true), ("V", true), ("F", true),
          ("Macro-F1", true),
        ], rows: rows)
  }
}

/// The matrix as a picture, with its caption.
func confusionFigure(_ table: BeatTable, synthetic: Bool) -> HTML {
  """
  <figure>\(confusionMatrix(table, synthetic: synthetic))
  <figcaption>Confusion matrix: beats, and their share of the reference class (shade).</figcaption></figure>

  """
}

private func confusionMatrix(_ table: BeatTable, synthetic: Bool) -> HTML {
  let names = BeatClass.allCases.map(\.rawValue)
  let (left, top, width, height) = (74, 52, 76, 46)
  var cells: [HTML] = []
  for row in names.indices {
    let y = top + row * height
    cells.append(
      "<text x=\"\(left - 10)\" y=\"\(y + 29)\" text-anchor=\"end\" font-size=\"15\" font-weight=\"600\">\(names[row])</text>"
    )
    for column in names.indices {
      let x = left + column * width
      let share = Proportion(table.counts[row][column], of: table.reference(row)).value ?? 0
      let ink: HTML = share > 0.55 ? "#fff" : "#1a2230"
      let edge: HTML = row == column ? "#1a2230" : "#fff"
      cells.append(
        """
        <rect x="\(x + 1)" y="\(y + 1)" width="\(width - 2)" height="\(height - 2)" fill="\(shade(share))" \
        stroke="\(edge)"/>\
        <text x="\(x + width / 2)" y="\(y + 21)" text-anchor="middle" font-size="13" style="fill:\(ink)">\
        \(ReportNumber.count(table.counts[row][column]))</text>\
        <text x="\(x + width / 2)" y="\(y + 36)" text-anchor="middle" font-size="10.5" style="fill:\(ink)">\
        \(table.reference(row) > 0 ? ReportNumber.percent(share) : "–")</text>
        """)
    }
  }
  let heads: [HTML] = names.indices.map { column in
    "<text x=\"\(left + column * width + width / 2)\" y=\"\(top - 9)\" text-anchor=\"middle\" font-size=\"15\" font-weight=\"600\">\(names[column])</text>"
  }
  let (w, h) = (left + 5 * width + 6, top + 5 * height + 8)
  return """
    <svg viewBox="0 0 \(w) \(h)" width="\(w)" height="\(h)" role="img" aria-label="Confusion matrix, reference by predicted class">
    <text x="\(left + 5 * width / 2)" y="18" text-anchor="middle" font-size="13">predicted class</text>
    <text transform="translate(20 \(top + 5 * height / 2)) rotate(-90)" text-anchor="middle" font-size="13">reference class</text>
    \(heads)\(cells)\(syntheticStamp(synthetic, x: Double(w) - 8, y: 18, size: 12))</svg>
    """
}

/// White to dark blue.
private func shade(_ share: Double) -> String {
  let part = min(max(share, 0), 1).squareRoot()
  func mix(_ low: Double, _ high: Double) -> UInt8 { UInt8((low + part * (high - low)).rounded()) }
  return ColourMap.Colour(red: mix(247, 23), green: mix(249, 72), blue: mix(252, 140)).css
}

func + (left: HTML, right: HTML) -> HTML { HTML(joining: [left, right]) }
