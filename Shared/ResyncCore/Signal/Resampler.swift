import CKernels
import Foundation
import Synchronization

/// Resampling of one lead by a ratio of whole numbers: a fixed Kaiser-windowed sinc, linear phase and time-invariant.
///
/// Output n lies at n / canonical rate seconds; its taps depend on n alone, so that chunking changes no bit. Before the
/// first sample and after the last the signal is held. Equal rates pass through untouched. The stop band begins at half
/// the lower rate, attenuation 80 dB (Kaiser β = 8); the pass band ends at 0.42 of the lower rate.
package struct Resampler: Sendable {
  /// Output step in input samples is `step / denominator`.
  private let step: Int64
  private let denominator: Int64
  /// Taps on either side of an output's place.
  private let half: Int
  /// Filters for places between two input samples, [phase][2 · half]; phases beyond 1,024 are taken to the nearest.
  private let taps: [Double]
  private let phases: Int
  private var history: [Float] = []
  /// Input index of `history[0]`; negative at the start, where the first sample is held.
  private var historyStart: Int64 = 0
  private var inputCount: Int64 = 0
  private var outputCount: Int64 = 0

  private static let kaiserBeta = 8.0
  private static let zeroCrossings = 32.0
  private static let maximumPhases: Int64 = 1_024

  /// - Parameter inputRateHz: taken to the nearest microhertz.
  package init(inputRateHz: Double, outputRateHz: Int) {
    let input = Int64((inputRateHz * 1e6).rounded())
    let output = Int64(outputRateHz) * 1_000_000
    let divisor = Self.greatestCommonDivisor(input, output)
    step = input / divisor
    denominator = output / divisor
    guard step != denominator else {
      (half, taps, phases) = (0, [], 0)
      return
    }
    let stretch = max(1, Double(step) / Double(denominator))
    half = Int((Self.zeroCrossings * stretch).rounded(.up))
    phases = Int(min(denominator, Self.maximumPhases))
    taps = Self.design(half: half, phases: phases, cutoff: 0.46 / stretch)
  }

  var isIdentity: Bool { step == denominator }

  /// The input sample nearest to an output sample's time.
  func inputIndex(ofOutput index: Int64) -> Int64 { (2 * index * step + denominator) / (2 * denominator) }
  /// The output sample nearest to an input sample's time.
  func outputIndex(ofInput index: Int64) -> Int64 { (2 * index * denominator + step) / (2 * step) }

  package mutating func process(_ samples: ArraySlice<Float>, into output: inout [Float]) {
    guard !isIdentity else {
      output += samples
      return
    }
    guard let first = samples.first else { return }
    if inputCount == 0 {
      history = Array(repeating: first, count: half)
      historyStart = -Int64(half)
    }
    history += samples
    inputCount += Int64(samples.count)
    produce(upTo: .max, into: &output)
    trim()
  }

  /// Gives the outputs that still wait for samples after the end.
  package mutating func finish(into output: inout [Float]) {
    guard !isIdentity, let last = history.last else { return }
    history += Array(repeating: last, count: half + 1)
    // Outputs at or after the time of sample `inputCount` do not exist.
    produce(upTo: (inputCount * denominator + step - 1) / step, into: &output)
  }

  private mutating func produce(upTo limit: Int64, into output: inout [Float]) {
    let end = historyStart + Int64(history.count)
    if phases == denominator {
      // Taps reach to centre + half: the outputs whose centre lies before this place.
      let ready = (end - Int64(half)) * denominator
      let count = min(limit, max(0, (ready + step - 1) / step)) - outputCount
      if count >= 2 * denominator { produceByPhase(Int(count), into: &output) }
    }
    while outputCount < limit {
      let numerator = outputCount * step
      var centre = numerator / denominator
      var phase = Int((numerator % denominator * Int64(phases) + denominator / 2) / denominator)
      if phase == phases { (centre, phase) = (centre + 1, 0) }
      // Taps reach from centre − half + 1 to centre + half.
      guard centre + Int64(half) < end else { return }
      let start = Int(centre - historyStart) - half + 1
      var sum = 0.0
      for tap in 0..<2 * half { sum += taps[phase * 2 * half + tap] * Double(history[start + tap]) }
      output.append(Float(sum))
      outputCount += 1
    }
  }

  /// The next `count` outputs, to the same bits as one by one: those `denominator` apart share their taps and lie `step`
  /// inputs apart, so that with every `step`th input side by side they are computed as vectors.
  private mutating func produceByPhase(_ count: Int, into output: inout [Float]) {
    let (step, denominator) = (Int(step), Int(denominator))
    let laneLength = (history.count + step - 1) / step + 8
    var lanes = [Double](repeating: 0, count: step * laneLength)
    var (lane, place) = (0, 0)
    for sample in history {
      lanes[lane * laneLength + place] = Double(sample)
      lane += 1
      if lane == step { (lane, place) = (0, place + 1) }
    }
    let first = output.count
    output += Array(repeating: 0, count: count)
    // The buffers belong to `output` and `taps`, which live through the calls.
    output.withUnsafeMutableBufferPointer { output in
      taps.withUnsafeBufferPointer { taps in
        for number in 0..<denominator {
          let numerator = (Int(outputCount) + number) * step
          resync_resample_phase(
            taps.baseAddress! + numerator % denominator * 2 * half, 2 * half, lanes, laneLength, step,
            numerator / denominator - Int(historyStart) - half + 1, (count - number + denominator - 1) / denominator,
            output.baseAddress! + first + number, denominator)
        }
      }
    }
    outputCount += Int64(count)
  }

  private mutating func trim() {
    let needed = outputCount * step / denominator - Int64(half) + 1
    let surplus = Int(min(max(0, needed - historyStart), Int64(history.count)))
    history.removeFirst(surplus)
    historyStart += Int64(surplus)
  }

  private struct Design: Hashable {
    let half: Int
    let phases: Int
    let cutoff: Double
  }

  /// Feeds have few rates, and the twelve leads of a recording the same one.
  private static let designs = Mutex<[Design: [Double]]>([:])
  private static let mostDesigns = 32

  private static func design(half: Int, phases: Int, cutoff: Double) -> [Double] {
    let key = Design(half: half, phases: phases, cutoff: cutoff)
    if let known = designs.withLock({ $0[key] }) { return known }
    let taps = designed(half: half, phases: phases, cutoff: cutoff)
    designs.withLock { designs in
      if designs.count == mostDesigns { designs.removeAll() }
      designs[key] = taps
    }
    return taps
  }

  /// Each phase sums to exactly the gain 1 at 0 Hz.
  private static func designed(half: Int, phases: Int, cutoff: Double) -> [Double] {
    (0..<phases).flatMap { phase -> [Double] in
      let fraction = Double(phase) / Double(phases)
      let raw = (0..<2 * half).map { tap -> Double in
        let x = Double(tap - half + 1) - fraction
        let sinc = x == 0 ? 2 * cutoff : sin(2 * .pi * cutoff * x) / (.pi * x)
        let edge = x / Double(half)
        return abs(edge) >= 1 ? 0 : sinc * besselI0(kaiserBeta * (1 - edge * edge).squareRoot())
      }
      let sum = raw.reduce(0, +)
      return raw.map { $0 / sum }
    }
  }

  private static func besselI0(_ x: Double) -> Double {
    var (term, sum, k) = (1.0, 1.0, 1.0)
    while term > 1e-17 * sum {
      term *= (x / (2 * k)) * (x / (2 * k))
      sum += term
      k += 1
    }
    return sum
  }

  private static func greatestCommonDivisor(_ a: Int64, _ b: Int64) -> Int64 {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
  }
}

extension Resampler: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(inputCount)
    writer.write(outputCount)
    writer.write(historyStart)
    writer.write(history)
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    inputCount = Int64(try reader.int(in: 0...SampleIndex.maximum))
    outputCount = Int64(try reader.int(in: 0...SampleIndex.maximum))
    historyStart = Int64(try reader.int(in: -half...SampleIndex.maximum))
    history = try reader.floats(count: 0...4 * half + 8)
    let needed = outputCount * step / max(1, denominator) - Int64(half) + 1
    let consistent =
      isIdentity || history.isEmpty && inputCount == 0
      || historyStart + Int64(history.count) == inputCount && historyStart <= needed
    guard consistent else { throw SignalError.snapshot("resampler's history does not fit its position") }
  }
}

/// The largest sample index that any stage is asked to handle: days at 1,000 Hz, and products stay far from overflow.
enum SampleIndex {
  static let maximum = 1 << 32
}
