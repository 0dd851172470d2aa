import Foundation
import ResyncCore
import Testing

@Suite("Twelve-lead measures: stream and signal quality")
struct TwelveLeadStreamTests {
  private typealias Fixtures = TwelveLeadFixtures
  private static let clean = Fixtures.samples(.normal, 95)
  private static let v4 = Lead.allCases.firstIndex(of: .V4)!

  @Test(
    "any chunking gives the same state and measures, with a snapshot restored between any two chunks",
    arguments: [1, 7, 100, 1_000])
  func chunking(chunk: Int) throws {
    var samples = Fixtures.samples(.leftBundleBranchBlock, 150).map { Array($0[..<5_000]) }
    // Stretches that stand still, at the limits and elsewhere, must be counted across chunks.
    samples[5].replaceSubrange(500..<4_000, with: Array(repeating: 0.2, count: 3_500))
    samples[8] = samples[8].map { min(max(3 * $0, -1.5), 1.5) }
    let whole = try Fixtures.accumulator(samples)
    let pieces = try Fixtures.accumulator(samples, chunk: chunk, snapshots: true)
    #expect(pieces == whole)
    let measures = try #require(pieces.measures(sex: nil))
    #expect(measures == whole.measures(sex: nil))
  }

  @Test("a snapshot that is cut, changed or of another version is refused with an error")
  func hostileSnapshot() throws {
    let bytes = try Fixtures.accumulator(Self.clean).snapshot()
    #expect(throws: Never.self) { try TwelveLeadAccumulator(snapshot: bytes) }
    for changed in [
      [], Array(bytes.prefix(100)), Array(bytes.dropLast()), [bytes[0] ^ 1] + bytes.dropFirst(),
      SnapshotSeal.sealing([9] + bytes.dropFirst().dropLast(SnapshotSeal.length)),
      SnapshotSeal.sealing(Array(bytes.prefix(5_000))),
    ] {
      #expect(throws: SignalError.self) { try TwelveLeadAccumulator(snapshot: changed) }
    }
  }

  @Test("of any number of beats at most twelve are held, spread over the recording")
  func bounded() throws {
    for count in [1, 11, 12, 13, 25, 1_000] {
      var beats = AlignedBeats(rateHz: 100, leadCount: 1)
      for number in 0..<count { beats.add([Array(repeating: Float(number) / 10, count: 100)], peak: 50) }
      let held = beats.beats.map { Int(($0[0][20] * 10).rounded()) }
      #expect(held.count <= AlignedBeats.capacity && held.first == 0)
      #expect(held.count >= min(count, AlignedBeats.capacity / 2))
      let steps = Set(zip(held, held.dropFirst()).map { $1 - $0 })
      #expect(steps.count <= 1 && count - held.last! <= steps.first ?? 1)
    }
  }

  @Test("ectopic beats and beats of poor quality are not held, and the median refuses the rest of them")
  func ectopic() throws {
    var recipe = Fixtures.recipe.clean(pattern: .normal, qrsDurationMs: 95)
    let alone = try #require(try Fixtures.measures(recipe.recording(seconds: 30, sampleRateHz: 500).samples))
    let area = try #require(alone.qrsArea).length
    recipe.ectopicShare = 0.15
    let among = try #require(try Fixtures.measures(recipe.recording(seconds: 30, sampleRateHz: 500).samples))
    #expect(abs(among.qrsMilliseconds! - alone.qrsMilliseconds!) < 8)
    #expect(abs(among.qrsArea!.length / area - 1) < 0.05)
  }

  @Test("without a beat there is no measure, but faults are known")
  func noBeats() throws {
    let accumulator = try Fixtures.accumulator(Array(repeating: Array(repeating: 0, count: 5_000), count: 12))
    #expect(accumulator.measures(sex: nil) == nil)
    #expect(accumulator.monitorFaults.allSatisfy { $0 == [.flat] })
    #expect(TwelveLeadAccumulator(leads: [.II], nativeRateHz: 360, segmentRateHz: 360).measures(sex: .male) == nil)
  }

