extension EvaluationReport.Responses {
  func html(_ context: ReportContext) -> HTML {
    let safe = counts.isValid ? counts : .init(truePositive: 0, trueNegative: 0, falsePositive: 0, falseNegative: 0)
    let majority = safe.majority
    let interval = aucInterval.map {
      "95 % interval \(ReportNumber.fixed($0.lower, 2)) to \(ReportNumber.fixed($0.upper, 2))"
    }
    var tiles: [HTML] = [
      reportTile("AUC", ReportNumber.fixed(auc), detail: interval ?? "no interval"),
      reportTile("Accuracy", ReportNumber.percent(safe.accuracy.value), detail: "\(safe.total) decided"),
      reportTile(
        "Majority class", ReportNumber.percent(majority.accuracy.value),
        detail: majority.truePositive > 0 ? "all called responders" : "all called non-responders"),
      reportTile("Abstained", ReportNumber.count(abstained), detail: "decision withheld"),
    ]
    if let ceilingAUC {
      tiles.append(reportTile("Ceiling AUC", ReportNumber.fixed(ceilingAUC), detail: "of this simulator's ECG"))
    }
    return """
      <section><h3>CRT response: \(dataset)</h3>
      <p class="meta">\(context.model(modelID)). Response: LVESV reduced by more than 15 %. Threshold \
      \(ReportNumber.fixed(threshold)).</p>
      <dl class="tiles">\(tiles)</dl>
      <div class="pair"><figure>\(rocCurve(safe))
      <figcaption>ROC curve, operating point (filled) and the rules of the table (squares).</figcaption>
      </figure><div>\(ruleTable(safe))\(precision(safe))</div></div>
      \(patientTable)</section>

      """
  }

  private func ruleTable(_ own: EvaluationReport.DecisionCounts) -> HTML {
    let valid = baselines.filter(\.counts.isValid)
    let rules = [("Model", own)] + valid.map { ($0.name, $0.counts) } + [("Majority class", own.majority)]
    func rate(_ proportion: Proportion) -> HTML {
      guard let interval = proportion.interval else { return "–" }
      return """
        \(ReportNumber.percent(proportion.value))<br><span class="note">\(ReportNumber.fixed(100 * interval.lower, 0))–\
        \(ReportNumber.fixed(100 * interval.upper, 0))</span>
        """
    }
    return reportTable(
      caption: "Patients; positive = responder. Beneath each rate its 95 % Wilson interval.",
      columns: [
        ("Rule", false), ("TP", true), ("FN", true), ("TN", true), ("FP", true), ("Sensitivity", true),
        ("Specificity", true), ("Accuracy", true),
      ],
      rows: rules.map { name, counts in
        [
          "\(name)", "\(counts.truePositive)", "\(counts.falseNegative)", "\(counts.trueNegative)",
          "\(counts.falsePositive)", rate(counts.sensitivity), rate(counts.specificity), rate(counts.accuracy),
        ]
      })
  }

  /// What a cohort of this size can tell.
  private func precision(_ own: EvaluationReport.DecisionCounts) -> HTML {
    guard let error = own.accuracy.standardError else { return "" }
    let aucError = auc.flatMap { aucStandardError($0, positives: own.positives, negatives: own.negatives) }
    return """
      <p class="note">n = \(own.total): standard error of accuracy \(ReportNumber.fixed(error)), of the AUC about \
      \(ReportNumber.fixed(aucError, 2)) (Hanley &amp; McNeil). Differences smaller than about twice these are not \
      shown by this cohort.</p>
      """
  }

  private var patientTable: HTML {
    guard !patients.isEmpty else { return "" }
    let rows: [[HTML]] = patients.map { patient in
      let marks: [HTML] = patient.flags.map { "<span class=\"badge\">\($0)</span> " }
      let outcome: HTML =
        switch patient.responded {
        case true?: "<span class=\"badge yes\">responder</span>"
        case false?: "<span class=\"badge no\">non-responder</span>"
        case nil: "unknown"
        }
      return [
        "<code>\(String(patient.pseudonym.prefix(10)))</code>", "\(ReportNumber.fixed(patient.probability, 2))",
        "\(patient.decision)", outcome, "\(marks)", patient.synthetic ? syntheticBadge : "",
      ]
    }
    return "<h4>Patients</h4>"
      + reportTable(
        caption: "Pseudonyms are cut to ten characters. Flags withhold the decision.",
        columns: [
          ("Patient", false), ("Probability", true), ("Decision", false), ("Echo outcome", false), ("Flags", false),
          ("", false),
        ], rows: rows)
  }

