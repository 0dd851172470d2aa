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

  /// - Parameters:
  ///   - records: of each beat.
  ///   - labels: of each beat; random splits have the same share of each class on both sides.
  ///   - seed: of the random splits.
  public init(_ beatProtocol: BeatProtocol, records: [String], labels: [Int], seed: UInt64 = 1) {
    precondition(records.count == labels.count, "records and labels disagree")
    self.beatProtocol = beatProtocol
    func places(_ chosen: [String]) -> [Int] {
      let chosen = Set(chosen)
      return records.indices.filter { chosen.contains(records[$0]) }
    }
    switch beatProtocol {
    case .ds1ToDS2: (training, test) = (places(MITBIH.ds1), places(MITBIH.ds2))
    case .ds1Validation:
      let judges = Set(MITBIH.ds1Judges)
      (training, test) = (places(MITBIH.ds1.filter { !judges.contains($0) }), places(MITBIH.ds1Judges))
    case .randomByBeat, .randomByBeatNotPaced:
      (training, test) = Self.random(places(beatProtocol.records), labels, seed)
    }
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
