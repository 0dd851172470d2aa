/// A record's header file (`header(5)` of the WFDB manual).
public struct WFDBHeader: Hashable, Sendable {
  /// One signal of the record.
  public struct Signal: Hashable, Sendable {
    public var fileName: String
    /// Number of the storage format, for example 16 or 212.
    public var format: Int
    /// Samples stored for each of the record's frames.
    public var samplesPerFrame: Int
    /// Frames of this signal in the file that lie before the record's start.
    public var skew: Int
    /// Bytes before the first sample in the file.
    public var byteOffset: Int
    /// Digital units per physical unit.
    public var gain: Double
    /// The digital value of physical zero.
    public var baseline: Int
    public var units: String
    /// Resolution of the converter, bits; 0 when not stated.
    public var adcResolution: Int
    public var adcZero: Int
    /// What the first difference starts from, in formats that store differences.
    public var initialValue: Int
    /// Sum of all stored samples modulo 2¹⁶; nil when the header leaves it out.
    public var checksum: Int16?
    /// Bytes that a device must be read in; 0 for files.
    public var blockSize: Int
    /// What the signal is, usually the lead's name.
    public var description: String

    /// A signal as the writer wants it; storage is its matter.
    public init(
      description: String, gain: Double, baseline: Int = 0, units: String = "mV", adcResolution: Int = 0,
      adcZero: Int = 0
    ) {
      self.init(fileName: "~", format: 0)
      self.description = description
      self.gain = gain
      self.baseline = baseline
      self.units = units
      self.adcResolution = adcResolution
      self.adcZero = adcZero
    }

    /// With the manual's defaults.
    init(fileName: String, format: Int) {
      self.fileName = fileName
      self.format = format
      samplesPerFrame = 1
      skew = 0
      byteOffset = 0
      gain = 200
      baseline = 0
      units = "mV"
      adcResolution = 0
      adcZero = 0
      initialValue = 0
      checksum = nil
      blockSize = 0
      description = ""
    }
  }

  /// One segment of a multi-segment record: a record of its own, or a gap.
  public struct Segment: Hashable, Sendable {
    /// Nil for a gap.
    public var recordName: String?
    /// Frames.
    public var sampleCount: Int
  }

  /// A day of the calendar.
  public struct Day: Hashable, Sendable {
    public var day: Int
    public var month: Int
    public var year: Int

    public init(day: Int, month: Int, year: Int) {
      self.day = day
      self.month = month
      self.year = year
    }
  }

  public var recordName: String
  /// Frames per second as a header file states them; in a record that was read, samples per second.
  public var sampleRateHz: Double
  /// Ticks per second and value at sample 0 of the counter of the tape or paper; nil when not stated.
  public var counterFrequencyHz: Double?
  public var baseCounter: Double?
  /// Samples in each signal; nil when the header leaves it to the file's length.
  public var sampleCount: Int?
  /// Time of day of sample 0, seconds after midnight; nil when not stated, or not as hours, minutes and seconds.
  public var baseTimeSeconds: Double?
  public var baseDate: Day?
  /// In the header of a multi-segment record empty until the record is read.
  public var signals: [Signal]
  /// The parts of a multi-segment record in order; empty for an ordinary one.
  public var segments: [Segment]
  /// Comment lines without the leading `#`.
  public var comments: [String]
  /// The file that was parsed, for errors about the record as a whole.
  var file: String
  /// Signals as the record line counts them.
  var declaredSignals: Int

  public init(recordName: String, sampleRateHz: Double, signals: [Signal] = [], comments: [String] = []) {
    self.recordName = recordName
    self.sampleRateHz = sampleRateHz
    self.signals = signals
    self.comments = comments
    segments = []
    file = recordName + ".hea"
    declaredSignals = signals.count
  }

  // Limits against hostile input.

  /// Most signals a header may declare.
  public static let maximumSignals = 256
  static let maximumSamples = 1 << 40
  static let maximumSamplesPerFrame = 1 << 14
  static let maximumSegments = 1 << 16
  /// Magnitudes of a gain: quotients and products of any two are finite.
  static let gains = 1e-15...1e15

  /// A file name that keeps to the record's own folder.
  static func isPlainName(_ name: some StringProtocol) -> Bool {
    !name.isEmpty && name != "." && name != ".."
      && name.unicodeScalars.allSatisfy { $0 != "/" && $0 != "\\" && $0.value >= 0x20 && $0.value != 0x7F }
  }
}
