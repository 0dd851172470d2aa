import Foundation
import Logging
import ServiceKit
import Synchronization

/// Lines that log handlers wrote.
final class Lines: Sendable {
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }

  func append(_ line: String) { lines.withLock { $0.append(line) } }

  func contains(_ text: String) -> Bool { all.contains { $0.contains(text) } }
}

func logger(to lines: Lines, format: LogFormat = .json, level: Logger.Level = .trace) -> Logger {
  Logger(label: "test") { _ in
    StructuredLogHandler(service: "test", instance: "one", format: format, level: level) { lines.append($0) }
  }
}

/// A file with the text, in a folder that is removed when the value goes.
final class TemporaryFile {
  let path: String
  private let folder: URL

  init(_ text: String) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("servicekit-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appendingPathComponent("file")
    try Data(text.utf8).write(to: file)
    path = file.path
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}

enum SampleKeys: ConfigurationKeySet {
  enum Color: String, Sendable, CaseIterable { case red, green }

  static let idleTimeout = ConfigurationKey.seconds(
    "idle-timeout", default: 60, range: 1...3600, help: "Ends a recording that sends no more chunks.")
  static let batch = ConfigurationKey.integer("batch", default: 8, range: 1...64, help: "Tensors in a batch.")
  static let color = ConfigurationKey<Color>.choice("color", default: .green, help: "A color.")
  static let strict = ConfigurationKey.boolean("strict", default: false, help: "Strict.")
  static let note = ConfigurationKey.optionalString("note", help: "A note.")
  static let keys: [any AnyConfigurationKey] =
    CommonKeys.keys + DatabaseKeys.keys + [idleTimeout, batch, color, strict, note]
}

let sampleEnvironment = [
  "KAFKA_BOOTSTRAP_SERVERS": "broker:9092", "DATABASE_URL": "postgresql://resync:hunter2@db/resync",
]

func sampleSettings(
  _ flags: [String: [String]] = [:], _ environment: [String: String] = [:], file: String? = nil
) throws -> Settings {
  try Settings(
    keys: SampleKeys.keys, commandLine: flags,
    environment: sampleEnvironment.merging(environment) { _, new in new }, file: file)
}

/// The message of the configuration error that the body throws; nil if it throws none.
func refusal(_ body: () throws -> some Any) -> String? {
  do {
    _ = try body()
    return nil
  } catch let error as ServiceKitError where error.code == .invalidConfiguration {
    return error.message
  } catch {
    return nil
  }
}
