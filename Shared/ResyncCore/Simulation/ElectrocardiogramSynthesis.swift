import Foundation

/// A simulated twelve-lead recording with the truth about its beats. Synthetic.
public struct SimulatedRecording: Hashable, Sendable {
  public struct Beat: Hashable, Sendable {
    /// From the start of the recording; may lie before it or after its end.
    public var qrsOnsetSeconds: Double
    public var qrsDurationMs: Double
    /// Premature, of ventricular origin.
    public var ectopic: Bool
  }

  public var sampleRateHz: Double
  /// `[lead][sample]`, mV, leads in `Lead.allCases` order.
  public var samples: [[Float]]
  /// In order of time: every beat whose QRS touches the recording.
  public var beats: [Beat]
}

extension ElectrocardiogramRecipe {
  /// Plays the recipe: a moving dipole through Dower's matrix, then electrode noise.
  ///
  /// - Precondition: `seconds` in (0, 3600], `sampleRateHz` in 100...2,000.
  public func recording(seconds: Double, sampleRateHz: Double) -> SimulatedRecording {
    precondition(seconds > 0 && seconds <= 3600, "seconds must be in (0, 3600]")
    precondition((100...2000).contains(sampleRateHz), "sampleRateHz must be 100 to 2000")
    var generator = SeededGenerator(seed: seed)
    let count = Int((seconds * sampleRateHz).rounded())
    let fragments = fragments(using: &generator)
    let schedule = schedule(seconds: seconds, using: &generator)
    var dipole = DipoleTrack(count: count, sampleRateHz: sampleRateHz)
    for beat in schedule { play(beat, fragments: fragments, on: &dipole, using: &generator) }
    if rhythm == .atrialFibrillation { addFibrillatoryWaves(to: &dipole, using: &generator) }
    let samples = leads(of: dipole, using: &generator)
    let beats = schedule.compactMap { beat -> SimulatedRecording.Beat? in
      let inside = beat.onset < seconds && beat.onset + beat.qrsSeconds > 0
      return inside
        ? .init(qrsOnsetSeconds: beat.onset, qrsDurationMs: beat.qrsSeconds * 1000, ectopic: beat.ectopic) : nil
    }
    return SimulatedRecording(sampleRateHz: sampleRateHz, samples: samples, beats: beats)
  }

  // MARK: Rhythm

  private struct ScheduledBeat {
    var onset: Double
    var rr: Double
    var qrsSeconds: Double
    var ectopic: Bool
  }

  private static let respirationHz = 0.24

  /// Beats from one interval before the recording (its T wave may reach in) to its end.
  private func schedule(seconds: Double, using generator: inout SeededGenerator) -> [ScheduledBeat] {
    // A recipe read from a file may hold anything; a rate of zero or NaN would never reach the end.
    let mean = 60 / ((20...300).contains(heartRateBPM) ? heartRateBPM : 60)
    var beats: [ScheduledBeat] = []
    var onset = -mean * generator.uniform() - 0.4
    var pauseFactor = 1.0
    while onset < seconds + 0.5 {
      let variation: Double
      switch rhythm {
      case .sinus:
        variation = 1 + 0.02 * sin(2 * .pi * Self.respirationHz * onset) + 0.012 * generator.gaussian()
      case .atrialFibrillation: variation = exp(0.2 * generator.gaussian())
      }
      let premature = generator.uniform() < ectopicShare && pauseFactor == 1 && !beats.isEmpty
      // A premature beat comes after 0.62 of an interval and the pause after it makes up for the rest.
      let rr = max(0.35, mean * variation * pauseFactor * (premature ? 0.62 : 1))
      onset += rr
      let width = premature ? max(150, qrsDurationMs) + 10 : qrsDurationMs
      beats.append(
        ScheduledBeat(onset: onset, rr: rr, qrsSeconds: width / 1000, ectopic: premature))
      pauseFactor = premature ? 1.38 : 1
    }
    return beats
  }

  // MARK: Dipole

  /// The dipole over time, three planes.
  private struct DipoleTrack {
    let sampleRateHz: Double
    var x: [Double]
    var y: [Double]
    var z: [Double]

    init(count: Int, sampleRateHz: Double) {
      self.sampleRateHz = sampleRateHz
      x = Array(repeating: 0, count: count)
      y = x
      z = x
    }

