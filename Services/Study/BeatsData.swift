import Crypto
import Foundation
import ResyncCore

/// Annotated records as images, kept on disk: a file for each pipeline and record.
///
/// Bounded: when the folder outgrows its limit, the files not used for the longest time go.
package struct BeatCache: Sendable {
  package let folder: URL
  package let largestBytes: Int

  /// To be raised whenever equal samples may give other features or images.
  private static let version = 2

  /// - Parameter largestBytes: all of MIT-BIH in two leads takes 1.8 GB for each pipeline.
  package init(folder: URL, largestBytes: Int = 8 << 30) {
    self.folder = folder
    self.largestBytes = largestBytes
  }

  /// From the cache, or computed and kept. A cache that cannot be written costs time, nothing else.
  package func beats(of file: RecordFile, pipeline: PipelineConfiguration) throws -> AnnotatedBeats {
    let (record, annotations, uid) = try file.load()
    let marks = annotations.map { "\($0.sample)\($0.symbol)" }.joined()
    let key = SHA256.hash(data: Data("\(Self.version) \(pipeline.id) \(file.name) \(uid) \(marks)".utf8)).hexadecimal
    let kept = folder.appendingPathComponent("\(file.name)-\(key.prefix(24)).beats")
    if let data = try? Data(contentsOf: kept, options: .mappedIfSafe), let beats = AnnotatedBeats(decoding: data) {
      try? FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: kept.path)
      return beats
    }
    let beats = try AnnotatedBeats(of: record, name: file.name, annotations: annotations, pipeline: pipeline)
    keep(try beats.encoded(), as: kept)
    return beats
  }

  private func keep(_ data: Data, as file: URL) {
    guard data.count <= largestBytes else { return }
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try? makeRoom(for: data.count)
    try? data.write(to: file, options: .atomic)
  }

  private func makeRoom(for bytes: Int) throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).map { name in
      let path = folder.appendingPathComponent(name).path
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      return (
        path: path, size: attributes[.size] as? Int ?? 0, used: attributes[.modificationDate] as? Date ?? .distantPast
      )
    }
    var total = files.reduce(bytes) { $0 + $1.size }
    for file in files.sorted(by: { $0.used < $1.used }) where total > largestBytes {
      try FileManager.default.removeItem(atPath: file.path)
      total -= file.size
    }
  }
}
