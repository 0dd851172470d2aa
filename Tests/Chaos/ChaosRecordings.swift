import Foundation
import Messages
import ResyncCore
import Streaming
import SuiteKit

/// The models of a run: small, made in a moment, different.
enum ChaosModels {
  /// Of each task.
  static let count = 3

  static func make() throws -> [ModelTask: [ModelArtifact]] {
    var models: [ModelTask: [ModelArtifact]] = [:]
    for task in ModelTask.allCases {
      models[task] = try (0..<count).map { try TinyModels.make(task, seed: UInt64($0 + 1)) }
    }
    return models
  }
}

/// What a run publishes: short excerpts of the bundled MIT-BIH records, the bundled twelve-lead records and simulated
/// ones, in random order.
struct ChaosRecordings {
  private(set) var recordings: [FeedRecording]
  /// Those with reference beats that come first: what training jobs learn from.
  private(set) var teaching: [FeedRecording] = []
  /// Keys of the messages that are no recordings.
  let junkKeys: [String]

  private static let teachingCount = 24

  init(seed: UInt64, count: Int) throws {
    var generator = SeededGenerator(seed: seed ^ 0x5EED)
    let names = BundledRecord.training + BundledRecord.heldOut
    // Two of five have twelve leads; an excerpt starts where no other does.
    let excerptCount = count * 3 / 5
    recordings = try names.enumerated().flatMap { index, name in
      let own = (excerptCount + names.count - 1 - index) / names.count
      let starts = (0..<170).shuffled(using: &generator).prefix(own).map { 10 * $0 }
      return try BundledRecord.excerpts(name, starts: starts, seconds: 8)
    }
    recordings += try BundledRecord.twelveLeads.prefix(max(0, count - recordings.count)).map {
      try BundledRecord.twelveLead($0)
    }
    let simulator = CohortSimulator(seed: seed)
    recordings += simulator.cohort(size: max(1, count - recordings.count)).prefix(count - recordings.count).map {
      FeedRecording(simulated: $0, by: simulator, seconds: 6)
    }
    recordings.shuffle(using: &generator)
    teaching = Array(recordings.filter { !$0.annotations.isEmpty }.prefix(Self.teachingCount))
    junkKeys = (0..<max(1, count / 25)).map { "junk-\($0)" }
  }

  static func junk(_ key: String) -> OutgoingMessage {
    OutgoingMessage(
      topic: Topic.ingest, key: Array(key.utf8), value: [UInt8](repeating: 0xFF, count: 64),
      headers: [MessageHeader(HeaderName.contentType, ContentType.protobuf.rawValue)])
  }

  /// What `resync train` reads, of the teaching recordings.
  func writeManifest(to file: URL) throws {
    struct Line: Encodable {
      var recordingID: String
      var record: String
      var feed: String
      var samples: Int
    }
    let lines = try teaching.map { recording in
      let line = Line(
        recordingID: recording.recordingID, record: recording.uid, feed: FeedRecording.feed,
        samples: recording.record.digital[0].count)
      return String(decoding: try JSONEncoder().encode(line), as: UTF8.self)
    }
    try Data(lines.joined(separator: "\n").utf8).write(to: file)
  }
}

extension FeedRecording {
  /// Twelve leads at 500 Hz, 1 µV a unit, marked synthetic.
  fileprivate init(simulated patient: SimulatedPatient, by simulator: CohortSimulator, seconds: Double) {
    let header = WFDBHeader(
      recordName: patient.id, sampleRateHz: 500,
      signals: Lead.allCases.map { .init(description: $0.rawValue, gain: 1_000) },
      comments: ["<age>: \(Int(patient.ageYears))", syntheticMark])
    let digital = simulator.ecg(for: patient, seconds: seconds).map { lead in
      lead.map { Int32(min(max(($0 * 1000).rounded(), -32_767), 32_767)) }
    }
    self.init(uid: patient.id, patient: patient.id, record: WFDBRecord(header: header, digital: digital))
  }
}
