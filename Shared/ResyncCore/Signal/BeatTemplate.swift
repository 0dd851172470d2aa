import Foundation

/// Running mean of the patient's normal beats, [lead][sample] around the R-peak.
struct BeatTemplate: Sendable {
  /// Window around the R-peak in samples: `before` samples, the peak, `after` samples.
  let before: Int
  let after: Int
  /// Part of the window in which beats are compared: the QRS complex and the start of the T wave.
  private let compared: Range<Int>
  private(set) var mean: [[Double]] = []
  private var count = 0
  /// Regular beats in a row that do not fit: the template was made from the wrong ones.
  private var misfits = 0

  static let alikeCorrelation: Float = 0.8
  private static let longestMemory = 32
  private static let misfitLimit = 8

  init(rateHz: Int) {
    let rate = Double(rateHz)
    before = Int(0.2 * rate)
    after = Int(0.3 * rate)
    compared = before - Int(0.12 * rate)..<before + Int(0.18 * rate)
  }

  var exists: Bool { count > 0 }

  /// Pearson correlation over the compared window, mean over leads; 0 without a template, and for a flat lead.
  func correlation(_ beat: [[Float]]) -> Float {
    guard exists else { return 0 }
    let sum = zip(beat, mean).reduce(0) { $0 + Self.pearson($1.0, $1.1, compared) }
    return Float(sum / Double(mean.count))
  }

  /// Learns from a beat of good quality that is not premature.
  mutating func learn(_ beat: [[Float]], correlation: Float) {
    if exists, correlation < Self.alikeCorrelation {
      misfits += 1
      guard misfits >= Self.misfitLimit else { return }
      count = 0
    }
    misfits = 0
    if count == 0 { mean = beat.map { $0.map { _ in 0 } } }
    count = min(count + 1, Self.longestMemory)
    let share = 1 / Double(count)
    for lead in beat.indices {
      for index in beat[lead].indices { mean[lead][index] += share * (Double(beat[lead][index]) - mean[lead][index]) }
    }
  }

  private static func pearson(_ a: [Float], _ b: [Double], _ range: Range<Int>) -> Double {
    var (sumA, sumB) = (0.0, 0.0)
    for index in range { (sumA, sumB) = (sumA + Double(a[index]), sumB + b[index]) }
    let (meanA, meanB) = (sumA / Double(range.count), sumB / Double(range.count))
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for index in range {
      let (x, y) = (Double(a[index]) - meanA, b[index] - meanB)
      (ab, aa, bb) = (ab + x * y, aa + x * x, bb + y * y)
    }
    return aa * bb > 1e-18 ? ab / (aa * bb).squareRoot() : 0
  }
}

extension BeatTemplate: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(count)
    writer.write(misfits)
    writer.write(mean.count)
    mean.forEach { writer.write($0) }
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    let width = before + 1 + after
    count = try reader.int(in: 0...Self.longestMemory)
    misfits = try reader.int(in: 0...Self.misfitLimit)
    mean = try (0..<reader.int(in: 0...256)).map { _ in try reader.doubles(count: width...width) }
    guard mean.isEmpty == (count == 0) else { throw SignalError.snapshot("template and its count disagree") }
  }
}
