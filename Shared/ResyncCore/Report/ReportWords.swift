/// Words that stand on every prediction and report.
public enum ReportWords {
  public static let disclaimer =
    "Research use only, not a medical device. All training patients received CRT, so this estimates remodelling, "
    + "not benefit from CRT. A low score is no reason to withhold CRT that a guideline indicates."
  public static let synthetic =
    "Synthetic: every patient, ECG and outcome in this part was made by a simulator. "
    + "Its figures say nothing about real patients and must not be set beside real data's."
  public static let trainedOnSynthetic = "trained on synthetic data"
}
