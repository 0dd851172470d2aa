import Foundation
import Messages
import Resync
import ResyncCore
import Store
import Streaming
import Testing
import Yams

/// A folder of its own, removed with the value.
final class TemporaryFolder {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("resync-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    let file = url.appendingPathComponent(name)
    try Data(bytes).write(to: file)
    return file.path
  }
}

@Suite("Manifests")
struct ManifestTests {
  private let entries = [
    ManifestEntry(recordingID: "r1", record: "100", feed: "files", samples: 650_000),
    ManifestEntry(recordingID: "r2", record: "ü\n", feed: "files", samples: 0),
  ]

  @Test("what is written is read back, several files one after the other")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("m.jsonl").path
    try ManifestEntry.write(entries, to: file)
    #expect(try ManifestEntry.read([file, file]) == entries + entries)
    #expect(try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").count == 2)
  }

  @Test("a line that is no entry is named by file and line")
  func faults() throws {
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("m.jsonl").path
    try ManifestEntry.write(entries, to: file)
    let handle = try #require(FileHandle(forWritingAtPath: file))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data("{\"record\":1}\n".utf8))
    try handle.close()
    let error = #expect(throws: CommandFailure.self) { try ManifestEntry.read([file]) }
    #expect(error?.description.contains("m.jsonl, line 3") == true)
    #expect(throws: CommandFailure.self) { try ManifestEntry.read([folder.url.path + "/none"]) }
  }
}

@Suite("Model files")
struct ModelFileTests {
  @Test("a model file is registered as it is, weights in half precision included; a damaged one is refused")
  func importing() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("models/resnet18-mitdb-ds1.safetensors")
    let bytes = Array(try Data(contentsOf: file))
    let record = try ModelRecord(importing: bytes)
    let model = try ModelArtifact(decoding: bytes)
    #expect(record.weights == bytes && record.weightsSHA256 == model.weightsSHA256)
    #expect(
      (record.modelID, record.task, record.pipeline.id) == (model.modelID, "beat-class", model.metadata.pipeline.id))
    #expect(try JSONDecoder().decode(ModelMetadata.self, from: Data(record.metadata.utf8)) == model.metadata)
    #expect(record.parentModelID == nil && !record.trainedOnSynthetic && record.jobID == nil)
    #expect(throws: ModelError.self) { try ModelRecord(importing: Array(bytes.dropLast())) }
  }
}

@Suite("Records on disk and their chunks")
struct RecordFileTests {
  private static let records = repository.appendingPathComponent("ops/dev/records")

  @Test("a folder gives its records by name; a record is found with or without its ending")
  func find() throws {
    let ludb = Self.records.appendingPathComponent("ludb").path
    #expect(try RecordFile.find([ludb]).map(\.name) == ["1", "145", "24", "34", "44"])
    let named = try RecordFile.find([ludb + "/24", ludb + "/1.hea"])
    #expect(named.map(\.name) == ["24", "1"] && named.allSatisfy { $0.folder.lastPathComponent == "ludb" })
  }

