import CFFTW
import CKernels
import Foundation

/// A short-time Fourier transform whose magnitudes are those of `scipy.signal.stft` (scaling "spectrum": each bin is
/// divided by the sum of the window; windows are periodic).
///
/// Frames are transformed two at a time, as real and imaginary part of one complex transform, which FFTW does in a third
/// of the time of two real ones. Plans are made once, with FFTW_ESTIMATE: a measured plan could differ from one process
/// to the next, and with it the last bits of a result.
public struct STFT: Sendable {
  public enum Boundary: Hashable, Sendable {
    /// Zeros before and after, half a window each, and up to a whole number of hops: SciPy's `boundary="zeros"`,
    /// `padded=True`. Frame k is centred on sample k · hop.
    case zeros
    /// Only frames that lie wholly inside the signal: SciPy's `boundary=None`, `padded=False`.
    case none
  }

  public let configuration: STFTConfiguration
  /// One-sided bins: fftLength / 2 + 1.
  public let binCount: Int
  /// Window divided by its sum.
  private let scaledWindow: [Float]
  private let plan: TransformPlan

  /// - Throws: `SignalError` when a length is out of range.
  public init(configuration: STFTConfiguration) throws {
    let limits: [(String, Int, ClosedRange<Int>)] = [
      ("stft.fftLength", configuration.fftLength, 2...65_536),
      ("stft.windowSamples", configuration.windowSamples, 2...max(2, configuration.fftLength)),
      ("stft.hopSamples", configuration.hopSamples, 1...max(1, configuration.windowSamples)),
    ]
    for (key, value, range) in limits where !range.contains(value) {
      throw SignalError.configuration(key, value, expected: "\(range.lowerBound) to \(range.upperBound)")
    }
    self.configuration = configuration
    binCount = configuration.fftLength / 2 + 1
    let window = configuration.window.coefficients(configuration.windowSamples)
    let sum = window.reduce(0, +)
    scaledWindow = window.map { Float($0 / sum) }
    plan = TransformPlan(length: configuration.fftLength)
  }

  public func frameCount(samples: Int, boundary: Boundary) -> Int {
    let (window, hop) = (configuration.windowSamples, configuration.hopSamples)
    switch boundary {
    case .none: return samples < window ? 0 : (samples - window) / hop + 1
    case .zeros:
      let extended = samples + 2 * (window / 2)
      return max(0, extended - window + hop - 1) / hop + 1
    }
  }

  /// Magnitudes, row-major [frame, bin] with the lowest `bins` bins of the first `frames` frames.
  ///
  /// - Parameters:
  ///   - bins: at most `binCount`, which is the default.
  ///   - frames: default all; frames beyond the last are zero.
  public func magnitudes(
    of signal: [Float], boundary: Boundary, bins: Int? = nil, frames: Int? = nil
  ) -> [Float] {
    let available = frameCount(samples: signal.count, boundary: boundary)
    let bins = bins ?? binCount
    let frames = frames ?? available
    precondition((1...binCount).contains(bins), "the transform has 1 to \(binCount) bins")
    let (window, hop) = (configuration.windowSamples, configuration.hopSamples)
    let lead = boundary == .zeros ? window / 2 : 0
    let count = min(frames, available)
    // Room for the frame after an odd last one: it is packed too, and lies in zeros.
    var padded = [Float](repeating: 0, count: max(0, count) * hop + window)
    let inside = signal.prefix(max(0, padded.count - lead))
    padded.replaceSubrange(lead..<lead + inside.count, with: inside)
    return [Float](unsafeUninitializedCapacity: (frames + 1) * bins) { result, initialised in
      result.initialize(repeating: 0)
      initialised = frames * bins
      guard let magnitudes = result.baseAddress else { return }
      padded.withUnsafeBufferPointer { samples in
        plan.withBuffers { packed, spectrum in
          for frame in stride(from: 0, to: count, by: 2) {
            let start = samples.baseAddress! + frame * hop
            resync_pack_frames(start, start + hop, scaledWindow, window, packed)
            plan.execute(packed, spectrum)
            let place = magnitudes + frame * bins
            resync_frame_magnitudes(spectrum, configuration.fftLength, bins, place, place + bins)
          }
        }
      }
      // The partner of an odd last frame is none of the signal's.
      if count % 2 == 1 { (magnitudes + count * bins).update(repeating: 0, count: bins) }
    }
  }
}

extension STFTConfiguration.Window {
  /// The periodic window of `count` coefficients, as `scipy.signal.get_window` gives it.
  func coefficients(_ count: Int) -> [Double] {
    let offset =
      switch self {
      case .hann: 0.5
      case .hamming: 0.54
      }
    return (0..<count).map { offset - (1 - offset) * cos(2 * .pi * Double($0) / Double(count)) }
  }
}

/// Owner of an FFTW plan for complex input of one length.
///
/// Unchecked: the plan is written only in `init` and `deinit`; executing one plan on different arrays from several
/// threads is allowed by FFTW, planning is not and is locked.
private final class TransformPlan: @unchecked Sendable {
  /// Complex values, real and imaginary part in turn.
  typealias Complex = UnsafeMutablePointer<Float>

  private static let planner = NSLock()
  private let length: Int
  private let plan: fftwf_plan

  init(length: Int) {
    self.length = length
    plan = Self.planner.withLock {
      Self.allocating(length) { fftwf_plan_dft_1d(Int32(length), $0, $1, FFTW_FORWARD, FFTW_ESTIMATE) }
    }
  }

  deinit { Self.planner.withLock { fftwf_destroy_plan(plan) } }

  /// Lends two arrays of `length` complex values, aligned as the plan expects; the first holds zeros.
  func withBuffers<R>(_ body: (_ input: Complex, _ output: Complex) -> R) -> R {
    Self.allocating(length) { input, output in
      input.withMemoryRebound(to: Float.self, capacity: 2 * length) { input in
        output.withMemoryRebound(to: Float.self, capacity: 2 * length) { output in
          input.update(repeating: 0, count: 2 * length)
          return body(input, output)
        }
      }
    }
  }

  /// Leaves the input as it was.
  func execute(_ input: Complex, _ output: Complex) {
    input.withMemoryRebound(to: fftwf_complex.self, capacity: length) { input in
      output.withMemoryRebound(to: fftwf_complex.self, capacity: length) { fftwf_execute_dft(plan, input, $0) }
    }
  }

  private static func allocating<R>(
    _ length: Int, _ body: (UnsafeMutablePointer<fftwf_complex>, UnsafeMutablePointer<fftwf_complex>) -> R
  ) -> R {
    let input = fftwf_alloc_complex(length)!
    let output = fftwf_alloc_complex(length)!
    defer {
      fftwf_free(input)
      fftwf_free(output)
    }
    return body(input, output)
  }
}
