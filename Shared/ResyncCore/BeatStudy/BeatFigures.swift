/// How well beats were told apart: pooled, by record, and with what would vary from one set of patients to the next.
public struct BeatFigures: Codable, Hashable, Sendable {
  public struct Record: Codable, Hashable, Sendable {
    public var name: String
    /// Over `BeatClass.allCases`: `counts[label][prediction]`.
    public var confusion: ConfusionMatrix
  }

  /// A figure with its 95 % interval by bootstrap over records; nil where too few records have the figure.
  public struct Figure: Codable, Hashable, Sendable {
    public var value: Double?
    public var low: Double?
    public var high: Double?
  }

  public struct Class: Codable, Hashable, Sendable {
    public var name: BeatClass
    public var beats: Int
    public var sensitivity: Figure
    public var positivePredictivity: Figure
    public var f1: Figure
  }

  public var beatProtocol: BeatProtocol
  /// What the protocol is, to be printed with the figures.
  public var words: String
  public var pooled: ConfusionMatrix
  /// By name.
  public var records: [Record]
  public var accuracy: Figure
  /// Over N, S, V and F; a class with neither beats nor predictions counts 0.
  public var macroF1: Figure
  /// N, S, V, F, and Q, which is in no mean.
  public var classes: [Class]
  /// S without record 232, which has three quarters of DS2's S; nil where 232 does not judge.
  public var supraventricularWithout232: Class?

  private static let scored = [BeatClass.N, .S, .V, .F].map(\.index)

  /// - Parameters:
  ///   - records: of each beat.
  ///   - labels: indices into `BeatClass.allCases`, as are the predictions.
  /// - Throws: `ModelError` with code `invalidMetric` when lengths or classes disagree.
  public init(
    _ beatProtocol: BeatProtocol, records: [String], labels: [Int], predictions: [Int],
    bootstrap: Bootstrap = Bootstrap()
  ) throws {
    guard records.count == labels.count, labels.count == predictions.count else {
      throw ModelError(
        .invalidMetric,
        "\(records.count) records, \(labels.count) labels, \(predictions.count) predictions, expected as many of each")
    }
    var matrices: [String: ConfusionMatrix] = [:]
    for place in records.indices {
      try matrices[records[place], default: ConfusionMatrix(classCount: BeatClass.allCases.count)]
        .add(label: labels[place], prediction: predictions[place])
    }
    self.init(
      beatProtocol, matrices.map { Record(name: $0.key, confusion: $0.value) }.sorted { $0.name < $1.name }, bootstrap)
  }

  private init(_ beatProtocol: BeatProtocol, _ records: [Record], _ bootstrap: Bootstrap) {
    self.beatProtocol = beatProtocol
    words = beatProtocol.words
    self.records = records
    let sample = RecordSample(records.map(\.confusion), bootstrap)
    pooled = sample.pooled
    accuracy = sample.figure { $0.accuracy }
    macroF1 = sample.figure { $0.macroF1(over: Self.scored) }
    classes = BeatClass.allCases.map { sample.figures(of: $0) }
    let others = records.filter { $0.name != "232" }
    supraventricularWithout232 =
      others.count < records.count && !others.isEmpty
      ? RecordSample(others.map(\.confusion), bootstrap).figures(of: .S) : nil
  }
}

extension BeatClass {
  /// Place in `allCases`, which is the label.
  public var index: Int { Self.allCases.firstIndex(of: self)! }
}

/// Confusion matrices of records, drawn with replacement.
private struct RecordSample {
  let matrices: [ConfusionMatrix]
  let bootstrap: Bootstrap
  let pooled: ConfusionMatrix

  init(_ matrices: [ConfusionMatrix], _ bootstrap: Bootstrap) {
    self.matrices = matrices
    self.bootstrap = bootstrap
    pooled = Self.sum(matrices)
  }

  private static func sum(_ matrices: [ConfusionMatrix]) -> ConfusionMatrix {
    matrices.reduce(ConfusionMatrix(classCount: BeatClass.allCases.count), +)
  }

  func figure(_ statistic: (ConfusionMatrix) -> Double?) -> BeatFigures.Figure {
    let interval = bootstrap.interval(strata: matrices.map { _ in 0 }) { drawn in
      statistic(Self.sum(drawn.map { matrices[$0] }))
    }
    return .init(value: statistic(pooled), low: interval?.lowerBound, high: interval?.upperBound)
  }

  func figures(of name: BeatClass) -> BeatFigures.Class {
    .init(
      name: name, beats: pooled.support(name.index), sensitivity: figure { $0.sensitivity(name.index) },
      positivePredictivity: figure { $0.positivePredictivity(name.index) }, f1: figure { $0.f1(name.index) })
  }
}
