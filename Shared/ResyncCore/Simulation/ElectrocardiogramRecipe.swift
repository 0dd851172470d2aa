/// Everything that decides a simulated ECG. Two equal recipes give the same samples.
public struct ElectrocardiogramRecipe: Codable, Hashable, Sendable {
  /// A direction or a dipole in Frank's axes: x to the left, y to the feet, z to the back; mV where it is a dipole.
  public struct Vector: Codable, Hashable, Sendable {
    public var x: Double
    public var y: Double
    public var z: Double

    public init(x: Double, y: Double, z: Double) {
      self.x = x
      self.y = y
      self.z = z
    }
  }

  public var seed: UInt64
  public var pattern: ActivationPattern
  /// From the first to the last ventricular activation.
  public var qrsDurationMs: Double
  /// Left-ventricular late forces, relative; grows with electrical dyssynchrony.
  public var lateForceGain: Double
  /// 0 (none) to 1: local loss of forces, Q waves and fragmentation of the QRS.
  public var scarExpression: Double
  /// Wall of the scar, a unit vector.
  public var scarWall: Vector

  // Nuisance from here on.
  public var rhythm: SimulatedPatient.Rhythm
  public var heartRateBPM: Double
  public var prIntervalMs: Double
  /// Overall size of the heart's potentials on this chest.
  public var gain: Double
  /// Turns of the heart about the z (frontal) and y (long) axis.
  public var frontalRotationDegrees: Double
  public var transverseRotationDegrees: Double
  /// Chest electrodes moved towards the next position (positive) or the previous one, in electrode distances.
  public var chestElectrodeShift: Double
  /// Standard deviation of electrode noise, and amplitude of baseline wander and mains hum, at each electrode.
  public var noiseMillivolts: Double
  public var wanderMillivolts: Double
  public var mainsMillivolts: Double
  /// Chance that a beat is a premature ventricular one.
  public var ectopicShare: Double
}
