import ResyncCore
import Testing

struct PeakMatchTests {
  private func match(_ references: [Int64], _ detections: [Int64]) -> PeakMatch {
    PeakMatch(references: references, detections: detections, tolerance: 54)
  }

  @Test("a pair may lie as far apart as the tolerance, and no farther")
  func tolerance() {
    #expect(match([1_000], [1_054]).found == [1_000])
    #expect(match([1_000], [946]).found == [1_000])
    let apart = match([1_000], [1_055])
    #expect(apart.found.isEmpty && apart.missed == [1_000] && apart.extra == [1_055])
  }

  @Test("one detection serves one reference, and one reference one detection")
  func oneToOne() {
    let doubled = match([1_000], [990, 1_010])
    #expect(doubled.found == [1_000] && doubled.extra == [1_010] && doubled.missed.isEmpty)
    let shared = match([1_000, 1_020], [1_010])
    #expect(shared.found == [1_000] && shared.missed == [1_020] && shared.extra.isEmpty)
  }

  @Test("what lies before, between and after is left over on its own side")
  func remainder() {
    let result = match([500, 1_000, 2_000, 3_000], [100, 1_010, 1_500, 2_960, 9_000, 9_500])
    #expect(result.found == [1_000, 3_000])
    #expect(result.missed == [500, 2_000])
    #expect(result.extra == [100, 1_500, 9_000, 9_500])
    #expect(match([], []).score() == PeakScore())
    #expect(match([1, 2], []).missed == [1, 2])
    #expect(match([], [1, 2]).extra == [1, 2])
  }

  @Test("a score counts what lies in its stretch; its rates are percent")
  func score() {
    let result = match([500, 1_000, 2_000, 3_000], [100, 1_010, 1_500, 2_960])
    #expect(result.score() == PeakScore(found: 2, missed: 2, extra: 2))
    #expect(result.score { $0 >= 1_000 } == PeakScore(found: 2, missed: 1, extra: 1))
    #expect(abs(result.score { $0 >= 1_000 }.sensitivity - 200.0 / 3) < 1e-9)
    #expect(result.score().positivePredictivity == 50)
    #expect(PeakScore().sensitivity == 100 && PeakScore().positivePredictivity == 100)
  }
}