  private func rocCurve(_ own: EvaluationReport.DecisionCounts) -> HTML {
    let (left, top, side) = (58.0, 14.0, 320.0)
    func clamp(_ value: Double) -> Double { value.isFinite ? min(max(value, 0), 1) : 0 }
    func x(_ value: Double) -> String { ReportNumber.coordinate(left + side * clamp(value)) }
    func y(_ value: Double) -> String { ReportNumber.coordinate(top + side * (1 - clamp(value))) }
    let ticks: [HTML] = (0...5).map { index in
      let value = Double(index) / 5
      let label = ReportNumber.fixed(value, 1)
      return """
        <line x1="\(x(value))" y1="\(y(0))" x2="\(x(value))" y2="\(y(1))" stroke="#e3e7ee"/>\
        <line x1="\(x(0))" y1="\(y(value))" x2="\(x(1))" y2="\(y(value))" stroke="#e3e7ee"/>\
        <text x="\(x(value))" y="\(ReportNumber.coordinate(top + side + 18))" text-anchor="middle" font-size="12">\(label)</text>\
        <text x="\(ReportNumber.coordinate(left - 8))" y="\(ReportNumber.coordinate(top + side * (1 - value) + 4))" \
        text-anchor="end" font-size="12">\(label)</text>
        """
    }
    let path = roc.map { "\(x($0.falsePositiveRate)),\(y($0.truePositiveRate))" }.joined(separator: " ")
    let marked = baselines.filter(\.counts.isValid).enumerated().compactMap {
      index, baseline -> (Int, String, Point)? in
      guard let sensitivity = baseline.counts.sensitivity.value, let specificity = baseline.counts.specificity.value
      else { return nil }
      return (index + 1, baseline.name, Point(x: left + side * (1 - specificity), y: top + side * (1 - sensitivity)))
    }
    let squares: [HTML] = marked.map { square($0.0, at: $0.2) }
    // The lower right corner is free in any curve better than chance.
    let legend: [HTML] = marked.reversed().enumerated().map { place, rule in
      let y = top + side - 40 - 20 * Double(place)
      return """
        \(square(rule.0, at: Point(x: left + 175, y: y)))<text x="\(ReportNumber.coordinate(left + 188))" \
        y="\(ReportNumber.coordinate(y + 4))" font-size="12">\(String(rule.1.prefix(20)))</text>
        """
    }
    var point: HTML = ""
    if let sensitivity = own.sensitivity.value, let specificity = own.specificity.value {
      point = "<circle cx=\"\(x(1 - specificity))\" cy=\"\(y(sensitivity))\" r=\"5.5\" fill=\"#1f5aa6\"/>"
    }
    return """
      <svg viewBox="0 0 392 380" width="392" height="380" role="img" aria-label="ROC curve, AUC \(ReportNumber.fixed(auc))">
      \(ticks)<rect x="\(x(0))" y="\(y(1))" width="320" height="320" fill="none" stroke="#1a2230"/>
      <line x1="\(x(0))" y1="\(y(0))" x2="\(x(1))" y2="\(y(1))" stroke="#8790a0" stroke-dasharray="5 4"/>
      <polyline points="\(path)" fill="none" stroke="#1f5aa6" stroke-width="2.5" stroke-linejoin="round"/>
      \(squares)\(point)\(legend)
      <circle cx="233" cy="314" r="5.5" fill="#1f5aa6"/><text x="246" y="318" font-size="12">model at threshold</text>
      \(syntheticStamp(synthetic, x: 378, y: 371, size: 13))
      <text x="218" y="370" text-anchor="middle" font-size="13">1 − specificity</text>
      <text transform="translate(16 174) rotate(-90)" text-anchor="middle" font-size="13">sensitivity</text></svg>
      """
  }

  private struct Point {
    var x: Double
    var y: Double
  }

  private func square(_ number: Int, at point: Point) -> HTML {
    """
    <rect x="\(ReportNumber.coordinate(point.x - 7))" y="\(ReportNumber.coordinate(point.y - 7))" width="14" height="14" \
    rx="2" fill="#fff" stroke="#8a5200" stroke-width="1.5"/><text x="\(ReportNumber.coordinate(point.x))" \
    y="\(ReportNumber.coordinate(point.y + 4))" text-anchor="middle" font-size="11" font-weight="700" \
    style="fill:#8a5200">\(number)</text>
    """
  }
}
