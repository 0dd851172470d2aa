import Foundation
import ResyncCore

/// Delineates every beat of LUDB in every lead, and each record's median beat, and compares with the annotations.
///
/// A reference beat of a lead is the detected beat whose R-peak is nearest to its annotated peak, within ±150 ms. The
/// global reference of a beat is the third-earliest onset and third-latest offset over the leads annotated, at least
/// ten. Odd record numbers are the half on which the network was fitted.
struct QRSOnLUDB {
  let folder: URL
  let rateHz: Int
  let export: String?

  private static let toleranceSeconds = 0.15
  private static let fewestLeads = 10
  private static let wideMilliseconds = 120.0

  /// Signed errors, ms.
  private struct Errors {
    var onset: [Double] = []
    var offset: [Double] = []

    static func += (sum: inout Errors, more: Errors) {
      sum.onset += more.onset
      sum.offset += more.offset
    }
  }

  private struct Half {
    let name: String
    var leads = [Errors](repeating: Errors(), count: Lead.allCases.count)
    /// Errors less their mean in the same lead and record, and the medians over each lead and record's beats.
    var scatter = Errors()
    var medians = Errors()
    var unpaced = Errors()
    var global = Errors()
    var duration: [Double] = []
    var wideDuration: [Double] = []
    var medianDuration: [Double] = []
    var wideMedianDuration: [Double] = []
    var found = 0
    var missed = 0

    var all: Errors {
      var sum = Errors()
      for errors in leads { sum += errors }
      return sum
    }
  }

  /// What the other measures say of recordings whose diagnoses are known.
  private struct Findings {
    var paced = Told()
    var fibrillation = Told()
    var faults = FaultFigures()
  }

