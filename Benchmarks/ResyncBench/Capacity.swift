import Foundation
import Messages
import SuiteKit

/// What an installation is asked to do. All of it is assumed; none of it is measured.
struct CapacityScenario {
  var name: String
  /// Ten-second twelve-lead recordings a day, and how many times the mean the busiest minutes have.
  var recordingsPerDay: Double
  var peakFactor: Double
  /// Two-lead monitors that send at any time.
  var monitors: Double
  var why: String

  static let all = [
    CapacityScenario(
      name: "hospital of 1,000 beds", recordingsPerDay: 1000, peakFactor: 10, monitors: 200,
      why: "one twelve-lead ECG a bed and day; one bed in five monitored, day and night"),
    CapacityScenario(
      name: "region of 100,000 patients", recordingsPerDay: 100_000 * 4 / 365, peakFactor: 10, monitors: 1000,
      why: "four twelve-lead ECGs a patient and year; one patient in a hundred wears a recorder at any time"),
  ]
}

/// What a scenario needs, from what `resync-bench stream` measured.
struct Capacity {
  /// Assumed beside the scenarios.
  static let retentionDays = 7.0
  static let predictionRetentionDays = 30.0
  static let replication = 3.0
  /// Partitions of each topic, so the most replicas of a stage.
  static let partitions = 12.0
  /// How busy a replica's thread may be. Assumed.
  static let busyShare = 0.5
  private static let daySeconds = 86_400.0
  /// Readers of each topic; trainers come and go.
  private static let readers = [
    Topic.ingest: 1.0, Topic.recordings: 1, Topic.beats: 1, Topic.spectrograms: 2, Topic.predictions: 2,
  ]

  let report: StreamReport

  // MARK: - Costs

  static let stages = ["ingest", "preprocess", "spectrogram", "predictor", "evaluator", StreamLoad.database]

  /// Milliseconds of processor time.
  func cpuOfARecording(_ stage: String) -> Double {
    (report.saturation.cpuSeconds[stage] ?? .nan) * 1000 / Double(report.saturation.recordings)
  }

  func cpuOfAMonitoredSecond(_ stage: String) -> Double {
    (report.monitors.cpuSeconds[stage] ?? .nan) * 1000 / report.monitors.recordedSeconds
  }

  var beatsOfARecording: Double { Double(report.saturation.beats) / Double(report.saturation.recordings) }
  var beatsOfAMonitoredSecond: Double { Double(report.monitors.beats) / report.monitors.recordedSeconds }

  // MARK: - Needs

  /// Cores in the busiest minutes.
  func cores(_ stage: String, _ scenario: CapacityScenario) -> Double {
    let recordings = scenario.recordingsPerDay / Self.daySeconds * scenario.peakFactor
    return (recordings * cpuOfARecording(stage) + scenario.monitors * cpuOfAMonitoredSecond(stage)) / 1000
  }

  /// The fewest of which the one with most partitions is no busier than `busyShare`; NaN when even 12 are too few.
  func replicas(_ stage: String, _ scenario: CapacityScenario) -> Double {
    let cores = cores(stage, scenario)
    let enough = stride(from: 1, through: Self.partitions, by: 1).first {
      cores * (Self.partitions / $0).rounded(.up) / Self.partitions <= Self.busyShare
    }
    return enough ?? .nan
  }

  /// How many times the scenario fits before 12 replicas of the stage are not enough.
  func headroom(_ stage: String, _ scenario: CapacityScenario) -> Double {
    Self.partitions * Self.busyShare / cores(stage, scenario)
  }

  /// Bytes a second written to a topic, on the mean of a day or in the busiest minutes.
  func bytesPerSecond(_ topic: String, _ scenario: CapacityScenario, isPeak: Bool) -> Double {
    let storage = report.storage
    let recordings = scenario.recordingsPerDay / Self.daySeconds * (isPeak ? scenario.peakFactor : 1)
    return recordings * (storage.topicBytesOfARecording[topic] ?? .nan)
      + scenario.monitors * (storage.topicBytesOfAMonitoredSecond[topic] ?? .nan)
  }

  /// Snapshots on `state.preprocess`, which is compacted.
  func stateBytesPerSecond(_ scenario: CapacityScenario) -> Double {
    scenario.monitors * Double(report.monitors.stateBytes) / report.monitors.chunkSeconds
  }

  static var topics: [String] { [Topic.ingest, Topic.recordings, Topic.beats, Topic.spectrograms, Topic.predictions] }

  func written(_ scenario: CapacityScenario) -> Double {
    Self.topics.reduce(stateBytesPerSecond(scenario)) { $0 + bytesPerSecond($1, scenario, isPeak: true) }
  }

  func read(_ scenario: CapacityScenario) -> Double {
    Self.topics.reduce(0) { $0 + bytesPerSecond($1, scenario, isPeak: true) * (Self.readers[$1] ?? 1) }
  }

  /// Bytes that a topic holds, all copies together.
  func held(_ topic: String, _ scenario: CapacityScenario) -> Double {
    let days = topic == Topic.predictions ? Self.predictionRetentionDays : Self.retentionDays
    return bytesPerSecond(topic, scenario, isPeak: false) * Self.daySeconds * days * Self.replication
  }

  func beatsPerDay(_ scenario: CapacityScenario) -> Double {
    scenario.recordingsPerDay * beatsOfARecording + scenario.monitors * Self.daySeconds * beatsOfAMonitoredSecond
  }

  /// Bytes of PostgreSQL a day.
  func rowBytesPerDay(_ scenario: CapacityScenario) -> Double {
    beatsPerDay(scenario) * report.storage.rowBytesOfABeat
      + (scenario.recordingsPerDay + scenario.monitors) * report.storage.rowBytesOfARecording
  }
}
