import ArgumentParser
import Foundation
import ResyncCore

struct RPeaksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rpeaks",
    abstract: "R-peaks of MIT-BIH's first channel (±150 ms, one to one) and of LUDB's lead II.")

  @Option(help: "Folder of MIT-BIH Arrhythmia Database 1.0.0.")
  var db: String
  @Option(help: "Folder of the Lobachevsky University Database 1.0.1.")
  var ludb: String?
  @Flag(help: "Print each record's errors.")
  var perRecord = false
  @Flag(help: "Print each error's time.")
  var errors = false

  func run() throws {
    let folder = URL(fileURLWithPath: db)
    var results: [RPeaksRecord] = []
    var seconds = 0.0
    for name in MITBIH.records {
      let (record, time) = try RPeaksRecord.measured(name, folder: folder)
      results.append(record)
      seconds += time
      if errors { record.printErrors() }
    }
    if perRecord { printTable(results) }
    var report = Report(results, seconds: seconds)
    report.printTable()
    if let folder = ludb.map({ URL(fileURLWithPath: $0) }) {
      let single = try LUDBPeaks.score(folder: folder, leads: ["ii"])
      let twelve = try LUDBPeaks.score(folder: folder, leads: nil)
      print("LUDB lead II: \(single)\nLUDB twelve leads: \(twelve)")
      (report.ludb, report.ludbTwelveLeads) = (.init(single), .init(twelve))
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    print(String(decoding: try encoder.encode(report), as: UTF8.self))
  }

  private func printTable(_ results: [RPeaksRecord]) {
    for record in results {
      let half = MITBIH.halfA.contains(record.name) ? "A" : "B"
      print("\(record.name) \(half): whole \(record.whole); without flutter \(record.flutterFree)")
    }
  }
}

/// The figures; rates in percent.
private struct Report: Encodable {
  struct Rates: Encodable {
    var sensitivity: Double
    var ppv: Double
    var missed: Int
    var extra: Int
    var beats: Int

    init(_ score: PeakScore) {
      (sensitivity, ppv) = (score.sensitivity, score.positivePredictivity)
      (missed, extra, beats) = (score.missed, score.extra, score.beats)
    }
  }

  var records: Int
  var beats: Int
  var whole: Rates
  var flutterFree: Rates
  var ec57: Rates
  /// Means over records of EC57's two rates.
  var ec57Average: [String: Double]
  var halfA: Rates
  var halfB: Rates
  var seconds: Double
  var ludb: Rates?
  var ludbTwelveLeads: Rates?

  init(_ results: [RPeaksRecord], seconds: Double) {
    func sum(_ records: [RPeaksRecord], _ part: (RPeaksRecord) -> PeakScore) -> Rates {
      Rates(records.reduce(into: PeakScore()) { $0 += part($1) })
    }
    let count = Double(results.count)
    self.seconds = seconds
    records = results.count
    whole = sum(results, \.whole)
    beats = whole.beats
    flutterFree = sum(results, \.flutterFree)
    ec57 = sum(results, \.ec57)
    ec57Average = [
      "sensitivity": results.reduce(0) { $0 + $1.ec57.sensitivity } / count,
      "ppv": results.reduce(0) { $0 + $1.ec57.positivePredictivity } / count,
    ]
    halfA = sum(results.filter { MITBIH.halfA.contains($0.name) }, \.whole)
    halfB = sum(results.filter { !MITBIH.halfA.contains($0.name) }, \.whole)
  }

  func printTable() {
    let rows = [
      ("whole", whole), ("flutter-free", flutterFree), ("EC57 gross", ec57),
      ("half A, tuned on, whole", halfA), ("half B, not tuned on, whole", halfB),
    ]
    for (name, rates) in rows {
      let figures = String(format: "sensitivity %.3f %%, PPV %.3f %%", rates.sensitivity, rates.ppv)
      print("\(name): \(figures); \(rates.missed) missed, \(rates.extra) extra of \(rates.beats)")
    }
    let averages = (ec57Average["sensitivity"] ?? .nan, ec57Average["ppv"] ?? .nan)
    print(String(format: "EC57 average: sensitivity %.3f %%, PPV %.3f %%", averages.0, averages.1))
    print(String(format: "detection: %.3f s on one core", seconds))
  }
}
