import ResyncCore

/// What was run, what was not and why, by whom and from what.
struct RunReport {
  let outcomes: [StudyRunner.Outcome]
  let results: StudyResults
  let provenance: StudyProvenance
  let plan: CohortPlan
  let isQuick: Bool

  var sections: [ReportDocument.Section] {
    [
      ReportDocument.Section("run", "What this is", .run, [.text(isQuick ? Self.quick : Self.full), .table(facts)]),
      notRun,
    ]
  }

  var appendix: ReportDocument.Section { .init("cells", "What was run", .appendix, [.table(cells)]) }

  private static let full =
    "Each cell of the study is computed once and kept; this page is made of what is kept. Real and synthetic figures "
    + "stand apart."
  private static let quick =
    "A quick run: the study's code on less data and with fewer repetitions, to see that it works. Its figures are no "
    + "results."

  private var facts: ReportTable {
    let computed = outcomes.compactMap { results.computations[$0.name] }
    let seconds = computed.reduce(0) { $0 + $1.seconds }
    let machines = Set(computed.map { "\($0.machine), \($0.threads) threads" }).sorted()
    let data = provenance.data.sorted { $0.key.rawValue < $1.key.rawValue }
    let seeds =
      "folds and networks of the cohort \(plan.folds.seed); transfer: SHA-256 of the preregistration; beats: each "
      + "table's note"
    let rows: [(String, String)] =
      [
        ("Report made", provenance.generatedAt.ISO8601Format()), ("Command", provenance.command),
        ("Time in cells", ReportNumber.fixed(seconds / 60, 1) + " minutes"),
        ("Cells computed on", machines.joined(separator: "; ")), ("Report made on", provenance.machine),
        ("This report's code, commit", provenance.commit ?? "not in a repository"),
        ("This report's code, SHA-256 of the program", provenance.program ?? "unknown"), ("Seeds", seeds),
      ] + data.map { ("Data, \($0.key.rawValue), SHA-256", $0.value) }
    return ReportTable(
      "Where the figures come from.", columns: [.init("What"), .init("Value")],
      rows: rows.map { [.text($0), .text($1)] })
  }

  private static let reasons: [StudyRunner.Outcome.State: String] = [
    .failed: "failed", .missingData: "data are missing", .notReached: "not reached: stopped, or out of time",
    .notChosen: "left out of this run", .elsewhere: "another process computes it",
  ]

  private var notRun: ReportDocument.Section {
    let missing = outcomes.filter { Self.reasons[$0.state] != nil }
    guard !missing.isEmpty else {
      return .init("not-run", "What was not run", .run, [.text("Every cell of the list was run.")])
    }
    let failed = missing.count { $0.state == .failed }
    return .init(
      "not-run", "What was not run", .run,
      [
        .text("\(missing.count) of \(outcomes.count) cells have no result, so what they would say is not below."),
        .table(
          ReportTable(
            "Cells without a result, in order of importance; parts of one thing stand in one row.",
            columns: [.init("Cells"), .init("Number", .count), .init("Parts"), .init("Why")],
            rows: Self.grouped(missing).map { group in
              [
                .text(group.name), .count(max(1, group.parts.count)),
                group.parts.isEmpty ? .none : .text(group.parts.joined(separator: ", ")), .text(group.why),
              ]
            })),
      ] + (failed > 0 ? [.warning("\(failed) failed.")] : []))
  }

  private struct Group {
    var name: String
    /// Draws or repetitions.
    var parts: [String]
    var why: String
  }

  private static func grouped(_ outcomes: [StudyRunner.Outcome]) -> [Group] {
    outcomes.reduce(into: []) { groups, outcome in
      let why = (reasons[outcome.state] ?? "") + (outcome.reason.map { ": \($0)" } ?? "")
      let words = outcome.name.split(separator: "/").map(String.init)
      let part = words.last.flatMap { last in
        ["draws-", "repetition-"].first { last.hasPrefix($0) }.map { String(last.dropFirst($0.count)) }
      }
      let name = part == nil ? outcome.name : words.dropLast().joined(separator: "/")
      if let part, groups.last?.name == name, groups.last?.why == why {
        groups[groups.count - 1].parts.append(part)
      } else {
        groups.append(Group(name: name, parts: part.map { [$0] } ?? [], why: why))
      }
    }
  }

  private var cells: ReportTable {
    ReportTable(
      "Cells with a result. The identity is a hash of the cell's name and inputs.",
      columns: [.init("Cell"), .init("Seconds", .oneDecimal), .init("Finished"), .init("Identity")],
      rows: outcomes.compactMap { outcome in
        results.computations[outcome.name].map {
          [
            .text(outcome.name), .number($0.seconds), .text($0.finishedAt.ISO8601Format()),
            .text(String($0.identity.prefix(16))),
          ]
        }
      })
  }
}
