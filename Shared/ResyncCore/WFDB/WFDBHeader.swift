/// A record's header file (`header(5)` of the WFDB manual), single-segment.
public struct WFDBHeader: Hashable, Sendable {
  /// One signal of the record.
  public struct Signal: Hashable, Sendable {
    public var fileName: String
    /// Number of the storage format, for example 16 or 212.
    public var format: Int
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
    public var initialValue: Int
    /// Sum of all samples modulo 2¹⁶; nil when the header leaves it out.
    public var checksum: Int16?
    /// What the signal is, usually the lead's name.
    public var description: String
  }

  public var recordName: String
  public var sampleRateHz: Double
  /// Samples in each signal; nil when the header leaves it to the file's length.
  public var sampleCount: Int?
  public var signals: [Signal]
  /// Comment lines without the leading `#`.
  public var comments: [String]

  /// Most signals a header may declare: a limit against hostile input.
  public static let maximumSignals = 256
  static let maximumSamples = 1 << 40

  /// Parses the text of a header file.
  ///
  /// - Parameter file: the file's name, for errors.
  /// - Throws: `WFDBError` with the byte at which the offending line starts.
  public init(parsing bytes: [UInt8], file: String) throws {
    var lines: [(byte: Int, text: String)] = []
    var comments: [String] = []
    var start = 0
    for raw in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      let text = trimmed(String(decoding: raw, as: UTF8.self))
      if text.first == "#" {
        comments.append(trimmed(String(text.dropFirst())))
      } else if !text.isEmpty {
        lines.append((start, text))
      }
      start += raw.count + 1
    }
    guard let first = lines.first else {
      throw WFDBError(.headerMalformed, file: file, byte: 0, "no record line; expected 'name signals [rate [samples]]'")
    }
    let record = try RecordLine(LineReader(text: first.text, file: file, byte: first.byte))
    guard lines.count - 1 == record.signalCount else {
      throw WFDBError(
        .headerMalformed, file: file, byte: first.byte,
        "\(record.signalCount) signals declared, \(lines.count - 1) signal lines found; one line for each is expected")
    }
    recordName = record.name
    sampleRateHz = record.sampleRateHz
    sampleCount = record.sampleCount
    signals = try lines.dropFirst().map { try Signal(LineReader(text: $0.text, file: file, byte: $0.byte)) }
    self.comments = comments
  }
}

private func trimmed(_ text: String) -> String {
  var slice = Substring(text)
  while let last = slice.last, last.isWhitespace { slice.removeLast() }
  return String(slice.drop { $0.isWhitespace })
}

/// One line of a header, with what an error about it must name.
private struct LineReader {
  let text: String
  let file: String
  let byte: Int

  func malformed(_ message: String) -> WFDBError { WFDBError(.headerMalformed, file: file, byte: byte, message) }
  func unsupported(_ message: String) -> WFDBError { WFDBError(.unsupported, file: file, byte: byte, message) }

  func integer(_ field: Substring, _ name: String, in range: ClosedRange<Int>) throws -> Int {
    guard let value = Int(field), range.contains(value) else {
      throw malformed(
        "\(name) is '\(field.prefix(24))'; expected a whole number of \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }
}

private struct RecordLine {
  var name: String
  var signalCount: Int
  var sampleRateHz: Double = 250  // The manual's default.
  var sampleCount: Int?

  init(_ line: LineReader) throws {
    let fields = line.text.split { $0.isWhitespace }
    guard fields.count >= 2 else {
      throw line.malformed("record line too short; expected 'name signals [rate [samples]]'")
    }
    guard !fields[0].contains("/") else {
      throw line.unsupported("multi-segment records; use one segment's own header")
    }
    name = String(fields[0])
    signalCount = try line.integer(fields[1], "number of signals", in: 0...WFDBHeader.maximumSignals)
    if fields.count > 2 {
      // 'rate[/counterRate[(base)]]': the counter concerns tape positions only.
      let rate = fields[2].prefix { $0 != "/" }
      guard let value = Double(rate), value.isFinite, value > 0, value <= 1e9 else {
        throw line.malformed("sampling rate is '\(rate.prefix(24))'; expected a positive number of Hz")
      }
      sampleRateHz = value
    }
    if fields.count > 3 {
      let count = try line.integer(fields[3], "number of samples", in: 0...WFDBHeader.maximumSamples)
      sampleCount = count == 0 ? nil : count
    }
  }
}

extension WFDBHeader.Signal {
  /// 'file format[xsamples][:skew][+offset] [gain[(baseline)][/units] [bits [zero [initial [checksum [block [text]]]]]]]'
  fileprivate init(_ line: LineReader) throws {
    let fields = line.text.split(maxSplits: 8) { $0.isWhitespace }
    guard fields.count >= 2 else { throw line.malformed("signal line too short; expected 'file format …'") }
    fileName = String(fields[0])
    guard !fileName.contains("/"), !fileName.contains("\\"), fileName != "..", fileName != "." else {
      throw line.malformed("a signal's file must be a plain name in the record's own folder")
    }
    (format, byteOffset) = try Self.storage(fields[1], line)

    gain = 200  // The manual's defaults: 200 units per mV.
    units = "mV"
    var statedBaseline: Int?
    if fields.count > 2 {
      let parts = fields[2].split(separator: "/", maxSplits: 1)
      if parts.count == 2 { units = String(parts[1]) }
      let amount = parts.first ?? ""
      let number = amount.prefix { $0 != "(" }
      guard let value = Double(number), value.isFinite else {
        throw line.malformed("gain is '\(number.prefix(24))'; expected a number")
      }
      if value != 0 { gain = value }
      if number.endIndex < amount.endIndex {
        let inside = amount[number.endIndex...].dropFirst()
        guard inside.last == ")" else { throw line.malformed("baseline lacks its closing parenthesis") }
        statedBaseline = try line.integer(inside.dropLast(), "baseline", in: -(1 << 31)...(1 << 31) - 1)
      }
    }
    func optional(_ index: Int, _ name: String) throws -> Int? {
      guard fields.count > index else { return nil }
      return try line.integer(fields[index], name, in: -(1 << 31)...(1 << 31) - 1)
    }
    adcResolution = try optional(3, "converter resolution") ?? 0
    adcZero = try optional(4, "converter zero") ?? 0
    initialValue = try optional(5, "initial value") ?? adcZero
    checksum = try optional(6, "checksum").map { Int16(truncatingIfNeeded: $0) }
    _ = try optional(7, "block size")
    description = fields.count > 8 ? trimmed(String(fields[8])) : ""
    baseline = statedBaseline ?? adcZero
  }

  private static func storage(_ field: Substring, _ line: LineReader) throws -> (format: Int, byteOffset: Int) {
    let digits = field.prefix { $0.isNumber }
    let format = try line.integer(digits, "format", in: 0...9_999)
    var rest = field[digits.endIndex...]
    var byteOffset = 0
    while let mark = rest.first {
      let value = rest.dropFirst().prefix { $0.isNumber || $0 == "-" }
      switch mark {
      case "x" where value == "1", ":" where value == "0": break
      case "x": throw line.unsupported("several samples per frame (format field 'x')")
      case ":": throw line.unsupported("skewed signals (format field ':')")
      case "+": byteOffset = try line.integer(value, "byte offset", in: 0...WFDBHeader.maximumSamples)
      default: throw line.malformed("format field holds '\(mark)'; expected digits, 'x', ':' or '+'")
      }
      rest = rest[value.endIndex...]
    }
    return (format, byteOffset)
  }
}
