import Foundation
import ResyncCore

/// Mean and standard deviation.
func simulationMoments(_ values: [Double]) -> (mean: Double, deviation: Double) {
  let mean = values.reduce(0, +) / Double(values.count)
  let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  return (mean, (square / Double(values.count - 1)).squareRoot())
}

/// Rank-sum AUC; ties count half.
func simulationAUC(_ scores: [Double], _ labels: [Bool]) -> Double {
  let order = scores.indices.sorted { scores[$0] < scores[$1] }
  var ranks = [Double](repeating: 0, count: scores.count)
  var start = 0
  while start < order.count {
    var end = start
    while end < order.count && scores[order[end]] == scores[order[start]] { end += 1 }
    for index in start..<end { ranks[order[index]] = Double(start + end + 1) / 2 }
    start = end
  }
  let positives = Double(labels.count(where: \.self))
  let negatives = Double(labels.count) - positives
  let sum = zip(ranks, labels).reduce(0) { $0 + ($1.1 ? $1.0 : 0) }
  return (sum - positives * (positives + 1) / 2) / (positives * negatives)
}

extension ElectrocardiogramRecipe {
  /// The same heart without noise, rotation, scar or rhythm disturbance.
  func clean(pattern: ActivationPattern, qrsDurationMs: Double) -> Self {
    var recipe = self
    recipe.pattern = pattern
    recipe.qrsDurationMs = qrsDurationMs
    recipe.lateForceGain = 1
    recipe.scarExpression = 0
    recipe.rhythm = .sinus
    recipe.heartRateBPM = 70
    recipe.gain = 1
    recipe.frontalRotationDegrees = 0
    recipe.transverseRotationDegrees = 0
    recipe.chestElectrodeShift = 0
    recipe.noiseMillivolts = 0
    recipe.wanderMillivolts = 0
    recipe.mainsMillivolts = 0
    recipe.ectopicShare = 0
    return recipe
  }
}

extension SimulatedRecording {
  func lead(_ lead: Lead) -> [Float] { samples[Lead.allCases.firstIndex(of: lead)!] }

  /// The samples of one QRS, minus the level at its onset.
  func qrs(_ lead: Lead, _ beat: Beat) -> [Float] {
    let start = Int((beat.qrsOnsetSeconds * sampleRateHz).rounded())
    let count = Int((beat.qrsDurationMs / 1000 * sampleRateHz).rounded())
    let values = self.lead(lead)[start..<start + count]
    return values.map { $0 - values[start] }
  }

  /// Width of the QRS as a reader would find it: where the summed slope of all leads exceeds a share of its peak.
  func measuredWidthMs(_ beat: Beat, share: Float = 0.08) -> Double {
    let margin = Int(0.06 * sampleRateHz)
    let start = Int(beat.qrsOnsetSeconds * sampleRateHz) - margin
    let end = start + Int(beat.qrsDurationMs / 1000 * sampleRateHz) + 2 * margin
    let slopes = (start..<end).map { index in samples.reduce(Float(0)) { $0 + abs($1[index + 1] - $1[index - 1]) } }
    let limit = share * slopes.max()!
    let first = slopes.firstIndex { $0 > limit }!
    let last = slopes.lastIndex { $0 > limit }!
    return Double(last - first) / sampleRateHz * 1000
  }

  /// Whole beats, away from both ends.
  var innerBeats: [Beat] {
    let end = Double(samples[0].count) / sampleRateHz - 0.7
    return beats.filter { $0.qrsOnsetSeconds > 0.5 && $0.qrsOnsetSeconds < end }
  }
}
