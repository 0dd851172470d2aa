import ResyncCore

/// The cohort's models in the order of Table 2, those apart of which repetitions are missing.
struct CohortModels {
  struct Model {
    var name: String
    var predictions: [FoldPredictions]
  }

  let complete: [Model]
  let incomplete: [(name: String, repetitions: Int)]

  init(_ predictions: [String: [FoldPredictions]], _ plan: CohortPlan) {
    let sorted = predictions.sorted { (Self.rank($0.key), $0.key) < (Self.rank($1.key), $1.key) }
    func isComplete(_ name: String, _ predictions: [FoldPredictions]) -> Bool {
      predictions.count == plan.folds.folds * plan.repetitions(ofModel: name)
    }
    complete = sorted.filter { isComplete($0.key, $0.value) }.map { Model(name: $0.key, predictions: $0.value) }
    incomplete = sorted.filter { !isComplete($0.key, $0.value) }
      .map { ($0.key, $0.value.count / plan.folds.folds) }
  }

  /// The models that figures are drawn of, few enough to be told apart.
  var drawn: [Model] {
    Self.drawnNames.compactMap { name in complete.first { $0.name == name } }
  }

  private static let drawnNames = [
    "resnet18-pretrained", "resnet18-scratch", TableRival.lbbb.rawValue, TableRival.logistic.rawValue,
    TableRival.forest.rawValue,
  ]

  /// The paper's order: rules and tables, networks from scratch, pretrained ones, those that stayed frozen.
  private static func rank(_ name: String) -> Int {
    if let place = TableRival.allCases.firstIndex(where: { $0.rawValue == name }) { return place }
    let network = name.split(separator: "/").first.map(String.init) ?? name
    let start = ["-scratch", "-pretrained", "-frozen"].firstIndex { network.hasSuffix($0) } ?? 3
    let depth = Int(network.drop(while: { !$0.isNumber }).prefix(while: { $0.isNumber })) ?? 0
    return 1_000 * (start + 1) + depth
  }

  subscript(name: String) -> Model? { complete.first { $0.name == name } }

  static func label(_ name: String) -> String {
    if let known = labels[name] { return known }
    let parts = name.split(separator: "/").map(String.init)
    guard let first = parts.first else { return name }
    let head = parts.dropFirst().first.map { ", deep features into \(heads[$0] ?? $0)" } ?? ""
    return network(first) + head
  }

  private static func network(_ name: String) -> String {
    let parts = name.split(separator: "-").map(String.init)
    guard parts.count == 2, parts[0].hasPrefix("resnet") else { return name }
    return "ResNet-\(parts[0].dropFirst(6)) \(starts[parts[1]] ?? parts[1])"
  }

  private static let starts = [
    "scratch": "from scratch", "pretrained": "pretrained on MIT-BIH", "frozen": "frozen after MIT-BIH",
  ]
  private static let heads = [
    "deep-features-logistic": "logistic regression", "deep-features-svm": "SVM",
    "deep-features-forest": "random forest",
  ]
  private static let labels: [String: String] = [
    TableRival.majority.rawValue: "Majority class", TableRival.guidelineESC.rawValue: "Guideline, ESC 2021 class I",
    TableRival.guidelineAHA.rawValue: "Guideline, ACC/AHA 2022 class I",
    TableRival.lbbb.rawValue: "LBBB alone (Strauss)", TableRival.qrsDuration.rawValue: "QRS ≥ 150 ms alone",
    TableRival.qrsArea.rawValue: "QRS area alone", TableRival.logistic.rawValue: "Logistic, QRS duration and LBBB",
    TableRival.vectorMachine.rawValue: "SVM, clinical and ECG variables",
    TableRival.forest.rawValue: "Random forest, clinical and ECG variables",
  ]
}
