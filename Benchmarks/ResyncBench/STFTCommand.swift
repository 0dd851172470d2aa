import ArgumentParser
import Foundation
import ResyncCore

/// Beats per second through the STFT, magnitudes of all bins, and through the whole image, on one thread.
struct STFTCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stft", abstract: "Spectrograms of 512-sample beats; the peer is peers/stft.py.")

  @Option(help: "Times that all beats are transformed; the fastest counts.") var repeats = 5

  private static let beats = 256
  private static let samples = 512
  /// The peer's configurations.
  private static let configurations: [(name: String, stft: STFTConfiguration)] = [
    ("compact", STFTConfiguration(window: .hann, windowSamples: 64, hopSamples: 8, fftLength: 128)),
    ("paper-hann-512", .paperHann512), ("paper-hamming-512", .paperHamming512),
  ]

  private struct Result: Encodable {
    var bench = "stft"
    /// By configuration.
    var beatsPerSecond: [String: Double] = [:]
    /// Images of one lead by pipeline: canvas, STFT, logarithm, half precision.
    var imagesPerSecond: [String: Double] = [:]

    enum CodingKeys: String, CodingKey {
      case bench
      case beatsPerSecond = "beats_per_second"
      case imagesPerSecond = "images_per_second"
    }
  }

  func run() throws {
    var generator = SeededGenerator(seed: 0)
    let beats = (0..<Self.beats).map { _ in
      (0..<Self.samples).map { _ in Float.random(in: -1...1, using: &generator) }
    }
    var result = Result()
    for (name, configuration) in Self.configurations {
      let stft = try STFT(configuration: configuration)
      let frames = stft.frameCount(samples: Self.samples, boundary: .zeros)
      result.beatsPerSecond[name] = rate { stft.magnitudes(of: beats[$0], boundary: .zeros)[0] }
      print("\(name): \(frames) frames, \(stft.binCount) bins, \(Int(result.beatsPerSecond[name]!)) beats/s")
    }
    for name in PipelineConfiguration.Name.allCases {
      let transform = try SpectrogramTransform(pipeline: name.configuration)
      result.imagesPerSecond[name.rawValue] = rate {
        Float(transform.image(of: [beats[$0]], rPeakOffset: transform.canvasRPeak).values[0])
      }
      print("image \(name.rawValue): \(Int(result.imagesPerSecond[name.rawValue]!)) images/s")
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    print(String(decoding: try encoder.encode(result), as: UTF8.self))
  }

  /// Beats per second of the fastest repeat. The values given are added up, lest the work be optimised away.
  private func rate(_ work: (Int) -> Float) -> Double {
    var fastest = Double.infinity
    var sum: Float = 0
    for _ in 0..<max(1, repeats) {
      let start = ContinuousClock.now
      for beat in 0..<Self.beats { sum += work(beat) }
      let elapsed = ContinuousClock.now - start
      fastest = min(fastest, Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18)
    }
    precondition(sum.isFinite, "a magnitude is not finite")
    return Double(Self.beats) / fastest
  }
}
