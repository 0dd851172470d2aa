import Foundation
import ResyncCore
import Study
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

  @Test("a cell trains, judges the held-out records and says which protocol it was")
  func cell() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var specification = TrainingSpecification(task: .beatClass)
    specification.validationShare = 0
    specification.widthMultiplier = 0.0625
    specification.epochs = 1
    let small = PipelineConfiguration(image: ImageConfiguration(rows: 16, columns: 16))
    func cell(_ beatProtocol: BeatProtocol) -> BeatsCell {
      BeatsCell(
        name: "beats/test",
        inputs: .init(beatProtocol: beatProtocol, specification: specification, pipeline: small, quick: true))
    }
    let context = StudyContext(data: nil, demoRecords: Self.records, cache: folder, threads: 2, write: { _ in })
    let result = try cell(.ds1ToDS2).run(context)
    #expect(result.figures.records.map(\.name) == ["200", "213", "222"])
    #expect(result.trainingRecords == ["118", "119", "208", "209", "223"])
    #expect(result.figures.pooled.total == 2_601 + 3_251 + 2_483)
    #expect(result.figures.words.contains("between persons"))
    #expect(throws: PersonLeak.self) { try cell(.randomByBeat).run(context) }
  }
}
