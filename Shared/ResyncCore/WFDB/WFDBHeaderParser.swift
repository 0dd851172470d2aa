extension WFDBHeader {
  /// Parses the text of a header file.
  ///
  /// Signal lines beyond the number declared are disregarded, as the manual says.
  /// - Parameter file: the file's name, for errors.
  /// - Throws: `WFDBError` with the byte at which the offending line starts.
  public init(parsing bytes: [UInt8], file: String) throws {
    var lines: [LineReader] = []
    var comments: [String] = []
    var start = 0
    for raw in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      let text = trimmed(wfdbText(raw))
      if text.first == "#" {
        comments.append(trimmed(String(text.dropFirst())))
      } else if !text.isEmpty {
        lines.append(LineReader(text: text, file: file, byte: start))
      }
      start += raw.count + 1
    }
    guard let first = lines.first else {
      throw WFDBError(.headerMalformed, file: file, byte: 0, "no record line; expected 'name signals [rate [samples]]'")
    }
    self.init(recordName: "", sampleRateHz: 250, comments: comments)  // The manual's default rate.
    self.file = file
    let segmentCount = try readRecordLine(first)
    let (wanted, kind) = segmentCount.map { ($0, "segment") } ?? (declaredSignals, "signal")
    guard lines.count - 1 >= wanted else {
      throw first.malformed(
        "\(wanted) \(kind)s declared, \(lines.count - 1) \(kind) lines found; one line for each is expected")
    }
    let rest = lines.dropFirst().prefix(wanted)
    if segmentCount == nil {
      signals = try rest.map { try Signal($0) }
    } else {
      segments = try rest.map { try Segment($0) }
    }
  }

  /// 'name[/segments] signals [rate[/counterRate[(base)]] [samples [time [date]]]]'; gives the number of segments.
  private mutating func readRecordLine(_ line: LineReader) throws -> Int? {
    let fields = line.text.split { $0.isWhitespace }
    guard fields.count >= 2 else {
      throw line.malformed("record line too short; expected 'name signals [rate [samples]]'")
    }
    let parts = fields[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    recordName = String(parts[0])
    let segmentCount =
      parts.count < 2 ? nil : try line.integer(parts[1], "number of segments", in: 1...Self.maximumSegments)
    declaredSignals = try line.integer(fields[1], "number of signals", in: 0...Self.maximumSignals)
    if fields.count > 2 { try readRates(fields[2], line) }
    if fields.count > 3 {
      let count = try line.integer(fields[3], "number of samples", in: 0...Self.maximumSamples)
      sampleCount = count == 0 ? nil : count
    }
    // Nothing is computed from time and date, and feeds write them in many ways: what is not the manual's is left out.
    if fields.count > 4 { baseTimeSeconds = Self.seconds(fields[4]) }
    if fields.count > 5 { baseDate = Day(fields[5]) }
    return segmentCount
  }

  private mutating func readRates(_ field: Substring, _ line: LineReader) throws {
    let parts = field.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    sampleRateHz = try line.number(parts[0], "sampling rate")
    guard sampleRateHz > 0, sampleRateHz <= 1e9 else {
      throw line.malformed("sampling rate is '\(parts[0].prefix(24))'; expected a positive number of Hz")
    }
    guard parts.count == 2 else { return }
    let (counter, base) = try line.splitParentheses(parts[1], "base counter")
    counterFrequencyHz = try line.number(counter, "counter frequency")
    baseCounter = try base.map { try line.number($0, "base counter") }
  }

  /// 'hours:minutes:seconds', or without hours, or seconds alone.
  private static func seconds(_ field: Substring) -> Double? {
    let parts = field.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
    let limits: [Double] = [60, 60, 24]
    guard parts.count <= 3 else { return nil }
    var (sum, weight) = (0.0, 1.0)
    for (part, limit) in zip(parts.reversed(), limits) {
      guard let part, part >= 0, part < limit else { return nil }
      sum += part * weight
      weight *= 60
    }
    return sum
  }
}

extension WFDBHeader.Day {
  /// 'day/month/year'.
  fileprivate init?(_ field: Substring) {
    let parts = field.split(separator: "/", omittingEmptySubsequences: false).compactMap { Int($0) }
    guard parts.count == 3, 1...31 ~= parts[0], 1...12 ~= parts[1], 0...9_999 ~= parts[2] else { return nil }
    self.init(day: parts[0], month: parts[1], year: parts[2])
  }
}

