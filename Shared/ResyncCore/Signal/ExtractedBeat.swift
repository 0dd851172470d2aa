/// A beat that the recording carries a label for.
public struct ReferenceBeat: Codable, Hashable, Sendable {
  /// Sample index at the native rate from the start of the recording.
  public var sample: Int64
  /// MIT-BIH annotation symbol.
  public var symbol: String

  public init(sample: Int64, symbol: String) {
    self.sample = sample
    self.symbol = symbol
  }
}

/// One beat as the streaming chain gives it.
public struct ExtractedBeat: Hashable, Sendable {
  /// R-peak, sample index at the native rate.
  public var rPeakSample: Int64
  /// R-peak from the start of the recording, seconds.
  public var rPeakSeconds: Double
  /// High-passed segment, [lead][sample] at the canonical rate, mV; zero beyond the recording's ends.
  public var samples: [[Float]]
  /// Index of the R-peak in `samples`.
  public var rPeakOffset: Int
  public var features: BeatFeatures
  public var qualityPassed: Bool
  /// Premature or unlike the patient's normal beats, told from rhythm and shape alone.
  public var ectopicSuspected: Bool
  /// Symbol of the reference beat within ±150 ms, if any.
  public var referenceSymbol: String?
}

/// What a whole recording tells, known at its end.
public struct RecordingMeasures: Hashable, Sendable {
  /// Samples in each lead at the native rate.
  public var sampleCount: Int64
  public var beatCount: Int64
  /// From the median RR interval; nil with fewer than two beats.
  public var heartRateBPM: Double?
  /// From the mean normal beat; nil with fewer than eight leads or no normal beat.
  public var qrsDurationMilliseconds: Double?
  /// More than half of the successive RR intervals differ by more than 10 %.
  public var rhythmIrregular: Bool
  /// At least three beats in ten show a pacing spike. False when recorder or rate have smoothed the spikes away, as on
  /// most paced Holter recordings: true is evidence, false is none.
  public var paced: Bool
  /// Share of beats whose quality passed, 0–1; 0 without beats.
  public var quality: Double
}
