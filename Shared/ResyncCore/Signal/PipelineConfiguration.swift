import Crypto
import Foundation

/// Everything that decides what a beat's tensor looks like: one value with one id.
///
/// The id travels with every beat and tensor and is stored with every model; a predictor refuses tensors of another
/// pipeline.
public struct PipelineConfiguration: Codable, Hashable, Sendable {
  /// Rate to which every recording is resampled, Hz.
  public var canonicalRateHz: Int
  /// Cut-off of the linear-phase high-pass, Hz.
  public var highPassHz: Double
  public var segment: SegmentConfiguration
  public var stft: STFTConfiguration
  public var image: ImageConfiguration

  public init(
    canonicalRateHz: Int = 360, highPassHz: Double = 0.5, segment: SegmentConfiguration = .init(),
    stft: STFTConfiguration = .compact, image: ImageConfiguration = .init()
  ) {
    self.canonicalRateHz = canonicalRateHz
    self.highPassHz = highPassHz
    self.segment = segment
    self.stft = stft
    self.image = image
  }

  /// JSON with sorted keys: equal configurations have equal bytes.
  public var canonicalForm: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    // A value of numbers and strings always encodes.
    return String(decoding: try! encoder.encode(self), as: UTF8.self)
  }

  /// Names the R-peak detector; changed whenever another version may place or choose peaks differently.
  package static let detectorVersion = "network-1"

  /// The first 16 hexadecimal digits of the SHA-256 of the canonical form, which says what was configured, and the
  /// detector's version, which says what was done.
  public var id: String {
    String(SHA256.hash(data: Data((canonicalForm + Self.detectorVersion).utf8)).hexadecimal.prefix(16))
  }
}

/// Which stretch of signal around an R-peak is a beat.
public struct SegmentConfiguration: Codable, Hashable, Sendable {
  public enum Alignment: String, Codable, Hashable, Sendable {
    /// [R, R + 1.2 RR] (Kachuee 2018).
    case rStart = "r-start"
    /// [R − 0.5 RR, R + 0.7 RR].
    case rCentred = "r-centred"

    /// Start and end relative to the R-peak, in RR intervals.
    public var span: (start: Double, end: Double) {
      switch self {
      case .rStart: (0, 1.2)
      case .rCentred: (-0.5, 0.7)
      }
    }
  }

  public var alignment: Alignment
  /// Length of the zero-padded canvas on which a segment is laid, seconds; longer segments are cut at both ends alike.
  public var canvasSeconds: Double

  public init(alignment: Alignment = .rCentred, canvasSeconds: Double = 512.0 / 360.0) {
    self.alignment = alignment
    self.canvasSeconds = canvasSeconds
  }
}

/// A short-time Fourier transform, in samples at the canonical rate.
public struct STFTConfiguration: Codable, Hashable, Sendable {
  public enum Window: String, Codable, Hashable, Sendable { case hann, hamming }

  public var window: Window
  public var windowSamples: Int
  public var hopSamples: Int
  /// Length of the zero-padded FFT; at least `windowSamples`.
  public var fftLength: Int

  public init(window: Window, windowSamples: Int, hopSamples: Int, fftLength: Int) {
    self.window = window
    self.windowSamples = windowSamples
    self.hopSamples = hopSamples
    self.fftLength = fftLength
  }

  /// 178 ms at 360 Hz: short enough to place the QRS complex in time.
  public static let compact = STFTConfiguration(window: .hann, windowSamples: 64, hopSamples: 8, fftLength: 256)
  /// The paper's window length with the window that its formula names.
  public static let paperHann512 = STFTConfiguration(window: .hann, windowSamples: 512, hopSamples: 8, fftLength: 512)
  /// The paper's window length with the window that its text names.
  public static let paperHamming512 = STFTConfiguration(
    window: .hamming, windowSamples: 512, hopSamples: 8, fftLength: 512)
}

/// How magnitudes become an image: the lowest `rows` frequency bins by the first `columns` frames, log-compressed.
public struct ImageConfiguration: Codable, Hashable, Sendable {
  /// What an image may show in place of a spectrogram.
  public enum Content: String, Codable, Hashable, Sendable {
    /// One row of the canvas's first `columns` samples, mV: a network then reads the signal itself, along time alone.
    case samples
  }

  /// Frequency bins, from 0 Hz up.
  public var rows: Int
  /// STFT frames.
  public var columns: Int
  /// The image is log(1 + magnitude / reference); magnitude in mV (window-sum normalised).
  public var referenceMillivolts: Double
  /// Nil, the default, for the spectrogram.
  public var content: Content?

  /// The signal itself: `columns` samples from the canvas's start.
  public static func samples(columns: Int) -> ImageConfiguration {
    var image = ImageConfiguration(rows: 1, columns: columns)
    image.content = .samples
    return image
  }

  public init(rows: Int = 64, columns: Int = 64, referenceMillivolts: Double = 0.01) {
    self.rows = rows
    self.columns = columns
    self.referenceMillivolts = referenceMillivolts
  }
}

extension PipelineConfiguration {
  /// The pipelines that operators choose by name.
  public enum Name: String, CaseIterable, Codable, Hashable, Sendable {
    case compact
    case compactRStart = "compact-r-start"
    case paperHann512 = "paper-hann-512"
    case paperHamming512 = "paper-hamming-512"

    public var configuration: PipelineConfiguration {
      switch self {
      case .compact: PipelineConfiguration()
      case .compactRStart: PipelineConfiguration(segment: SegmentConfiguration(alignment: .rStart))
      case .paperHann512: PipelineConfiguration(stft: .paperHann512)
      case .paperHamming512: PipelineConfiguration(stft: .paperHamming512)
      }
    }
  }
}
