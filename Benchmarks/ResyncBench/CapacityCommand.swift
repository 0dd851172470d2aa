import ArgumentParser
import Foundation
import Messages

struct CapacityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capacity",
    abstract: "What a hospital and a region need, computed from the closing line of `resync-bench stream`.")

  @Argument(help: "File whose last line is that line.") var results: String
  @Option(help: "Page whose part between the two marks is replaced; else the tables are printed.") var page: String?

  private static let marks = (begin: "<!-- resync-bench capacity -->", end: "<!-- end of resync-bench capacity -->")

  func run() throws {
    let text = try String(contentsOfFile: results, encoding: .utf8)
    guard let line = text.split(separator: "\n").last else { throw ValidationError("\(results) is empty") }
    let tables = CapacityTables(Capacity(report: try JSONDecoder().decode(StreamReport.self, from: Data(line.utf8))))
      .text
    guard let page else { return print(tables) }
    let old = try String(contentsOfFile: page, encoding: .utf8)
    guard let begin = old.range(of: Self.marks.begin), let end = old.range(of: Self.marks.end),
      begin.upperBound <= end.lowerBound
    else { throw ValidationError("\(page) must hold \(Self.marks.begin) and, after it, \(Self.marks.end)") }
    let new = old[..<begin.upperBound] + "\n\n" + tables + "\n\n" + old[end.lowerBound...]
    try Data(new.utf8).write(to: URL(fileURLWithPath: page))
  }
}

/// The tables of `docs/CAPACITY.md`.
struct CapacityTables {
  private let capacity: Capacity
  private let scenarios = CapacityScenario.all

  init(_ capacity: Capacity) { self.capacity = capacity }

  var text: String {
    [costs, bytes, assumptions, needs, disk, limits].joined(separator: "\n\n")
  }

  private func table(_ head: [String], _ rows: [[String]]) -> String {
    let lines = [head, head.map { _ in "---" }] + rows
    return lines.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
  }

  private func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

  /// Three figures, with a unit that suits them.
  private func size(_ bytes: Double) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"]
    var (value, unit) = (bytes, 0)
    while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
    return number(value, value < 10 ? 2 : value < 100 ? 1 : 0) + " " + units[unit]
  }

  private func count(_ value: Double) -> String {
    value >= 1e6 ? number(value / 1e6, 1) + " million" : number(value, 0)
  }

  // MARK: - Measured

  private var costs: String {
    let report = capacity.report
    return """
      **Processor time, ms** (\(report.saturation.recordings) recordings and \(number(report.monitors.recordedSeconds, 0)) \
      s of monitors; \(number(capacity.beatsOfARecording, 1)) beats a recording, \
      \(number(capacity.beatsOfAMonitoredSecond, 2)) a monitored second):


      """
        + table(
          ["stage", "a ten-second twelve-lead recording", "a beat of it", "a second of a two-lead monitor"],
          Capacity.stages.map { stage in
            let recording = capacity.cpuOfARecording(stage)
            return [
              stage, number(recording, 2), number(recording / capacity.beatsOfARecording, 3),
              number(capacity.cpuOfAMonitoredSecond(stage), 3),
            ]
          })
  }

  private var bytes: String {
    let storage = capacity.report.storage
    let topics = Capacity.topics.map { topic -> [String] in
      let (recording, second) = (
        storage.topicBytesOfARecording[topic] ?? .nan, storage.topicBytesOfAMonitoredSecond[topic] ?? .nan
      )
      return [topic, size(recording), size(recording / capacity.beatsOfARecording), size(second)]
    }
    let state = Double(capacity.report.monitors.stateBytes)
    let row = storage.rowBytesOfABeat
    return "**Bytes**, before compression; PostgreSQL with indexes:\n\n"
      + table(
        ["", "a recording", "a beat of it", "a second of a monitor"],
        topics + [
          ["state.preprocess", "none left", "", size(state / capacity.report.monitors.chunkSeconds)],
          [
            "PostgreSQL", size(row * capacity.beatsOfARecording + storage.rowBytesOfARecording), size(row),
            size(row * capacity.beatsOfAMonitoredSecond),
          ],
        ])
  }

  // MARK: - Computed

  private var assumptions: String {
    "**Assumed:**\n\n"
      + table(
        ["", "twelve-lead recordings a day", "busiest minutes over the mean", "monitors at any time", "as if"],
        scenarios.map {
          [$0.name, count($0.recordingsPerDay), number($0.peakFactor, 0), number($0.monitors, 0), $0.why]
        })
  }

  private func perScenario(_ value: (CapacityScenario) -> String) -> [String] { scenarios.map(value) }

  private var needs: String {
    let stages = Capacity.stages.map { stage in
      ["cores of \(stage)"]
        + perScenario {
          number(capacity.cores(stage, $0), 2)
            + (stage == StreamLoad.database || stage == "evaluator"
              ? "" : " (replicas: \(number(capacity.replicas(stage, $0), 0)))")
        }
    }
    return "**Needed in the busiest minutes**, and of PostgreSQL a day:\n\n"
      + table(
        [""] + scenarios.map(\.name),
        stages + [
          ["written to Kafka a second"] + perScenario { size(capacity.written($0)) },
          ["read from Kafka a second"] + perScenario { size(capacity.read($0)) },
          ["beat rows a day"] + perScenario { count(capacity.beatsPerDay($0)) },
          ["PostgreSQL grows a day"] + perScenario { size(capacity.rowBytesPerDay($0)) },
        ])
  }

  private var disk: String {
    "**Disk of the brokers**, \(number(Capacity.replication, 0)) copies, \(number(Capacity.retentionDays, 0)) days "
      + "(predictions \(number(Capacity.predictionRetentionDays, 0))):\n\n"
      + table(
        [""] + scenarios.map(\.name),
        Capacity.topics.map { topic in [topic] + perScenario { size(capacity.held(topic, $0)) } }
          + [["together"] + perScenario { s in size(Capacity.topics.reduce(0) { $0 + capacity.held($1, s) }) }])
  }

  private var limits: String {
    let stages = Capacity.stages.filter { $0 != StreamLoad.database && $0 != "evaluator" }
    return "**How many times the scenario fits** before a stage needs more than 12 replicas:\n\n"
      + table(
        [""] + scenarios.map(\.name),
        stages.map { stage in [stage] + perScenario { number(capacity.headroom(stage, $0), 1) } })
  }
}
