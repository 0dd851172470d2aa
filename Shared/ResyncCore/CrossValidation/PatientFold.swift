/// One division of a cohort's patients: what a model is made of, and whom it is tried on. Indices of patients, ascending.
public struct PatientFold: Codable, Hashable, Sendable {
  /// Both from 0.
  public let repetition: Int
  public let number: Int
  public let training: [Int]
  public let test: [Int]
}

/// Repeated cross-validation whose folds are stratified by outcome and hold whole patients.
public struct RepeatedFolds: Codable, Hashable, Sendable {
  public var repetitions: Int
  public var folds: Int
  public var seed: UInt64

  /// The study: 20 × 5. In a hurry: 3 × 5.
  public init(repetitions: Int = 20, folds: Int = 5, seed: UInt64 = 1) {
    precondition(repetitions > 0 && folds > 1, "cross-validation has a repetition and two folds or more")
    self.repetitions = repetitions
    self.folds = folds
    self.seed = seed
  }

  /// The folds of one repetition; each patient is in the test part of exactly one.
  ///
  /// A function of labels, seed and repetition, so that several workers agree on it without talking.
  /// - Throws: `ModelError` with code `invalidExamples` when an outcome has fewer patients than there are folds.
  public func folds(of repetition: Int, labels: [Bool]) throws -> [PatientFold] {
    var seeds = SeededGenerator(seed: seed &+ UInt64(repetition))
    let tests = try Self.stratified(labels, folds: folds, seed: seeds.next())
    return tests.enumerated().map { number, test in
      let held = Set(test)
      return PatientFold(
        repetition: repetition, number: number, training: labels.indices.filter { !held.contains($0) }, test: test)
    }
  }

  /// Deals the patients of each outcome out in turn, so that folds differ by at most one in either outcome and in size.
  package static func stratified(_ labels: [Bool], folds: Int, seed: UInt64) throws -> [[Int]] {
    let classes = [true, false].map { label in labels.indices.filter { labels[$0] == label } }
    guard classes.allSatisfy({ $0.count >= folds }) else {
      throw ModelError(
        .invalidExamples,
        "\(classes[0].count) responders and \(classes[1].count) non-responders, expected at least \(folds) of each")
    }
    var generator = SeededGenerator(seed: seed)
    var tests: [[Int]] = Array(repeating: [], count: folds)
    for (place, patient) in classes.flatMap({ $0.shuffled(using: &generator) }).enumerated() {
      tests[place % folds].append(patient)
    }
    return tests.map { $0.sorted() }
  }
}
