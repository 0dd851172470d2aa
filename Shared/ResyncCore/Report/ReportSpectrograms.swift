import Foundation

extension EvaluationReport.Spectrograms {
  var html: HTML {
    // One scale for the whole panel: a picture's own minimum and maximum would hide what differs between beats.
    let highest = pictures.compactMap(\.planes).joined().joined().filter(\.isFinite).max() ?? 0
    let maximum = highest > 0 ? highest : 1
    let single = pictures.allSatisfy { $0.leadNames.count == 1 }
    let figures: [HTML] = pictures.map { picture in
      guard let planes = picture.planes else { return "<p class=\"bad\">\(picture.caption): damaged picture</p>" }
      let cells: [HTML] = zip(picture.leadNames, planes).map { name, plane in
        let label: HTML = single ? "<strong>\(picture.caption)</strong>, lead \(name)" : "<strong>\(name)</strong>"
        return """
          <figure>\(frame(plane, rows: picture.rows, columns: picture.columns, maximum: maximum, name: name))\
          <figcaption>\(label)</figcaption></figure>

          """
      }
      return single ? HTML(joining: cells) : "<h4>\(picture.caption)</h4><div class=\"grid\">\(cells)</div>\n"
    }
    let body: HTML = single ? "<div class=\"grid wide\">\(figures)</div>" : HTML(joining: figures)
    return """
      <section><h3>\(title)</h3>
      <p class="meta">Pipeline <code>\(pipelineID)</code>. Time in seconds\(startSeconds < 0 ? " from the R-peak" : ""), \
      frequency in Hz; \(quantity) on one scale for all pictures of this part.</p>
      \(colourBar(maximum))\(body)</section>

      """
  }

  private func frame(_ plane: [Float], rows: Int, columns: Int, maximum: Float, name: String) -> HTML {
    let (left, top, width, height) = (30.0, 6.0, 150.0, 110.0)
    // Rows count up from 0 Hz; a picture's first row is its top.
    let indices = (0..<rows).reversed().flatMap { row in
      plane[row * columns..<(row + 1) * columns].map { ColourMap.index(of: $0, maximum: maximum) }
    }
    let png = PNGEncoder.encode(width: columns, height: rows, indices: indices, palette: ColourMap.viridis)
    let data = Data(png).base64EncodedString()
    // A cell reaches half a step to either side of its time and frequency.
    func ticks(from start: Double, step: Double, count: Int) -> [AxisTick] {
      AxisTick.ticks(start, start + step * Double(count))
    }
    let times = ticks(from: startSeconds - secondsPerColumn / 2, step: secondsPerColumn, count: columns)
    let frequencies = ticks(from: -hertzPerRow / 2, step: hertzPerRow, count: rows)
    let timeTicks: [HTML] = times.map { tick in
      let x = ReportNumber.coordinate(left + width * tick.place)
      return """
        <line x1="\(x)" y1="116" x2="\(x)" y2="119.5" stroke="#1a2230"/>\
        <text x="\(x)" y="130" text-anchor="middle" font-size="10">\(tick.label)</text>
        """
    }
    let frequencyTicks: [HTML] = frequencies.map { tick in
      let y = top + height * (1 - tick.place)
      return """
        <line x1="26.5" y1="\(ReportNumber.coordinate(y))" x2="30" y2="\(ReportNumber.coordinate(y))" stroke="#1a2230"/>\
        <text x="24" y="\(ReportNumber.coordinate(y + 3.5))" text-anchor="end" font-size="10">\(tick.label)</text>
        """
    }
    return """
      <svg class="spectrum" viewBox="0 0 188 134" width="188" height="134" role="img" aria-label="\(quantity), \(name)">\
      <image x="30" y="6" width="150" height="110" preserveAspectRatio="none" href="data:image/png;base64,\(data)"/>\
      \(timeTicks)\(frequencyTicks)\(syntheticStamp(synthetic, x: 177, y: 17, size: 9, onDark: true))</svg>
      """
  }

  private func colourBar(_ maximum: Float) -> HTML {
    let stops: [HTML] = stride(from: 0, through: 255, by: 15).map { index in
      "<stop offset=\"\(ReportNumber.fixed(Double(index) / 255, 3))\" stop-color=\"\(ColourMap.viridis[index].css)\"/>"
    }
    // Every panel defines the same gradient, so that a repeated id does no harm.
    return """
      <svg viewBox="0 0 260 30" width="260" height="30" role="img" aria-label="Colour scale">
      <defs><linearGradient id="viridis">\(stops)</linearGradient></defs>
      <rect x="30" y="2" width="180" height="10" fill="url(#viridis)"/>
      <text x="30" y="26" text-anchor="middle" font-size="11">0</text>
      <text x="210" y="26" text-anchor="middle" font-size="11">\(ReportNumber.fixed(Double(maximum), 1))</text>
      <text x="120" y="26" text-anchor="middle" font-size="11">\(quantity)</text></svg>
      """
  }
}