  func run() throws {
    let start = ContinuousClock.now
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".hea") }
      .compactMap { Int($0.dropLast(4)) }.sorted()
    var halves = [Half(name: "even (held out)"), Half(name: "odd (fitted)")]
    var findings = Findings()
    var exporter = BeatExport()
    for name in names { try measure(name, into: &halves[name % 2], findings: &findings, exporter: &exporter) }
    if let export { try exporter.write(to: export) }
    for half in halves.reversed() { Self.print(half) }
    Swift.print("paced: \(findings.paced.text)\natrial fibrillation: \(findings.fibrillation.text)")
    Swift.print(findings.faults.text)
    let elapsed = ContinuousClock.now - start
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    let parts = zip(["even", "odd"], halves).map { "\"\($0)\":\(Self.json($1))" }
    Swift.print(
      "{\"bench\":\"qrs\",\"database\":\"ludb\",\"rateHz\":\(rateHz),\"records\":\(names.count),"
        + parts.joined(separator: ",")
        + ",\"paced\":\(findings.paced.json),\"fibrillation\":\(findings.fibrillation.json)"
        + String(format: ",\"seconds\":%.2f}", seconds))
  }

  // MARK: One record

  private func measure(_ name: Int, into half: inout Half, findings: inout Findings, exporter: inout BeatExport) throws
  {
    let record = try WFDBRecord.read(folder: folder, name: String(name))
    let native = record.header.sampleRateHz
    let order = try Lead.allCases.map { lead -> Int in
      guard let index = record.header.signals.firstIndex(where: { Lead(name: $0.description) == lead }) else {
        throw CocoaError(.fileReadCorruptFile)
      }
      return index
    }
    let signals = record.millivolts()
    let samples = order.map { signals[$0] }
    func analysed(_ samples: [[Float]]) throws -> AnalysedRecording {
      try AnalysedRecording(
        samples, leads: Lead.allCases, nativeHz: native, pipeline: PipelineConfiguration(canonicalRateHz: rateHz))
    }
    let analysis = try analysed(samples)
    let beats = analysis.beats
    let diagnoses = record.header.comments.joined().lowercased()
    let isPaced = diagnoses.contains(" pacing")
    findings.paced.add(analysis.paced, truth: isPaced)
    if let measures = analysis.measures {
      findings.fibrillation.add(
        measures.rhythm == .fibrillationLike, truth: diagnoses.contains("atrial fibrillation"))
      try findings.faults.add(samples, leads: Lead.allCases, measures: measures) { try analysed($0).measures }
    }

    let marks = try zip(Lead.allCases, order).map { lead, index in
      try annotations(String(name), kind: record.header.signals[index].description)
    }
    var matched = [[Mark?]](repeating: Array(repeating: nil, count: marks.count), count: beats.count)
    for (lead, marks) in marks.enumerated() {
      for mark in marks {
        let nearest = beats.indices.min {
          abs(beats[$0].rPeakSample - mark.peak) < abs(beats[$1].rPeakSample - mark.peak)
        }
        let tolerance = Int64(Self.toleranceSeconds * native)
        if let nearest, abs(beats[nearest].rPeakSample - mark.peak) <= tolerance, matched[nearest][lead] == nil {
          matched[nearest][lead] = mark
          half.found += 1
        } else {
          half.missed += 1
        }
      }
    }
    let delineator = QRSDelineator()
    var leadErrors = [Errors](repeating: Errors(), count: marks.count)
    var durations: [Double] = []
    for (beat, marks) in zip(beats, matched) where marks.contains(where: { $0 != nil }) {
      exporter.add(beat, marks: marks.map { $0.map { ($0.onset, $0.offset) } }, record: name, nativeHz: native)
      let found = delineator.delineate(beat.samples, peak: beat.rPeakOffset, rateHz: rateHz, leads: Lead.allCases)
      func milliseconds(_ sample: Int64) -> Double { 1_000 * Double(sample - beat.rPeakSample) / native }
      for (lead, mark) in marks.enumerated() {
        if let onset = mark?.onset {
          leadErrors[lead].onset.append(1_000 * found.limits[lead].onset - milliseconds(onset))
        }
        if let offset = mark?.offset {
          leadErrors[lead].offset.append(1_000 * found.limits[lead].offset - milliseconds(offset))
        }
      }
      let limits = marks.compactMap { mark -> QRSLimits? in
        guard let onset = mark?.onset, let offset = mark?.offset else { return nil }
        return QRSLimits(onset: milliseconds(onset) / 1_000, offset: milliseconds(offset) / 1_000)
      }
      guard limits.count >= Self.fewestLeads, let reference = QRSDelineation.global(of: limits),
        let global = found.global
      else { continue }
      half.global.onset.append(1_000 * (global.onset - reference.onset))
      half.global.offset.append(1_000 * (global.offset - reference.offset))
      half.duration.append(global.milliseconds - reference.milliseconds)
      if reference.milliseconds >= Self.wideMilliseconds { half.wideDuration.append(half.duration.last!) }
      durations.append(reference.milliseconds)
    }
    for lead in marks.indices {
      half.leads[lead] += leadErrors[lead]
      if !isPaced { half.unpaced += leadErrors[lead] }
      for path in [\Errors.onset, \Errors.offset] {
        let errors = leadErrors[lead][keyPath: path]
        guard !errors.isEmpty else { continue }
        let mean = errors.reduce(0, +) / Double(errors.count)
        half.scatter[keyPath: path] += errors.map { $0 - mean }
        half.medians[keyPath: path].append(Self.median(errors))
      }
    }
    if !durations.isEmpty, let milliseconds = analysis.measures?.qrsMilliseconds {
      let reference = Self.median(durations)
      half.medianDuration.append(milliseconds - reference)
      if reference >= Self.wideMilliseconds { half.wideMedianDuration.append(milliseconds - reference) }
    }
  }

  /// A QRS complex as annotated in one lead; limits may be missing.
  private struct Mark {
    var onset: Int64?
    var peak: Int64
    var offset: Int64?
  }

  private func annotations(_ name: String, kind: String) throws -> [Mark] {
    let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent("\(name).\(kind)")))
    let all = try WFDBAnnotations.parse(bytes, file: "\(name).\(kind)")
    return all.indices.filter { all[$0].symbol == "N" }.map { index in
      let before = index > 0 && all[index - 1].symbol == "(" ? all[index - 1].sample : nil
      let after = index + 1 < all.count && all[index + 1].symbol == ")" ? all[index + 1].sample : nil
      return Mark(onset: before, peak: all[index].sample, offset: after)
    }
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  // MARK: Figures

  private static func print(_ half: Half) {
    Swift.print("\(half.name): annotated complexes found \(half.found), missed \(half.missed); signed error, ms")
    func row(_ name: String, _ errors: Errors) {
      Swift.print(
        "  \(padded(name, 34))onset \(ErrorFigures(errors.onset).text)   offset \(ErrorFigures(errors.offset).text)")
    }
    for (lead, errors) in zip(Lead.allCases, half.leads) { row(lead.rawValue, errors) }
    row("all leads, each beat", half.all)
    row("  without paced recordings", half.unpaced)
    row("  within a record's lead", half.scatter)
    row("median of a record's lead", half.medians)
    row("global, each beat", half.global)
    for (name, errors) in [
      ("duration, each beat", half.duration), ("  QRS ≥ 120 ms", half.wideDuration),
      ("duration of the median beat", half.medianDuration), ("  QRS ≥ 120 ms", half.wideMedianDuration),
    ] {
      Swift.print("  \(padded(name, 34))\(ErrorFigures(errors).text)   n \(errors.count)")
    }
  }

  private static func json(_ half: Half) -> String {
    func pair(_ errors: Errors) -> String {
      "{\"onset\":\(ErrorFigures(errors.onset).json),\"offset\":\(ErrorFigures(errors.offset).json)}"
    }
    return "{\"found\":\(half.found),\"missed\":\(half.missed),\"perLead\":\(pair(half.all)),"
      + "\"unpaced\":\(pair(half.unpaced)),"
      + "\"leadMedians\":\(pair(half.medians)),\"global\":\(pair(half.global)),"
      + "\"duration\":\(ErrorFigures(half.duration).json),\"wideDuration\":\(ErrorFigures(half.wideDuration).json),"
      + "\"medianBeatDuration\":\(ErrorFigures(half.medianDuration).json),"
      + "\"wideMedianBeatDuration\":\(ErrorFigures(half.wideMedianDuration).json)}"
  }
}

/// Beats and their marks, for fitting: `<path>.f32` with [beat][lead][550 samples at 500 Hz] from 250 samples before the
/// R-peak, `<path>.txt` with a line for each beat: record, then onset and offset of each lead in samples from the R-peak.
struct BeatExport {
  private var samples = Data()
  private var lines = ""

  mutating func add(
    _ beat: ExtractedBeat, marks: [(onset: Int64?, offset: Int64?)?], record: Int, nativeHz: Double
  ) {
    for lead in beat.samples {
      let window = (beat.rPeakOffset - 250..<beat.rPeakOffset + 300).map { lead.indices.contains($0) ? lead[$0] : 0 }
      window.withUnsafeBytes { samples.append(contentsOf: $0) }
    }
    let limits = marks.flatMap { [$0?.onset, $0?.offset] }
    lines += "\(record) " + limits.map { $0.map { String($0 - beat.rPeakSample) } ?? "nan" }.joined(separator: " ")
    lines += "\n"
  }

  func write(to path: String) throws {
    try samples.write(to: URL(fileURLWithPath: path + ".f32"))
    try Data(lines.utf8).write(to: URL(fileURLWithPath: path + ".txt"))
  }
}
