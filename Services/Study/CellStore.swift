import Crypto
import Foundation
import ResyncCore

/// A kept result with what is needed to judge it.
package struct CellRecord<Result: Codable & Sendable>: Codable, Sendable {
  package var name: String
  /// SHA-256 of the cell's name and inputs.
  package var identity: String
  package var finishedAt: Date
  package var seconds: Double
  package var machine: String
  package var threads: Int
  package var result: Result
}

/// Results of cells, a JSON file each; a file is whole or not there.
package struct CellStore: Sendable {
  package let folder: URL

  package init(folder: URL) throws {
    self.folder = folder
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  /// The cell's kept result, if it is of the same inputs.
  package func load<C: Cell>(_ cell: C) throws -> CellRecord<C.Result>? {
    let file = file(cell.name)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    // A file that a former version wrote in another form counts as absent, like one of other inputs.
    guard let record = try? Self.decoder.decode(CellRecord<C.Result>.self, from: Data(contentsOf: file)) else {
      return nil
    }
    return record.identity == (try Self.identity(cell)) ? record : nil
  }

  package func save<C: Cell>(_ result: C.Result, of cell: C, seconds: Double, threads: Int) throws {
    let record = CellRecord(
      name: cell.name, identity: try Self.identity(cell), finishedAt: Date(), seconds: seconds,
      machine: Machine.description, threads: threads, result: result)
    try Self.encoder.encode(record).writeWhole(to: file(cell.name))
  }

  /// Runs `body` unless another process holds the cell; its claim ends with it, however it ends.
  ///
  /// - Returns: nil when it is held.
  package func claiming<Value>(_ name: String, _ body: () throws -> Value) throws -> Value? {
    let file = file(name, "lock")
    let lock = open(file.path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
    guard lock >= 0 else { throw UnwrittenFile(file, POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)) }
    defer { close(lock) }
    // The file stays: were it removed, one process could hold the old one and another a new one.
    if flock(lock, LOCK_EX | LOCK_NB) == 0 { return try body() }
    guard errno == EWOULDBLOCK else { throw UnwrittenFile(file, POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)) }
    return nil
  }

  private func file(_ name: String, _ suffix: String = "json") -> URL {
    folder.appendingPathComponent(name.replacingOccurrences(of: "/", with: ".") + "." + suffix)
  }

  package static func identity<C: Cell>(_ cell: C) throws -> String {
    SHA256.hash(data: Data(cell.name.utf8) + [0] + (try encoder.encode(cell.inputs))).hexadecimal
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return encoder
  }

  private static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return decoder
  }
}

enum Machine {
  /// Processor and number of cores.
  static var description: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let model = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last.map(String.init) ?? "unknown"
    return "\(model.trimmingCharacters(in: .whitespaces)), \(ProcessInfo.processInfo.activeProcessorCount) cores"
  }
}
