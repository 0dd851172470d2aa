import ArgumentParser
import Foundation
import Messages
import ResyncCore
import ServiceKit
import Store

struct CohortCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cohort", abstract: "Imports a cohort's baselines and outcomes, or simulates one.",
    subcommands: [CohortImportCommand.self, CohortColumnsCommand.self, CohortSimulateCommand.self])
}

extension CohortInclusion: ExpressibleByArgument {}

struct CohortImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Imports cohort.csv into PostgreSQL; all of it or nothing.",
    discussion: """
      `resync cohort columns` lists the columns, of which the first line names those that the file has: patient_id and \
      role (train or holdout) are required; empty cells are missing values. The patient_id is replaced by the pseudonym \
      that the feed's recordings of the same patient get. Every fault is told by line and column. Importing a file \
      again changes nothing.

      EXAMPLES
        resync cohort import cohort.csv --name nanjing
        resync cohort import cohort.csv --name nanjing --recordings ecgs/ --feed holter --inclusion paper
      """)

  @Argument(help: "The CSV file.") var file: String
  @OptionGroup var arguments: ConfigurationArguments<CohortKeys>
  @Option(help: "Name of the cohort.") var name: String
  @Option(help: "What an analyst should know of it.") var note = ""
  @Option(help: ArgumentHelp("Folder or record of the ECGs that ecg_record names; repeatable.", valueName: "path"))
  var recordings: [String] = []
  @Option(help: "The feed that publishes the ECGs; needed when the table has ecg_record.") var feed: String?
  @Option(help: "Leave out who does not meet these criteria, and say why.") var inclusion: CohortInclusion?
  @Option(help: ArgumentHelp("A responder's LVESV falls by more than this.", valueName: "percent")) var responseAbove =
    15.0

  func validate() throws {
    guard (0...100).contains(responseAbove) else {
      throw ValidationError("--response-above is \(responseAbove); 0 to 100 is allowed")
    }
  }

  func run() throws {
    let settings = try arguments.checkedSettings()
    let pseudonymiser = try PseudonymKeys.pseudonymiser(settings)
    let all = try CohortRecordings(paths: recordings, feed: feed).assign(
      to: try CohortTable(csv: String(contentsOfFile: file, encoding: .utf8)).patients(), pseudonymiser: pseudonymiser)
    let selection = CohortSelection(all, inclusion)
    let cohort = Cohort(
      named: name, note: note, patients: selection.included, pseudonymiser: pseudonymiser,
      responseAbovePercent: responseAbove)
    let result = try Cohorts(try settings.connection()).importCohort(cohort)
    print(CohortMissingness(selection.included.map(\.values)).text)
    print(selection.text)
    print("response: LVESV reduced by more than \(responseAbove) %; death, transplant or LVAD before is none")
    let kind = cohort.synthetic ? "SYNTHETIC patients" : "patients"
    print(
      "cohort \(name): \(cohort.baselines.count) \(kind), \(cohort.outcomes.count) with an outcome"
        + (result == .unchanged ? "; it stood so already, nothing was changed" : ""))
  }
}

/// Who of a table's patients is imported.
package struct CohortSelection {
  package private(set) var included: [CohortPatient] = []
  private var leftOut: [(line: Int, reasons: [String])] = []
  private let inclusion: CohortInclusion?

  package init(_ patients: [CohortPatient], _ inclusion: CohortInclusion?) {
    self.inclusion = inclusion
    for patient in patients {
      let reasons = inclusion?.failures(patient.values) ?? []
      if reasons.isEmpty { included.append(patient) } else { leftOut.append((patient.line, reasons)) }
    }
  }

  /// Whom the criteria left out, by line.
  package var text: String {
    let criteria = inclusion.map { "inclusion \($0.rawValue) (\($0.text))" } ?? "no inclusion criteria"
    let lines = leftOut.map { "line \($0.line) left out: \($0.reasons.joined(separator: "; "))" }
    return (lines + ["\(criteria): \(leftOut.count) of \(included.count + leftOut.count) left out"])
      .joined(separator: "\n")
  }
}

struct CohortColumnsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "columns",
    abstract: "Prints the columns of cohort.csv with units and allowed values.",
    discussion: """
      EXAMPLES
        resync cohort columns
        resync cohort columns --header > cohort.csv
      """)

  @Flag(help: "Print the first line of an empty cohort.csv instead.") var header = false

  func run() {
    print(header ? CohortColumn.all.map(\.name).joined(separator: ",") : CohortColumn.markdown)
  }
}

struct CohortSimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Writes a synthetic cohort: cohort.csv and one twelve-lead WFDB record a patient.",
    discussion: """
      Everything it writes says synthetic. Import cohort.csv with `resync cohort import --recordings … --feed …`, \
      publish the folders `train` and `holdout` with `resync publish --feed …`, the same feed.

      EXAMPLES
        resync cohort simulate --output cohort --size 71 --responders 46 --holdout 20 --seed 7
      """)

  @Option(help: "Folder to write.") var output: String
  @Option(help: "Patients to train on.") var size = 71
  @Option(help: "Responders among them.") var responders = 46
  @Option(help: "Further patients for testing.") var holdout = 20
  @Option(help: "Seed; the same seed gives the same cohort.") var seed: UInt64 = 1

  func run() throws {
    let simulator = CohortSimulator(seed: seed)
    let fresh = CohortSimulator(seed: seed &+ 1)
    let groups = [
      (Baseline.Role.train, simulator, try patients(simulator, size, responders)),
      (.holdout, fresh, try patients(fresh, holdout, nil)),
    ]
    var table = CohortTable()
    for (role, simulator, patients) in groups {
      let folder = URL(fileURLWithPath: output).appendingPathComponent(role.rawValue)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for patient in patients {
        table.append(patient, role: role)
        try SimulatedRecord(patient: patient, samples: simulator.ecg(for: patient)).write(to: folder)
      }
    }
    let csv = URL(fileURLWithPath: output).appendingPathComponent("cohort.csv")
    try Data(table.csv.utf8).writeWhole(to: csv)
    print("wrote \(csv.path): \(size) SYNTHETIC patients to train on, \(holdout) held out")
  }

  private func patients(_ simulator: CohortSimulator, _ size: Int, _ responders: Int?) throws -> [SimulatedPatient] {
    guard size > 0 else { return [] }
    try CohortSimulator.validate(size: size, responders: responders)
    return simulator.cohort(size: size, responders: responders)
  }
}

/// A simulated ECG as a WFDB record of format 16, 1 µV a unit.
struct SimulatedRecord {
  var patient: SimulatedPatient
  /// Twelve leads, mV, 500 Hz.
  var samples: [[Float]]

  func write(to folder: URL) throws {
    let header = WFDBHeader(
      recordName: patient.id, sampleRateHz: 500,
      signals: Lead.allCases.map { .init(description: $0.rawValue, gain: 1_000) },
      comments: ["<age>: \(Int(patient.ageYears))", "<sex>: \(patient.sex == .female ? "F" : "M")", syntheticMark])
    // The limits of format 16, whose lowest value means invalid.
    let digital = samples.map { $0.map { Int32(min(max(($0 * 1000).rounded(), -32_767), 32_767)) } }
    try WFDBRecord(header: header, digital: digital).write(to: folder, as: patient.id)
  }
}
