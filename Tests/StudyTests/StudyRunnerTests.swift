import Foundation
import Study
import Synchronization
import Testing

@Suite("The study's cells")
struct StudyRunnerTests {
  /// Counts how often it is computed.
  private final class Counting: Cell {
    struct Failed: Error {}
    let name: String
    let needs: [DataSet]
    let inputs: Int
    let behaviour: Behaviour
    let runs = Atomic(0)
    enum Behaviour { case succeeds, fails, stops }

    init(_ name: String, needs: [DataSet] = [], inputs: Int = 1, _ behaviour: Behaviour = .succeeds) {
      (self.name, self.needs, self.inputs, self.behaviour) = (name, needs, inputs, behaviour)
    }

    func run(_ context: StudyContext) throws -> Int {
      runs.add(1, ordering: .relaxed)
      switch behaviour {
      case .succeeds: return inputs
      case .fails: throw Failed()
      case .stops:
        context.interrupt()
        try context.checkStop()
        return inputs
      }
    }
    var count: Int { runs.load(ordering: .relaxed) }
  }

  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)

  private typealias State = StudyRunner.Outcome.State

  private func run(_ cells: [any Cell], deadline: Date? = nil) throws -> [State] {
    let context = StudyContext(
      data: nil, demoRecords: folder, cache: folder, threads: 1, deadline: deadline, write: { _ in })
    return try StudyRunner(store: CellStore(folder: folder), context: context).run(cells).map(\.state)
  }

  @Test("a kept result is not computed again, one of other inputs is")
  func resumes() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (first, again, changed) = (Counting("a/b"), Counting("a/b"), Counting("a/b", inputs: 2))
    #expect(try run([first]) == [.computed])
    #expect(try run([again]) == [.kept])
    #expect(try run([changed]) == [.computed])
    #expect((first.count, again.count, changed.count) == (1, 0, 1))
  }

  @Test("a damaged result counts as absent")
  func damaged() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    _ = try run([Counting("a")])
    try Data("{\"name\":".utf8).write(to: folder.appendingPathComponent("a.json"))
    #expect(try run([Counting("a")]) == [.computed])
  }

  @Test("a failing cell and missing data leave the others alone")
  func failing() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(
      try run([Counting("a", .fails), Counting("b", needs: [.ptbxl]), Counting("c")])
        == [.failed, .missingData, .computed])
  }

  @Test("a stop keeps what is finished, computes no more, and still tells what was kept")
  func stop() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    _ = try run([Counting("d")])
    let late = Counting("c")
    #expect(
      try run([Counting("a"), Counting("b", .stops), late, Counting("d")])
        == [.computed, .notReached, .notReached, .kept])
    #expect(late.count == 0)
  }

  @Test("processes that share a folder share the cells; a claim ends with its holder")
  func shared() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let store = try CellStore(folder: folder)
    let (held, free) = (Counting("a/b"), Counting("c"))
    let states = try store.claiming("a/b") { try run([held, free]) }
    #expect(states == [.elsewhere, .computed] && held.count == 0)
    #expect(throws: CancellationError.self) { try store.claiming("a/b") { throw CancellationError() } }
    #expect(try run([held, free]) == [.computed, .kept])
  }

  @Test("after the deadline nothing begins")
  func deadline() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(try run([Counting("a")], deadline: Date(timeIntervalSinceNow: -1)) == [.notReached])
  }
}
