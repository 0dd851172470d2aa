import Chaos
import ResyncCore
import SuiteKit
import Testing

@Suite("The plan of a run under disturbances")
struct ChaosPlanTests {
  private let all = ServerAbilities(restartsBroker: true, freezesBroker: true, restartsDatabase: true)

  @Test("the same seed gives the same plan, another seed another one")
  func seeded() {
    func events(_ seed: UInt64) -> [ChaosPlan.Event] {
      ChaosPlan(seed: seed, seconds: 270, killsOfEach: 3, abilities: all).events
    }
    #expect(events(7) == events(7))
    #expect(events(7) != events(8))
  }

  @Test("each service is killed at least as often as asked, the transactional ones also inside a transaction")
  func kills() {
    for seed in 1...50 as ClosedRange<UInt64> {
      let plan = ChaosPlan(seed: seed, seconds: 270, killsOfEach: 3, abilities: all)
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
      Set(ChaosPlan(seed: 3, seconds: 270, killsOfEach: 3, abilities: abilities).events.map(\.what))
    }
    let servers: Set<Disturbance> = [.brokerRestart, .brokerFreeze, .brokerResume, .databaseRestart]
    let scaling = Set(ChaosPlan.scaled.flatMap { [Disturbance.scaleUp($0), .scaleDown($0)] })
    #expect(kinds(all).isSuperset(of: servers.union(scaling)))
    #expect(kinds(all).contains(.databaseSlow(seconds: 14)))
    #expect(kinds(ServerAbilities()).isDisjoint(with: servers))
    #expect(kinds(ServerAbilities(restartsDatabase: true)).intersection(servers) == [.databaseRestart])
  }

  @Test("events come in order, within the run, and nothing stays frozen")
  func order() {
    for seconds in [45.0, 65, 270] {
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
          default: break
          }
        }
        #expect(still.isEmpty)
      }
    }
  }

  @Test("no kill and no command of the operator falls where the broker stands still")
  func outages() throws {
    for seed in 1...50 as ClosedRange<UInt64> {
      let events = ChaosPlan(seed: seed, seconds: 270, killsOfEach: 3, abilities: all).events
      let frozen = try #require(events.first { $0.what == .brokerFreeze }).seconds
      for event in events {
        switch event.what {
        case .kill, .promote, .rollback, .train: break
        default: continue
        }
        #expect(event.seconds < frozen || event.seconds > frozen + ChaosPlan.freezeSeconds)
      }
    }
  }

  @Test("growth is the last third's peak over that of the second")
  func memory() {
    let flat = (0...30).map { MemoryWatch.Sample(seconds: Double($0), program: "flat", megabytes: 50) }
    let growing = (0...30).map { MemoryWatch.Sample(seconds: Double($0), program: "growing", megabytes: Double($0)) }
    let summary = MemorySummary.of(flat + growing)
    #expect(summary["flat"] == MemorySummary(peakMB: 50, growth: 1))
    #expect(summary["growing"] == MemorySummary(peakMB: 30, growth: 1.5))
  }
}
