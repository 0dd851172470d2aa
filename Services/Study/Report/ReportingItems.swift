import ResyncCore

/// TRIPOD+AI (Collins et al., BMJ 385:e078378, 2024), filled in as far as the run knows.
struct ReportingItems {
  let results: StudyResults
  let plan: CohortPlan
  let preregistration: Preregistration?

  private static let open = "To be written by who publishes."

  var section: ReportDocument.Section {
    ReportDocument.Section(
      "tripod-ai", "TRIPOD+AI: what this run can say", .appendix,
      [
        .table(
          ReportTable(
            "Items of TRIPOD+AI in the order of the statement, in our words. What a run cannot know is left open.",
            columns: [.init("Item"), .init("Topic"), .init("This run")],
            rows: items.map { [.text($0.0), .text($0.1), .text($0.2)] }))
      ])
  }

  private var items: [(String, String, String)] {
    let baseline = results.baseline?.table
    let cohort = baseline.map { "\($0.patients) simulated patients, \($0.responders) responders" } ?? "not run"
    let transfer =
      preregistration.map { plan in
        "PTB-XL: \(plan.draws.count) draws of \(plan.draws.positives) + \(plan.draws.negatives) patients, tested on "
          + "locked folds \(plan.lockedFolds.map(String.init).joined(separator: " and "))"
      } ?? "preregistration not readable"
    let folds =
      "\(plan.folds.repetitions) × \(plan.folds.folds)-fold cross-validation by patient"
      + (plan.deeper.isEmpty ? "" : ", deeper networks \(plan.deeperRepetitions) ×")
    return [
      ("1, 2", "Title, abstract", Self.open),
      ("3", "Background, health inequalities", Self.open),
      (
        "4", "Objectives",
        "Development and internal validation of models of CRT response from the ECG; whether pretraining on MIT-BIH helps."
      ),
      ("5a", "Data: sources", "MIT-BIH, PTB-XL (public, real); a simulated cohort (synthetic, apart)."),
      ("5b", "Data: dates", "As the databases state; the simulated cohort has none."),
      ("6a, 6b", "Setting, eligibility", "Simulated: LVEF ≤ 35 %, QRS ≥ 120 ms. PTB-XL: docs/PREREGISTRATION.md."),
      ("6c", "Treatments", "All patients of the cohort received CRT; nothing is said of patients without it."),
      ("7", "Data preparation", "docs/METHOD.md; fitted on training parts only, the same for all groups."),
      ("8a", "Outcome", "LVESV reduced by more than 15 %; death, transplant or LVAD before follow-up is non-response."),
      ("8b, 8c", "Outcome: assessors, blinding", "Simulated, or codes of the databases; does not apply."),
      ("9", "Predictors", "Twelve-lead ECG; clinical variables of Table 1 for rivals. None is measured after implant."),
      ("10", "Sample size", "Fixed by the paper, 71 patients; what that can tell is printed under each table."),
      ("11", "Missing data", "Imputed inside training folds; Table 1 counts them. A rule not assessable says so."),
      ("12a", "How data were used", "Cohort: \(folds). \(transfer)."),
      (
        "12b, 12c", "Predictors in the model, model type", "ResNets on spectrograms; rivals of Table 2; docs/METHOD.md."
      ),
      ("12d", "Heterogeneity", "By record (beats), by subgroup (cohort)."),
      (
        "12e", "Performance measures",
        "AUC, accuracy, sensitivity, specificity, Brier, calibration, net benefit, with intervals."
      ),
      (
        "12f, 12g", "Updating, how predictions are made",
        "No updating. Mean logit over a patient's beats, Platt scaling."
      ),
      ("13", "Class imbalance", "Beats: class weights in the loss. Patients: none; threshold by balanced accuracy."),
      ("14", "Fairness", "Subgroups by sex. Others are not known of simulated patients."),
      ("15", "Model output", "A probability, its Venn–Abers interval, a decision or none."),
      ("16", "Training against evaluation", "Same simulator in both: external validity is not shown."),
      ("17", "Ethical approval", "Public and simulated data only."),
      ("18a, 18b", "Funding, interests", Self.open),
      (
        "18c, 18d", "Protocol, registration",
        "docs/PREREGISTRATION.md and docs/prereg.json, \(Preregistration.registeredSHA256)."
      ),
      (
        "18e, 18f", "Sharing of data and code",
        "Public databases; this repository; fingerprints under \"What this is\"."
      ),
      ("19", "Patients and public", "Not involved."),
      ("20", "Participants", "Flow and Table 1 of the cohort; \(cohort)."),
      ("21", "Numbers in each analysis", "n in each table's caption."),
      ("22", "Full model", "Weights are kept as safetensors with their metadata; hashes in the notes."),
      ("23", "Performance", "The tables, each with 95 % intervals; heterogeneity in subgroups and by record."),
      ("24", "Updating", "None."),
      ("25", "Interpretation", Self.open),
      ("26", "Limitations", "Synthetic outcomes; small n; two public databases. \(ReportWords.disclaimer)"),
      ("27", "Usability", "Poor input leads to abstention or rejection with a code (docs/OPERATING.md)."),
    ]
  }
}
