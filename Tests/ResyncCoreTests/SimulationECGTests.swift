import Foundation
import ResyncCore
import Testing

@Suite("Simulation: the twelve-lead ECG")
struct SimulationECGTests {
  private static let simulator = CohortSimulator(seed: 77)
  private static let cohort = simulator.cohort(size: 60)
  private static let template = cohort[0].recipe

  @Test("Einthoven's and Goldberger's relations hold in signal and noise")
  func limbLeads() {
    for patient in Self.cohort.prefix(10) {
      let leads = Self.simulator.ecg(for: patient, seconds: 4)
      #expect(leads.count == 12 && leads.allSatisfy { $0.count == 2000 })
      for n in leads[0].indices {
        let (i, ii, iii) = (leads[0][n], leads[1][n], leads[2][n])
        #expect(abs(ii - (i + iii)) < 2e-6)
        #expect(abs(leads[3][n] + (i + ii) / 2) < 2e-6)
        #expect(abs(leads[4][n] - (i - iii) / 2) < 2e-6)
        #expect(abs(leads[5][n] - (ii + iii) / 2) < 2e-6)
      }
    }
  }

  @Test("amplitudes are physiological: the largest QRS of a patient lies between 0.5 and 3 mV")
  func amplitudes() {
    for patient in Self.cohort {
      let recording = patient.recipe.recording(seconds: 10, sampleRateHz: 500)
      let beats = recording.innerBeats.filter { !$0.ectopic }
      let largest = Lead.allCases.flatMap { lead in
        beats.map { beat in recording.qrs(lead, beat).map(abs).max()! }
      }.max()!
      #expect((0.5...3).contains(largest), "\(patient.id): \(largest) mV")
      #expect(recording.samples.joined().allSatisfy { abs($0) < 4.5 })
    }
  }

  @Test(
    "the QRS is as wide as the recipe says",
    arguments: ActivationPattern.allCases.filter { $0 != .ventricularEctopic }, [120.0, 150, 180, 210])
  func width(pattern: ActivationPattern, milliseconds: Double) {
    let recording = Self.template.clean(pattern: pattern, qrsDurationMs: milliseconds)
      .recording(seconds: 6, sampleRateHz: 1000)
    for beat in recording.innerBeats {
      #expect(abs(beat.qrsDurationMs - milliseconds) < 1e-9)
      let measured = recording.measuredWidthMs(beat)
      #expect(abs(measured - milliseconds) < 0.12 * milliseconds, "\(measured)")
    }
  }

  @Test("LBBB has QS or rS in V1–V2, no q in I, V5, V6 and two peaks in the lateral leads")
  func leftBundle() {
    let recording = Self.template.clean(pattern: .leftBundleBranchBlock, qrsDurationMs: 160)
      .recording(seconds: 5, sampleRateHz: 1000)
    let beat = recording.innerBeats[1]
    for lead in [Lead.V1, .V2] {
      let wave = recording.qrs(lead, beat)
      #expect(wave.min()! < -0.7 && wave.max()! < 0.4 * -wave.min()!, "\(lead)")
    }
    for lead in [Lead.I, .V5, .V6] {
      let wave = recording.qrs(lead, beat)
      #expect(wave.min()! > -0.05 && wave.max()! > 0.4, "\(lead)")
      // Strauss 2011: the notch later than 40 ms and before two thirds of the QRS.
      let notch = (41..<107).first { wave[$0] < wave[$0 - 1] && wave[$0] < wave[$0 + 1] }
      #expect(notch != nil, "\(lead)")
    }
  }

