import Foundation

/// Turns a beat's window and the template into `BeatShape`, and keeps what that needs of earlier beats: the beat before
/// and running means of the measures.
struct ShapeHistory: Sendable {
  /// Measures of one lead, or their mean over leads, before what is usual is taken off.
  private typealias Measures = [Float]
  /// Places in `Measures`, as in `BeatShape.vector`, of those that are given less their running mean.
  private static let relative = [0, 1, 2, 3, 4, 8, 9]
  private static let memory = 32
  /// Added under logarithms: relative differences below this are noise.
  private static let floor: Float = 0.005
  /// Millivolts: heights below this are noise.
  private static let silence: Float = 0.01

  private let rate: Float
  private let p: Range<Int>
  private let qrs: Range<Int>
  private let t: Range<Int>
  /// QRS complex and beginning of the T wave.
  private let whole: Range<Int>
  private let width: Int

  private var previous: [[Float]] = []
  /// Of the primary lead and of the others.
  private var means: [Measures] = [[], []]
  private var count = 0

  init(rateHz: Int, template: BeatTemplate) {
    rate = Float(rateHz)
    width = template.before + 1 + template.after
    func range(_ from: Double, _ to: Double) -> Range<Int> {
      let place = { template.before + Int(($0 * Double(rateHz)).rounded()) }
      return max(0, place(from))..<min(template.before + 1 + template.after, place(to))
    }
    p = range(-0.26, -0.07)
    qrs = range(-0.06, 0.08)
    t = range(0.12, 0.3)
    whole = range(-0.12, 0.18)
  }

  /// The beat's shapes; it is then the beat before.
  ///
  /// - Parameters:
  ///   - beat: [lead][sample], `BeatTemplate`'s window.
  ///   - template: of the same form; empty when there is none yet.
  mutating func shapes(of beat: [[Float]], template: [[Float]], primaryLead: Int) -> (BeatShape, BeatShape) {
    defer { previous = beat }
    guard !template.isEmpty else { return (BeatShape(), BeatShape()) }
    let ofLeads = beat.indices.map { lead in
      measures(beat[lead], template[lead], previous.isEmpty ? beat[lead] : previous[lead])
    }
    let others = ofLeads.indices.filter { $0 != primaryLead || ofLeads.count == 1 }.map { ofLeads[$0] }
    let groups = [ofLeads[primaryLead], Self.mean(others)]
    let shapes = zip(groups, means).map { values, means in
      var shape = values
      for (number, place) in Self.relative.enumerated() {
        shape[place] = count > 0 ? values[place] - means[number] : 0
      }
      return BeatShape(vector: shape[...])
    }
    learn(groups)
    return (shapes[0], shapes[1])
  }

  private static func mean(_ leads: [Measures]) -> Measures {
    leads[0].indices.map { place in
      let sum: Float = leads.reduce(0) { $0 + $1[place] }
      return sum / Float(leads.count)
    }
  }

  private mutating func learn(_ groups: [Measures]) {
    count = min(count + 1, Self.memory)
    for (group, values) in groups.enumerated() {
      if means[group].isEmpty { means[group] = Array(repeating: 0, count: Self.relative.count) }
      for (number, place) in Self.relative.enumerated() {
        means[group][number] += (values[place] - means[group][number]) / Float(count)
      }
    }
  }

  private func measures(_ x: [Float], _ template: [Float], _ previous: [Float]) -> Measures {
    func correlation(_ other: [Float], _ range: Range<Int>) -> Float { Float(BeatTemplate.pearson(x, other, range)) }
    let height = Self.height(template[qrs])
    let scale = height + Self.silence / 10
    let pDifference = Self.deviation(p.map { x[$0] - template[$0] }) / scale
    let pEnergy = Self.deviation(x[p]) / (Self.deviation(template[p]) + Self.silence)
    let squares = qrs.reduce(Float(0)) { $0 + (x[$1] - template[$1]) * (x[$1] - template[$1]) }
    let qrsDifference = (squares / Float(qrs.count)).squareRoot() / scale
    let (level, templateLevel) = (Array(x[p]).median, Array(template[p]).median)
    let area = qrs.reduce(Float(0)) { $0 + (x[$1] - level) - (template[$1] - templateLevel) } / rate / scale / 0.1
    return [
      correlation(template, p), log(pDifference + Self.floor), log(pEnergy + Self.floor), correlation(template, qrs),
      log(qrsDifference + Self.floor), log((Self.height(x[qrs]) + Self.silence) / (height + Self.silence)),
      seconds(x[qrs], above: level) - seconds(template[qrs], above: templateLevel), area, correlation(template, t),
      correlation(previous, whole),
    ]
  }

  private static func height(_ x: ArraySlice<Float>) -> Float { (x.max() ?? 0) - (x.min() ?? 0) }

  private static func deviation(_ x: some Collection<Float>) -> Float {
    let mean = x.reduce(0, +) / Float(x.count)
    return (x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(x.count)).squareRoot()
  }

  /// Time in which a QRS complex deviates from its level by more than 30 % of its largest deviation.
  private func seconds(_ x: ArraySlice<Float>, above level: Float) -> Float {
    let deviations = x.map { abs($0 - level) }
    let limit = 0.3 * (deviations.max() ?? 0)
    return Float(deviations.count { $0 > limit }) / rate
  }
}

extension ShapeHistory: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(previous.count)
    for lead in previous { writer.write(lead) }
    for group in means { writer.write(group) }
    writer.write(count)
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    previous = try (0..<reader.int(in: 0...BeatExtractor.maximumLeads)).map { _ in
      try reader.floats(count: width...width)
    }
    let relative = Self.relative.count
    means = try (0..<2).map { _ in try reader.floats(count: 0...relative) }
    count = try reader.int(in: 0...Self.memory)
    guard means.allSatisfy({ $0.count == (count > 0 ? relative : 0) }) else {
      throw SignalError.snapshot("history of shapes contradicts itself")
    }
  }

  /// Leads of the beat before; nil when there is none.
  var leadCount: Int? { previous.isEmpty ? nil : previous.count }
}
