/// A multi-segment record, planned from the headers of its segments before any sample is read.
///
/// In the fixed layout all segments have the same signals; the variable layout begins with a segment of length 0, whose
/// header lists all signals, and segments hold some of them, told by description.
struct WFDBSegments {
  /// The record as one: signals of the layout, with gain and baseline that hold throughout.
  private(set) var header: WFDBHeader
  /// Samples given for each frame, the same in all segments.
  private(set) var expansion: Int
  private var headers: [String: WFDBHeader] = [:]
  /// Keys of `headers` in the order of their first use, so that of several faults always the same is told.
  private var names: [String] = []
  private let isVariable: Bool

  /// - Parameter files: asked for the header of each segment once.
  init(_ master: WFDBHeader, files: (String) throws -> [UInt8]) throws {
    header = master
    isVariable = master.segments[0].sampleCount == 0 && master.segments[0].recordName != nil
    let total = master.segments.reduce(0) { $0 + $1.sampleCount }
    guard total <= WFDBHeader.maximumSamples, master.sampleCount == nil || master.sampleCount == total else {
      throw WFDBError(
        .headerMalformed, file: master.file,
        "segments hold \(total) samples a signal, the record line says \(master.sampleCount ?? 0); they must agree")
    }
    for name in master.segments.compactMap(\.recordName) where headers[name] == nil {
      let file = name + ".hea"
      let segment = try WFDBHeader(parsing: try files(file), file: file)
      guard segment.segments.isEmpty else {
        throw WFDBError(.headerMalformed, file: file, byte: 0, "a segment must be an ordinary record")
      }
      guard segment.sampleRateHz == master.sampleRateHz else {
        throw WFDBError(
          .headerMalformed, file: file, byte: 0,
          "sampled at \(segment.sampleRateHz) Hz, the record at \(master.sampleRateHz) Hz; they must agree")
      }
      headers[name] = segment
      names.append(name)
    }
    guard let first = names.first, let layout = headers[first] else {
      throw WFDBError(.headerMalformed, file: master.file, "all segments are gaps; one with signals is expected")
    }
    guard layout.signals.count == master.declaredSignals else {
      throw WFDBError(
        .headerMalformed, file: first + ".hea", byte: 0,
        "\(layout.signals.count) signals, the record has \(master.declaredSignals); they must agree")
    }
    header.signals = layout.signals
    if header.comments.isEmpty { header.comments = layout.comments }
    expansion = headers.values.flatMap(\.signals).map(\.samplesPerFrame).max() ?? 1
    try settleScales()
  }

  /// For each signal of the record its place in a segment; nil where the segment lacks it.
  private func places(in segment: WFDBHeader, _ name: String) throws -> [Int?] {
    guard isVariable else {
      guard segment.signals.count == header.signals.count else {
        throw WFDBError(
          .headerMalformed, file: name + ".hea", byte: 0,
          "\(segment.signals.count) signals, the record has \(header.signals.count); they must agree")
      }
      return Array(segment.signals.indices)
    }
    // Of several signals with one description the first takes the first.
    var free = Array(segment.signals.indices)
    let places = header.signals.map { signal -> Int? in
      let found = free.firstIndex { segment.signals[$0].description == signal.description }
      return found.map { free.remove(at: $0) }
    }
    guard let stray = free.first else { return places }
    throw WFDBError(
      .headerMalformed, file: name + ".hea", byte: 0,
      "signal \(stray) is not in the layout segment; each signal must be, by its description")
  }

  /// Gives each signal of the record the gain and baseline of its segments. Where they differ, it takes steps of 1/256
  /// of the finest segment's, so that rounding to them is no matter.
  private mutating func settleScales() throws {
    var scales = [[WFDBHeader.Signal]](repeating: [], count: header.signals.count)
    for name in names.dropFirst(isVariable ? 1 : 0) {
      guard let segment = headers[name] else { continue }
      for (signal, place) in try places(in: segment, name).enumerated() {
        guard let place else { continue }
        if let other = scales[signal].first, other.units != segment.signals[place].units {
          throw WFDBError(
            .unsupported, file: name + ".hea", byte: 0,
            "the unit of signal \(place) is not that of another segment; they must agree")
        }
        scales[signal].append(segment.signals[place])
      }
    }
    for (signal, found) in scales.enumerated() {
      header.signals[signal].checksum = nil
      guard let first = found.first else { continue }
      header.signals[signal].units = first.units
      if found.allSatisfy({ $0.gain == first.gain && $0.baseline == first.baseline }) {
        header.signals[signal].gain = first.gain
        header.signals[signal].baseline = first.baseline
      } else {
        header.signals[signal].gain = 256 * (found.map { abs($0.gain) }.max() ?? 1)
        header.signals[signal].baseline = 0
      }
    }
  }

  /// [signal][sample] of the whole record.
  func planes(allowance: inout WFDBAllowance, files: (String) throws -> [UInt8]) throws -> [[Int32]] {
    var planes = [[Int32]](repeating: [], count: header.signals.count)
    var seen: Set<String> = []
    for segment in header.segments where segment.sampleCount > 0 {
      guard let name = segment.recordName, let own = headers[name] else {
        let count = segment.sampleCount * expansion
        try allowance.take(count * planes.count, file: header.file)
        for signal in planes.indices { planes[signal] += repeatElement(WFDBRecord.invalidSample, count: count) }
        continue
      }
      if !seen.insert(name).inserted {
        try allowance.take(segment.sampleCount * expansion * own.signals.count, file: name + ".hea")
      }
      let decoded = try WFDBSignalFile.planes(of: own, expansion: expansion, allowance: &allowance, files: files)
      let held = decoded.first.map { $0.count / expansion } ?? own.sampleCount ?? 0
      guard held == segment.sampleCount else {
        throw WFDBError(
          .headerMalformed, file: name + ".hea", byte: 0,
          "the segment holds \(held) samples a signal, the record's header says \(segment.sampleCount)")
      }
      let places = try places(in: own, name)
      try allowance.take(held * expansion * places.count { $0 == nil }, file: name + ".hea")
      for (signal, place) in places.enumerated() {
        if let place {
          planes[signal] += rescaled(decoded[place], from: own.signals[place], to: header.signals[signal])
        } else {
          planes[signal] += repeatElement(WFDBRecord.invalidSample, count: held * expansion)
        }
      }
    }
    return planes
  }

  private func rescaled(
    _ values: [Int32], from old: WFDBHeader.Signal, to new: WFDBHeader.Signal
  ) -> [Int32] {
    guard old.gain != new.gain || old.baseline != new.baseline else { return values }
    let scale = new.gain / old.gain
    return values.map { value in
      guard value != WFDBRecord.invalidSample else { return value }
      let moved = (Double(Int(value) - old.baseline) * scale).rounded() + Double(new.baseline)
      return Int32(min(max(moved, Double(Int32.min + 1)), Double(Int32.max)))
    }
  }
}
