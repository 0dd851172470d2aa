import Foundation
import ResyncCore
import Study
import Synchronization
import Testing

@Suite("The study's beats of MIT-BIH", .serialized)
struct BeatsTests {
  private static let records = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("ops/dev/records/mitdb")
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

  private func record(_ name: String) throws -> RecordFile {
    try RecordFile.find([Self.records.appendingPathComponent(name).path])[0]
  }

  private func files() throws -> [URL] {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
  }

  @Test("beats are computed once, then read; a damaged file is computed anew")
  func cache() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let cache = BeatCache(folder: folder)
    let file213 = try record("213")
    let beats = try cache.beats(of: file213, pipeline: .init())
    let file = try #require(try files().first)
    var changed = beats
    changed.beats.removeLast()
    try changed.encoded().write(to: file)
    #expect(try cache.beats(of: file213, pipeline: .init()) == changed)
    try beats.encoded().dropLast().write(to: file)
    #expect(try cache.beats(of: file213, pipeline: .init()) == beats)
    _ = try cache.beats(of: file213, pipeline: PipelineConfiguration.Name.compactRStart.configuration)
    #expect(try files().count == 2)
  }

  private func size(of name: String, _ pipeline: PipelineConfiguration) throws -> Int {
    let (samples, annotations, _) = try record(name).load()
    return try AnnotatedBeats(of: samples, name: name, annotations: annotations, pipeline: pipeline).encoded().count
  }

  @Test("the cache stays within its limit; what was not used for longest goes first")
  func bound() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let small = PipelineConfiguration(image: ImageConfiguration(rows: 4, columns: 4))
    func names() throws -> [String] { try files().map { String($0.lastPathComponent.prefix(3)) }.sorted() }
    let measure = BeatCache(folder: folder)
    for name in ["118", "119", "200"] {
      _ = try measure.beats(of: record(name), pipeline: small)
    }
    let total = try files().reduce(0) { try $0 + ($1.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0) }
    for (age, name) in [(30.0, "119"), (20, "118"), (10, "200")] {
      let file = try #require(try files().first { $0.lastPathComponent.hasPrefix(name) })
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: file.path)
    }
    let added = try size(of: "213", small)
    // Reading 119 makes it the youngest, so room is made by 118.
    let cache = BeatCache(folder: folder, largestBytes: total + added - 1)
    _ = try cache.beats(of: record("119"), pipeline: small)
    _ = try cache.beats(of: record("213"), pipeline: small)
    #expect(try names() == ["119", "200", "213"])
  }

  private func cell(_ beatProtocol: BeatProtocol, epochs: Int = 1) -> BeatsCell {
    var specification = TrainingSpecification(task: .beatClass)
    specification.validationShare = 0
    specification.widthMultiplier = 0.0625
    specification.epochs = epochs
    return BeatsCell(
      name: "beats/test",
      inputs: .init(
        beatProtocol: beatProtocol, specification: specification,
        pipeline: PipelineConfiguration(image: ImageConfiguration(rows: 16, columns: 16)), quick: true, normalStride: 5)
    )
  }

  private func context(_ write: @escaping @Sendable (String) -> Void = { _ in }) -> StudyContext {
    StudyContext(data: nil, demoRecords: Self.records, cache: folder, threads: 2, write: write)
  }

  @Test("a cell trains, judges the held-out records, says which protocol it was and keeps the model that judged")
  func trains() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let result = try cell(.ds1ToDS2).run(context())
    #expect(result.figures.records.map(\.name) == ["200", "213", "222"])
    #expect(result.trainings.map(\.records) == [["118", "119", "208", "209", "223"]])
    #expect(result.figures.pooled.total == 2_601 + 3_251 + 2_483)
    #expect(result.figures.words.contains("between persons"))
    let file = folder.appendingPathComponent("models/beats.test.safetensors")
    let model = try ModelArtifact(decoding: Array(Data(contentsOf: file)))
    #expect(result.trainings.map(\.model) == [model.weightsSHA256])
    #expect(model.metadata.trainingRecordings == result.trainings[0].records)
    #expect(throws: PersonLeak.self) { try cell(.randomByBeat).run(context()) }
  }

  @Test("in DS1's folds every record is judged by a model that it did not teach; a model that leaks is not kept")
  func folds() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let result = try cell(.ds1Folds).run(context())
    #expect(result.figures.records.map(\.name) == ["118", "119", "208", "209", "223"])
    #expect(result.trainings.map { $0.records.count } == [4, 4, 4, 4, 4])
    #expect(result.trainings.reduce(Set()) { $0.union($1.records) }.count == 5)
    #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("models").path))
  }

  @Test("a cell that was stopped goes on where it stood and gives what an undisturbed one gives")
  func resumes() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let cell = cell(.ds1Folds, epochs: 2)
    let lines = Mutex(0)
    let stopping = Mutex<StudyContext?>(nil)
    // Each epoch writes a line: the stop comes in the second fold's second epoch.
    let stopped = context { _ in
      let count = lines.withLock { lines in
        lines += 1
        return lines
      }
      if count == 3 { stopping.withLock { $0?.interrupt() } }
    }
    stopping.withLock { $0 = stopped }
    #expect(throws: StudyStopped.self) { try cell.run(stopped) }
    let left = Mutex(0)
    let resumed = try cell.run(context { _ in left.withLock { $0 += 1 } })
    #expect(left.withLock { $0 } == 7, "ten epochs less the three that were done")
    let whole = try cell.run(context())
    #expect(resumed.trainings.map(\.model) == whole.trainings.map(\.model))
    #expect(resumed.figures == whole.figures)
  }
}
