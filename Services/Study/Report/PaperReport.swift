import ResyncCore

/// The paper's own numbers, in a table of their own, with what is known of them.
enum PaperReport {
  static var section: ReportDocument.Section {
    ReportDocument.Section(
      "paper-table-2", "Table 2 of arXiv 2306.01210", .paper,
      [
        .text(
          "71 patients, 46 responders; response: LVESV down by more than 15 %; 5-fold cross-validation. These are the "
            + "paper's patients; the synthetic cohort's Table 2 below has the same form and must not be set beside it as "
            + "if it had the same patients."),
        .table(
          ReportTable(
            "As printed there. \"Implied\" is the accuracy that counts of 46 and 25 patients with this sensitivity and "
              + "specificity would have.",
            columns: [
              .init("Model"), .init("Accuracy", .threeDecimals), .init("Sensitivity", .threeDecimals),
              .init("Specificity", .threeDecimals), .init("Implied", .threeDecimals), .init("Can be"),
            ],
            rows: PaperTables.rates.map { row in
              [
                .text(row.model + (row.isPretrained ? ", pretrained on MIT-BIH" : "")), .number(row.accuracy),
                .number(row.sensitivity), .number(row.specificity), .number(row.impliedAccuracy),
                .text(row.canBe ? "yes" : "NO"),
              ]
            })),
      ] + PaperTables.notes.map { .note($0) } + [.note(lbbb)])
  }

  private static var lbbb: String {
    let counts = PaperTables.lbbbAlone
    func rate(_ value: Double?) -> String { ReportNumber.fixed(value, 3) }
    return "LBBB alone, by its Table 1, has accuracy \(rate(counts.accuracy)), sensitivity \(rate(counts.sensitivity)) "
      + "and specificity \(rate(counts.specificity)): more than its best network."
  }
}
