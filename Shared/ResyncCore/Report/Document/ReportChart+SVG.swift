import Foundation

/// A round number on an axis.
struct AxisTick {
  /// Share of the axis, 0 to 1.
  var place: Double
  var label: String

  /// At most five or six of them; none on an axis that cannot be.
  static func ticks(_ start: Double, _ end: Double) -> [AxisTick] {
    let length = end - start
    guard start.isFinite, length.isFinite, length > 1e-6, length < 1e6, abs(start) < 1e6 else { return [] }
    let decade = pow(10, floor(log10(length / 4)))
    let spacing = [1.0, 2, 5, 10].map { $0 * decade }.first { length / $0 <= 5 + 1e-9 } ?? length
    let digits = max(0, Int(-floor(log10(spacing) + 1e-9)))
    let first = Int((start / spacing - 1e-9).rounded(.up))
    let last = Int((end / spacing + 1e-9).rounded(.down))
    guard first <= last, last - first < 10 else { return [] }
    return (first...last).map { index in
      let value = Double(index) * spacing
      return AxisTick(place: (value - start) / length, label: ReportNumber.fixed(value, digits))
    }
  }
}

/// What tells series apart: colours of Okabe & Ito (2008), which colour-blind eyes can tell, and dashes or shapes for
/// those who see none.
private enum SeriesLook {
  private static let colours = ["#0072b2", "#d55e00", "#007a5a", "#8a4f7d", "#1a2230", "#7a5c00"]
  private static let dashes = ["", "8 4", "2 3", "10 3 2 3", "5 2", "1 4"]

  static func colour(_ index: Int) -> String { colours[index % colours.count] }
  static func dash(_ index: Int) -> String { dashes[index % dashes.count] }

  /// Circle, square, triangle, diamond by turns.
  static func marker(_ index: Int, x: Double, y: Double) -> HTML {
    let (r, colour) = (4.5, colour(index))
    let outlines: [[(Double, Double)]] = [
      [(-r, -r), (r, -r), (r, r), (-r, r)], [(0, -r - 1), (r + 1, r), (-r - 1, r)],
      [(0, -r - 1.5), (r + 1.5, 0), (0, r + 1.5), (-r - 1.5, 0)],
    ]
    guard index % 4 > 0 else {
      return "<circle cx=\"\(coordinate(x))\" cy=\"\(coordinate(y))\" r=\"\(coordinate(r))\" fill=\"\(colour)\"/>"
    }
    let corners = outlines[index % 4 - 1].map { "\(coordinate(x + $0.0)),\(coordinate(y + $0.1))" }
    return "<polygon points=\"\(corners.joined(separator: " "))\" fill=\"\(colour)\"/>"
  }
}

private func coordinate(_ value: Double) -> String { ReportNumber.coordinate(value) }

extension ReportChart {
  private static let (left, top, width, height) = (58.0, 12.0, 330.0, 300.0)
  private static let legendRow = 19.0

  private func place(_ point: Point) -> (x: Double, y: Double) { (px(point.x), py(point.y)) }
  private func px(_ value: Double) -> Double {
    Self.left + Self.width * min(max((value - x.lowerBound) / (x.upperBound - x.lowerBound), 0), 1)
  }
  private func py(_ value: Double) -> Double {
    Self.top + Self.height * (1 - min(max((value - y.lowerBound) / (y.upperBound - y.lowerBound), 0), 1))
  }

  func html(synthetic: Bool) -> HTML {
    // References have a look of their own and take none from the others.
    let looks = series.indices.map { place in series[..<place].count { $0.style != .reference } }
    let drawn: [HTML] = zip(series, looks).map { draw($0, $1) }
    let legendTop = Self.top + Self.height + 62
    let legend: [HTML] = series.enumerated().map { index, series in
      let y = legendTop + Self.legendRow * Double(index)
      let sample: HTML =
        series.style == .points
        ? SeriesLook.marker(looks[index], x: Self.left + 13, y: y - 4)
        : line(series, looks[index], "M\(Self.left) \(y - 4)h26")
      return """
        \(sample)<text x="\(coordinate(Self.left + 34))" y="\(coordinate(y))" font-size="12.5">\(series.name)</text>
        """
    }
    let total = legendTop + Self.legendRow * Double(series.count)
    let bottom = Self.top + Self.height
    return """
      <figure class="chart"><svg viewBox="0 0 400 \(coordinate(total))" width="400" height="\(coordinate(total))" role="img" \
      aria-label="\(caption)">
      \(axes)<rect x="\(coordinate(Self.left))" y="\(coordinate(Self.top))" width="\(coordinate(Self.width))" \
      height="\(coordinate(Self.height))" fill="none" stroke="#1a2230"/>
      \(drawn)\(legend)\(syntheticStamp(synthetic, x: Self.left + Self.width, y: bottom + 36, size: 11))
      <text x="\(coordinate(Self.left + Self.width / 2))" y="\(coordinate(bottom + 36))" text-anchor="middle" \
      font-size="13">\(xTitle)</text>
      <text transform="translate(14 \(coordinate(Self.top + Self.height / 2))) rotate(-90)" text-anchor="middle" \
      font-size="13">\(yTitle)</text></svg>
      <figcaption>\(caption)</figcaption></figure>

      """
  }