    /// Adds a Gaussian, cut at 4.5 deviations where it is below 5e-5 of its peak.
    mutating func add(_ vector: Vector, at centre: Double, spread: Double) {
      let reach = 4.5 * spread
      // A recipe read from a file may hold anything.
      guard reach > 0, reach < 1e6, abs(centre) < 1e6 else { return }
      let first = max(0, Int(((centre - reach) * sampleRateHz).rounded(.up)))
      let last = min(x.count - 1, Int(((centre + reach) * sampleRateHz).rounded(.down)))
      guard first <= last else { return }
      for index in first...last {
        let d = (Double(index) / sampleRateHz - centre) / spread
        let value = exp(-d * d / 2)
        x[index] += vector.x * value
        y[index] += vector.y * value
        z[index] += vector.z * value
      }
    }
  }

  private struct Fragment {
    var centre: Double
    var vector: Vector
  }

  /// Notches by which scar shows within the QRS: places and directions belong to the patient, not to the beat.
  private func fragments(using generator: inout SeededGenerator) -> [Fragment] {
    (0..<4).map { index in
      let sign = index.isMultiple(of: 2) ? 1.0 : -1.0
      let size = sign * 0.22 * scarExpression
      return Fragment(
        centre: 0.3 + 0.13 * Double(index) + 0.04 * (generator.uniform() - 0.5),
        vector: Vector(
          x: size * (0.7 + 0.3 * generator.gaussian()), y: size * 0.6 * generator.gaussian(),
          z: size * (0.6 + 0.3 * generator.gaussian())))
    }
  }

  private func play(
    _ beat: ScheduledBeat, fragments: [Fragment], on dipole: inout DipoleTrack,
    using generator: inout SeededGenerator
  ) {
    // Breathing turns the heart and changes its size a little; the rest of the variation is the beat's own.
    let breath = sin(2 * .pi * Self.respirationHz * beat.onset)
    let size = gain * (1 + 0.03 * breath + 0.015 * generator.gaussian())
    let turn = Rotation(
      frontalDegrees: frontalRotationDegrees + 2 * breath + 0.5 * generator.gaussian(),
      transverseDegrees: transverseRotationDegrees)
    let beatPattern = beat.ectopic ? ActivationPattern.ventricularEctopic : pattern
    let table = beatPattern.table
    let width = beat.qrsSeconds

    for wave in table.waves {
      var vector = Vector(x: wave.x, y: wave.y, z: wave.z).scaled(wave.late ? lateForceGain : 1)
      if !beat.ectopic { vector = withScar(vector) }
      dipole.add(
        turn.apply(vector.scaled(size)), at: beat.onset + wave.centre * width, spread: wave.spread * width)
    }
    if !beat.ectopic {
      // An early force away from the scar (Q wave), and the notches.
      dipole.add(
        turn.apply(scarWall.scaled(-0.3 * scarExpression * size)), at: beat.onset + 0.15 * width,
        spread: 0.055 * width)
      for fragment in fragments {
        dipole.add(
          turn.apply(fragment.vector.scaled(size)), at: beat.onset + fragment.centre * width, spread: 0.006)
      }
    }

    // T: a slow rise and a steeper fall, later with a longer interval (square root, as Bazett).
    let pace = min(max(beat.rr, 0.5), 1.4).squareRoot()
    let peak = beat.onset + width + 0.185 * pace
    let t = Vector(x: table.repolarisation.x, y: table.repolarisation.y, z: table.repolarisation.z)
    dipole.add(turn.apply(t.scaled(0.45 * size)), at: peak - 0.055 * pace, spread: 0.050 * pace)
    dipole.add(turn.apply(t.scaled(0.75 * size)), at: peak, spread: 0.036 * pace)

    if rhythm == .sinus && !beat.ectopic {
      let centre = beat.onset - prIntervalMs / 1000 + 0.055
      dipole.add(turn.apply(Vector(x: 0.05, y: 0.085, z: -0.05).scaled(gain)), at: centre - 0.014, spread: 0.017)
      dipole.add(turn.apply(Vector(x: 0.07, y: 0.055, z: 0.05).scaled(gain)), at: centre + 0.020, spread: 0.018)
    }
  }

  /// Forces of the scarred wall are lost in part.
  private func withScar(_ vector: Vector) -> Vector {
    let along = vector.x * scarWall.x + vector.y * scarWall.y + vector.z * scarWall.z
    guard along > 0 else { return vector }
    let loss = -0.45 * scarExpression * along
    return Vector(x: vector.x + loss * scarWall.x, y: vector.y + loss * scarWall.y, z: vector.z + loss * scarWall.z)
  }