  @Test("in a folder the segments of a record are no records of their own; a broken header is left to loading")
  func segments() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("m.hea", "m/3 1 250 5\na 2\n~ 1\nb 2\n".utf8)
    for name in ["a", "b", "c"] {
      _ = try folder.write(name + ".hea", "\(name) 1 250 2\n\(name).dat 16 200 16 0\n".utf8)
    }
    _ = try folder.write("d.hea", "nothing\n".utf8)
    #expect(try RecordFile.find([folder.url.path]).map(\.name) == ["c", "d", "m"])
  }

  @Test("a path without a record is refused with what is expected there")
  func notFound() throws {
    let folder = try TemporaryFolder()
    for path in [folder.url.path, folder.url.path + "/none", Self.records.path + "/ludb/99"] {
      let error = #expect(throws: WFDBError.self) { try RecordFile.find([path]) }
      #expect(error?.description.contains(".hea") == true)
    }
  }

  @Test("the uid of a record of several segments covers the segments")
  func segmentedUID() throws {
    let folder = try TemporaryFolder()
    let master = try folder.write("m.hea", "m/2 1 250 4\na 2\na 2\n".utf8)
    _ = try folder.write("a.hea", "a 1 250 2\na.dat 16 200 16 0\n".utf8)
    _ = try folder.write("a.dat", [1, 0, 2, 0] as [UInt8])
    let file = try RecordFile.find([master])[0]
    let first = try file.load()
    #expect(first.record.digital == [[1, 2, 1, 2]])
    _ = try folder.write("a.dat", [1, 0, 3, 0] as [UInt8])
    let other = try file.load()
    _ = try folder.write("a.hea", "a 1 250 2\na.dat 16 100 16 0\n".utf8)
    #expect(Set([first.uid, other.uid, try file.load().uid]).count == 3)
  }

  @Test("the uid is the hash of header and signals: other labels keep it, other samples change it")
  func uid() throws {
    let folder = try TemporaryFolder()
    let header = try folder.write("r.hea", "r 1 250 3\nr.dat 16 200 16 0\n".utf8)
    _ = try folder.write("r.dat", [1, 0, 2, 0, 3, 0] as [UInt8])
    let file = try RecordFile.find([header])[0]
    let first = try file.load()
    #expect(first.annotations.isEmpty && first.record.digital == [[1, 2, 3]])
    let bytes = try Data(contentsOf: URL(fileURLWithPath: header)) + Data([1, 0, 2, 0, 3, 0])
    #expect(first.uid == sha256(bytes).map { String(format: "%02x", $0) }.joined())
    _ = try folder.write("r.atr", [2, 1 << 2, 0, 0] as [UInt8])
    let labelled = try file.load()
    #expect(labelled.uid == first.uid && labelled.annotations.map(\.sample) == [2])
    _ = try folder.write("r.dat", [1, 0, 2, 0, 4, 0] as [UInt8])
    #expect(try file.load().uid != first.uid)
  }

  @Test("the chunks of a record, put together, are the record; the last says so")
  func chunks() throws {
    let (record, annotations, uid) = try RecordFile.find([Self.records.path + "/mitdb/223"])[0].load()
    let chunks = RecordChunks(
      record: record, annotations: annotations, feed: "files", uid: uid, patient: "223", chunkSeconds: 200.1)
    #expect(chunks.count == 10)
    let messages = (0..<chunks.count).map(chunks.message)
    #expect(messages.allSatisfy { $0.topic == Topic.ingest && $0.key == Array(uid.utf8) })
    #expect(messages.allSatisfy { $0.headers == [MessageHeader("content-type", "application/x-protobuf")] })
    let decoded = try messages.map { try ProtoEcgChunk.decoded(from: $0.value ?? []) }
    #expect(decoded.map(\.sequence) == Array(0..<10) && decoded.map(\.last) == (0..<10).map { $0 == 9 })
    #expect(decoded.allSatisfy { $0.recordingUid == uid && $0.patientID == "223" && !$0.synthetic })
    let whole = ProtoEcgChunk(record: record, annotations: annotations)
    #expect(decoded.flatMap(\.referenceBeats) == whole.referenceBeats)
    let planes = decoded.map { chunk in chunk.samples.count / 4 }
    #expect(planes.reduce(0, +) == chunks.sampleCount)
    let firstLead = zip(decoded, planes).reduce(into: Data()) { $0.append($1.0.samples.prefix(2 * $1.1)) }
    #expect(firstLead == whole.samples.prefix(2 * chunks.sampleCount))
  }

  @Test("chunks stay under the message limit however long they are asked to be")
  func chunkLimit() throws {
    let (record, annotations, uid) = try RecordFile.find([Self.records.path + "/mitdb/213"])[0].load()
    var long = record
    long.digital = record.digital.map { Array($0.prefix(300_000)) }
    let chunks = RecordChunks(
      record: long, annotations: annotations, feed: "files", uid: uid, patient: "213", chunkSeconds: 900)
    let sizes = (0..<chunks.count).map { chunks.message($0).value?.count ?? .max }
    #expect(sizes.allSatisfy { $0 < maximumMessageBytes })
  }

  @Test("a record whose comments say synthetic says so in every chunk")
  func synthetic() throws {
    let header = try WFDBHeader(parsing: Array("r 1 250 3\nr.dat 16\n# Synthetic\n".utf8), file: "r.hea")
    let record = try WFDBRecord(header: header) { _ in [0, 0, 0, 0, 0, 0] }
    let chunks = RecordChunks(record: record, annotations: [], feed: "f", uid: "u", patient: "p", chunkSeconds: 0.001)
    #expect(chunks.count == 3)
    for index in 0..<3 { #expect(try ProtoEcgChunk.decoded(from: chunks.message(index).value ?? []).synthetic) }
  }
}

@Suite("schemas/topics.yaml")
struct TopicsFileTests {
  private func topics() throws -> TopicsFile {
    try YAMLDecoder().decode(
      TopicsFile.self, from: Data(contentsOf: repository.appendingPathComponent("schemas/topics.yaml")))
  }

  @Test("every topic that the programs name is in the file, once, and no other")
  func names() throws {
    let known = [
      Topic.ingest, Topic.recordings, Topic.beats, Topic.spectrograms, Topic.predictions, Topic.trainingJobs,
      Topic.modelEvents, Topic.rejected, Topic.ingestState, Topic.preprocessState,
    ]
    #expect(try topics().topics.map(\.name).sorted() == known.sorted())
  }

  @Test("every topic takes the suite's largest message with its headers, and changelogs are compacted")
  func properties() throws {
    for topic in try topics().topics {
      #expect(Int(topic.configuration["max.message.bytes"] ?? "").map { $0 > maximumMessageBytes } == true)
      let compacted = topic.name.hasPrefix("state.") || topic.name == Topic.modelEvents
      #expect(topic.configuration["cleanup.policy"] == (compacted ? "compact" : "delete"))
    }
  }

  @Test("a recording's topics and changelogs have the same number of partitions")
  func partitions() throws {
    let specifications = try topics().specifications(embedded: false)
    let recording = specifications.filter { $0.name.hasPrefix("ecg.") || $0.name.hasPrefix("state.") }
    #expect(recording.count == 7 && Set(recording.map(\.partitions)) == [12])
  }

  @Test("the embedded broker's values replace those of their topic and leave the others as they are")
  func embedded() throws {
    let (plain, embedded) = try (topics().specifications(embedded: false), topics().specifications(embedded: true))
    #expect(plain.map(\.name) == embedded.map(\.name))
    let overrides = try topics().embedded
    #expect(!overrides.isEmpty && overrides.allSatisfy { override in plain.contains { $0.name == override.name } })
    for (before, after) in zip(plain, embedded) {
      let changed = overrides.filter { $0.name == before.name }.flatMap { $0.configuration.map(\.key) }
      for (key, value) in before.configuration where !changed.contains(key) {
        #expect(after.configuration[key] == value)
      }
      for override in overrides where override.name == before.name {
        for (key, value) in override.configuration { #expect(after.configuration[key] == value) }
      }
    }
  }
}
