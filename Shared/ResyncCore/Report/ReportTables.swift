extension EvaluationReport.RunSummary {
  var html: HTML {
    let complete = missing == 0 && duplicates == 0
    let verdict: HTML =
      complete
      ? "<p>Every recording ended as exactly one outcome: none missing, none twice.</p>"
      : "<p class=\"bad\">Not every recording ended as exactly one outcome: see missing and duplicates.</p>"
    let tiles: [HTML] = [
      reportTile("Published", ReportNumber.count(published), detail: "recordings"),
      reportTile("Predicted", ReportNumber.count(predicted), detail: "or abstained, with a row"),
      reportTile("Rejected", ReportNumber.count(rejected), detail: "with a reason"),
      reportTile("Missing", ReportNumber.count(missing), detail: "no outcome", bad: missing != 0),
      reportTile("Duplicates", ReportNumber.count(duplicates), detail: "more than one outcome", bad: duplicates != 0),
      reportTile("Beats", ReportNumber.count(beats), detail: "scored"),
    ]
    let codes =
      rejections.isEmpty
      ? ""
      : reportTable(
        caption: "Rejections", columns: [("Code", false), ("Recordings", true)],
        rows: rejections.map { ["<code>\($0.label)</code>", "\(ReportNumber.count($0.count))"] })
    return "<section><h2>Run</h2>\n\(verdict)<dl class=\"tiles\">\(tiles)</dl>\(codes)</section>\n"
  }
}

func modelTable(_ models: [EvaluationReport.Model]) -> HTML {
  let rows: [[HTML]] = models.map { model in
    let names = model.trainingRecordings.prefix(24).joined(separator: " ")
    let more = model.trainingRecordings.count - 24
    let list: HTML = more > 0 ? "\(names) … and \(more) more" : "\(names)"
    let origin: HTML = model.trainedOnSynthetic ? "<br>\(syntheticBadge) \(ReportWords.trainedOnSynthetic)" : ""
    return [
      "<code>\(model.id)</code>\(origin)", "\(model.task)", "<code>\(model.parent ?? "none")</code>",
      "<code>\(model.pipelineID)</code>",
      "\(ReportNumber.count(model.trainingRecordings.count))<span class=\"note list\">\(list)</span>",
    ]
  }
  let table = reportTable(
    caption: "Each prediction names the model that made it; weights are checked against their hash at load.",
    columns: [
      ("Model", false), ("Task", false), ("Parent", false), ("Pipeline", false), ("Training recordings", false),
    ], rows: rows)
  return "<section><h2>Models</h2>\(table)</section>\n"
}

extension EvaluationReport.Abstentions {
  func html(_ context: ReportContext) -> HTML {
    let (difference, overflow) = recordings.subtractingReportingOverflow(abstained)
    let decided = overflow ? 0 : max(0, difference)
    let rows: [[HTML]] = flags.sorted { ($1.count, $0.label) < ($0.count, $1.label) }.map { flag in
      let share = Proportion(flag.count, of: recordings).value ?? 0
      let width = ReportNumber.coordinate(min(max(share, 0), 1) * 160)
      let bar: HTML = """
        <svg class="bar" width="160" height="12" viewBox="0 0 160 12" aria-hidden="true">\
        <rect width="160" height="12" fill="#e6eaf0"/><rect width="\(width)" height="12" fill="#1f5aa6"/></svg>
        """
      return ["<code>\(flag.label)</code>", "\(ReportNumber.count(flag.count))", "\(ReportNumber.percent(share))", bar]
    }
    let table =
      flags.isEmpty
      ? "<p>No recording carried a flag.</p>"
      : reportTable(
        caption: "A recording may carry several flags; each turns its decision into an abstention.",
        columns: [("Flag", false), ("Recordings", true), ("Share", true), ("", false)], rows: rows)
    return """
      <section><h3>Abstentions: \(dataset)</h3>
      <p>Of \(ReportNumber.count(recordings)) recordings, \(ReportNumber.count(decided)) got a decision and \
      \(ReportNumber.count(abstained)) (\(ReportNumber.percent(Proportion(abstained, of: recordings).value))) \
      an abstention.</p>
      <p class="meta">\(context.model(modelID))</p>
      \(table)</section>

      """
  }
}
