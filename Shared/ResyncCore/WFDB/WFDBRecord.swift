import Foundation

/// A record's header and samples.
public struct WFDBRecord: Sendable {
  public var header: WFDBHeader
  /// [signal][sample], as the converter gave them.
  public var digital: [[Int32]]

  /// Decodes the signals that `header` describes; pure, the caller supplies the bytes.
  ///
  /// - Parameter files: gives a file's contents by its name in the header; called once for each file.
  /// - Throws: `WFDBError` when a format is unknown, a file is cut short or a checksum differs.
  public init(header: WFDBHeader, files: (String) throws -> [UInt8]) throws {
    self.header = header
    digital = Array(repeating: [], count: header.signals.count)
    var seen: Set<String> = []
    for name in header.signals.map(\.fileName) where seen.insert(name).inserted {
      let members = header.signals.indices.filter { header.signals[$0].fileName == name }
      let planes = try Self.decode(
        try files(name), signals: members.map { header.signals[$0] }, sampleCount: header.sampleCount)
      for (member, plane) in zip(members, planes) { digital[member] = plane }
    }
    if let first = digital.first?.count, let other = digital.firstIndex(where: { $0.count != first }) {
      throw WFDBError(
        .signalTruncated, file: header.signals[other].fileName,
        "holds \(digital[other].count) samples a signal, the record's first file \(first); they must agree")
    }
  }

  /// Reads `name.hea` and the signal files beside it.
  public static func read(folder: URL, name: String) throws -> WFDBRecord {
    let headerFile = "\(name).hea"
    let header = try WFDBHeader(parsing: try bytes(of: headerFile, in: folder), file: headerFile)
    return try WFDBRecord(header: header) { try bytes(of: $0, in: folder) }
  }

  /// [signal][sample] in millivolts; NaN where the recorder marked a sample invalid, and throughout a signal whose
  /// unit is no voltage.
  public func millivolts() -> [[Float]] {
    zip(header.signals, digital).map { signal, samples in
      let invalid = WFDBFormat.named(signal.format)?.invalidValue
      let scale = (Self.millivoltsPerUnit[signal.units] ?? .nan) / signal.gain
      return samples.map { $0 == invalid ? .nan : Float(Double(Int($0) - signal.baseline) * scale) }
    }
  }

  private static let millivoltsPerUnit: [String: Double] = [
    "mV": 1, "mv": 1, "uV": 0.001, "uv": 0.001, "µV": 0.001, "nV": 1e-6, "V": 1_000, "v": 1_000,
  ]

  private static func bytes(of file: String, in folder: URL) throws -> [UInt8] {
    do {
      return [UInt8](try Data(contentsOf: folder.appendingPathComponent(file)))
    } catch {
      throw WFDBError(.fileMissing, file: file, "cannot be read from the record's folder")
    }
  }

  /// The signals of one file, which lie interleaved frame by frame.
  private static func decode(
    _ bytes: [UInt8], signals: [WFDBHeader.Signal], sampleCount: Int?
  ) throws -> [[Int32]] {
    let lead = signals[0]
    guard let format = WFDBFormat.named(lead.format) else {
      let known = WFDBFormat.all.map { String($0.code) }.joined(separator: ", ")
      throw WFDBError(.unsupported, file: lead.fileName, "format \(lead.format); known formats: \(known)")
    }
    guard signals.allSatisfy({ $0.format == lead.format && $0.byteOffset == lead.byteOffset }) else {
      throw WFDBError(.headerMalformed, file: lead.fileName, "signals of one file must share format and byte offset")
    }
    let body = bytes.dropFirst(lead.byteOffset)
    let available = format.sampleCount(body.count) / signals.count
    let frames = sampleCount ?? available
    guard frames <= available else {
      throw WFDBError(
        .signalTruncated, file: lead.fileName, byte: bytes.count,
        "ends after \(available) of \(frames) samples a signal (\(signals.count) signals, format \(lead.format))")
    }
    let planes = signals.indices.map { signal in
      (0..<frames).map { format.decode(body, $0 * signals.count + signal) }
    }
    for (signal, plane) in zip(signals, planes) {
      let sum = plane.reduce(into: Int16(0)) { $0 &+= Int16(truncatingIfNeeded: $1) }
      guard signal.checksum == nil || signal.checksum == sum else {
        throw WFDBError(
          .checksumMismatch, file: lead.fileName,
          "samples sum to \(sum), the header says \(signal.checksum ?? 0): the file was changed or damaged")
      }
    }
    return planes
  }
}
