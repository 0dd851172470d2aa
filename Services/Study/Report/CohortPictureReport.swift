import ResyncCore

/// Recordings, spectrograms and maps of the cohort.
struct CohortPictureReport {
  let results: StudyResults

  init(_ results: StudyResults) { self.results = results }

  var sections: [ReportDocument.Section] {
    (results.pictures.map { [Self.spectrograms($0), Self.paper($0)] } ?? [])
      + (results.explanation.map { [Self.maps($0)] } ?? [])
  }

  private static func spectrograms(_ pictures: CohortPicturesCell.Result) -> ReportDocument.Section {
    .init(
      "cohort-spectrograms", "Spectrograms of responders and non-responders (the paper's Figure 2)", .synthetic,
      [
        .spectrograms(pictures.spectrograms),
        .note(
          "The single beats are of the first responder and non-responder with LBBB of the cohort; means weigh each "
            + "patient 1."),
      ])
  }

  private static func paper(_ pictures: CohortPicturesCell.Result) -> ReportDocument.Section {
    .init(
      "cohort-ecg", "Twelve-lead ECGs with QRS limits and each criterion", .synthetic,
      [
        .text(
          "The first patients of the cohort of three kinds. Brackets mark onset [ and offset ] of each QRS complex, as "
            + "found on the median beat over all leads.")
      ]
        + pictures.shown.flatMap { shown -> [ReportDocument.Block] in
          [
            .waveforms(.init(title: shown.caption, synthetic: true, strips: [shown.strip])),
            .table(criteria(shown)),
          ]
        })
  }

  private static func criteria(_ shown: CohortPicturesCell.Shown) -> ReportTable {
    ReportTable(
      "SYNTHETIC, \(shown.caption): criteria of bundle branch block as measured.",
      columns: [
        .init("Rule"), .init("Criterion"), .init("Value", .threeDecimals), .init("Unit"), .init("Must be"),
        .init("Met"),
      ],
      rows: shown.findings.flatMap { finding in
        finding.criteria.map { criterion in
          [
            .text("\(finding.rule.rawValue): \(met(finding.isMet))"), .text(criterion.name),
            .number(criterion.value, digits: digits[criterion.unit] ?? 2),
            .text(criterion.unit), .text(limit(criterion)), Words.yesNo(criterion.isMet),
          ]
        }
      })
  }

  private static func met(_ isMet: Bool?) -> String { isMet.map { $0 ? "met" : "not met" } ?? "cannot be told" }

  private static let digits = ["ms": 0, "leads": 0]

  private static func limit(_ criterion: CohortPicturesCell.Finding.Criterion) -> String {
    func short(_ value: Double) -> String { ReportNumber.fixed(value, value == value.rounded() ? 0 : 2) }
    return [criterion.least.map { "≥ \(short($0))" }, criterion.most.map { "≤ \(short($0))" }].compactMap(\.self)
      .joined(separator: ", ")
  }

  private static func maps(_ explanation: CohortExplanationCell.Result) -> ReportDocument.Section {
    .init(
      "cohort-grad-cam", "Grad-CAM beside the same for random weights", .synthetic,
      [
        .text(
          "Where evidence for response comes from, in test patients of the first fold: a network fine-tuned on the "
            + "others, beside the same network with random weights. A map that looks alike for both shows the image, not "
            + "what was learnt. A network reads all leads at once, so a map is of all of them."),
        .spectrograms(explanation.maps),
        .table(
          ReportTable(
            "SYNTHETIC cohort. Correlation of the trained network's map with the random one's, first beat of each test "
              + "patient; a dash where one of the two is 0 everywhere.",
            columns: [.init("Patient"), .init("Outcome"), .init("Evidence, log odds", .threeDecimals)]
              + explanation.layers.map { .init("Layer \($0)", .threeDecimals) },
            rows: explanation.patients.map { patient in
              [
                .text(patient.id), .text(patient.responded ? "responder" : "non-responder"), .number(patient.score),
              ] + patient.correlations.map { .number($0) }
            })),
        .note(
          "Selvaraju et al. 2017; each map from 0 to its own largest value. For images of 64 × 64 layer 2 has maps of "
            + "8 × 8, layer 4, the last, of 2 × 2: it tells little about place."),
      ])
  }
}
