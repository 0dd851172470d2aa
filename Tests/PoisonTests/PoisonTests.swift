import Foundation
import Messages
import ResyncCore
import Streaming
import SuiteKit
import Testing

/// `POISON_COUNT` messages of each topic are spoilt, by `POISON_SEED`; a failure names the case, and `POISON_FIRST` with
/// a count of 1 repeats it alone. `make poison` runs 10,000.
@Suite("Spoilt messages", .serialized, .timeLimit(.minutes(60)))
struct PoisonTests {
  static func setting(_ name: String, _ otherwise: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? otherwise
  }
  static let seed = UInt64(setting("POISON_SEED", 1))
  static let first = setting("POISON_FIRST", 0)
  static let count = setting("POISON_COUNT", 300)

  @Test(
    "each spoilt message is valid or answered by one rejection with a code, whatever stage meets it, and all goes on",
    arguments: [Topic.ingest, Topic.recordings, Topic.beats, Topic.spectrograms])
  func messages(topic: String) throws {
    let recordings = try #require(try Specimens.shared.get().recordings[topic])
    let pipeline = PipelineConfiguration()
    let transform = try SpectrogramTransform(pipeline: pipeline)
    var bench = try PoisonBench(pipeline: pipeline, transform: transform)
    let good = try Self.outcomes(of: recordings[0], &bench)
    var tally: [String: Int] = [:]
    var faults = 0
    let memory = residentMegabytes()
    for number in Self.first..<Self.first + Self.count {
      var poisoner = Poisoner(seed: Self.seed, number: number)
      let recording = poisoner.choice(recordings)
      let at = Int.random(in: 0..<recording.count, using: &poisoner.generator)
      let (spoilt, kinds) = poisoner.spoil(recording[at])
      bench.forgetStates()
      do {
        for message in recording[..<at] { _ = try bench.send(message) }
        let outcome = try bench.send(spoilt)
        guard outcome.rejections.count <= 1 else {
          throw PoisonFault(description: "\(outcome.rejections.count) rejections, the first \(outcome.code ?? "")")
        }
        tally[outcome.code ?? "valid", default: 0] += 1
        for message in recording[(at + 1)...] { _ = try bench.send(message) }
      } catch {
        faults += 1
        let names = kinds.map(\.rawValue).joined(separator: ", ")
        if faults <= 20 { Issue.record("\(topic), seed \(Self.seed), case \(number) (\(names)): \(error)") }
      }
    }
    bench.forgetStates()
    #expect(
      try Self.outcomes(of: recordings[0], &bench) == good, "a good recording afterwards gives what it gave before")
    let grown = residentMegabytes() - memory
    #expect(faults == 0)
    #expect(grown < 300, "resident memory has grown by \(grown) MB")
    let counts = tally.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    print("poison \(topic): seed \(Self.seed), \(Self.count) messages, \(faults) faults, +\(grown) MB; \(counts)")
  }

  @Test("after a takeover with spoilt states all goes on, and each recording sent whole afterwards is as before")
  func states() throws {
    let recordings = try #require(try Specimens.shared.get().recordings[Topic.ingest]).filter { $0.count > 1 }
    let pipeline = PipelineConfiguration()
    var bench = try PoisonBench(pipeline: pipeline, transform: try SpectrogramTransform(pipeline: pipeline))
    let good = try Self.outcomes(of: recordings[0], &bench)
    var tally: [String: Int] = [:]
    var faults = 0
    for number in Self.first..<Self.first + Self.count {
      var poisoner = Poisoner(seed: Self.seed, number: number)
      let recording = poisoner.choice(recordings)
      let at = Int.random(in: 1..<recording.count, using: &poisoner.generator)
      bench.forgetStates()
      do {
        for message in recording[..<at] { _ = try bench.send(message) }
        bench.changeStates { poisoner.spoilFile($0, asText: false) }
        for message in recording[at...] {
          let outcome = try bench.send(message)
          tally[outcome.code ?? "valid", default: 0] += 1
        }
      } catch {
        faults += 1
        if faults <= 20 { Issue.record("seed \(Self.seed), case \(number): \(error)") }
      }
    }
    bench.forgetStates()
    #expect(try Self.outcomes(of: recordings[0], &bench) == good)
    #expect(faults == 0)
    let counts = tally.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    print("poison states: seed \(Self.seed), \(Self.count) takeovers, \(faults) faults; \(counts)")
  }

  @Test("a recording whose state cannot be read, in either service, ends once, as rejected", arguments: [true, false])
  func unreadable(inIngest: Bool) throws {
    let recordings = try #require(try Specimens.shared.get().recordings[Topic.ingest]).filter { $0.count > 1 }
    let pipeline = PipelineConfiguration()
    var bench = try PoisonBench(pipeline: pipeline, transform: try SpectrogramTransform(pipeline: pipeline))
    for recording in recordings {
      bench.forgetStates()
      _ = try bench.send(recording[0])
      bench.changeStates(ofIngest: inIngest, ofPreprocess: !inIngest) { _ in [0xFF] }
      let ends = try recording.dropFirst().flatMap { try bench.send($0).written }.filter {
        $0.topic == Topic.spectrograms
      }
      .compactMap { message -> ProtoRecordingEnd? in
        guard case .end(let end) = try ProtoSpectrogramEvent.decoded(from: message.value ?? []).event else {
          return nil
        }
        return end
      }
      #expect(ends.map(\.status) == [.rejected] && ends.map(\.code) == [RejectionCode.chunkOutOfOrder.rawValue])
    }
  }

  /// The values of all that comes of a recording.
  private static func outcomes(of recording: [OutgoingMessage], _ bench: inout PoisonBench) throws -> [[UInt8]?] {
    var values: [[UInt8]?] = []
    for message in recording { values += try bench.send(message).written.map { $0.value } }
    return values
  }
}

/// Linux: the second value of `/proc/self/statm`, in pages.
private func residentMegabytes() -> Int {
  let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
  let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
  return (pages * Int(sysconf(Int32(_SC_PAGESIZE)))) >> 20
}
