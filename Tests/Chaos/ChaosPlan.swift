import ResyncCore
import SuiteKit

/// What is done when in a run: a function of the seed and the run's size alone.
package struct ChaosPlan: Sendable {
  package struct Event: Hashable, Sendable {
    package var seconds: Double
    package var what: Disturbance
  }

  /// Ascending in time; all lie between the first recording and `seconds`.
  package private(set) var events: [Event] = []
  package let seconds: Double
  /// How long a frozen process or server stays so: well beyond the session timeout of 6 s.
  package static let freezeSeconds = 9.0
  /// Services whose Kafka transactions can be open when they are killed.
  package static let transactional: Set<String> = ["ingest", "preprocess", "spectrogram"]
  package static let scaled = ["predictor", "preprocess", "spectrogram"]
  /// Room for an episode, what follows from it included.
  private static let episodeSeconds = 27.0
  private static let modelCount = ChaosModels.count

  /// While a server is away recoveries say nothing of the service: no kill and no command falls into these times.
  private var outages: [ClosedRange<Double>] = []
  private var generator: SeededGenerator

  /// - Parameters:
  ///   - seconds: length of the feed; 45 or more.
  ///   - killsOfEach: at least so many kills of each of the six services.
  package init(seed: UInt64, seconds: Double, killsOfEach: Int, abilities: ServerAbilities) {
    generator = SeededGenerator(seed: seed)
    self.seconds = seconds
    addEpisodes(abilities)
    addKills(killsOfEach)
    addPromotions()
    events.sort { $0.seconds < $1.seconds }
  }

  /// Nothing but PostgreSQL standing still, once, under the load of the feed.
  /// - Parameter seconds: how long; the feed goes on for half a minute longer.
  package init(pausingDatabaseFor seconds: Double) {
    generator = SeededGenerator(seed: 0)
    self.seconds = seconds + 30
    add(.databaseFreeze, at: 15)
    add(.databaseResume, at: 15 + seconds)
  }

  // MARK: - Episodes

  private enum Episode: CaseIterable {
    case scalePredictor, scalePreprocess, scaleSpectrogram, brokerFreeze, brokerRestart, databaseFreeze
    case databaseRestart, slowDatabase, slowDatabaseAgain, loneZombie

    func isPossible(_ abilities: ServerAbilities) -> Bool {
      switch self {
      case .brokerFreeze: abilities.freezesBroker
      case .brokerRestart: abilities.restartsBroker
      case .databaseFreeze: abilities.freezesDatabase
      case .databaseRestart: abilities.restartsDatabase
      default: true
      }
    }
  }

  /// One after the other, each at a random moment of its share of the time; a short run has room for some of them only.
  private mutating func addEpisodes(_ abilities: ServerAbilities) {
    let possible = Episode.allCases.filter { $0.isPossible(abilities) }.shuffled(using: &generator)
    let room = seconds - 8
    let chosen = possible.prefix(max(1, Int(room / Self.episodeSeconds)))
    let share = room / Double(chosen.count)
    for (index, episode) in chosen.enumerated() {
      let begin = 4 + Double(index) * share
      place(episode, at: begin + generator.uniform() * max(0, share - Self.episodeSeconds))
    }
  }

  private mutating func place(_ episode: Episode, at begin: Double) {
    switch episode {
    case .scalePredictor: addScaling("predictor", at: begin)
    case .scalePreprocess: addScaling("preprocess", at: begin)
    case .scaleSpectrogram: addScaling("spectrogram", at: begin)
    case .brokerFreeze:
      add(.brokerFreeze, at: begin)
      add(.brokerResume, at: begin + Self.freezeSeconds)
      outages.append(begin - 3...begin + Self.freezeSeconds + 6)
    case .brokerRestart:
      add(.brokerRestart, at: begin)
      outages.append(begin - 3...begin + 12)
    case .databaseFreeze:
      add(.databaseFreeze, at: begin)
      add(.databaseResume, at: begin + Self.freezeSeconds)
      outages.append(begin - 3...begin + Self.freezeSeconds + 6)
    case .databaseRestart:
      add(.databaseRestart, at: begin)
      outages.append(begin - 3...begin + 8)
    case .slowDatabase, .slowDatabaseAgain:
      add(.databaseSlow(seconds: 14), at: begin)
      // What writes rows is then almost surely in the midst of it.
      add(.kill("ingest", insideTransaction: true), at: begin + 3 + 3 * generator.uniform())
      add(.kill("predictor", insideTransaction: false), at: begin + 8 + 4 * generator.uniform())
    case .loneZombie:
      guard let victim = RunningSuite.serviceNames.randomElement(using: &generator) else { return }
      add(.freeze(victim), at: begin)
      add(.resume(victim), at: begin + Self.freezeSeconds)
    }
  }

  /// 1 → 3 → 1, one of the new ones a zombie in between, while others hold what it thinks its own.
  private mutating func addScaling(_ service: String, at begin: Double) {
    let frozen = begin + 7 + 2 * generator.uniform()
    let victim = Self.replicas(of: service)[Int(generator.next() % 2)]
    add(.scaleUp(service), at: begin)
    add(.freeze(victim), at: frozen)
    add(.resume(victim), at: frozen + Self.freezeSeconds)
    add(.scaleDown(service), at: frozen + Self.freezeSeconds + 2 + 3 * generator.uniform())
  }

  package static func replicas(of service: String) -> [String] { ["\(service)-2", "\(service)-3"] }

  // MARK: - Kills and promotions

  private mutating func addKills(_ count: Int) {
    for service in RunningSuite.serviceNames {
      var times = events.compactMap { event -> Double? in
        guard case .kill(service, _) = event.what else { return nil }
        return event.seconds
      }
      for number in 0..<max(0, count - times.count) {
        let time = freeMoment(apartFrom: times)
        times.append(time)
        add(.kill(service, insideTransaction: Self.transactional.contains(service) && number % 2 == 0), at: time)
        // A job to be killed in.
        if service == "trainer" { add(.train, at: max(1, time - 0.3 - 2 * generator.uniform())) }
      }
    }
  }

  private mutating func freeMoment(apartFrom times: [Double]) -> Double {
    // Ever closer, so that it ends also in a short run.
    for attempt in 0..<1000 {
      let time = 4 + generator.uniform() * (seconds - 12)
      let distance = 12.0 * (1 - Double(attempt) / 1000)
      let isApart = times.allSatisfy { abs($0 - time) >= distance }
      if isApart, !outages.contains(where: { $0.contains(time) }) { return time }
    }
    return seconds - 8
  }

  private mutating func addPromotions() {
    let count = max(4, Int(seconds / 20))
    for index in 0..<count {
      let time = seconds * (Double(index) + generator.uniform()) / Double(count)
      // The operator's command would only wait.
      if outages.contains(where: { $0.contains(time) }) { continue }
      let task = ModelTask.allCases[Int(generator.next() % UInt64(ModelTask.allCases.count))]
      // The first two give the rollbacks something to go back to.
      let isRollback = index >= 2 && generator.uniform() < 0.3
      add(isRollback ? .rollback(task) : .promote(task, Int(generator.next() % UInt64(Self.modelCount))), at: time)
    }
  }

  private mutating func add(_ what: Disturbance, at seconds: Double) {
    events.append(Event(seconds: min(seconds, self.seconds), what: what))
  }
}
