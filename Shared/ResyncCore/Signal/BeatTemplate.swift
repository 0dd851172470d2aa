import Foundation

/// Running mean of the patient's normal beats, [lead][sample] around the R-peak.
///
/// Two shapes compete, so that a recording that begins with ventricular beats, or whose conduction changes, is learnt
/// right within some beats: each regular beat supports the shape that it resembles and weakens the other; the better
/// supported one is the template.
struct BeatTemplate: Sendable {
  private struct Shape {
    var mean: [[Float]]
    var count = 1
    var support = 1
  }

  /// Window around the R-peak in samples: `before` samples, the peak, `after` samples.
  let before: Int
  let after: Int
  /// Part of the window in which beats are compared: the QRS complex and the start of the T wave.
  private let compared: Range<Int>
  /// The template and, if there is one, its rival.
  private var shapes: [Shape] = []

  static let alikeCorrelation: Float = 0.8
  private static let longestMemory = 32

  init(rateHz: Int) {
    let rate = Double(rateHz)
    before = Int(0.28 * rate)
    after = Int(0.3 * rate)
    compared = before - Int(0.12 * rate)..<before + Int(0.18 * rate)
  }

  var exists: Bool { !shapes.isEmpty }
  var mean: [[Float]] { shapes.first?.mean ?? [] }

  /// Pearson correlation over the compared window, mean over leads; 0 without a template. A flat lead counts 0.
  func correlation(_ beat: [[Float]]) -> Float { shapes.first.map { correlation(beat, $0) } ?? 0 }

  /// Learns from a beat of good quality that is not premature.
  mutating func learn(_ beat: [[Float]]) {
    guard let index = shapes.firstIndex(where: { correlation(beat, $0) >= Self.alikeCorrelation }) else {
      if shapes.count == 2 { shapes[1].support -= 1 }
      if shapes.count < 2 {
        shapes.append(Shape(mean: beat))
      } else if shapes[1].support <= 0 {
        shapes[1] = Shape(mean: beat)
      }
      return
    }
    shapes[index].count = min(shapes[index].count + 1, Self.longestMemory)
    shapes[index].support = min(shapes[index].support + 1, Self.longestMemory)
    let share = 1 / Float(shapes[index].count)
    for lead in beat.indices {
      for sample in beat[lead].indices {
        shapes[index].mean[lead][sample] += share * (beat[lead][sample] - shapes[index].mean[lead][sample])
      }
    }
    guard shapes.count == 2 else { return }
    shapes[1 - index].support = max(0, shapes[1 - index].support - 1)
    if shapes[1].support > shapes[0].support { shapes.swapAt(0, 1) }
  }

  private func correlation(_ beat: [[Float]], _ shape: Shape) -> Float {
    let sum = zip(beat, shape.mean).reduce(0) { $0 + Self.pearson($1.0, $1.1, compared) }
    return Float(sum / Double(shape.mean.count))
  }

  /// 0 when either is flat.
  static func pearson(_ a: [Float], _ b: [Float], _ range: Range<Int>) -> Double {
    var (sumA, sumB) = (0.0, 0.0)
    for index in range { (sumA, sumB) = (sumA + Double(a[index]), sumB + Double(b[index])) }
    let (meanA, meanB) = (sumA / Double(range.count), sumB / Double(range.count))
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for index in range {
      let (x, y) = (Double(a[index]) - meanA, Double(b[index]) - meanB)
      (ab, aa, bb) = (ab + x * y, aa + x * x, bb + y * y)
    }
    return aa * bb > 1e-18 ? ab / (aa * bb).squareRoot() : 0
  }
}

extension BeatTemplate: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(shapes.count)
    for shape in shapes {
      writer.write(shape.count)
      writer.write(shape.support)
      writer.write(shape.mean.count)
      for lead in shape.mean { writer.write(lead) }
    }
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    let width = before + 1 + after
    shapes = try (0..<reader.int(in: 0...2)).map { _ in
      let count = try reader.int(in: 1...Self.longestMemory)
      let support = try reader.int(in: 0...Self.longestMemory)
      let leads = try reader.int(in: 1...BeatExtractor.maximumLeads)
      let mean = try (0..<leads).map { _ in try reader.floats(count: width...width) }
      return Shape(mean: mean, count: count, support: support)
    }
    guard shapes.allSatisfy({ $0.mean.count == shapes[0].mean.count }) else {
      throw SignalError.snapshot("template's shapes disagree in leads")
    }
  }
}
