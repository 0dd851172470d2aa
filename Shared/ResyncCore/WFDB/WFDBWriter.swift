import Foundation

/// The files of a record, as bytes.
public struct WFDBFiles: Hashable, Sendable {
  /// `name.hea`.
  public var header: [UInt8]
  /// `name.dat`, all signals interleaved.
  public var signals: [UInt8]
}

extension WFDBRecord {
  /// The record as one segment in one signal file; reading it back gives the same samples, gains and comments.
  ///
  /// Where and how the samples lay before (files, skew, segments) is not kept.
  /// - Parameters:
  ///   - name: the record's, and its files'; letters, digits, `-` and `_`.
  ///   - format: 16, or 212 where 12 bits are enough.
  /// - Throws: `WFDBError` naming the first sample that the format cannot hold (the lowest value stands for an invalid
  ///   one), or the text that a header cannot.
  public func files(named name: String, format code: Int = 16) throws -> WFDBFiles {
    let file = name + ".dat"
    guard let format = WFDBFormat.named(code), format.encode != nil, let invalid = format.invalidValue else {
      throw WFDBError(.notWritable, file: file, "format \(code); 16 and 212 are written")
    }
    let count = digital.first?.count ?? 0
    var stored = [Int32](repeating: invalid, count: count * digital.count)
    var header = header
    header.recordName = name
    header.sampleCount = count
    for (signal, samples) in digital.enumerated() {
      guard samples.count == count else {
        throw WFDBError(.notWritable, file: file, "signal \(signal) has \(samples.count) samples, the first \(count)")
      }
      for (index, value) in samples.enumerated() where value != Self.invalidSample {
        guard value > invalid, value < -invalid else {
          throw WFDBError(
            .notWritable, file: file,
            "signal \(signal), sample \(index) is \(value); format \(code) holds \(invalid + 1) to \(-invalid - 1)")
        }
        stored[index * digital.count + signal] = value
      }
      header.signals[signal].store(in: file, format, stored, from: signal, step: digital.count)
    }
    return WFDBFiles(header: Array(try header.text().utf8), signals: format.bytes(stored))
  }

  /// Writes `name.hea` and `name.dat`, and `name.atr` if there are annotations, into a folder, which is made if needed.
  public func write(
    to folder: URL, as name: String, format: Int = 16, annotations: [WFDBAnnotation] = []
  ) throws {
    let files = try files(named: name, format: format)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func write(_ bytes: [UInt8], _ ending: String) throws {
      try Data(bytes).writeWhole(to: folder.appendingPathComponent("\(name).\(ending)"))
    }
    // The header last: a folder that has it has the rest.
    try write(files.signals, "dat")
    if !annotations.isEmpty { try write(WFDBAnnotations.serialize(annotations), "atr") }
    try write(files.header, "hea")
  }
}

extension WFDBHeader.Signal {
  /// Describes the samples at `first`, `first` + `step`, … of what is stored in a file.
  fileprivate mutating func store(
    in file: String, _ format: WFDBFormat, _ stored: [Int32], from first: Int, step: Int
  ) {
    (fileName, self.format) = (file, format.code)
    (samplesPerFrame, skew, byteOffset, blockSize) = (1, 0, 0, 0)
    if adcResolution == 0 { adcResolution = format.bits }
    let indices = stride(from: first, to: stored.count, by: step)
    initialValue = Int(indices.first { _ in true }.map { stored[$0] } ?? 0)
    checksum = indices.reduce(into: Int16(0)) { $0 &+= Int16(truncatingIfNeeded: stored[$1]) }
  }
}

extension WFDBHeader {
  /// The header file of an ordinary record whose signals have been stored; throws when a field would not read back, such
  /// as a description with a line break.
  fileprivate func text() throws -> String {
    let file = recordName + ".hea"
    func checked(_ text: String, _ what: String, _ allowed: (Unicode.Scalar) -> Bool) throws -> String {
      guard text.unicodeScalars.allSatisfy(allowed) else {
        throw WFDBError(.notWritable, file: file, "\(what) holds a character that a header cannot")
      }
      return text
    }
    func line(_ text: String, _ what: String) throws -> String {
      try checked(text, what) { !($0.value < 0x20 && $0 != "\t" || $0.value == 0x7F) }
    }
    func word(_ text: String, _ what: String) throws -> String {
      guard !text.isEmpty else { throw WFDBError(.notWritable, file: file, "\(what) is empty") }
      return try checked(text, what) { !$0.properties.isWhitespace && $0.value > 0x20 && $0.value != 0x7F }
    }

    let name = try checked(try word(recordName, "the record's name"), "the record's name") {
      $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "-" || $0 == "_")
    }
    var first = [name, "\(signals.count)", Self.number(sampleRateHz) + counterText, "\(sampleCount ?? 0)"]
    if let baseTimeSeconds {
      first.append(Self.time(baseTimeSeconds))
      if let date = baseDate { first.append("\(date.day)/\(date.month)/\(date.year)") }
    }
    var lines = [first.joined(separator: " ")]
    for signal in signals {
      let gain = "\(Self.number(signal.gain))(\(signal.baseline))/\(try word(signal.units, "a unit"))"
      let numbers = [signal.adcResolution, signal.adcZero, signal.initialValue, Int(signal.checksum ?? 0), 0]
      let fields = ["\(signal.fileName) \(signal.format)", gain] + numbers.map(String.init)
      lines.append((fields + [try line(signal.description, "a description")]).joined(separator: " "))
    }
    lines += try comments.map { "# \(try line($0, "a comment"))" }
    return lines.joined(separator: "\n") + "\n"
  }

  private var counterText: String {
    guard let counterFrequencyHz else { return "" }
    return "/\(Self.number(counterFrequencyHz))" + (baseCounter.map { "(\(Self.number($0)))" } ?? "")
  }

  /// Whole numbers without a decimal point, as headers have them.
  private static func number(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? "\(value)" }

  private static func time(_ seconds: Double) -> String {
    let whole = Int(seconds)
    func two(_ value: Int) -> String { (value < 10 ? "0" : "") + "\(value)" }
    let rest = seconds - Double(whole)
    // The digits after the point, to a millisecond.
    let fraction = rest == 0 ? "" : String(format: "%.3f", min(rest, 0.999)).dropFirst()
    return [whole / 3_600, whole / 60 % 60, whole % 60].map(two).joined(separator: ":") + fraction
  }
}