  @Test("a clean recording has no fault in any lead")
  func noFaults() throws {
    for pattern in [ActivationPattern.normal, .leftBundleBranchBlock, .rightBundleBranchBlock] {
      let measures = try #require(try Fixtures.measures(Fixtures.samples(pattern, 130)))
      let faulty = measures.faults.filter { !$0.value.isEmpty }
      #expect(faulty == [:], "\(pattern)")
    }
  }

  @Test("a flat lead, a saturated, a noisy, one of noise alone and one without samples are each told apart")
  func faults() throws {
    func faults(_ change: (Int, Float) -> Float) throws -> Set<LeadFault>? {
      var samples = Self.clean
      samples[Self.v4] = samples[Self.v4].enumerated().map { change($0.offset, $0.element) }
      let measures = try #require(try Fixtures.measures(samples))
      let others = measures.faults.filter { $0.key != .V4 && !$0.value.isEmpty }
      #expect(others == [:])
      return measures.faults[.V4]
    }
    var generator = SeededGenerator(seed: 5)
    let still = try faults { _, _ in 0.7 }
    #expect(still == [.flat, .disconnected])
    let full = try faults { _, value in min(max(8 * value, -1), 1.5) }
    #expect(full == [.saturated])
    let shaken = try faults { _, value in value + 0.6 * Float(generator.gaussian()) }
    #expect(shaken?.contains(.noisy) == true)
    let noise = try faults { _, _ in 0.3 * Float(generator.gaussian()) }
    #expect(noise?.contains(.disconnected) == true)
    let empty = try faults { _, _ in .nan }
    #expect(empty?.contains(.disconnected) == true)
  }

  @Test("exchanged arm electrodes are told, and neither a right axis nor dextrocardia is taken for them")
  func swappedArms() throws {
    func swapped(_ samples: [[Float]]) throws -> [Lead] {
      let measures = try #require(try Fixtures.measures(samples))
      return Lead.allCases.filter { measures.faults[$0]?.contains(.armsSwapped) == true }
    }
    // I turns, II and III, aVR and aVL change places.
    func exchanged(_ s: [[Float]]) -> [[Float]] { [s[0].map { -$0 }, s[2], s[1], s[4], s[3]] + s[5...] }
    #expect(try swapped(exchanged(Self.clean)) == [.I, .II, .III, .aVR, .aVL])
    #expect(try swapped(Self.clean).isEmpty)
    // Without P waves nothing is said.
    var fibrillation = Fixtures.recipe.clean(pattern: .normal, qrsDurationMs: 95)
    fibrillation.rhythm = .atrialFibrillation
    #expect(try swapped(exchanged(fibrillation.recording(seconds: 20, sampleRateHz: 500).samples)).isEmpty)
    var right = Fixtures.recipe.clean(pattern: .normal, qrsDurationMs: 95)
    right.frontalRotationDegrees = 120
    #expect(try swapped(right.recording(seconds: 12, sampleRateHz: 500).samples).isEmpty)
    let mirrored = exchanged(Self.clean).enumerated().map { lead, samples in
      lead < 8 ? samples : samples.map { -0.3 * $0 }
    }
    #expect(try swapped(mirrored).isEmpty)
  }

  @Test("samples that are not finite change no other lead and make no measure infinite")
  func missingSamples() throws {
    var samples = Self.clean
    for lead in samples.indices {
      samples[lead].replaceSubrange(2_000..<2_100, with: Array(repeating: .nan, count: 100))
    }
    samples[3][4_000] = .infinity
    let measures = try #require(try Fixtures.measures(samples))
    let whole = try #require(try Fixtures.measures(Self.clean))
    #expect(abs(measures.qrsMilliseconds! - whole.qrsMilliseconds!) < 8)
    var beats = AlignedBeats(rateHz: 500, leadCount: 1)
    beats.add([[.nan, .infinity, 1, -.infinity, 2]], peak: 2)
    let held = beats.beats[0][0]
    #expect(held.allSatisfy(\.isFinite) && held.contains(1) && held.contains(2))
    #expect(measures.qrsArea!.length.isFinite && measures.bundleBranch.allSatisfy { $0.score!.isFinite })
  }
}
