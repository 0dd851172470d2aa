extension CohortColumn {
  /// Every column that a cohort's table may have. Command, documentation, checks and SQL follow from it.
  public static let all: [CohortColumn] = identity + baselines + implant + followUp

  public static let named = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  static let required: Set<String> = ["patient_id", "role"]

  private static let identity: [CohortColumn] = [
    .init("patient_id", .text, .identity, "The feed's own identifier; stored as a pseudonym only"),
    .init("role", .choice(["train", "holdout"]), .identity, "Whether the patient may teach a model"),
    .init("synthetic", .yesNo, .identity, "From a simulator; one such line marks the whole cohort"),
    .init(
      "ecg_record", .text, .identity,
      "The baseline ECG: its record's name in the folder of `--recordings`, else its uid in the feed"),
  ]

  private static let volume = Kind.number(1...2000)
  private static let diameter = Kind.number(10...150)

  /// The paper's Table 1 is among them: all but patient_id, role and outcome.
  public static let baselines: [CohortColumn] = [
    .init("age_years", .number(0...130), unit: "years", .baseline, "Age at implant"),
    .init("sex", .choice(["female", "male"]), .baseline, "Sex"),
    .init("height_cm", .number(100...230), unit: "cm", .baseline, "Height"),
    .init("weight_kg", .number(25...300), unit: "kg", .baseline, "Weight"),
    .init("nyha", .whole(1...4), .baseline, "NYHA functional class"),
    .init("ischaemic", .yesNo, .baseline, "Ischaemic aetiology"),
    .init("diabetes", .yesNo, .baseline, "Diabetes mellitus"),
    .init("hypertension", .yesNo, .baseline, "Hypertension"),
    .init("ckd", .yesNo, .baseline, "Chronic kidney disease"),
    .init("smoking", .yesNo, .baseline, "Smoker, now or before"),
    .init("acei_arb", .yesNo, .baseline, "ACE inhibitor or angiotensin receptor blocker"),
    .init("arni", .yesNo, .baseline, "Angiotensin receptor–neprilysin inhibitor"),
    .init("beta_blocker", .yesNo, .baseline, "Beta-blocker"),
    .init("spironolactone", .yesNo, .baseline, "Spironolactone or another mineralocorticoid antagonist"),
    .init("sglt2i", .yesNo, .baseline, "SGLT2 inhibitor"),
    .init("digoxin", .yesNo, .baseline, "Digoxin"),
    .init("diuretic", .yesNo, .baseline, "Diuretic"),
    .init("optimal_therapy", .yesNo, .baseline, "Optimal medical therapy for at least three months"),
    .init("egfr_ml_min", .number(1...200), unit: "mL/min/1.73 m²", .baseline, "Estimated glomerular filtration rate"),
    .init("nt_probnp_pg_ml", .number(1...200_000), unit: "pg/mL", .baseline, "NT-proBNP"),
    .init("rhythm", .choice(["sinus", "atrial-fibrillation", "paced", "other"]), .baseline, "Rhythm of the ECG"),
    .init("qrs_duration_ms", .number(40...400), unit: "ms", .baseline, "QRS duration as read"),
    .init(
      "qrs_morphology", .choice(["lbbb", "rbbb", "ivcd", "narrow", "paced"]), .baseline, "QRS morphology as read"),
    .init("lbbb", .yesNo, .baseline, "Left bundle branch block as read; follows from qrs_morphology when empty"),
    .init("paced", .yesNo, .baseline, "The ECG is paced"),
    .init("upgrade", .yesNo, .baseline, "Upgrade from a pacemaker or defibrillator"),
    .init("lvef_percent", .number(0...100), unit: "%", .baseline, "Left ventricular ejection fraction"),
    .init("lvedv_ml", volume, unit: "mL", .baseline, "LV end-diastolic volume"),
    .init("lvesv_ml", volume, unit: "mL", .baseline, "LV end-systolic volume"),
    .init("lvesd_mm", diameter, unit: "mm", .baseline, "LV end-systolic diameter, where volumes are not known"),
    .init(
      "echo_method", .choice(["simpson", "teichholz", "three-dimensional", "other"]), .baseline,
      "How LV volumes were measured, the same before and after"),
    .init("scar_percent", .number(0...100), unit: "%", .baseline, "Scar burden, share of the left ventricle"),
    .init("ecg_date", .date, .baseline, "Day of the ECG; not after implant_date"),
    .init("echo_date", .date, .baseline, "Day of the echo before; not after implant_date"),
  ]

  private static let implant: [CohortColumn] = [
    .init("implant_date", .date, .implant, "Day of the implant"),
    .init("device", .choice(["crt-p", "crt-d"]), .implant, "Pacemaker or defibrillator"),
    .init(
      "lv_lead_position",
      .choice([
        "lateral", "posterolateral", "posterior", "anterolateral", "anterior", "apical", "conduction-system", "other",
      ]),
      .implant, "Where the left ventricular lead came to lie"),
  ]

  private static let followUp: [CohortColumn] = [
    .init("biv_pacing_percent", .number(0...100), unit: "%", .followUp, "Share of beats paced in both ventricles"),
    .init("followup_echo_date", .date, .followUp, "Day of the echo after; later than implant_date"),
    .init(
      "followup_months", .number(0...240), unit: "months", .followUp,
      "From implant to the echo after, or to the event; follows from the dates when empty"),
    .init("lvesv_after_ml", .number(0...2000), unit: "mL", .followUp, "LV end-systolic volume at follow-up"),
    .init("lvesd_after_mm", diameter, unit: "mm", .followUp, "LV end-systolic diameter at follow-up"),
    .init(
      "event", .choice(["none", "death", "transplant", "lvad"]), .followUp,
      "What came before the follow-up echo; empty is none"),
  ]

  /// What is known from the implant on.
  public static let outcomes = implant + followUp

  /// The table of the documentation, in Markdown.
  public static var markdown: String {
    let rows = all.map { column in
      let name = "`\(column.name)`" + (column.isRequired ? " (required)" : "")
      let known = column.moment.rawValue
      return "| \(name) | \(known) | \(column.expectation) | \(column.unit ?? "") | \(column.meaning) |"
    }
    return (["| column | known | allowed | unit | meaning |", "|---|---|---|---|---|"] + rows).joined(separator: "\n")
  }
}
