import Foundation
import Messages
import ResyncCore
import Scoring
import Testing

@Suite("The decision on a recording")
struct ResponseDecisionTests {
  private static func measures(_ change: (inout ProtoEcgMeasures) -> Void = { _ in }) -> ProtoEcgMeasures {
    var measures = ProtoEcgMeasures.with {
      $0.qrsDurationMs = 150
      $0.quality = 1
    }
    change(&measures)
    return measures
  }

  private static func beats(_ logOdds: [Float], usable: Bool = true, distance: Float = 1) -> [ResponseDecision
    .ScoredBeat]
  {
    logOdds.map { .init(logOdds: $0, usable: usable, distance: distance) }
  }

  private static func decide(
    _ beats: [ResponseDecision.ScoredBeat] = beats([1, 1, 1]), _ measures: ProtoEcgMeasures = measures(),
    age: Double? = 70, threshold: Double = 0.5, limit: Float? = 2, calibration: ScoreCalibration? = nil
  ) -> ResponseDecision {
    ResponseDecision(
      beats: beats, measures: measures, ageYears: age, threshold: threshold, distanceLimit: limit,
      calibration: calibration)
  }

  /// Scores −20…19; who has a score of 0 or more is a responder, but for two around it.
  private static func calibration() throws -> ScoreCalibration {
    let scores = (-20..<20).map(Double.init)
    return try ScoreCalibration(scores: scores, labels: scores.map { $0 == -2 || ($0 >= 0 && $0 != 1) })
  }

  @Test("a calibrated model decides by its own threshold and says probability and interval")
  func calibrated() throws {
    let calibration = try Self.calibration()
    for (score, decision) in [(Float(9), ResponseDecision.responder), (-9, ResponseDecision.nonResponder)] {
      let decided = Self.decide(Self.beats([score, score, score]), threshold: 1 - 1e-9, calibration: calibration)
      #expect(decided.decision == decision && decided.flags.isEmpty)
      #expect(decided.reading == calibration.reading(Double(score)))
      #expect(decided.probability == 1 / (1 + exp(-Double(score))), "the model's own probability stays what it is")
    }
  }

  @Test("an interval that holds the threshold withholds the decision, and the numbers stay")
  func uncertain() throws {
    let calibration = try Self.calibration()
    let undecided = Self.decide(Self.beats([-1, -1, -1]), calibration: calibration)
    #expect(undecided.flags == [.uncertain] && undecided.decision == nil)
    let interval = try #require(undecided.reading?.interval)
    #expect(interval.contains(calibration.threshold) && interval.lowerBound < interval.upperBound)
  }

  @Test("a model without calibration, and a recording without a usable beat, have no calibrated probability")
  func uncalibrated() throws {
    #expect(Self.decide().reading == nil && Self.decide().decision == ResponseDecision.responder)
    let none = Self.decide(Self.beats([1, 1, 1], usable: false), calibration: try Self.calibration())
    #expect(none.reading == nil && none.flags == [.poorQuality])
  }

  @Test("the probability is the logistic of the mean log-odds over usable beats alone")
  func probability() throws {
    let beats = Self.beats([2, 0, 1]) + Self.beats([-40, -40], usable: false)
    let probability = try #require(Self.decide(beats).probability)
    #expect(abs(probability - 1 / (1 + exp(-1))) < 1e-12)
  }

  @Test("nothing against it: a decision at the threshold, which itself says responder")
  func threshold() {
    #expect(Self.decide(Self.beats([0, 0, 0])).decision == ResponseDecision.responder)
    #expect(Self.decide(Self.beats([0, 0, 0]), threshold: 0.500001).decision == ResponseDecision.nonResponder)
    #expect(Self.decide(Self.beats([-1, -1, -1])).decision == ResponseDecision.nonResponder)
    #expect(Self.decide().flags.isEmpty)
  }

  @Test("each reason to withhold raises its own flag and leaves the probability but no decision")
  func flags() throws {
    let cases: [(ApplicabilityFlag, ResponseDecision)] = [
      (.narrowQRS, Self.decide(Self.beats([1, 1, 1]), Self.measures { $0.qrsDurationMs = 119.9 })),
      (.paced, Self.decide(Self.beats([1, 1, 1]), Self.measures { $0.paced = true })),
      (.irregularRhythm, Self.decide(Self.beats([1, 1, 1]), Self.measures { $0.rhythmIrregular = true })),
      (.underAge, Self.decide(age: 17.9)),
      (.poorQuality, Self.decide(Self.beats([1, 1, 1]), Self.measures { $0.quality = 0.49 })),
      (.poorQuality, Self.decide(Self.beats([1, 1]) + Self.beats([1], usable: false))),
      (.outOfDistribution, Self.decide(Self.beats([1, 1, 1], distance: 2.1))),
      (.uncertain, Self.decide(Self.beats([-1, -1, -1]), calibration: try Self.calibration())),
    ]
    for (flag, decision) in cases {
      #expect(decision.flags == [flag])
      #expect(decision.probability != nil && decision.decision == nil)
    }
    #expect(Set(cases.map(\.0)) == Set(ApplicabilityFlag.allCases))
  }

  @Test("the limits themselves raise no flag")
  func limits() {
    let decision = Self.decide(
      Self.beats([1, 1, 1], distance: 2),
      Self.measures {
        $0.qrsDurationMs = 120
        $0.quality = 0.5
      }, age: 18)
    #expect(decision.flags.isEmpty && decision.decision != nil)
  }

  @Test("an unknown age, QRS duration or distance limit raises no flag")
  func unknown() {
    let decision = Self.decide(
      Self.beats([1, 1, 1], distance: 1000), .with { $0.quality = 1 }, age: nil, limit: nil)
    #expect(decision.flags.isEmpty && decision.decision != nil)
  }

  @Test("the distance of beats that may not speak for the patient does not count")
  func distanceOfUsable() {
    let beats = Self.beats([1, 1, 1], distance: 1) + Self.beats([1], usable: false, distance: 1000)
    #expect(Self.decide(beats).flags.isEmpty)
  }

  @Test("without a usable beat there is no probability, and the quality is told as the reason")
  func noBeats() {
    for beats in [[], Self.beats([1, 1, 1], usable: false)] {
      let decision = Self.decide(beats)
      #expect(decision.probability == nil && decision.decision == nil && decision.flags == [.poorQuality])
    }
  }

  @Test("several flags come in the order of their table")
  func several() {
    let decision = Self.decide(Self.beats([1]), Self.measures { $0.paced = true }, age: 3)
    #expect(decision.flags == [.paced, .underAge, .poorQuality])
  }
}
