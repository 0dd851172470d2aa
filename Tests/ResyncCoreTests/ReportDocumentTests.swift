import Foundation
import ResyncCore
import Testing

@Suite("Report: documents")
struct ReportDocumentTests {
  private static let table = ReportTable(
    "caption",
    columns: [.init("Model"), .init("Patients", .count), .init("AUC", .threeDecimals), .init("p", .pValue)],
    rows: [
      [.text("first"), .count(1_234), .estimate(0.70149, 0.6, 0.8), .number(0.0001)],
      [.text("second"), .count(7), .number(.nan), .none],
    ])

  private static func page(_ sections: [ReportDocument.Section]) -> String {
    renderHTML(ReportDocument(title: "Title", generatedAt: "2025-01-02T03:04:05Z", sections: sections))
  }

  @Test("a table prints each number in its column's form, with its interval, and a dash for what is not known")
  func numbers() {
    let page = Self.page([.init("one", "One", .real, [.table(Self.table)])])
    #expect(page.contains("<td class=\"n\">1\u{2009}234</td>"))
    #expect(page.contains("0.701<br><span class=\"note\">0.600 to 0.800</span>"))
    #expect(page.contains("<td class=\"n\">&lt;0.001</td>"))
    #expect(page.contains("<td class=\"n\">–</td><td class=\"n\">–</td>"))
    #expect(page.contains("<th scope=\"col\">Model</th>") && page.contains("<th scope=\"row\">second</th>"))
  }

  @Test("figures and JSON hold the numbers of the tables, unrounded, where they stand")
  func figures() throws {
    let document = ReportDocument(
      title: "T", generatedAt: "now",
      sections: [.init("one", "One", .synthetic, [.note("words"), .table(Self.table)])])
    #expect(document.figures.map(\.value) == [1_234, 0.70149, 0.0001, 7])
    let auc = document.figures[1]
    #expect((auc.section, auc.table, auc.row, auc.label) == ("one", 1, 1, "first"))
    #expect((auc.column, auc.low, auc.high, auc.origin) == ("AUC", 0.6, 0.8, .synthetic))
    let json = try #require(
      try JSONSerialization.jsonObject(with: JSONEncoder().encode(document)) as? [String: Any])
    let section = try #require((json["sections"] as? [[String: Any]])?.first)
    let blocks = try #require(section["blocks"] as? [[String: Any]])
    let rows = try #require((blocks[1]["table"] as? [String: Any])?["rows"] as? [[[String: Any]]])
    #expect(rows[0][2]["value"] as? Double == 0.70149 && rows[0][2]["low"] as? Double == 0.6)
    #expect(rows[1][2]["value"] == nil)
    #expect(json["words"] as? String == ReportWords.disclaimer)
  }

  @Test("synthetic sections stand framed and apart, after real ones, with the words that say so")
  func origins() throws {
    let page = Self.page([
      .init("made-up", "Made up", .synthetic, [.table(Self.table)]),
      .init("true", "True", .real, [.table(Self.table)]), .init("end", "End", .appendix, []),
    ])
    let places = try ["<section id=\"true\">", "<div class=\"synthetic\">", "<section id=\"made-up\">"].map {
      try #require(page.range(of: $0)).lowerBound
    }
    #expect(places == places.sorted())
    #expect(page.contains(HTML.escape(ReportWords.synthetic)) && page.contains(ReportWords.disclaimer))
    #expect(page.contains("<a href=\"#made-up\">Made up</a>"))
    let end = try #require(page.range(of: "<section id=\"end\">")).lowerBound
    #expect(page[places[2]..<end].contains("</div>"))
  }

  @Test("text from outside never becomes markup, in any block, and nothing is loaded from elsewhere")
  func hostile() {
    let bad = "\"><script>alert('x')</script><img src=http://x onerror=alert(1)>\u{202E}"
    let table = ReportTable(
      bad, columns: [.init(bad), .init(bad, .count)], rows: [[.text(bad), .init(text: bad, value: 1)]])
    let chart = ReportChart(
      bad, x: 0...1, bad, y: 0...1, bad,
      series: [.init(bad, .line, [.init(0, 0), .init(1, 1)]), .init(bad, .points, [.init(0.5, 0.5, low: 0, high: 1)])])
    let forest = ReportForest(bad, axis: bad, reference: 0, rows: [.init(bad, 0.1, -0.1, 0.3)])
    let page = Self.page([
      .init(
        "one", bad, .synthetic,
        [
          .text(bad), .note(bad), .warning(bad), .heading(bad), .table(table), .chart(chart), .forest(forest),
          .flow([.init(bad, 3, left: bad)]), .confusion([[1]]),
        ])
    ])
    #expect(!page.contains("<script") && !page.contains("<img") && !page.contains("\u{202E}"))
    #expect(page.components(separatedBy: "&lt;script&gt;").count > 12)
    for reference in ["src=\"http", "href=\"http", "url(http", "url(\"http", "@import", "<link"] {
      #expect(!page.contains(reference), "\(reference)")
    }
  }

  @Test("a chart draws points at their place, keeps them within its frame, and says SYNTHETIC in the picture")
  func charts() {
    let chart = ReportChart(
      "c", x: 0...1, "x", y: 0...1, "y", series: [.init("s", .line, [.init(0, 0), .init(0.5, 0.5), .init(9, 1)])])
    let page = Self.page([.init("one", "One", .synthetic, [.chart(chart)])])
    // The frame is 330 × 300 at (58, 12), y upwards.
    #expect(page.contains("M58.00 312.00L223.00 162.00L388.00 12.00"))
    #expect(page.contains(">SYNTHETIC</text>") && page.contains("aria-label=\"c\""))
  }

  @Test("a forest draws estimate and interval on one scale with the value of no effect")
  func forests() throws {
    let page = Self.page([
      .init(
        "one", "One", .real, [.forest(.init("f", axis: "a", reference: 0, rows: [.init("r", 0, -0.5, 0.5)]))])
    ])
    // From −0.56 to 0.56 over 208 units from 172: 0 is in the middle.
    #expect(page.contains("<line x1=\"276.00\" y1=\"4\" x2=\"276.00\""))
    #expect(page.contains("<rect x=\"272.00\""))
  }
}
