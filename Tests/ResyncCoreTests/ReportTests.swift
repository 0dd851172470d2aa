import Foundation
import ResyncCore
import Testing

@Suite("Report: the page")
struct ReportTests {
  private static let counts = [
    [900, 10, 5, 3, 0], [12, 40, 6, 0, 0], [7, 2, 80, 1, 0], [4, 0, 3, 9, 0], [1, 0, 0, 0, 0],
  ]

  private static func beatClasses(synthetic: Bool = false) -> EvaluationReport.BeatClasses {
    .init(
      dataset: "records 100 and 103", modelID: "beat-class-0a1b", synthetic: synthetic, counts: counts,
      records: [.init(name: "100", counts: counts)])
  }

  private static func responses(_ text: String = "cohort", synthetic: Bool = true) -> EvaluationReport.Responses {
    .init(
      dataset: text, modelID: "crt-response-99", synthetic: synthetic,
      roc: [(0.0, 0.0), (0.25, 0.5), (0.25, 0.75), (1, 1)].map {
        .init(falsePositiveRate: $0.0, truePositiveRate: $0.1)
      }, auc: 0.6875, aucInterval: .init(lower: 0.41, upper: 0.88), threshold: 0.62,
      counts: .init(truePositive: 30, trueNegative: 15, falsePositive: 10, falseNegative: 16), abstained: 3,
      baselines: [
        .init(
          name: "LBBB alone", counts: .init(truePositive: 44, trueNegative: 12, falsePositive: 13, falseNegative: 2))
      ], ceilingAUC: 0.7,
      patients: [
        .init(
          pseudonym: "0123456789abcdef", probability: 0.731, decision: "responder", flags: ["narrow-qrs"],
          responded: false, synthetic: synthetic)
      ])
  }

  private static func page(_ sections: EvaluationReport.Section...) -> String {
    renderHTML(EvaluationReport(title: "Title", generatedAt: "2025-01-02T03:04:05Z", sections: sections))
  }

  @Test("text from outside never becomes markup, in any field")
  func escaping() throws {
    let bad = "\"><script>alert('x')</script><img src=x onerror=alert(1)>&amp;\u{202E}\u{0}"
    let image = SpectrogramImage(leadCount: 1, rows: 1, columns: 1, values: [1])
    let report = EvaluationReport(
      title: bad, generatedAt: bad,
      sections: [
        .run(
          .init(
            published: 1, predicted: 0, rejected: 1, missing: 0, duplicates: 0, beats: 0,
            rejections: [.init(label: bad, count: 1)])),
        .models([
          .init(id: bad, task: bad, parent: bad, pipelineID: bad, trainingRecordings: [bad], trainedOnSynthetic: true)
        ]),
        .beatClasses(
          .init(
            dataset: bad, modelID: bad, synthetic: false, counts: Self.counts,
            records: [.init(name: bad, counts: Self.counts)])),
        .responses(
          .init(
            dataset: bad, modelID: bad, synthetic: true, roc: [], auc: nil, aucInterval: nil, threshold: 0.5,
            counts: .init(truePositive: 1, trueNegative: 1, falsePositive: 1, falseNegative: 1),
            baselines: [
              .init(name: bad, counts: .init(truePositive: 1, trueNegative: 1, falsePositive: 1, falseNegative: 1))
            ],
            patients: [
              .init(pseudonym: bad, probability: 1, decision: bad, flags: [bad], responded: nil, synthetic: true)
            ])),
        .abstentions(
          .init(
            dataset: bad, modelID: bad, synthetic: false, recordings: 1, abstained: 1,
            flags: [.init(label: bad, count: 1)])),
        .spectrograms(
          .init(
            title: bad, synthetic: false, pipelineID: bad, hertzPerRow: 1, secondsPerColumn: 1,
            pictures: [.init(caption: bad, leadNames: [bad], image: image)])),
        .waveforms(
          .init(
            title: bad, synthetic: false,
            strips: [
              .init(
                caption: bad, sampleRateHz: 100, traces: [.init(label: bad, millivolts: [0, 1, 0, 1])],
                marks: [.init(seconds: 0.01, label: bad)])
            ])),
      ])
    let html = renderHTML(report)
    #expect(!html.contains("<script") && !html.contains("<img") && !html.contains("onerror=alert(1)>"))
    #expect(!html.unicodeScalars.contains("\u{202E}") && !html.unicodeScalars.contains("\u{0}"))
    #expect(html.contains("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"))
    #expect(html.contains("&amp;amp;"))
    let tags = try wellFormedTags(html)
    #expect(tags["svg"] == 6, "\(tags)")
  }

