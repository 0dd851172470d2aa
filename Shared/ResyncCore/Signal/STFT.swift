import CFFTW
import Foundation

/// A short-time Fourier transform whose magnitudes are those of `scipy.signal.stft` (scaling "spectrum": each bin is
/// divided by the sum of the window; windows are periodic).
///
/// Plans are made once, with FFTW_ESTIMATE: a measured plan could differ from one process to the next, and with it the
/// last bits of a result.
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
  private let plan: RealTransformPlan

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
    plan = RealTransformPlan(length: configuration.fftLength)
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
    precondition(bins <= binCount, "more bins asked for than the transform has")
    let (window, hop) = (configuration.windowSamples, configuration.hopSamples)
    let lead = boundary == .zeros ? window / 2 : 0
    var result = [Float](repeating: 0, count: frames * bins)
    plan.withBuffers { input, output in
      for frame in 0..<min(frames, available) {
        let start = frame * hop - lead
        let inside = max(0, -start)..<max(max(0, -start), min(window, signal.count - start))
        for n in 0..<configuration.fftLength { input[n] = 0 }
        for n in inside { input[n] = signal[start + n] * scaledWindow[n] }
        plan.execute(input, output)
        for bin in 0..<bins {
          let (re, im) = output[bin]
          result[frame * bins + bin] = (re * re + im * im).squareRoot()
        }
      }
    }
    return result
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

/// Owner of an FFTW plan for real input of one length.
///
/// Unchecked: the plan is written only in `init` and `deinit`; executing one plan on different arrays from several
/// threads is allowed by FFTW, planning is not and is locked.
private final class RealTransformPlan: @unchecked Sendable {
  typealias Output = UnsafeMutablePointer<fftwf_complex>

  private static let planner = NSLock()
  private let length: Int
  private let plan: fftwf_plan

  init(length: Int) {
    self.length = length
    plan = Self.planner.withLock {
      Self.allocating(length) { fftwf_plan_dft_r2c_1d(Int32(length), $0, $1, FFTW_ESTIMATE) }
    }
  }

  deinit { Self.planner.withLock { fftwf_destroy_plan(plan) } }

  /// Lends arrays of `length` reals and `length / 2 + 1` complex values, aligned as the plan expects.
  func withBuffers<R>(_ body: (UnsafeMutablePointer<Float>, Output) -> R) -> R { Self.allocating(length, body) }

  func execute(_ input: UnsafeMutablePointer<Float>, _ output: Output) { fftwf_execute_dft_r2c(plan, input, output) }

  private static func allocating<R>(_ length: Int, _ body: (UnsafeMutablePointer<Float>, Output) -> R) -> R {
    let input = fftwf_alloc_real(length)!
    let output = fftwf_alloc_complex(length / 2 + 1)!
    defer {
      fftwf_free(input)
      fftwf_free(output)
    }
    return body(input, output)
  }
}
