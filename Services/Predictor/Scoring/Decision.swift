import Foundation
import Messages
import ResyncCore

/// Why a decision is withheld although a probability can be computed.
package enum ApplicabilityFlag: String, CaseIterable {
  /// QRS under 120 ms: no guideline gives CRT for dyssynchrony, and no training patient had it.
  case narrowQRS = "NARROW_QRS"
  case paced = "PACED"
  case irregularRhythm = "AF_LIKE_RHYTHM"
  case underAge = "AGE_UNDER_18"
  case poorQuality = "POOR_QUALITY"
  case outOfDistribution = "OUT_OF_DISTRIBUTION"
  /// The interval of the probability holds the threshold.
  case uncertain = "UNCERTAIN"
}

/// What a recording's beats say of the patient, as a pure function of rows and model.
package struct ResponseDecision: Hashable {
  /// One scored beat: log-odds of response and whether it may speak for the patient.
  package struct ScoredBeat: Hashable {
    var logOdds: Float
    /// Quality passed and not suspected ectopic.
    var usable: Bool
    var distance: Float

    package init(logOdds: Float, usable: Bool, distance: Float) {
      self.logOdds = logOdds
      self.usable = usable
      self.distance = distance
    }
  }

  package static let responder = "responder"
  package static let nonResponder = "non-responder"
  static let minimumUsableBeats = 3

  /// σ(mean log-odds over usable beats); nil when there is none.
  package var probability: Double?
  /// Calibrated probability, interval and side of the threshold; nil without a probability or a calibration.
  package var reading: ScoreCalibration.Reading?
  package var flags: [ApplicabilityFlag]
  /// Nil is an abstention.
  package var decision: String?

  /// - Parameters:
  ///   - threshold: on the probability; a calibration has its own.
  ///   - calibration: nil for a model without.
  package init(
    beats: [ScoredBeat], measures: ProtoEcgMeasures, ageYears: Double?, threshold: Double, distanceLimit: Float?,
    calibration: ScoreCalibration? = nil
  ) {
    let usable = beats.filter(\.usable)
    // In row order: the same rows give the same bits.
    let logOdds = PatientScore.logOdds(logitDifferences: usable.map(\.logOdds))
    probability = logOdds.map { PatientScore.probability(logOdds: $0) }
    reading = logOdds.flatMap { calibration?.reading($0) }
    let meanDistance = usable.reduce(0.0) { $0 + Double($1.distance) } / Double(max(1, usable.count))

    let raised: [(ApplicabilityFlag, Bool)] = [
      (.narrowQRS, measures.bestQRSDurationMs.map { $0 < 120 } ?? false),
      (.paced, measures.paced),
      (.irregularRhythm, measures.rhythmIrregular),
      (.underAge, ageYears.map { $0 < 18 } ?? false),
      (.poorQuality, measures.quality < 0.5 || usable.count < Self.minimumUsableBeats),
      (.outOfDistribution, distanceLimit.map { meanDistance > Double($0) } ?? false),
      (.uncertain, reading?.isUndecided ?? false),
    ]
    flags = raised.filter(\.1).map(\.0)
    guard let probability, flags.isEmpty else { return }
    decision = reading?.isResponder ?? (probability >= threshold) ? Self.responder : Self.nonResponder
  }
}
