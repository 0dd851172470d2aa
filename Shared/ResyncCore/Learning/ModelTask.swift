import Foundation

/// What a model is asked.
public enum ModelTask: String, Codable, CaseIterable, Hashable, Sendable {
  /// The AAMI class of a beat.
  case beatClass = "beat-class"
  /// Whether a patient responds to cardiac resynchronization therapy.
  case crtResponse = "crt-response"

  /// Outputs of the network, in order; a label is an index into them.
  public var classNames: [String] {
    switch self {
    case .beatClass: BeatClass.allCases.map(\.rawValue)
    case .crtResponse: ["non-responder", "responder"]
    }
  }

  /// Classes over which macro-F1 is taken: N, S, V, F; or both.
  package var scoredClasses: [Int] {
    switch self {
    case .beatClass: [BeatClass.N, .S, .V, .F].compactMap { BeatClass.allCases.firstIndex(of: $0) }
    case .crtResponse: [0, 1]
    }
  }
}

/// From beats to a patient.
public enum PatientScore {
  /// Evidence of one beat for response: logit of "responder" less that of "non-responder".
  public static func logitDifference(_ logits: [Float]) -> Float {
    precondition(logits.count == 2, "a response model has two logits")
    return logits[1] - logits[0]
  }

  /// Mean logit difference over a patient's beats, in their order; nil without beats.
  public static func logOdds(logitDifferences: [Float]) -> Double? {
    guard !logitDifferences.isEmpty else { return nil }
    return logitDifferences.reduce(0.0) { $0 + Double($1) } / Double(logitDifferences.count)
  }

  /// σ(mean logit difference).
  public static func probability(logOdds: Double) -> Double { 1 / (1 + exp(-logOdds)) }
}
