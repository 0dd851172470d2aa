/// A split in which a person's beats are on both sides was asked for without saying so.
public struct PersonLeak: Error, Hashable, Sendable, CustomStringConvertible {
  public let beatProtocol: BeatProtocol
  /// Persons on both sides.
  public let persons: Int

  public var description: String {
    "the split \(beatProtocol.rawValue) has \(persons) persons on both sides; expected none, unless leaks of "
      + "random-by-beat are allowed (--allow-leak random-by-beat)"
  }
}

/// Which beats teach and which judge.
public struct BeatSplit: Hashable, Sendable {
  public let beatProtocol: BeatProtocol
  /// Places in the beats that the split was made of, ascending.
  public let training: [Int]
  public let test: [Int]

  /// Share of each class that judges when beats are drawn at random.
  static let randomTestShare = 0.2

  /// The splits of a protocol: one, or one for each fold in which any beat judges.
  ///
  /// - Parameters:
  ///   - records: of each beat.
  ///   - labels: of each beat; random splits have the same share of each class on both sides.
  ///   - seed: of the random splits.
  public static func all(
    _ beatProtocol: BeatProtocol, records: [String], labels: [Int], seed: UInt64 = 1
  ) -> [BeatSplit] {
    precondition(records.count == labels.count, "records and labels disagree")
    func places(_ chosen: [String]) -> [Int] {
      let chosen = Set(chosen)
      return records.indices.filter { chosen.contains(records[$0]) }
    }
    let sides: [(training: [Int], test: [Int])] =
      switch beatProtocol {
      case .ds1ToDS2: [(places(MITBIH.ds1), places(MITBIH.ds2))]
      case .ds1Folds:
        MITBIH.ds1Folds.map { judges in (places(MITBIH.ds1.filter { !judges.contains($0) }), places(judges)) }
          .filter { !$0.1.isEmpty }
      case .randomByBeat, .randomByBeatNotPaced: [random(places(beatProtocol.records), labels, seed)]
      }
    return sides.map { BeatSplit(beatProtocol: beatProtocol, training: $0.training, test: $0.test) }
  }

  private static func random(_ places: [Int], _ labels: [Int], _ seed: UInt64) -> (training: [Int], test: [Int]) {
    var generator = SeededGenerator(seed: seed)
    var test: [Int] = []
    for (_, members) in Dictionary(grouping: places, by: { labels[$0] }).sorted(by: { $0.key < $1.key }) {
      let count = Int((Double(members.count) * randomTestShare).rounded())
      test += members.shuffled(using: &generator).prefix(count)
    }
    let held = Set(test)
    return (places.filter { !held.contains($0) }, test.sorted())
  }

  /// The guard: no result is made of a split whose leak was not asked for.
  ///
  /// - Parameters:
  ///   - persons: of each beat (`MITBIH.person`).
  ///   - allowed: that beats were drawn without regard to persons is known and wanted.
  /// - Throws: `PersonLeak`, whatever the protocol says of itself.
  public func checked(persons: [String], allowingRandomByBeat allowed: Bool) throws -> BeatSplit {
    let both = Set(training.map { persons[$0] }).intersection(test.map { persons[$0] })
    guard both.isEmpty || allowed && beatProtocol.leaks else {
      throw PersonLeak(beatProtocol: beatProtocol, persons: both.count)
    }
    return self
  }
}