  @Test("RBBB ends with a tall R′ in V1 and a broad S in I and V6")
  func rightBundle() {
    let recording = Self.template.clean(pattern: .rightBundleBranchBlock, qrsDurationMs: 140)
      .recording(seconds: 5, sampleRateHz: 1000)
    let beat = recording.innerBeats[1]
    let v1 = recording.qrs(.V1, beat)
    #expect(v1[80...].max()! > 0.5 && v1[..<40].max()! > 0.1 && v1[30..<70].min()! < -0.2)
    for lead in [Lead.I, .V6] { #expect(recording.qrs(lead, beat)[80...].min()! < -0.3, "\(lead)") }
  }

  @Test("scar fragments the QRS and takes force from it")
  func scar() {
    var recipe = Self.template.clean(pattern: .leftBundleBranchBlock, qrsDurationMs: 160)
    recipe.scarWall = .init(x: 0.95, y: 0.10, z: 0.30)
    func roughnessAndSize() -> (Float, Float) {
      let recording = recipe.recording(seconds: 5, sampleRateHz: 1000)
      let waves: [[Float]] = Lead.allCases.map { recording.qrs($0, recording.innerBeats[1]) }
      let bends = waves.map { (wave: [Float]) -> Float in
        var sum: Float = 0
        for n in 4..<wave.count - 4 { sum += abs(wave[n - 4] - 2 * wave[n] + wave[n + 4]) }
        return sum
      }
      return (bends.reduce(0, +), waves[10].max()!)
    }
    let healthy = roughnessAndSize()
    recipe.scarExpression = 1
    let scarred = roughnessAndSize()
    #expect(scarred.0 > 1.4 * healthy.0)
    #expect(scarred.1 < 0.85 * healthy.1)
  }

  @Test("an ordinary slope detector finds every beat and no other")
  func detection() {
    var (found, missed, extra) = (0, 0, 0)
    for patient in Self.cohort.prefix(40) {
      let recording = patient.recipe.recording(seconds: 10, sampleRateHz: 500)
      let peaks = slopePeaks(recording)
      var left = peaks
      for beat in recording.innerBeats {
        let span = beat.qrsOnsetSeconds - 0.05...beat.qrsOnsetSeconds + beat.qrsDurationMs / 1000 + 0.05
        if let match = left.firstIndex(where: span.contains) {
          left.remove(at: match)
          found += 1
        } else {
          missed += 1
        }
      }
      extra += left.count { $0 > 0.8 && $0 < 9 }
    }
    #expect(found > 350)
    #expect(Double(missed) / Double(found) < 0.01, "\(missed) of \(found)")
    #expect(Double(extra) / Double(found) < 0.01, "\(extra) beside \(found)")
  }

  /// Centres of stretches where the summed slope, smoothed over 100 ms, exceeds a third of its usual peak.
  private func slopePeaks(_ recording: SimulatedRecording) -> [Double] {
    let count = recording.samples[0].count
    let slope = (0..<count).map { n -> Float in
      n < 5 ? 0 : recording.samples.reduce(Float(0)) { $0 + abs($1[n] - $1[n - 5]) }
    }
    var envelope = [Float](repeating: 0, count: count)
    for n in 25..<count - 25 { envelope[n] = slope[n - 25..<n + 25].reduce(0, +) / 50 }
    let seconds = stride(from: 0, to: count - 500, by: 500).map { envelope[$0..<$0 + 500].max()! }.sorted()
    let limit = seconds[seconds.count / 2] * 0.4
    var peaks: [Double] = []
    var start: Int?
    for n in 0..<count {
      if envelope[n] > limit, start == nil { start = n }
      if envelope[n] <= limit, let first = start {
        let centre = Double(first + n) / 2 / recording.sampleRateHz
        if let last = peaks.last, centre - last < 0.25 {
          peaks[peaks.count - 1] = (last + centre) / 2
        } else {
          peaks.append(centre)
        }
        start = nil
      }
    }
    return peaks
  }

  @Test("beats of one patient vary a little: correlated above .99, never equal")
  func variation() {
    var recipe = Self.template.clean(pattern: .leftBundleBranchBlock, qrsDurationMs: 160)
    recipe.noiseMillivolts = 0
    let recording = recipe.recording(seconds: 8, sampleRateHz: 500)
    let sizes = recording.innerBeats.map { recording.qrs(.V6, $0).max()! }
    #expect((1.02...1.25).contains(sizes.max()! / sizes.min()!))
    let waves = recording.innerBeats.map { recording.qrs(.V6, $0).map(Double.init) }
    for (one, next) in zip(waves, waves.dropFirst()) {
      let (a, b) = (simulationMoments(one), simulationMoments(next))
      let products = zip(one, next).map { ($0 - a.mean) * ($1 - b.mean) }
      let correlation = products.reduce(0, +) / Double(products.count - 1) / (a.deviation * b.deviation)
      #expect((0.99..<1).contains(correlation))
    }
    let intervals = zip(recording.innerBeats, recording.innerBeats.dropFirst()).map {
      $1.qrsOnsetSeconds - $0.qrsOnsetSeconds
    }
    let moments = simulationMoments(intervals)
    #expect(moments.deviation > 0.002 && moments.deviation < 0.06)
    #expect(abs(60 / moments.mean - 70) < 3)
  }

  @Test("atrial fibrillation is irregular and has no P wave")
  func fibrillation() {
    var recipe = Self.template.clean(pattern: .leftBundleBranchBlock, qrsDurationMs: 150)
    let sinus = recipe.recording(seconds: 30, sampleRateHz: 250)
    recipe.rhythm = .atrialFibrillation
    let fibrillating = recipe.recording(seconds: 30, sampleRateHz: 250)
    func spread(_ recording: SimulatedRecording) -> Double {
      let onsets = recording.beats.map(\.qrsOnsetSeconds)
      let moments = simulationMoments(zip(onsets, onsets.dropFirst()).map { $1 - $0 })
      return moments.deviation / moments.mean
    }
    #expect(spread(sinus) < 0.05 && spread(fibrillating) > 0.12)
    /// Mean of lead II over the usual place of P, against the level just before the QRS.
    func pWave(_ recording: SimulatedRecording) -> Double {
      let lead = recording.lead(.II)
      let heights = recording.innerBeats.map { beat -> Double in
        func level(_ seconds: Double) -> Double { Double(lead[Int((beat.qrsOnsetSeconds + seconds) * 250)]) }
        return level(0.055 - recipe.prIntervalMs / 1000) - level(-0.02)
      }
      return simulationMoments(heights).mean
    }
    #expect(pWave(sinus) > 0.07)
    #expect(abs(pWave(fibrillating)) < 0.05)
  }

  @Test("what is measured on the waveform tells the outcome, and nothing in a null cohort")
  func waveformInformation() throws {
    let expectations: [(CohortSimulatorConfiguration.Link, ClosedRange<Double>)] = [
      (.substrate, 0.57...0.78), (.nullOutcome, 0.40...0.60),
    ]
    for (link, range) in expectations {
      let configuration = try CohortSimulatorConfiguration(link: link, atrialFibrillationShare: 0, noiseScale: 0)
      let cohort = CohortSimulator(seed: 31, configuration: configuration).cohort(size: 500)
      let widths = cohort.map { patient in
        let recording = patient.recipe.recording(seconds: 3, sampleRateHz: 500)
        return recording.measuredWidthMs(recording.innerBeats.first { !$0.ectopic } ?? recording.innerBeats[0])
      }
      let auc = simulationAUC(widths, cohort.map(\.responded))
      #expect(range.contains(auc), "\(link): \(auc)")
    }
  }

  @Test("a recipe with senseless numbers gives samples, not a crash")
  func hostileRecipe() {
    var recipe = Self.template
    recipe.qrsDurationMs = .nan
    recipe.heartRateBPM = 0
    recipe.prIntervalMs = .infinity
    #expect(recipe.recording(seconds: 1, sampleRateHz: 100).samples.count == 12)
    recipe.heartRateBPM = 1e300
    recipe.qrsDurationMs = -5e12
    #expect(recipe.recording(seconds: 1, sampleRateHz: 100).samples[0].count == 100)
  }
}