  /// Opens and closes of all elements match; their numbers by name.
  private func wellFormedTags(_ html: String) throws -> [String: Int] {
    let void: Set<String> = ["meta", "br", "!doctype"]
    var open: [String] = []
    var counts: [String: Int] = [:]
    let body = html.replacing(try Regex("<style>[\\s\\S]*?</style>"), with: "")
    for match in body.matches(of: try Regex("<(/?)([!a-zA-Z0-9]+)((?:[^>\"]|\"[^\"]*\")*?)(/?)>")) {
      let closes = match.output[1].substring == "/"
      let name = String(match.output[2].substring ?? "").lowercased()
      if void.contains(name) || match.output[4].substring == "/" {
        counts[name, default: 0] += 1
      } else if closes {
        #expect(open.popLast() == name, "closing \(name)")
      } else {
        open.append(name)
        counts[name, default: 0] += 1
      }
    }
    #expect(open.isEmpty)
    return counts
  }

  @Test("the page needs nothing from elsewhere and runs no script")
  func selfContained() {
    let html = Self.page(.beatClasses(Self.beatClasses()), .responses(Self.responses()))
    for forbidden in ["<script", "<link", "@import", "src=", "href=\"http", "url(http", "url(\"http", "javascript:"] {
      #expect(!html.contains(forbidden), "\(forbidden)")
    }
    #expect(html.contains("default-src 'none'"))
    #expect(html.contains("name=\"viewport\"") && html.contains("@media print"))
  }

  @Test("the words of METHOD stand at the top and at the foot of every page, even an empty one")
  func words() {
    let html = Self.page()
    #expect(html.components(separatedBy: ReportWords.disclaimer).count == 3)
    #expect(ReportWords.disclaimer.contains("not a medical device"))
    #expect(ReportWords.disclaimer.contains("remodelling, not benefit from CRT"))
    #expect(ReportWords.disclaimer.contains("no reason to withhold CRT that a guideline indicates"))
  }