  private func addFibrillatoryWaves(to dipole: inout DipoleTrack, using generator: inout SeededGenerator) {
    let baseHz = 5.5 + 1.5 * generator.uniform()
    let amplitude = 0.03 + 0.03 * generator.uniform()
    var phase = 2 * .pi * generator.uniform()
    for index in dipole.x.indices {
      let time = Double(index) / dipole.sampleRateHz
      phase += 2 * .pi * (baseHz + 0.8 * sin(2 * .pi * 0.31 * time)) / dipole.sampleRateHz
      let wave = amplitude * (1 + 0.3 * sin(2 * .pi * 0.17 * time)) * (sin(phase) + 0.35 * sin(2 * phase + 0.8))
      dipole.x[index] += 0.3 * wave
      dipole.y[index] += 0.6 * wave
      dipole.z[index] -= 0.8 * wave
    }
  }

  // MARK: Electrodes

  /// Noise arises at the nine electrodes, so that Einthoven's and Goldberger's relations hold in the noise as well.
  private func leads(of dipole: DipoleTrack, using generator: inout SeededGenerator) -> [[Float]] {
    let matrix = LeadField.matrix(chestElectrodeShift: chestElectrodeShift)
    var electrodes = (0..<9).map { _ in ElectrodeNoise(self, using: &generator) }
    var output = [[Float]](repeating: Array(repeating: 0, count: dipole.x.count), count: Lead.allCases.count)
    let rows = Dictionary(uniqueKeysWithValues: zip(Lead.allCases, Lead.allCases.indices))
    for index in dipole.x.indices {
      let time = Double(index) / dipole.sampleRateHz
      func heart(_ row: Int) -> Double {
        matrix[row][0] * dipole.x[index] + matrix[row][1] * dipole.y[index] + matrix[row][2] * dipole.z[index]
      }
      let noise = electrodes.indices.map { electrodes[$0].next(at: time, using: &generator) }
      let (right, left, foot) = (noise[0], noise[1], noise[2])
      let centralTerminal = (right + left + foot) / 3
      LeadField.twelve(
        i: heart(0) + left - right, ii: heart(1) + foot - right,
        chest: { heart($0 + 2) + noise[$0 + 3] - centralTerminal },
        store: { lead, value in output[rows[lead]!][index] = Float(value) })
    }
    return output
  }
}

/// White noise, slow wander of three sines and mains hum at one electrode.
private struct ElectrodeNoise {
  private let deviation: Double
  private let wander: [(amplitude: Double, hertz: Double, phase: Double)]
  private let mains: (amplitude: Double, phase: Double)

  init(_ recipe: ElectrocardiogramRecipe, using generator: inout SeededGenerator) {
    deviation = recipe.noiseMillivolts
    wander = [0.07, 0.21, 0.38].map { hertz in
      (
        recipe.wanderMillivolts * generator.uniform(), hertz * (0.8 + 0.4 * generator.uniform()),
        2 * .pi * generator.uniform()
      )
    }
    mains = (recipe.mainsMillivolts * generator.uniform(), 2 * .pi * generator.uniform())
  }

  mutating func next(at time: Double, using generator: inout SeededGenerator) -> Double {
    var value = deviation * generator.gaussian() + mains.amplitude * sin(2 * .pi * 50 * time + mains.phase)
    for wave in wander { value += wave.amplitude * sin(2 * .pi * wave.hertz * time + wave.phase) }
    return value
  }
}

/// Turns about the z axis (frontal plane), then about the y axis (transverse plane).
private struct Rotation {
  private let frontal: (cos: Double, sin: Double)
  private let transverse: (cos: Double, sin: Double)

  init(frontalDegrees: Double, transverseDegrees: Double) {
    let (f, t) = (frontalDegrees * .pi / 180, transverseDegrees * .pi / 180)
    frontal = (cos(f), sin(f))
    transverse = (cos(t), sin(t))
  }

  func apply(_ v: ElectrocardiogramRecipe.Vector) -> ElectrocardiogramRecipe.Vector {
    let x = frontal.cos * v.x - frontal.sin * v.y
    let y = frontal.sin * v.x + frontal.cos * v.y
    return .init(x: transverse.cos * x + transverse.sin * v.z, y: y, z: transverse.cos * v.z - transverse.sin * x)
  }
}

extension ElectrocardiogramRecipe.Vector {
  fileprivate func scaled(_ factor: Double) -> Self { Self(x: x * factor, y: y * factor, z: z * factor) }
}
