import Foundation
import Messages
import Predictor
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
    age: Double? = 70, threshold: Double = 0.5, limit: Float? = 2
  ) -> ResponseDecision {
    ResponseDecision(beats: beats, measures: measures, ageYears: age, threshold: threshold, distanceLimit: limit)
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
  func flags() {
    let cases: [(ApplicabilityFlag, ResponseDecision)] = [
      (.narrowQRS, Self.decide(Self.beats([1, 1, 1]), Self.measures { $0.qrsDurationMs = 119.9 })),
      (.paced, Self.decide(Self.beats([1, 1, 1]), Self.measures { $0.paced = true })),
      (.irregularRhythm, Self.decide(Self.beats([1, 1, 1]), Self.measures { $0.rhythmIrregular = true })),
      (.underAge, Self.decide(age: 17.9)),
      (.poorQuality, Self.decide(Self.beats([1, 1, 1]), Self.measures { $0.quality = 0.49 })),
      (.poorQuality, Self.decide(Self.beats([1, 1]) + Self.beats([1], usable: false))),
      (.outOfDistribution, Self.decide(Self.beats([1, 1, 1], distance: 2.1))),
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
