import Crypto
import Foundation
import ResyncCore

/// What made a report: when, where, by which code, from which data.
package struct StudyProvenance: Sendable {
  package var generatedAt: Date
  package var command: String
  package var machine: String
  package var threads: Int
  /// Of the repository's head, marked where files differ from it; nil outside a repository.
  package var commit: String?
  /// SHA-256 of the running program.
  package var program: String?
  /// SHA-256 over the files of each data set that is there.
  package var data: [DataSet: String]

  package init(
    generatedAt: Date, command: String, machine: String, threads: Int, commit: String?, program: String?,
    data: [DataSet: String]
  ) {
    self.generatedAt = generatedAt
    self.command = command
    self.machine = machine
    self.threads = threads
    self.commit = commit
    self.program = program
    self.data = data
  }

  /// Of this very process.
  package init(_ context: StudyContext) {
    let sets = DataSet.allCases.filter { context.missing([$0]).isEmpty }
    // Arguments only: the program's own path tells nothing about the study.
    self.init(
      generatedAt: Date(), command: (["study"] + CommandLine.arguments.dropFirst()).joined(separator: " "),
      machine: Machine.description, threads: context.threads, commit: Self.commit(),
      program: Self.sha256(of: URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()),
      data: Dictionary(
        uniqueKeysWithValues: sets.compactMap { set in Self.fingerprint(context.folder(of: set)).map { (set, $0) } }))
  }

  /// SHA-256 over the names and contents of a data set's files at its top, sorted by name: for PTB-XL the table of its
  /// records, for MIT-BIH all records.
  private static func fingerprint(_ folder: URL) -> String? {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() else { return nil }
    var hash = SHA256()
    for name in names {
      guard let digest = sha256(of: folder.appendingPathComponent(name)) else { continue }
      hash.update(data: Data("\(name) \(digest)\n".utf8))
    }
    return hash.finalize().hexadecimal
  }

  /// nil for what is no readable file.
  private static func sha256(of file: URL) -> String? {
    guard let data = try? Data(contentsOf: file, options: .mappedIfSafe) else { return nil }
    return SHA256.hash(data: data).hexadecimal
  }

  private static func commit() -> String? {
    guard let head = git(["rev-parse", "HEAD"]), let changes = git(["status", "--porcelain", "--untracked-files=no"])
    else { return nil }
    return head + (changes.isEmpty ? "" : " with changes")
  }

  private static func git(_ arguments: [String]) -> String? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["git"] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return process.terminationStatus == 0 ? text.trimmingCharacters(in: .whitespacesAndNewlines) : nil
  }
}
