import Foundation

/// Finds where a QRS complex begins and ends in each lead and over all.
///
/// A small convolutional network over time, shared by all leads: two layers see each lead alone, then each lead is given
/// the mean of all beside its own, so that any number of leads in any order can be read. Its output for a limit is a
/// distribution over places; the limit is its mean. It was fitted to the cardiologists' marks of LUDB records with odd
/// numbers (`Benchmarks/training/qrs_limits.py`). Signs and sizes of leads do not matter by construction or training;
/// a lead's name does, as far as readers treat leads differently.
public struct QRSDelineator: Sendable {
  /// Rate at which signals are read, Hz; the network takes every second sample.
  static let rateHz = 500
  /// Places, relative to the R-peak, in steps of 4 ms: −240 to 276 ms.
  static let places = -60..<70
  private static let stepSeconds = 0.004
  /// Stretch in which a lead's size is taken, places.
  private static let core = -30..<35

  private let weights: QRSDelineatorWeights

  public init() { weights = .fitted }

  /// - Parameters:
  ///   - beat: [lead][sample], mV, at least one lead; from 250 ms before to 300 ms after the R-peak, what is missing is
  ///     held. A flat lead gets limits too; whether they mean anything is the quality measures' to say.
  ///   - peak: index of the R-peak.
  ///   - leads: one name for each lead.
  public func delineate(_ beat: [[Float]], peak: Int, rateHz: Int, leads: [Lead]) -> QRSDelineation {
    precondition(!leads.isEmpty && beat.count == leads.count, "one name for each lead")
    let first = -Int((0.25 * Double(Self.rateHz)).rounded())
    let count = Int((0.55 * Double(Self.rateHz)).rounded())
    var remainder = 0.0
    let windows = beat.map { lead -> [Float] in
      let (samples, start) = Self.resampled(lead, peak: peak, rateHz: rateHz)
      // The R-peak falls between two samples of the new rate; what is left of a sample is added to the result.
      let place = start.rounded()
      remainder = start - place
      return (0..<count).map { samples[min(max(Int(place) + first + $0, 0), samples.count - 1)] }
    }
    let distributions = weights.distributions(
      of: Self.features(windows, origin: -first), count: Self.places.count, leads: leads)
    let correction = remainder / Double(Self.rateHz)
    let limits = distributions.map { pair -> QRSLimits in
      let seconds = pair.map { Self.stepSeconds * ($0 + Double(Self.places.lowerBound)) - correction }
      return QRSLimits(onset: min(seconds[0], seconds[1]), offset: max(seconds[0], seconds[1]))
    }
    return QRSDelineation(
      leads: leads, limits: Array(limits.dropLast()), global: leads.count >= 3 ? limits.last : nil)
  }

  /// - Returns: the lead at 500 Hz and the R-peak's place in it.
  private static func resampled(_ lead: [Float], peak: Int, rateHz: Int) -> (samples: [Float], peak: Double) {
    var resampler = Resampler(inputRateHz: Double(rateHz), outputRateHz: Self.rateHz)
    var output: [Float] = []
    resampler.process(lead[...], into: &output)
    resampler.finish(into: &output)
    return (output, Double(peak) * Double(Self.rateHz) / Double(rateHz))
  }

  static let channels = 5
  /// Floor of relative slopes before their logarithm.
  private static let floor: Float = 0.003

  /// What the network sees of each lead, [lead][channel][place]: slope over the lead's largest; level over the lead's
  /// largest; logarithm of the slope's size; logarithm of the spatial velocity; how the lead's largest slope compares
  /// with the largest spatial velocity.
  private static func features(_ leads: [[Float]], origin: Int) -> [[[Float]]] {
    let slopes = leads.map { x in
      places.map { place -> Float in
        let n = origin + 2 * place
        return (x[n + 1] + x[n + 2] - x[n - 1] - x[n - 2]) / 6
      }
    }
    let inner = core.lowerBound - places.lowerBound..<core.upperBound - places.lowerBound
    let velocity = (0..<places.count).map { at in
      slopes.reduce(Float(0)) { $0 + $1[at] * $1[at] }.squareRoot()
    }
    let fastest = velocity[inner].max()! + 1e-6
    let common = velocity.map { logarithm($0 / fastest) }
    return zip(leads, slopes).map { x, slope in
      let steepest = slope[inner].map(abs).max()! + 1e-6
      let levels = places.map { place -> Float in
        let n = origin + 2 * place
        return (x[n - 1] + 2 * x[n] + x[n + 1]) / 4
      }
      let middle = Float(levels.map(Double.init).median)
      let largest = levels[inner].map { abs($0 - middle) }.max()! + 1e-6
      return [
        slope.map { $0 / steepest }, levels.map { ($0 - middle) / largest },
        slope.map { logarithm(abs($0) / steepest) }, common,
        Array(repeating: logarithm(steepest / fastest), count: places.count),
      ]
    }
  }

  private static func logarithm(_ value: Float) -> Float { log(value + floor) / 3 + 1 }
}
