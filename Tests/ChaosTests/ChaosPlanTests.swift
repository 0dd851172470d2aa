import Chaos
import ResyncCore
import SuiteKit
import Testing

@Suite("The plan of a run under disturbances")
struct ChaosPlanTests {
  private let all = ServerAbilities(
    restartsBroker: true, freezesBroker: true, restartsDatabase: true, freezesDatabase: true)

  @Test("the same seed gives the same plan, another seed another one")
  func seeded() {
    func events(_ seed: UInt64) -> [ChaosPlan.Event] {
      ChaosPlan(seed: seed, seconds: 295, killsOfEach: 3, abilities: all).events
    }
    #expect(events(7) == events(7))
    #expect(events(7) != events(8))
  }

  @Test("each service is killed at least as often as asked, the transactional ones also inside a transaction")
  func kills() {
    for seed in 1...50 as ClosedRange<UInt64> {
      let plan = ChaosPlan(seed: seed, seconds: 295, killsOfEach: 3, abilities: all)
      for service in RunningSuite.serviceNames {
        let blows = plan.events.filter { if case .kill(service, _) = $0.what { true } else { false } }
        #expect(blows.count >= 3)
        let isTransactional = ChaosPlan.transactional.contains(service)
        #expect(blows.contains { $0.what == .kill(service, insideTransaction: true) } == isTransactional)
      }
    }
  }

  @Test("every kind of disturbance that the servers allow is in a whole run, and what they do not allow in none")
  func abilities() {
    func kinds(_ abilities: ServerAbilities) -> Set<Disturbance> {
      Set(ChaosPlan(seed: 3, seconds: 295, killsOfEach: 3, abilities: abilities).events.map(\.what))
    }
    let servers: Set<Disturbance> = [
      .brokerRestart, .brokerFreeze, .brokerResume, .databaseRestart, .databaseFreeze, .databaseResume,
    ]
    let scaling = Set(ChaosPlan.scaled.flatMap { [Disturbance.scaleUp($0), .scaleDown($0)] })
    #expect(kinds(all).isSuperset(of: servers.union(scaling)))
    #expect(kinds(all).contains(.databaseSlow(seconds: 14)))
    #expect(kinds(ServerAbilities()).isDisjoint(with: servers))
    #expect(kinds(ServerAbilities(restartsDatabase: true)).intersection(servers) == [.databaseRestart])
  }

  @Test("events come in order, within the run, and nothing stays frozen")
  func order() {
    for seconds in [45.0, 65, 295] {
      for seed in 1...50 as ClosedRange<UInt64> {
        let events = ChaosPlan(seed: seed, seconds: seconds, killsOfEach: 1, abilities: all).events
        #expect(events.map(\.seconds) == events.map(\.seconds).sorted())
        #expect(events.allSatisfy { $0.seconds >= 0 && $0.seconds <= seconds })
        var still: Set<String> = []
        for event in events {
          switch event.what {
          case .freeze(let instance): still.insert(instance)
          case .resume(let instance): still.remove(instance)
          case .brokerFreeze: still.insert("broker")
          case .brokerResume: still.remove("broker")
          case .databaseFreeze: still.insert("database")
          case .databaseResume: still.remove("database")
          default: break
          }
        }
        #expect(still.isEmpty)
      }
    }
  }

  @Test("no kill and no command of the operator falls where a server stands still")
  func outages() throws {
    for seed in 1...50 as ClosedRange<UInt64> {
      let events = ChaosPlan(seed: seed, seconds: 295, killsOfEach: 3, abilities: all).events
      for server in [Disturbance.brokerFreeze, .databaseFreeze] {
        let frozen = try #require(events.first { $0.what == server }).seconds
        for event in events {
          switch event.what {
          case .kill, .promote, .rollback, .train: break
          default: continue
          }
          #expect(event.seconds < frozen || event.seconds > frozen + ChaosPlan.freezeSeconds)
        }
      }
    }
  }

  @Test("growth is what both median and peak of the last third have gained, processes just started left out")
  func memory() {
    func samples(_ program: String, megabytes: (Double) -> Double) -> [MemoryWatch.Sample] {
      (0...80).map { Double($0) }.map {
        // A kill at the 60th second.
        MemoryWatch.Sample(
          seconds: $0, ageSeconds: $0 < 60 ? $0 : $0 - 60, program: program, megabytes: megabytes($0))
      }
    }
    let summary = MemorySummary.of(
      samples("flat") { $0 < 60 || $0 >= 75 ? 50 : 5 } + samples("growing") { $0 }
        + samples("young") { $0 }.filter { $0.ageSeconds < 15 } + samples("filled") { $0 == 20 || $0 > 50 ? 60 : 30 })
    #expect(summary["flat"] == MemorySummary(peakMB: 50, growth: 1))
    #expect(summary["growing"] == MemorySummary(peakMB: 80, growth: 1.51))
    #expect(summary["filled"] == MemorySummary(peakMB: 60, growth: 1))
    #expect(summary["young"] == MemorySummary(peakMB: 74, growth: nil))
  }

  @Test("a service that comes back late, takes much memory or hides its lag exceeds what a run may take")
  func limits() {
    let limits = ChaosLimits(recoverySeconds: 11)
    let usual = MemorySummary(peakMB: 80, growth: 1.4)
    #expect(limits.exceeded(recoverySeconds: [0.2, 11], memory: ["ingest": usual]) == [])
    #expect(limits.exceeded(recoverySeconds: [0.2, 11.5], memory: ["ingest": usual]).count == 1)
    var lagging = limits
    lagging.lagging = ["predictor"]
    #expect(lagging.exceeded(recoverySeconds: [], memory: [:], lag: (["predictor": 1], ["predictor": 3])) == [])
    #expect(lagging.exceeded(recoverySeconds: [], memory: [:], lag: (["predictor": 3], ["predictor": 3])).count == 1)
    let large = MemorySummary(peakMB: 600, growth: nil)
    let found = limits.exceeded(recoverySeconds: [], memory: ["trainer": large, "ingest": large])
    #expect(found.count == 2 && found[0].contains("ingest") && found[1].contains("trainer"))
    let same = MemorySummary(peakMB: 130, growth: nil)
    #expect(limits.exceeded(recoverySeconds: [], memory: ["predictor": same, "ingest": same]).count == 1)
  }
}
