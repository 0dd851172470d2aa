import ResyncCore

/// The study of beats: a section for each protocol that was judged, one for choices inside DS1.
struct BeatsReport {
  let kept: [StudyResults.Kept<BeatsCell>]

  init(_ kept: [StudyResults.Kept<BeatsCell>]) { self.kept = kept }

  var sections: [ReportDocument.Section] {
    let finals = kept.filter { $0.cell.inputs.beatProtocol != .ds1Folds }
    let choices = kept.filter { $0.cell.inputs.beatProtocol == .ds1Folds }
    return finals.map(final) + (choices.isEmpty ? [] : [self.choices(choices)])
  }

  private typealias Kept = StudyResults.Kept<BeatsCell>

  private static func estimate(_ figure: BeatFigures.Figure?) -> ReportTable.Cell {
    .estimate(figure?.value, figure?.low, figure?.high)
  }

  /// What stands in every caption, so that no table is read without it.
  private static func words(_ kept: Kept) -> String {
    let figures = kept.result.figures
    let judges = figures.records.count
    let trained = Set(kept.result.trainings.flatMap(\.records)).count
    let few =
      kept.cell.inputs.quick
      ? " Only the repository's few records: trained on \(trained), judged on \(judges)." : ""
    return (figures.beatProtocol.leaks ? "LEAKY. " : "No person on both sides. ") + "Protocol: \(figures.words).\(few)"
  }

  private func final(_ kept: Kept) -> ReportDocument.Section {
    let figures = kept.result.figures
    let protocolWords = Self.words(kept)
    var blocks: [ReportDocument.Block] = [
      figures.beatProtocol.leaks ? .warning(protocolWords) : .text(protocolWords),
      .table(overview([kept], caption: protocolWords)),
      .table(classes(figures, caption: protocolWords)), .confusion(figures.pooled.counts),
      .note(
        "Intervals: 95 %, by bootstrap over \(figures.records.count) records, since beats of one record are not "
          + "independent; the fit is held as it is. Macro-F1 over N, S, V, F. Q is printed apart."),
      .heading("By record"), .table(records(figures, caption: protocolWords)),
    ]
    blocks.append(.note(training(kept)))
    return .init(
      Self.id(kept.cell.name), "Beats of MIT-BIH: \(Self.short(kept.cell.name))", .real, blocks)
  }

  private static func id(_ name: String) -> String { name.replacingOccurrences(of: "/", with: "-") }
  private static func short(_ name: String) -> String {
    name.split(separator: "/").dropFirst().joined(separator: ", ")
  }

  private func training(_ kept: Kept) -> String {
    let specification = kept.result.specification
    let settings =
      "\(specification.depth.rawValue), width \(specification.widthMultiplier), \(specification.epochs) epochs, batch "
      + "\(specification.batchSize), rate \(specification.learningRate), seed \(specification.seed)"
    let simulated = kept.cell.inputs.simulated == nil ? "" : ", beats in simulated rhythms among them"
    let trainings = kept.result.trainings.map { training in
      let records = training.records.joined(separator: " ")
      return
        "\(training.beats) training examples of records \(records)\(simulated); their fingerprint "
        + "\(training.fingerprint); weights \(training.model)"
    }
    return ([settings, "pipeline \(kept.result.pipelineID)"] + trainings).joined(separator: "; ") + "."
  }

  private func overview(_ kept: [Kept], caption: String) -> ReportTable {
    ReportTable(
      caption,
      columns: [
        .init("Network"), .init("Training examples", .count), .init("Judged beats", .count), .init("Records", .count),
        .init("Accuracy", .threeDecimals), .init("Macro-F1", .threeDecimals),
      ],
      rows: kept.map { one in
        let figures = one.result.figures
        return [
          .text(Self.short(one.cell.name)), .count(one.result.trainings.map(\.beats).reduce(0, +)),
          .count(figures.pooled.total), .count(figures.records.count), Self.estimate(figures.accuracy),
          Self.estimate(figures.macroF1),
        ]
      })
  }

