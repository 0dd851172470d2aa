import ArgumentParser
import Foundation
import ResyncCore

/// Reads every record of a database: file to millivolts, checksums verified, with its annotations.
struct WFDBCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wfdb", abstract: "Reads all records of a folder; the peer is peers/wfdb_read.py.")

  @Option(help: "Folder of WFDB records.") var db: String
  @Option(help: "Extension of the annotation files; none are read without it.") var annotations: String?
  @Option(help: "Times that everything is read; the fastest counts.") var repeats = 3

  func run() throws {
    let folder = URL(fileURLWithPath: db)
    let names = try FileManager.default.contentsOfDirectory(atPath: db).filter { $0.hasSuffix(".hea") }.sorted()
      .map { String($0.dropLast(4)) }
    var (samples, invalid, marks) = (0, 0, 0)
    var fastest = Double.infinity
    for _ in 0..<max(1, repeats) {
      (samples, invalid, marks) = (0, 0, 0)
      let start = ContinuousClock.now
      for name in names {
        let signals = try WFDBRecord.read(folder: folder, name: name).millivolts()
        samples += signals.reduce(0) { $0 + $1.count }
        invalid += signals.reduce(0) { $0 + $1.count { $0.isNaN } }
        if let annotations {
          let file = "\(name).\(annotations)"
          let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(file)))
          marks += try WFDBAnnotations.parse(bytes, file: file).count
        }
      }
      let elapsed = ContinuousClock.now - start
      fastest = min(fastest, Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18)
    }
    print("\(names.count) records, \(samples) samples (\(invalid) invalid), \(marks) annotations")
    print(
      "{\"bench\":\"wfdb\",\"records\":\(names.count),\"samples\":\(samples),\"invalid\":\(invalid),"
        + "\"annotations\":\(marks),\"seconds\":\(fastest),\"samples_per_second\":\(Double(samples) / fastest)}")
  }
}
