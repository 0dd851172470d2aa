/// Decodes the signal files of an ordinary record.
enum WFDBSignalFile {
  /// Name of the file that a signal without samples claims.
  static let none = "~"

  /// [signal][sample], each frame given as `expansion` samples.
  static func planes(
    of header: WFDBHeader, expansion: Int, allowance: inout WFDBAllowance, files: (String) throws -> [UInt8]
  ) throws -> [[Int32]] {
    var planes = [[Int32]](repeating: [], count: header.signals.count)
    var frames = header.sampleCount
    var seen: Set<String> = [none]
    for name in header.signals.map(\.fileName) where seen.insert(name).inserted {
      let members = header.signals.indices.filter { header.signals[$0].fileName == name }
      let group = try Group(members.map { header.signals[$0] })
      let bytes = try files(name)
      let held = group.frames(in: bytes)
      let wanted = frames ?? held
      guard wanted <= held, header.sampleCount != nil || wanted == held else {
        throw WFDBError(
          .signalTruncated, file: name, byte: bytes.count,
          "holds \(held) samples a signal (\(members.count) signals, format \(group.format.code)); \(wanted) are "
            + "expected, as the header or the record's first file says")
      }
      frames = wanted
      try allowance.take(wanted * (members.count * expansion - group.frameValues), file: name)
      let decoded = try group.decode(bytes, frames: wanted, verified: header.sampleCount != nil)
      for (member, values) in zip(members, decoded) {
        planes[member] = expanded(values, from: header.signals[member].samplesPerFrame, to: expansion)
      }
    }
    // Signals without a file, which some headers list to keep a place.
    let absent = header.signals.indices.filter { header.signals[$0].fileName == none }
    try allowance.take((frames ?? 0) * expansion * absent.count, file: none)
    for signal in absent {
      planes[signal] = Array(repeating: WFDBRecord.invalidSample, count: (frames ?? 0) * expansion)
    }
    return planes
  }

  /// Each frame's `stored` samples repeated to `wanted`.
  private static func expanded(_ values: [Int32], from stored: Int, to wanted: Int) -> [Int32] {
    guard stored != wanted else { return values }
    var result: [Int32] = []
    result.reserveCapacity(values.count / stored * wanted)
    for frame in stride(from: 0, to: values.count, by: stored) {
      for sample in 0..<wanted { result.append(values[frame + sample * stored / wanted]) }
    }
    return result
  }

  /// The signals of one file, which lie interleaved frame by frame.
  private struct Group {
    let signals: [WFDBHeader.Signal]
    let format: WFDBFormat
    /// Values in one frame.
    let frameValues: Int

    init(_ signals: [WFDBHeader.Signal]) throws {
      let lead = signals[0]
      guard let format = WFDBFormat.named(lead.format) else {
        let known = WFDBFormat.all.map { String($0.code) }.joined(separator: ", ")
        throw WFDBError(.unsupported, file: lead.fileName, "format \(lead.format); known formats: \(known)")
      }
      guard signals.allSatisfy({ $0.format == lead.format && $0.byteOffset == lead.byteOffset }) else {
        throw WFDBError(.headerMalformed, file: lead.fileName, "signals of one file must share format and byte offset")
      }
      self.signals = signals
      self.format = format
      frameValues = signals.reduce(0) { $0 + $1.samplesPerFrame }
    }

    func frames(in bytes: [UInt8]) -> Int {
      format.sampleCount(bytes.count - min(bytes.count, signals[0].byteOffset)) / frameValues
    }

    /// The caller has made sure that the bytes hold the frames.
    func decode(_ bytes: [UInt8], frames: Int, verified: Bool) throws -> [[Int32]] {
      let stored = format.values(bytes.dropFirst(signals[0].byteOffset), count: frames * frameValues)
      var start = 0
      return try signals.map { signal in
        defer { start += signal.samplesPerFrame }
        var values = amplitudes(stored, signal, start)
        // The sum covers what is stored, samples before the record's start and invalid ones too.
        let sum = values.reduce(into: Int16(0)) { $0 &+= Int16(truncatingIfNeeded: $1) }
        guard !verified || signal.checksum == nil || signal.checksum == sum else {
          throw WFDBError(
            .checksumMismatch, file: signal.fileName,
            "samples sum to \(sum), the header says \(signal.checksum ?? 0): the file was changed or damaged")
        }
        if let invalid = format.invalidValue, invalid != WFDBRecord.invalidSample {
          for index in values.indices where values[index] == invalid { values[index] = WFDBRecord.invalidSample }
        }
        if signal.skew > 0 {
          let early = min(signal.skew, frames) * signal.samplesPerFrame
          values.removeFirst(early)
          values += [Int32](repeating: WFDBRecord.invalidSample, count: early)
        }
        return values
      }
    }

    /// One signal's samples out of the frames, differences summed up.
    private func amplitudes(_ stored: [Int32], _ signal: WFDBHeader.Signal, _ start: Int) -> [Int32] {
      let width = signal.samplesPerFrame
      var values: [Int32] = []
      values.reserveCapacity(stored.count / frameValues * width)
      for frame in stride(from: start, to: stored.count, by: frameValues) {
        for sample in 0..<width { values.append(stored[frame + sample]) }
      }
      if format.storesDifferences {
        var amplitude = Int32(truncatingIfNeeded: signal.initialValue)
        for index in values.indices {
          amplitude &+= values[index]
          values[index] = amplitude
        }
      }
      return values
    }
  }
}

/// What is left of the values that a record may hold beyond those in its files.
struct WFDBAllowance {
  private let maximum: Int
  private var left: Int

  init(_ maximum: Int) {
    self.maximum = maximum
    left = maximum
  }

  mutating func take(_ values: Int, file: String) throws {
    guard values <= left else {
      throw WFDBError(
        .unsupported, file: file,
        "the record would hold over \(maximum) values that are in no file (gaps, repeats); read its parts")
    }
    left -= max(0, values)
  }
}
