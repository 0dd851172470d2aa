import Chaos
import Foundation
import Messages
import ResyncCore
import Testing

@Suite("Holding a disturbed run against an undisturbed one")
struct ComparisonTests {
  private let tasks = ModelTask.allCases.map(\.rawValue)
  private let start = Date(timeIntervalSince1970: 1_000_000)
  private static let junk = "MALFORMED_PAYLOAD of ingest: junk"

  /// Two recordings, published at 0 s and scored at 10 s; of each task "a" is live until 5 s, then "b".
  private func rows() -> SuiteRows {
    var rows = SuiteRows()
    rows.outcomes = ["r1", "r2"].flatMap { id in
      tasks.map { task in
        OutcomeRow(
          recordingID: id, task: task, modelID: "b", outcome: "predicted", code: nil,
          createdAt: start.addingTimeInterval(10), digest: "\(id) \(task) b")
      }
    }
    rows.recordings = ["r1": "text", "r2": "text"]
    rows.patients = ["p": "text"]
    rows.periods = tasks.flatMap { task in
      [
        LivePeriod(
          task: task, modelID: "a", from: start.addingTimeInterval(-100), until: start.addingTimeInterval(-1)),
        LivePeriod(task: task, modelID: "b", from: start.addingTimeInterval(-1), until: start.addingTimeInterval(12)),
        LivePeriod(task: task, modelID: "c", from: start.addingTimeInterval(12), until: .distantFuture),
      ]
    }
    rows.rejections = [Self.junk]
    rows.messages = [Topic.beats: ["x": 1, "y": 1], Topic.recordings: ["cut as it came": 1]]
    return rows
  }

  private func comparison() -> Comparison {
    var reference: [Comparison.Key: String] = [:]
    for id in ["r1", "r2"] {
      for task in tasks {
        for model in ["a", "b", "c"] {
          reference[.init(recordingID: id, task: task, modelID: model)] = "\(id) \(task) \(model)"
        }
      }
    }
    return Comparison(
      reference: reference, referenceRows: rows(), publishedAt: ["r1": start, "r2": start], junkCount: 1)
  }

  private func findings(_ change: (inout SuiteRows) -> Void) -> Findings {
    var rows = rows()
    change(&rows)
    return comparison().findings(in: rows)
  }

  @Test("a run that says the same has no findings")
  func same() { #expect(findings { _ in }.all.isEmpty) }

  @Test("a missing outcome, recording or message is lost")
  func lost() {
    #expect(findings { $0.outcomes.removeLast() }.lost.count == 1)
    #expect(findings { $0.outcomes.removeAll { $0.recordingID == "r1" } }.lost.count == 2)
    #expect(findings { $0.recordings["r2"] = nil }.lost.count == 1)
    #expect(findings { $0.messages[Topic.beats]?["y"] = nil }.lost.count == 1)
  }

  @Test("a message that is there twice and a row of a beat too many are doubled")
  func doubled() {
    #expect(findings { $0.messages[Topic.beats]?["y"] = 2 }.duplicated.count == 1)
    #expect(findings { $0.messages[Topic.recordings]?["cut as it came"] = 3 }.duplicated.count == 1)
    #expect(findings { $0.surplusBeats = 4 }.duplicated.count == 1)
  }

  @Test("other bits, an unknown recording, another patient and a strange message differ")
  func differing() {
    #expect(findings { $0.outcomes[0].digest = "other" }.differing.count == 1)
    #expect(findings { $0.outcomes[0].modelID = nil }.differing.count == 2)
    #expect(findings { $0.patients["p"] = "other" }.differing.count == 1)
    #expect(findings { $0.patients["q"] = "text" }.differing.count == 1)
    #expect(findings { $0.messages[Topic.beats]?["z"] = 1 }.differing.count == 1)
    let stranger = findings { rows in
      var row = rows.outcomes[0]
      row.recordingID = "r3"
      rows.outcomes.append(row)
    }
    #expect(stranger.differing.count == 1)
  }

  @Test("a model that was not live between publication and row differs, even when its row is right")
  func notLive() {
    func under(_ model: String) -> Findings {
      findings { rows in
        rows.outcomes[0].modelID = model
        rows.outcomes[0].digest = "r1 \(rows.outcomes[0].task) \(model)"
      }
    }
    #expect(under("a").differing.count == 1)
    #expect(under("b").all.isEmpty)
    #expect(under("c").differing.count == 1)
  }

  @Test("a refused recording, an unknown rejection and junk without one are named")
  func rejected() {
    #expect(findings { $0.outcomes[0].outcome = "rejected" }.rejected.count == 1)
    #expect(findings { $0.rejections.append("BEATS_MISSING of predictor: text") }.rejected.count == 1)
    #expect(findings { $0.rejections = [] }.rejected.count == 1)
    #expect(findings { $0.rejections.append(Self.junk) }.rejected.count == 1)
  }
}