  private var axes: HTML {
    let bottom = Self.top + Self.height
    let vertical: [HTML] = AxisTick.ticks(x.lowerBound, x.upperBound).map { tick in
      let x = coordinate(Self.left + Self.width * tick.place)
      return """
        <line x1="\(x)" y1="\(coordinate(Self.top))" x2="\(x)" y2="\(coordinate(bottom))" stroke="#e3e7ee"/>\
        <text x="\(x)" y="\(coordinate(bottom + 17))" text-anchor="middle" font-size="12">\(tick.label)</text>
        """
    }
    let horizontal: [HTML] = AxisTick.ticks(y.lowerBound, y.upperBound).map { tick in
      let y = Self.top + Self.height * (1 - tick.place)
      return """
        <line x1="\(coordinate(Self.left))" y1="\(coordinate(y))" x2="\(coordinate(Self.left + Self.width))" \
        y2="\(coordinate(y))" stroke="#e3e7ee"/>\
        <text x="\(coordinate(Self.left - 7))" y="\(coordinate(y + 4))" text-anchor="end" font-size="12">\
        \(tick.label)</text>
        """
    }
    return HTML(joining: vertical + horizontal)
  }

  private func draw(_ series: Series, _ index: Int) -> HTML {
    let places = series.points.map(place)
    guard let first = places.first else { return "" }
    guard series.style == .points else {
      let rest = places.dropFirst().map { "L\(coordinate($0.x)) \(coordinate($0.y))" }.joined()
      return line(series, index, "M\(coordinate(first.x)) \(coordinate(first.y))\(rest)")
    }
    return HTML(
      joining: zip(series.points, places).map { point, place in
        guard let low = point.low, let high = point.high else {
          return SeriesLook.marker(index, x: place.x, y: place.y)
        }
        let bar: HTML = """
          <path d="M\(coordinate(place.x)) \(coordinate(py(low)))V\(coordinate(py(high)))" fill="none" \
          stroke="\(SeriesLook.colour(index))" stroke-width="1.3"/>
          """
        return bar + SeriesLook.marker(index, x: place.x, y: place.y)
      })
  }

  private func line(_ series: Series, _ index: Int, _ path: String) -> HTML {
    let isReference = series.style == .reference
    return """
      <path d="\(path)" fill="none" stroke="\(isReference ? "#6b7484" : SeriesLook.colour(index))" \
      stroke-width="\(isReference ? "1.2" : "2.2")" stroke-linejoin="round" \
      stroke-dasharray="\(isReference ? "4 4" : SeriesLook.dash(index))"/>
      """
  }
}

extension ReportForest {
  private static let (labels, width, row) = (172.0, 208.0, 24.0)

  func html(synthetic: Bool) -> HTML {
    let values = rows.flatMap { [$0.low, $0.high] } + [reference]
    guard let least = values.min(), let most = values.max(), !rows.isEmpty, values.allSatisfy(\.isFinite) else {
      return ""
    }
    let margin = max(0.02, 0.06 * (most - least))
    let (low, high) = (least - margin, most + margin)
    func x(_ value: Double) -> String { coordinate(Self.labels + Self.width * (value - low) / (high - low)) }
    let bottom = Self.row * Double(rows.count) + 8
    let ticks: [HTML] = AxisTick.ticks(low, high).map { tick in
      let x = coordinate(Self.labels + Self.width * tick.place)
      return """
        <line x1="\(x)" y1="4" x2="\(x)" y2="\(coordinate(bottom))" stroke="#e3e7ee"/>\
        <text x="\(x)" y="\(coordinate(bottom + 15))" text-anchor="middle" font-size="11.5">\(tick.label)</text>
        """
    }
    let drawn: [HTML] = rows.enumerated().map { index, row in
      let y = Self.row * (Double(index) + 0.5) + 4
      return """
        <text x="\(coordinate(Self.labels - 8))" y="\(coordinate(y + 4))" text-anchor="end" font-size="12">\
        \(row.label)</text><path d="M\(x(row.low)) \(coordinate(y))H\(x(row.high))" stroke="#0072b2" \
        stroke-width="1.8"/><rect x="\(coordinate(Double(x(row.value))! - 4))" y="\(coordinate(y - 4))" width="8" \
        height="8" fill="#0072b2"/>
        """
    }
    let total = bottom + 38
    return """
      <figure class="chart"><svg viewBox="0 0 400 \(coordinate(total))" width="400" height="\(coordinate(total))" role="img" \
      aria-label="\(caption)">\(ticks)<line x1="\(x(reference))" y1="4" x2="\(x(reference))" \
      y2="\(coordinate(bottom))" stroke="#6b7484" stroke-width="1.3" stroke-dasharray="4 4"/>\(drawn)
      <text x="\(coordinate(Self.labels + Self.width / 2))" y="\(coordinate(bottom + 32))" text-anchor="middle" \
      font-size="12.5">\(axisTitle)</text>\
      \(syntheticStamp(synthetic, x: Self.labels - 8, y: bottom + 32, size: 11))</svg>
      <figcaption>\(caption)</figcaption></figure>

      """
  }
}
