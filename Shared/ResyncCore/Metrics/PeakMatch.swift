/// A one-to-one, in-order matching of detected peaks with reference beats, and what it leaves over.
package struct PeakMatch: Sendable {
  /// Reference beats that were found, those that were not, and detections that no reference took; ascending samples.
  package private(set) var found: [Int64] = []
  package private(set) var missed: [Int64] = []
  package private(set) var extra: [Int64] = []

  /// - Parameters:
  ///   - references, detections: ascending samples.
  ///   - tolerance: largest distance of a pair, samples.
  package init(references: [Int64], detections: [Int64], tolerance: Int64) {
    var (i, j) = (0, 0)
    while i < references.count || j < detections.count {
      let distance: Int64? = i < references.count && j < detections.count ? detections[j] - references[i] : nil
      if let distance, abs(distance) <= tolerance {
        found.append(references[i])
        (i, j) = (i + 1, j + 1)
      } else if i == references.count || (distance ?? 0) < 0 {
        extra.append(detections[j])
        j += 1
      } else {
        missed.append(references[i])
        i += 1
      }
    }
  }

  /// The counts of what lies where `isCounted` says.
  package func score(where isCounted: (Int64) -> Bool = { _ in true }) -> PeakScore {
    PeakScore(
      found: found.count(where: isCounted), missed: missed.count(where: isCounted),
      extra: extra.count(where: isCounted))
  }
}

/// Counts of a matching.
package struct PeakScore: Hashable, Sendable, CustomStringConvertible {
  package var found = 0
  package var missed = 0
  package var extra = 0

  package init(found: Int = 0, missed: Int = 0, extra: Int = 0) {
    (self.found, self.missed, self.extra) = (found, missed, extra)
  }

  package static func += (sum: inout PeakScore, more: PeakScore) {
    sum.found += more.found
    sum.missed += more.missed
    sum.extra += more.extra
  }

  package var beats: Int { found + missed }
  /// Found of all references, percent; 100 without references.
  package var sensitivity: Double { beats == 0 ? 100 : 100 * Double(found) / Double(beats) }
  /// Found of all detections, percent; 100 without detections.
  package var positivePredictivity: Double {
    found + extra == 0 ? 100 : 100 * Double(found) / Double(found + extra)
  }

  package var description: String { "missed \(missed), extra \(extra) of \(beats)" }
}
