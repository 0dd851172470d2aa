import ArgumentParser
import Foundation
import ResyncCore

/// QRS limits against LUDB's annotations; scores of bundle branch blocks against PTB-XL's codes.
struct QRSCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "qrs",
    abstract: "Twelve-lead measures on LUDB (QRS limits) or PTB-XL (bundle branch blocks), told by the folder's files.")

  @Option(help: "Folder that holds ludb.csv or ptbxl_database.csv.") var db: String
  @Option(help: "Rate at which LUDB is read, Hz.") var rate = 500
  @Option(help: "Writes what Benchmarks/training fits on to this path (LUDB: two files, PTB-XL: a table).")
  var export: String?

  func run() throws {
    let folder = URL(fileURLWithPath: db)
    func holds(_ file: String) -> Bool {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path)
    }
    if holds("ludb.csv") {
      try QRSOnLUDB(folder: folder.appendingPathComponent("data"), rateHz: rate, export: export).run()
    } else if holds("ptbxl_database.csv") {
      try QRSOnPTBXL(folder: folder, export: export).run()
    } else {
      throw ValidationError("\(db) holds neither ludb.csv nor ptbxl_database.csv")
    }
  }
}

/// Mean and standard deviation of signed errors, ms.
struct ErrorFigures {
  let count: Int
  let mean: Double
  let deviation: Double

  init(_ errors: [Double]) {
    count = errors.count
    mean = errors.isEmpty ? .nan : errors.reduce(0, +) / Double(errors.count)
    let sum = errors.reduce(0) { [mean] in $0 + ($1 - mean) * ($1 - mean) }
    deviation = errors.isEmpty ? .nan : (sum / Double(errors.count)).squareRoot()
  }

  var text: String { String(format: "%7.2f ±%6.2f", mean, deviation) }
  var json: String { String(format: "{\"n\":%d,\"mean\":%.2f,\"sd\":%.2f}", count, mean, deviation) }
}

func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

/// Faults found in the recordings of a database, and how often exchanged arms are told when they are exchanged here.
struct FaultFigures {
  private var leads: [LeadFault: Int] = [:]
  private var recordings = 0
  private var swapped = 0
  private var toldWhenExchanged = 0

  /// - Parameter accumulate: gives the measures of [lead][sample] with the leads in order.
  mutating func add(
    _ samples: [[Float]], leads order: [Lead], measures: TwelveLeadMeasures,
    accumulate: ([[Float]]) throws -> TwelveLeadMeasures?
  ) rethrows {
    recordings += 1
    for fault in measures.faults.values.joined() where fault != .armsSwapped { leads[fault, default: 0] += 1 }
    if measures.faults[.I]?.contains(.armsSwapped) == true { swapped += 1 }
    let partners: [Lead: Lead] = [.II: .III, .III: .II, .aVR: .aVL, .aVL: .aVR]
    let exchanged = order.indices.map { index in
      order[index] == .I
        ? samples[index].map { -$0 } : samples[order.firstIndex(of: partners[order[index]] ?? order[index])!]
    }
    if try accumulate(exchanged)?.faults[.I]?.contains(.armsSwapped) == true { toldWhenExchanged += 1 }
  }

  var text: String {
    let counts = LeadFault.allCases.filter { $0 != .armsSwapped }.map { "\($0.rawValue) \(leads[$0] ?? 0)" }
    return "faults of \(12 * recordings) leads: \(counts.joined(separator: ", ")); arms swapped in \(swapped) of "
      + "\(recordings) recordings, in \(toldWhenExchanged) when they are exchanged"
  }
}

/// How often something is told where it is, and where it is not.
struct Told {
  private var right = 0
  private var present = 0
  private var wrong = 0
  private var absent = 0

  mutating func add(_ told: Bool, truth: Bool) {
    if truth {
      present += 1
      right += told ? 1 : 0
    } else {
      absent += 1
      wrong += told ? 1 : 0
    }
  }

  var text: String { "told in \(right) of \(present), wrongly in \(wrong) of \(absent)" }
  var json: String { "{\"right\":\(right),\"present\":\(present),\"wrong\":\(wrong),\"absent\":\(absent)}" }
}
