import Foundation

/// The median of a recording's normal beats in each lead, after they were moved onto one another.
///
/// The median refuses what a mean lets in: a missed ectopic beat, a burst of noise.
public struct MedianBeat: Hashable, Sendable {
  public let leads: [Lead]
  public private(set) var rateHz: Int
  /// [lead][sample], mV.
  public private(set) var samples: [[Float]]
  /// Index of the R-peak.
  public private(set) var peak: Int
  /// Beats it was made of.
  public let beatCount: Int
  /// For each lead, how alike its beats are: median over beats of Pearson's r with the median beat around the QRS
  /// complex.
  public let likeness: [Double]
  /// For each lead, the beats' effective deviation from the median beat outside the QRS complex, median over beats, mV.
  public let noiseMillivolts: [Double]

  /// Farthest that a beat is moved, and the stretch around the R-peak in which beats are compared, seconds.
  private static let reachSeconds = 0.03
  private static let comparedSeconds = (before: 0.12, after: 0.18)

  /// - Returns: nil without beats.
  public init?(of beats: AlignedBeats, leads: [Lead]) {
    precondition(leads.count == beats.leadCount, "one name for each lead")
    guard !beats.beats.isEmpty else { return nil }
    let rate = Double(beats.rateHz)
    let width = beats.before + 1 + beats.after
    let near =
      max(
        1, beats.before - Int(Self.comparedSeconds.before * rate))..<min(
        width - 1, beats.before + Int(Self.comparedSeconds.after * rate))
    var shifts = [Int](repeating: 0, count: beats.beats.count)
    var median = Self.median(of: beats.beats, shifts: shifts)
    if beats.beats.count > 1 {
      for _ in 0..<2 {
        shifts = beats.beats.map {
          Self.shift(of: $0, onto: median, near: near, reach: Int(Self.reachSeconds * rate))
        }
        median = Self.median(of: beats.beats, shifts: shifts)
      }
    }
    self.leads = leads
    rateHz = beats.rateHz
    samples = median
    peak = beats.before
    beatCount = beats.beats.count
    let moved = zip(beats.beats, shifts).map { beat, shift in beat.map { Self.moved($0, by: shift) } }
    likeness = leads.indices.map { lead in
      moved.map { BeatTemplate.pearson($0[lead], median[lead], near) }.median
    }
    noiseMillivolts = leads.indices.map { lead in
      moved.map { Self.deviation($0[lead], median[lead], outside: near) }.median
    }
  }

  /// Position of a beat's sample n is n + shift; held beyond its ends.
  private static func moved(_ lead: [Float], by shift: Int) -> [Float] {
    shift == 0 ? lead : lead.indices.map { lead[min(max($0 - shift, 0), lead.count - 1)] }
  }

  private static func median(of beats: [[[Float]]], shifts: [Int]) -> [[Float]] {
    beats[0].indices.map { lead in
      let moved = zip(beats, shifts).map { Self.moved($0[lead], by: $1) }
      var values = [Float](repeating: 0, count: moved.count)
      return moved[0].indices.map { index in
        // A dozen values at most, thousands of times: put in their places one by one.
        for (count, beat) in moved.enumerated() {
          let value = beat[index]
          var place = count
          while place > 0, values[place - 1] > value {
            values[place] = values[place - 1]
            place -= 1
          }
          values[place] = value
        }
        return (values[(values.count - 1) / 2] + values[values.count / 2]) / 2
      }
    }
  }

  /// The shift for which the product of slopes, summed over leads, is largest; the smallest shift of equals.
  private static func shift(of beat: [[Float]], onto median: [[Float]], near: Range<Int>, reach: Int) -> Int {
    // All shifts go forward together, one product of slopes at a time, since each one's sum has to wait for the last.
    var products = [Double](repeating: 0, count: 2 * reach + 1)
    for (lead, target) in zip(beat, median) {
      // By how much sample n + 1 lies above sample n − 1, at n − 1.
      let slopes = (1..<lead.count - 1).map { lead[$0 + 1] - lead[$0 - 1] }
      for index in near {
        let slope = target[index + 1] - target[index - 1]
        let first = index - 1 + reach
        for place in products.indices { products[place] += Double(slopes[first - place] * slope) }
      }
    }
    var best = (shift: 0, product: -Double.infinity)
    for shift in (-reach...reach).sorted(by: { abs($0) < abs($1) }) where products[shift + reach] > best.product {
      best = (shift, products[shift + reach])
    }
    return best.shift
  }

  private static func deviation(_ a: [Float], _ b: [Float], outside near: Range<Int>) -> Double {
    let differences = a.indices.filter { !near.contains($0) }.map { Double(a[$0] - b[$0]) }
    let mean = differences.reduce(0, +) / Double(differences.count)
    return (differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(differences.count)).squareRoot()
  }

  /// Samples of a lead; nil when the recording lacks it.
  public func samples(of lead: Lead) -> [Float]? { leads.firstIndex(of: lead).map { samples[$0] } }

  /// The beat at another rate, by band-limited interpolation.
  func resampled(toHz rate: Int) -> MedianBeat {
    var copy = self
    copy.samples = samples.map { lead in
      var resampler = Resampler(inputRateHz: Double(rateHz), outputRateHz: rate)
      var output: [Float] = []
      resampler.process(lead[...], into: &output)
      resampler.finish(into: &output)
      return output
    }
    copy.peak = Int((Double(peak) * Double(rate) / Double(rateHz)).rounded())
    copy.rateHz = rate
    return copy
  }
}