  private func classes(_ figures: BeatFigures, caption: String) -> ReportTable {
    func row(_ label: String, _ one: BeatFigures.Class) -> [ReportTable.Cell] {
      [
        .text(label), .count(one.beats), Self.estimate(one.sensitivity), Self.estimate(one.positivePredictivity),
        Self.estimate(one.f1),
      ]
    }
    return ReportTable(
      caption,
      columns: [
        .init("Class"), .init("Beats", .count), .init("Sensitivity", .threeDecimals), .init("PPV", .threeDecimals),
        .init("F1", .threeDecimals),
      ],
      rows: figures.classes.map { row($0.name.rawValue, $0) }
        + (figures.supraventricularWithout232.map { [row("S without record 232", $0)] } ?? []))
  }

  private func records(_ figures: BeatFigures, caption: String) -> ReportTable {
    let columns = [BeatClass.N, .S, .V, .F].flatMap { one in
      [
        ReportTable.Column("\(one.rawValue) beats", .count), .init("\(one.rawValue) found", .count),
      ]
    }
    return ReportTable(
      caption, columns: [.init("Record"), .init("Beats", .count), .init("Accuracy", .threeDecimals)] + columns,
      rows: figures.records.map { record in
        [.text(record.name), .count(record.confusion.total), .number(record.confusion.accuracy)]
          + [BeatClass.N, .S, .V, .F].flatMap { one in
            [
              .count(record.confusion.support(one.index)), .count(record.confusion.counts[one.index][one.index]),
            ] as [ReportTable.Cell]
          }
      })
  }

  // MARK: - Choices

  private func choices(_ kept: [Kept]) -> ReportDocument.Section {
    let groups = Dictionary(grouping: kept) { $0.cell.name.split(separator: "/").dropFirst().first ?? "" }
    let tables = groups.sorted { $0.key < $1.key }.flatMap { group, kept -> [ReportDocument.Block] in
      let protocolWords = Self.words(kept[0])
      let rows = kept.map { one in choice(one, against: kept[0]) }
      let table = ReportTable(
        protocolWords,
        columns: [
          .init("Variant"), .init("Rate"), .init("Batch", .count), .init("Epochs", .count),
          .init("Accuracy", .threeDecimals), .init("Macro-F1", .threeDecimals), .init("S F1", .threeDecimals),
          .init("V F1", .threeDecimals), .init("Macro-F1 less the first", .threeDecimals),
        ], rows: rows)
      return [.heading(Self.headings[String(group)] ?? String(group)), .table(table)]
    }
    return .init(
      "beats-choices", "Choices inside DS1: ablations and settings", .real,
      [
        .text(
          "Each row changes one thing from the first. Choices are made on these judges alone; DS2 is never used for "
            + "them.")
      ] + tables + [
        .note(
          "Intervals: 95 %, by bootstrap over the judging records, which are \(kept[0].result.figures.records.count): "
            + "differences within them are not shown by these data. Nearly all fusion beats of DS1 are of one record, "
            + "so F cannot be judged here and lowers every macro-F1.")
      ])
  }

  private static let headings = ["ablation": "Ablations", "grid": "Learning rate and batch size"]

  private func choice(_ one: Kept, against first: Kept) -> [ReportTable.Cell] {
    let (figures, specification) = (one.result.figures, one.result.specification)
    let difference = figures.macroF1.value.flatMap { value in first.result.figures.macroF1.value.map { value - $0 } }
    return [
      .text(one.cell.name.split(separator: "/").dropFirst(2).joined(separator: ", ")),
      .text("\(specification.learningRate)"), .count(specification.batchSize), .count(specification.epochs),
      Self.estimate(figures.accuracy), Self.estimate(figures.macroF1),
      Self.estimate(figures.classes[BeatClass.S.index].f1), Self.estimate(figures.classes[BeatClass.V.index].f1),
      one.cell.name == first.cell.name ? .none : .number(difference),
    ]
  }
}
