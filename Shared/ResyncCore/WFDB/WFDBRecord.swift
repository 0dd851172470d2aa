import Foundation

/// A record's header and samples, one segment or many.
///
/// Signals that are stored at several rates are given at the highest, as the WFDB library does in its high-resolution
/// mode: samples of slower signals repeat, none is averaged away.
public struct WFDBRecord: Sendable {
  /// Stands for "no valid sample here" in `digital`, whatever value the storage format has for it.
  public static let invalidSample = Int32.min

  /// Describes `digital`: its rate and sample count are those of the samples given, its signals' gain and baseline
  /// hold for the whole record. What it says of storage is that of the first segment.
  public var header: WFDBHeader
  /// [signal][sample] as the converter gave them, or `invalidSample`; all signals have the same length.
  public var digital: [[Int32]]
  /// Samples of `digital` in one frame of the file; annotations count frames.
  public private(set) var samplesPerFrame = 1

  public init(header: WFDBHeader, digital: [[Int32]]) {
    precondition(header.signals.count == digital.count, "one array of samples for each signal")
    self.header = header
    self.digital = digital
  }

  /// How many values a record may hold beyond those in its files, unless told otherwise: 512 MiB, a gap of six hours in
  /// twelve leads at 500 Hz.
  public static let maximumUnstored = 1 << 27

  /// Decodes the signals that `header` describes; pure, the caller supplies the bytes.
  ///
  /// - Parameters:
  ///   - maximumUnstored: most values that come from no file (gaps, repeated samples, segments used again), so that a
  ///     header of a few bytes cannot ask for any amount of memory.
  ///   - files: gives a file's contents by its name in the header; called for the header of each segment, then for the
  ///     signal files in order. Names never lead out of the record's folder.
  /// - Throws: `WFDBError` when a format is unknown, a file is cut short, a checksum differs, or segments disagree.
  public init(
    header: WFDBHeader, maximumUnstored: Int = Self.maximumUnstored, files: (String) throws -> [UInt8]
  ) throws {
    var allowance = WFDBAllowance(maximumUnstored)
    if header.segments.isEmpty {
      let expansion = header.signals.map(\.samplesPerFrame).max() ?? 1
      self.init(
        header: header,
        digital: try WFDBSignalFile.planes(of: header, expansion: expansion, allowance: &allowance, files: files))
      samplesPerFrame = expansion
    } else {
      let segments = try WFDBSegments(header, files: files)
      self.init(header: segments.header, digital: try segments.planes(allowance: &allowance, files: files))
      samplesPerFrame = segments.expansion
    }
    self.header.sampleRateHz *= Double(samplesPerFrame)
    self.header.sampleCount = digital.first?.count ?? header.sampleCount
  }

  /// Reads `name.hea` and the files beside it.
  public static func read(folder: URL, name: String) throws -> WFDBRecord {
    let headerFile = "\(name).hea"
    let header = try WFDBHeader(parsing: try bytes(of: headerFile, in: folder), file: headerFile)
    return try WFDBRecord(header: header) { try bytes(of: $0, in: folder) }
  }

  private static func bytes(of file: String, in folder: URL) throws -> [UInt8] {
    do {
      return [UInt8](try Data(contentsOf: folder.appendingPathComponent(file)))
    } catch {
      throw WFDBError(.fileMissing, file: file, "cannot be read from the record's folder")
    }
  }

  /// [signal][sample] in millivolts; NaN where a sample is invalid, and throughout a signal whose unit is no voltage.
  public func millivolts() -> [[Float]] {
    zip(header.signals, digital).map { signal, samples in
      let scale = (Self.millivoltsPerUnit[signal.units] ?? .nan) / signal.gain
      return samples.map { $0 == Self.invalidSample ? .nan : Float(Double(Int($0) - signal.baseline) * scale) }
    }
  }

  /// Both signs in use for micro are here.
  private static let millivoltsPerUnit: [String: Double] = [
    "mV": 1, "mv": 1, "uV": 0.001, "uv": 0.001, "\u{B5}V": 0.001, "\u{3BC}V": 0.001, "nV": 1e-6, "V": 1_000,
    "v": 1_000,
  ]

  /// Annotations as read, moved to this record's sample indices.
  ///
  /// A file counts frames, or the ticks that its note `## time resolution: Hz` states; that note is left out.
  public func placed(_ annotations: [WFDBAnnotation]) -> [WFDBAnnotation] {
    let note = annotations.firstIndex { $0.sample == 0 && $0.symbol == "\"" && $0.aux.hasPrefix(Self.resolutionNote) }
    var rest = annotations
    let stated = note.flatMap { Double(rest.remove(at: $0).aux.dropFirst(Self.resolutionNote.count)) }
    let ticksPerSecond =
      stated.flatMap { Self.tickRates.contains($0) ? $0 : nil } ?? header.sampleRateHz / Double(samplesPerFrame)
    guard ticksPerSecond != header.sampleRateHz else { return rest }
    let ratio = header.sampleRateHz / ticksPerSecond
    for index in rest.indices {
      let sample = (Double(rest[index].sample) * ratio).rounded()
      rest[index].sample = Int64(min(max(sample, 0), Double(WFDBAnnotations.maximumSample)))
    }
    return rest
  }

  private static let resolutionNote = "## time resolution: "
  /// What a note can mean; other numbers are no rate.
  private static let tickRates = 1e-6...1e12
}
