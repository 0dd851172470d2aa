/// Tells candidates in a sinusoidal rhythm (ventricular flutter, fibrillation), which has no QRS complexes, by how little
/// of the signal lies in the QRS band: the largest envelope of the last two seconds over the effective value of the
/// signal from 1.5 to 30 Hz. Normal beats have 2 to 5, wide paced and ventricular ones about 1, flutter below 0.8
/// (MIT-BIH).
struct FlutterGuard: Sendable {
  private let blockSamples: Int
  private var block = (maximum: 0.0, energy: 0.0, samples: 0)
  /// Largest envelope and mean energy of the last complete blocks.
  private var maxima: [Double] = []
  private var energies: [Double] = []

  private static let blockSeconds = 0.25
  private static let blocks = 9
  private static let fewestBlocks = 4
  private static let leastRatio = 0.8
  /// Candidates whose factor is smaller are none.
  static let leastFactor = 0.2

  init(rateHz: Int) { blockSamples = Int(Self.blockSeconds * Double(rateHz)) }

  mutating func add(envelope: Double, energy: Double) {
    block = (max(block.maximum, envelope), block.energy + energy, block.samples + 1)
    guard block.samples == blockSamples else { return }
    maxima = (maxima + [block.maximum]).suffix(Self.blocks)
    energies = (energies + [block.energy / Double(blockSamples)]).suffix(Self.blocks)
    block = (0, 0, 0)
  }

  /// What a candidate's height is multiplied by: 1, or far less where the rhythm has no QRS complexes.
  func factor(height: Double) -> Double {
    guard maxima.count >= Self.fewestBlocks, let highest = maxima.max() else { return 1 }
    let effective = (energies.reduce(0, +) / Double(energies.count)).squareRoot()
    let share = max(highest, height) / max(1e-4, effective) / Self.leastRatio
    let square = min(1, max(0.05, share)) * min(1, max(0.05, share))
    return square * square
  }
}

extension FlutterGuard: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write([block.maximum, block.energy])
    writer.write(block.samples)
    writer.write(maxima)
    writer.write(energies)
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    let values = try reader.doubles(count: 2...2)
    block = (values[0], values[1], try reader.int(in: 0...blockSamples - 1))
    maxima = try reader.doubles(count: 0...Self.blocks)
    energies = try reader.doubles(count: maxima.count...maxima.count)
  }
}
