import Foundation
import ResyncCore
import Study
import Testing

@Suite("The transfer study's cells")
struct TransferCellTests {
  private static let docs = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../docs")

  private func copy() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("results"), withIntermediateDirectories: true)
    for file in ["prereg.json", "results/openings.jsonl"] {
      try FileManager.default.copyItem(
        at: Self.docs.appendingPathComponent(file), to: folder.appendingPathComponent(file))
    }
    return folder
  }

  @Test("a full run opens the locked folds in every arm, a quick one in none, and the primary task comes first")
  func scopes() {
    let registry = TransferRegistry(folder: Self.docs)
    let full = TransferCells.cells(quick: false, registry: registry).map(\.name)
    let quick = TransferCells.cells(quick: true, registry: registry).map(\.name)
    #expect(full.allSatisfy { $0.hasPrefix("transfer/locked/") } && Set(full).count == full.count)
    #expect(full.contains("transfer/locked/T1/resnet50/pretrained/draws-25-29"))
    #expect(full.first { $0.contains("resnet") }?.hasPrefix("transfer/locked/T1/resnet18/scratch/") == true)
    #expect(!quick.isEmpty && quick.allSatisfy { $0.hasPrefix("transfer/development/") })
  }

  @Test("a changed preregistration leaves one cell, which fails and opens nothing")
  func changed() throws {
    let folder = try copy()
    let log = folder.appendingPathComponent("results/openings.jsonl")
    let before = try Data(contentsOf: log)
    let file = folder.appendingPathComponent("prereg.json")
    let text = try String(contentsOf: file, encoding: .utf8).replacingOccurrences(of: "[7, 8]", with: "[8, 7]")
    try Data(text.utf8).write(to: file)
    let cells = TransferCells.cells(quick: false, registry: TransferRegistry(folder: folder))
    #expect(cells.map(\.name) == ["transfer/preregistration"])
    let context = StudyContext(data: nil, demoRecords: folder, cache: folder, threads: 1, write: { _ in })
    #expect(throws: ModelError.self) { _ = try cells[0].run(context) }
    #expect(try Data(contentsOf: log) == before)
  }

  @Test("an opening is added behind those that stand")
  func log() throws {
    let folder = try copy()
    let log = folder.appendingPathComponent("results/openings.jsonl")
    let before = try Data(contentsOf: log)
    try TransferRegistry(folder: folder).append(purpose: "a test")
    let after = try Data(contentsOf: log)
    #expect(after.starts(with: before) && after.count > before.count)
    let row = try JSONDecoder().decode(LockedOpening.self, from: after.dropFirst(before.count))
    #expect(row.purpose == "a test" && row.preregistration == Preregistration.registeredSHA256)
  }
}