  @Test("beat figures follow from the matrix and stand on the page")
  func beatFigures() {
    let table = BeatTable(Self.counts)
    #expect(table.total == 1083 && table.correct == 1029)
    // F1: N 1800/(918+924), S 80/(58+52), V 160/(90+94), F 18/(16+13).
    let expected = (1800.0 / 1842 + 80.0 / 110 + 160.0 / 184 + 18.0 / 29) / 4
    #expect(abs(table.macroF1! - expected) < 1e-12)
    #expect(abs(table.sensitivity(1)! - 40.0 / 58) < 1e-12 && abs(table.predictivity(1)! - 40.0 / 52) < 1e-12)
    #expect(table.majority.accuracy == 918.0 / 1083)
    #expect(table.sensitivity(4) == 0 && table.predictivity(4) == nil)

    let html = Self.page(.beatClasses(Self.beatClasses()))
    for text in [
      "0.799", "95.0 %", "84.8 %", "69.0 %", "76.9 %", "0.727", "40 / 58", ">900</text>", ">98.0 %</text>",
      "predicted class", "reference class", "1\u{2009}083 beats",
    ] { #expect(html.contains(text), "\(text)") }
  }

  @Test("response figures follow from the counts and stand on the page")
  func responseFigures() {
    let html = Self.page(.responses(Self.responses()))
    for text in [
      "0.688", "0.41 to 0.88", "65.2 %", "60.0 %", "63.4 %", "95.7 %", "48.0 %", "78.9 %", "64.8 %", "LBBB alone",
      "1 − specificity", "sensitivity", "standard error of accuracy 0.057", "of the AUC about 0.06", "narrow-qrs",
      "0123456789<", "0.73<", "Ceiling AUC", "0.700",
    ] { #expect(html.contains(text), "\(text)") }
    #expect(!html.contains("0123456789a"), "a pseudonym is cut")
    // ROC points in the picture's coordinates: x = 58 + 320 FPR, y = 14 + 320 (1 − TPR).
    #expect(html.contains("points=\"58.00,334.00 138.00,174.00 138.00,94.00 378.00,14.00\""))
  }

  @Test("accuracy lies between sensitivity and specificity whatever the counts")
  func possibleTriples() {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<2000 {
      func draw() -> Int { Int(generator.next() % 30) }
      let counts = EvaluationReport.DecisionCounts(
        truePositive: draw() + 1, trueNegative: draw() + 1, falsePositive: draw(), falseNegative: draw())
      let (a, se, sp) = (counts.accuracy.value!, counts.sensitivity.value!, counts.specificity.value!)
      #expect(a >= min(se, sp) - 1e-12 && a <= max(se, sp) + 1e-12)
    }
  }

  @Test("Wilson's interval and Hanley and McNeil's error agree with published values")
  func statistics() {
    // Newcombe 1998, table I: 81/263 and 0/20.
    let middle = Proportion(81, of: 263).interval!
    #expect(abs(middle.lower - 0.2553) < 5e-5 && abs(middle.upper - 0.3662) < 5e-5)
    let none = Proportion(0, of: 20).interval!
    #expect(none.lower == 0 && abs(none.upper - 0.1611) < 5e-5)
    #expect(Proportion(0, of: 0).interval == nil)
    // Hanley & McNeil 1982: area .893, 51 abnormal, 58 normal, error .0320 (their conservative formula).
    #expect(abs(aucStandardError(0.893, positives: 51, negatives: 58)! - 0.032) < 1.5e-3)
  }

  @Test("synthetic parts stand after real ones, framed, watermarked and stamped within each picture")
  func syntheticApart() throws {
    let image = SpectrogramImage(leadCount: 1, rows: 2, columns: 2, values: [0, 1, 2, 3])
    let spectrograms = EvaluationReport.Spectrograms(
      title: "simulated beat", synthetic: true, pipelineID: "p", hertzPerRow: 10, secondsPerColumn: 0.1,
      pictures: [.init(caption: "one", leadNames: ["II"], image: image)])
    let strip = EvaluationReport.Waveforms.Strip(
      caption: "strip", sampleRateHz: 100, traces: [.init(label: "II", millivolts: [0, 1, 0])])
    let html = Self.page(
      .responses(Self.responses("simulated patients")), .spectrograms(spectrograms),
      .waveforms(.init(title: "simulated strip", synthetic: true, strips: [strip])),
      .beatClasses(Self.beatClasses()))
    let frame = try #require(html.range(of: "<div class=\"synthetic\">"))
    let real = try #require(html.range(of: "records 100 and 103"))
    #expect(real.upperBound < frame.lowerBound)
    let before = html[..<frame.lowerBound].dropFirst(
      html.distance(from: html.startIndex, to: html.range(of: "<body>")!.lowerBound))
    #expect(!before.contains("SYNTHETIC") && !before.contains("simulated"))
    let after = html[frame.lowerBound...]
    #expect(after.contains(ReportWords.synthetic.replacing("'", with: "&#39;")))
    for picture in after.components(separatedBy: "<svg").dropFirst() where !picture.contains("Colour scale") {
      #expect(picture.contains(">SYNTHETIC</text>"), "\(picture.prefix(120))")
    }
    #expect(!Self.page(.beatClasses(Self.beatClasses())).contains("class=\"synthetic\""))
  }

  @Test("a model trained on synthetic data says so wherever it is named, beside real data too")
  func trainedOnSynthetic() {
    func page(_ trained: Bool) -> String {
      Self.page(
        .models([
          .init(
            id: "crt-response-99", task: "crt-response", parent: nil, pipelineID: "p", trainingRecordings: [],
            trainedOnSynthetic: trained)
        ]),
        .abstentions(
          .init(dataset: "real", modelID: "crt-response-99", synthetic: false, recordings: 4, abstained: 3, flags: [])))
    }
    #expect(page(true).components(separatedBy: ReportWords.trainedOnSynthetic).count == 3)
    #expect(!page(false).contains(ReportWords.trainedOnSynthetic))
  }

  @Test("a lost or doubled recording is said in words")
  func losses() {
    func page(missing: Int, duplicates: Int) -> String {
      Self.page(
        .run(.init(published: 9, predicted: 8, rejected: 1, missing: missing, duplicates: duplicates, beats: 70)))
    }
    #expect(page(missing: 0, duplicates: 0).contains("Every recording ended as exactly one outcome"))
    #expect(page(missing: 1, duplicates: 0).contains("Not every recording ended"))
    #expect(page(missing: 0, duplicates: 1).contains("Not every recording ended"))
  }

  @Test("senseless figures become dashes, not a crash, and the report survives JSON")
  func hostileFigures() throws {
    let huge = EvaluationReport.DecisionCounts(
      truePositive: .max, trueNegative: .max, falsePositive: .min, falseNegative: -1)
    var picture = EvaluationReport.Spectrograms.Picture(
      caption: "cut", leadNames: ["II"], image: SpectrogramImage(leadCount: 1, rows: 1, columns: 1, values: [.nan]))
    let whole = picture
    picture.rows = .max
    var responses = Self.responses()
    responses.counts = huge
    responses.baselines = [.init(name: "broken", counts: huge)]
    responses.roc = [.init(falsePositiveRate: .nan, truePositiveRate: .infinity)]
    responses.auc = .nan
    let report = EvaluationReport(
      title: "t", generatedAt: "g",
      sections: [
        .run(
          .init(published: .min, predicted: .max, rejected: -1, missing: .min, duplicates: .max, beats: .min)),
        .beatClasses(
          .init(dataset: "d", modelID: "m", synthetic: false, counts: [[1], [], [-5, .max, .min]], records: [])),
        .responses(responses),
        .abstentions(
          .init(
            dataset: "d", modelID: "m", synthetic: false, recordings: .min, abstained: .max,
            flags: [.init(label: "f", count: .min)])),
        .spectrograms(
          .init(
            title: "s", synthetic: false, pipelineID: "p", hertzPerRow: .infinity, secondsPerColumn: -1,
            startSeconds: .nan, pictures: [picture, whole])),
        .waveforms(
          .init(
            title: "w", synthetic: false,
            strips: [
              .init(caption: "none", sampleRateHz: .nan, traces: []),
              .init(
                caption: "wild", sampleRateHz: 1e300,
                traces: [.init(label: "x", millivolts: [.nan, .infinity, -.infinity, 1e30, 0])],
                marks: [.init(seconds: .nan, label: "m"), .init(seconds: 1e300, label: "m")]),
            ])),
      ])
    let html = renderHTML(report)
    let body = html[html.range(of: "<body>")!.lowerBound...]
    #expect(!body.contains("nan") && !body.contains("inf,") && !body.contains("\"inf"))
    #expect(body.contains("damaged picture") && body.contains("no waveform"))

    let sound = EvaluationReport(
      title: "t", generatedAt: "g", sections: [.beatClasses(Self.beatClasses()), .responses(Self.responses())])
    let back = try JSONDecoder().decode(EvaluationReport.self, from: JSONEncoder().encode(sound))
    #expect(back == sound && renderHTML(back) == renderHTML(sound))
  }

  @Test("a strip is drawn at 25 mm/s and 10 mm/mV, and says how much of it is shown")
  func paper() {
    let square = (0..<1000).map { Float($0 >= 25 && $0 < 50 ? 1 : 0) }
    let html = Self.page(
      .waveforms(
        .init(
          title: "w", synthetic: false,
          strips: [.init(caption: "c", sampleRateHz: 100, traces: [.init(label: "II", millivolts: square)])])))
    #expect(html.contains("width=\"175.00mm\""))
    let points = html.components(separatedBy: "<polyline points=\"")[1].prefix { $0 != "\"" }
      .split(separator: " ").map { pair in pair.split(separator: ",").map { Double($0)! } }
    // The trace starts 8 mm from the left; 25 samples at 100 Hz are 6.25 mm; 1 mV is 10 mm upwards.
    #expect(points[0][0] == 8 && points[25][0] == 14.25)
    #expect(abs(points[0][1] - points[25][1] - 10) < 1e-9)
    #expect(points.count == 664 && html.contains("6.6 s shown"))
  }
}