extension WFDBHeader.Segment {
  /// 'name frames'; the name `~` is a gap.
  fileprivate init(_ line: LineReader) throws {
    let fields = line.text.split { $0.isWhitespace }
    guard fields.count >= 2 else { throw line.malformed("segment line too short; expected 'name samples'") }
    guard WFDBHeader.isPlainName(fields[0]) else {
      throw line.malformed("a segment must be a plain name in the record's own folder")
    }
    self.init(
      recordName: fields[0] == "~" ? nil : String(fields[0]),
      sampleCount: try line.integer(fields[1], "number of samples", in: 0...WFDBHeader.maximumSamples))
  }
}

extension WFDBHeader.Signal {
  /// 'file format[xsamples][:skew][+offset] [gain[(baseline)][/units] [bits [zero [initial [checksum [block [text]]]]]]]'
  fileprivate init(_ line: LineReader) throws {
    let fields = line.text.split(maxSplits: 8) { $0.isWhitespace }
    guard fields.count >= 2 else { throw line.malformed("signal line too short; expected 'file format …'") }
    guard WFDBHeader.isPlainName(fields[0]) else {
      throw line.malformed("a signal's file must be a plain name in the record's own folder")
    }
    self.init(fileName: String(fields[0]), format: 0)
    try readStorage(fields[1], line)
    let statedBaseline = fields.count > 2 ? try readGain(fields[2], line) : nil
    func optional(_ index: Int, _ name: String) throws -> Int? {
      guard fields.count > index else { return nil }
      return try line.integer(fields[index], name, in: -(1 << 31)...(1 << 31) - 1)
    }
    adcResolution = try optional(3, "converter resolution") ?? 0
    adcZero = try optional(4, "converter zero") ?? 0
    initialValue = try optional(5, "initial value") ?? adcZero
    checksum = try optional(6, "checksum").map { Int16(truncatingIfNeeded: $0) }
    blockSize = try optional(7, "block size") ?? 0
    description = fields.count > 8 ? trimmed(String(fields[8])) : ""
    baseline = statedBaseline ?? adcZero
  }

  private mutating func readStorage(_ field: Substring, _ line: LineReader) throws {
    let digits = field.prefix { $0.isNumber }
    format = try line.integer(digits, "format", in: 0...9_999)
    var rest = field[digits.endIndex...]
    while let mark = rest.first {
      let value = rest.dropFirst().prefix { $0.isNumber || $0 == "-" }
      switch mark {
      case "x":
        samplesPerFrame = try line.integer(value, "samples per frame", in: 1...WFDBHeader.maximumSamplesPerFrame)
      case ":": skew = try line.integer(value, "skew", in: 0...WFDBHeader.maximumSamples)
      case "+": byteOffset = try line.integer(value, "byte offset", in: 0...WFDBHeader.maximumSamples)
      default: throw line.malformed("format field holds '\(mark)'; expected digits, 'x', ':' or '+'")
      }
      rest = rest[value.endIndex...]
    }
  }

  /// Gives the baseline if it is stated.
  private mutating func readGain(_ field: Substring, _ line: LineReader) throws -> Int? {
    let parts = field.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2, !parts[1].isEmpty { units = String(parts[1]) }
    let (amount, inside) = try line.splitParentheses(parts[0], "baseline")
    let value = try line.number(amount, "gain")
    guard value == 0 || WFDBHeader.gains.contains(abs(value)) else {
      throw line.malformed("gain is '\(amount.prefix(24))'; expected 0 or a number of 1e-15 to 1e15")
    }
    if value != 0 { gain = value }  // 0 means not calibrated.
    return try inside.map { try line.integer($0, "baseline", in: -(1 << 31)...(1 << 31) - 1) }
  }
}

/// UTF-8, or Latin-1 where it is not: old headers and notes hold "µ" and names in it.
func wfdbText(_ bytes: ArraySlice<UInt8>) -> String {
  if let text = String(validating: bytes, as: UTF8.self) { return text }
  var text = String.UnicodeScalarView()
  text.append(contentsOf: bytes.lazy.map { Unicode.Scalar($0) })
  return String(text)
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

  func integer(_ field: Substring, _ name: String, in range: ClosedRange<Int>) throws -> Int {
    guard let value = Int(field), range.contains(value) else {
      throw malformed(
        "\(name) is '\(field.prefix(24))'; expected a whole number of \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  func number(_ field: Substring, _ name: String) throws -> Double {
    guard let value = Double(field), value.isFinite else {
      throw malformed("\(name) is '\(field.prefix(24))'; expected a number")
    }
    return value
  }

  /// 'outside(inside)', or only what would be outside.
  func splitParentheses(_ field: Substring, _ name: String) throws -> (outside: Substring, inside: Substring?) {
    guard let open = field.firstIndex(of: "(") else { return (field, nil) }
    guard field.last == ")" else { throw malformed("\(name) lacks its closing parenthesis") }
    return (field[..<open], field[field.index(after: open)...].dropLast())
  }
}
