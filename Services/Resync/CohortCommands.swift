import ArgumentParser
import Foundation
import Messages
import ResyncCore
import ServiceKit
import Store

struct CohortCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cohort", abstract: "Imports a cohort's baselines and outcomes, or simulates one.",
    subcommands: [CohortImportCommand.self, CohortSimulateCommand.self])
}

struct CohortImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Imports cohort.csv into PostgreSQL; all of it or nothing.",
    discussion: """
      Columns (first line): \(CohortTable.columns.joined(separator: ", ")). \
      patient_id and role (train or holdout) are required; empty cells are missing values. The patient_id is replaced \
      by the pseudonym that the feed's recordings of the same patient get.

      EXAMPLES
        resync cohort import cohort.csv --name nanjing
      """)

  @Argument(help: "The CSV file.") var file: String
  @OptionGroup var arguments: ConfigurationArguments<CohortKeys>
  @Option(help: "Name of the cohort.") var name: String
  @Option(help: "What an analyst should know of it.") var note = ""

  func run() throws {
    let settings = try arguments.checkedSettings()
    let table = try CohortTable(csv: String(contentsOfFile: file, encoding: .utf8))
    let cohort = try table.cohort(
      named: name, note: note, pseudonymiser: PseudonymKeys.pseudonymiser(settings))
    try Cohorts(try settings.connection()).importCohort(cohort)
    let kind = cohort.synthetic ? "SYNTHETIC patients" : "patients"
    print("cohort \(name): \(cohort.baselines.count) \(kind), \(cohort.outcomes.count) with an outcome")
  }
}

struct CohortSimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Writes a synthetic cohort: cohort.csv and one twelve-lead WFDB record a patient.",
    discussion: """
      Everything it writes says synthetic. Import cohort.csv with `resync cohort import`, publish the folders `train` \
      and `holdout` with `resync publish`.

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
    try Data(table.csv.utf8).write(to: csv, options: .atomic)
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
