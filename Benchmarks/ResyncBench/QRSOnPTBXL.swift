import Foundation
import ResyncCore
import SwiftCSV

/// Scores of the bundle-branch rules against the codes of PTB-XL, first record of each patient.
///
/// Wide means one of the codes CLBBB, CRBBB and IVCD. Weights were fitted on folds 1–4; folds 5–8 are reported.
struct QRSOnPTBXL {
  let folder: URL
  let export: String?

  private static let wide: Set = ["CLBBB", "CRBBB", "IVCD"]
  private static let parts: [(name: String, folds: ClosedRange<Int>)] = [("folds 1-4", 1...4), ("folds 5-8", 5...8)]
  private static let targets: [BundleBranchRule: String] = [
    .lbbbStrauss: "CLBBB", .lbbbAHA: "CLBBB", .lbbbESC: "CLBBB", .rbbbAHA: "CRBBB",
  ]

  struct Row {
    var record: Int
    var fold: Int
    var codes: Set<String>
    var measures: TwelveLeadMeasures
  }

  func run() throws {
    let start = ContinuousClock.now
    let table = try CSV<Named>(url: folder.appendingPathComponent("ptbxl_database.csv"))
    var seen: Set<String> = []
    var rows: [Row] = []
    var without = 0
    var faults = FaultFigures()
    for entry in table.rows.compactMap(PTBXLEntry.init(row:)).sorted(by: { $0.record < $1.record }) {
      guard seen.insert(entry.patient).inserted else { continue }
      let (samples, leads, rate) = try signals(entry.path)
      let accumulate = { (samples: [[Float]]) in
        try AnalysedRecording(
          samples, leads: leads, nativeHz: rate, pipeline: PipelineConfiguration(canonicalRateHz: 500), sex: entry.sex
        ).measures
      }
      guard let measures = try accumulate(samples) else {
        without += 1
        continue
      }
      try faults.add(samples, leads: leads, measures: measures, accumulate: accumulate)
      rows.append(Row(record: entry.record, fold: entry.fold, codes: entry.codes, measures: measures))
    }
    if let export { try BundleBranchExport.write(rows, to: export) }
    Swift.print("\(rows.count) patients, first records; \(without) more without a normal beat")
    Swift.print(faults.text)
    let json = try Self.parts.map { part in
      try "\"\(part.name)\":{" + report(part.name, rows.filter { part.folds.contains($0.fold) }) + "}"
    }
    let elapsed = ContinuousClock.now - start
    Swift.print(
      "{\"bench\":\"qrs\",\"database\":\"ptbxl\",\"patients\":\(rows.count),\"withoutBeat\":\(without),"
        + json.joined(separator: ",") + ",\"seconds\":\(elapsed.components.seconds)}")
  }

  private func signals(_ path: String) throws -> (samples: [[Float]], leads: [Lead], rateHz: Double) {
    let file = folder.appendingPathComponent(path)
    let record = try WFDBRecord.read(folder: file.deletingLastPathComponent(), name: file.lastPathComponent)
    return (
      record.millivolts(), record.header.signals.compactMap { Lead(name: $0.description) }, record.header.sampleRateHz
    )
  }

  private func report(_ name: String, _ rows: [Row]) throws -> String {
    let wide = rows.filter { !$0.codes.isDisjoint(with: Self.wide) }
    Swift.print(
      "\(name): \(rows.count) patients, wide QRS \(wide.count):"
        + Self.wide.sorted().map { code in " \(code) \(rows.count { $0.codes.contains(code) })" }.joined())
    var json: [String] = []
    for rule in BundleBranchRule.allCases {
      let code = Self.targets[rule]!
      func auc(_ rows: [Row]) throws -> Double {
        let scored = rows.compactMap { row in
          row.measures.bundleBranch.first { $0.rule == rule }?.score.map { ($0, row.codes.contains(code)) }
        }
        return try ROCCurve(scores: scored.map(\.0), labels: scored.map(\.1)).auc
      }
      let met = rows.filter { row in row.measures.bundleBranch.first { $0.rule == rule }?.isMet == true }
      let right = met.count { $0.codes.contains(code) }
      let positives = rows.count { $0.codes.contains(code) }
      let (all, among) = (try auc(rows), try auc(wide))
      Swift.print(
        String(
          format: "  %@ %@: AUC %.4f against all others, %.4f among wide; rule met in %d, %d of %d", code,
          padded(rule.rawValue, 18), all, among, met.count, right, positives))
      json.append(String(format: "\"%@\":{\"all\":%.4f,\"wide\":%.4f}", rule.rawValue, all, among))
    }
    var fibrillation = Told()
    for row in rows where row.measures.rhythm != nil {
      fibrillation.add(row.measures.rhythm == .fibrillationLike, truth: row.codes.contains("AFIB"))
    }
    Swift.print("  AFIB: af-like \(fibrillation.text)")
    json.append("\"afib\":\(fibrillation.json)")
    return json.joined(separator: ",")
  }
}

/// A table for fitting the rules' weights: record, fold, three labels, then the rules' values by name.
enum BundleBranchExport {
  static func write(_ rows: [QRSOnPTBXL.Row], to path: String) throws {
    var text = ""
    for row in rows {
      let values = BundleBranchValues(waves: row.measures.waves).named
      if text.isEmpty {
        text = (["record", "fold", "codes", "duration", "rrVariation", "p"] + values.map(\.name)).joined(separator: ",")
        text += "\n"
      }
      let numbers =
        [row.measures.qrsMilliseconds, row.measures.rrVariation, row.measures.pMillivolts]
        + values.map(\.value)
      text += "\(row.record),\(row.fold),\(row.codes.sorted().joined(separator: " ")),"
      text += numbers.map { $0.map { String($0) } ?? "nan" }.joined(separator: ",") + "\n"
    }
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }
}
