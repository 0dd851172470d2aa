extension EvaluationReport.Waveforms {
  /// Width of the drawn paper, mm: fits a portrait A4 page at true scale.
  private static let paperMillimetres = 175.0
  private static let millimetresPerSecond = 25.0
  private static let millimetresPerMillivolt = 10.0
  private static let pulseMillimetres = 8.0

  var html: HTML {
    let figures = strips.map(figure)
    return """
      <section><h3>\(title)</h3>
      <p class="meta">25 mm/s, 10 mm/mV; large squares 5 mm (0.2 s, 0.5 mV). The pulse at the left is 1 mV.</p>
      \(figures)</section>

      """
  }

  private func figure(_ strip: Strip) -> HTML {
    let longest = strip.traces.map(\.millivolts.count).max() ?? 0
    guard strip.sampleRateHz.isFinite, strip.sampleRateHz >= 1, longest > 1, strip.traces.count <= 64 else {
      return "<p class=\"bad\">\(strip.caption): no waveform</p>"
    }
    let columns = strip.traces.count > 6 ? 2 : 1
    let columnWidth = Self.paperMillimetres / Double(columns)
    let room = (columnWidth - Self.pulseMillimetres - 1) / Self.millimetresPerSecond
    let seconds = min(Double(longest) / strip.sampleRateHz, room)
    let shown = Int(seconds * strip.sampleRateHz)
    let rows = (strip.traces.count + columns - 1) / columns
    let bands = (0..<rows).map { row in
      Band(
        traces: (0..<columns).compactMap { column in
          let index = column * rows + row
          return index < strip.traces.count ? strip.traces[index].millivolts.prefix(shown) : nil
        })
    }
    var top = 5.0
    var drawn: [HTML] = []
    for (row, band) in bands.enumerated() {
      let baseline = top + band.above
      for column in 0..<columns where column * rows + row < strip.traces.count {
        let trace = strip.traces[column * rows + row]
        drawn.append(
          draw(trace, shown: shown, rate: strip.sampleRateHz, left: Double(column) * columnWidth, baseline: baseline))
      }
      top += band.above + band.below
    }
    // Whole large squares of paper.
    let height = (top / 5).rounded(.up) * 5 + 5
    let marks: [HTML] = (0..<columns).flatMap { column in
      strip.marks.filter { $0.seconds >= 0 && $0.seconds < seconds }.map { mark in
        let x = Double(column) * columnWidth + Self.pulseMillimetres + mark.seconds * Self.millimetresPerSecond
        return """
          <line x1="\(mm(x))" y1="4" x2="\(mm(x))" y2="\(mm(height))" stroke="#1f5aa6" stroke-width=".25" \
          stroke-dasharray="1 .8"/><text x="\(mm(x))" y="3.4" font-size="3" text-anchor="middle" \
          style="fill:#1f5aa6">\(mark.label)</text>
          """
      }
    }
    let width = Self.paperMillimetres
    return """
      <figure><div class="paper"><svg viewBox="0 0 \(mm(width)) \(mm(height))" width="\(mm(width))mm" \
      height="\(mm(height))mm" role="img" aria-label="ECG strip">
      \(paper(width: width, height: height))\(marks)\(drawn)\
      \(syntheticStamp(synthetic, x: width - 2, y: height - 1.5, size: 3.6))</svg></div>
      <figcaption><strong>\(strip.caption)</strong>, \(ReportNumber.fixed(seconds, 1)) s shown.</figcaption></figure>

      """
  }

  /// Paper that a row needs above and below its baseline, mm.
  private struct Band {
    var above: Double
    var below: Double

    init(traces: [ArraySlice<Float>]) {
      let values = traces.map { trace in
        let zero = baselineOf(trace)
        return (
          Double(trace.lazy.filter(\.isFinite).max() ?? 0) - zero,
          zero - Double(trace.lazy.filter(\.isFinite).min() ?? 0)
        )
      }
      // Room for the 1 mV pulse at least, 35 mm at most: one wild sample must not push the other leads off the page.
      above = min(max(11, 10 * (values.map(\.0).max() ?? 0) + 2.5), 35)
      below = min(max(5, 10 * (values.map(\.1).max() ?? 0) + 1.5), 35)
    }
  }

  private func draw(_ trace: Trace, shown: Int, rate: Double, left: Double, baseline: Double) -> HTML {
    let start = left + Self.pulseMillimetres
    let samples = trace.millivolts.prefix(shown)
    let zero = baselineOf(samples)
    var points: [String] = []
    points.reserveCapacity(samples.count)
    for (index, value) in samples.enumerated() where value.isFinite {
      let x = start + Double(index) / rate * Self.millimetresPerSecond
      let y = baseline - min(max((Double(value) - zero) * Self.millimetresPerMillivolt, -36), 36)
      points.append("\(mm(x)),\(mm(y))")
    }
    let pulse = """
      M\(mm(left + 1)) \(mm(baseline))h1V\(mm(baseline - Self.millimetresPerMillivolt))h3.5V\(mm(baseline))h1
      """
    return """
      <path d="\(pulse)" fill="none" stroke="#1a2230" stroke-width=".3"/>\
      <polyline points="\(points.joined(separator: " "))" fill="none" stroke="#10151f" stroke-width=".32" \
      stroke-linejoin="round"/>\
      <text x="\(mm(left + 1))" y="\(mm(baseline + 4))" font-size="3.6" font-weight="700" stroke="#fff" \
      stroke-width=".8" paint-order="stroke">\(trace.label)</text>
      """
  }

  private func paper(width: Double, height: Double) -> HTML {
    func lines(every step: Double) -> String {
      let vertical = stride(from: 0, through: width, by: step).map { "M\(mm($0)) 0V\(mm(height))" }
      let horizontal = stride(from: 0, through: height, by: step).map { "M0 \(mm($0))H\(mm(width))" }
      return (vertical + horizontal).joined()
    }
    return """
      <rect width="\(mm(width))" height="\(mm(height))" fill="#fff"/>\
      <path d="\(lines(every: 1))" stroke="#f7dcd8" stroke-width=".1" fill="none"/>\
      <path d="\(lines(every: 5))" stroke="#eab5ad" stroke-width=".2" fill="none"/>
      """
  }
}

/// The isoelectric level to draw a trace around: its median, mV.
private func baselineOf(_ samples: ArraySlice<Float>) -> Double {
  let sorted = samples.filter(\.isFinite).sorted()
  return sorted.isEmpty ? 0 : Double(sorted[sorted.count / 2])
}

private func mm(_ value: Double) -> String { ReportNumber.coordinate(value) }
