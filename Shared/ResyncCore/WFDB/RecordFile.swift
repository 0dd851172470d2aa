import Crypto
import Foundation

/// A WFDB record on disk.
package struct RecordFile: Hashable {
  package var folder: URL
  package var name: String

  /// Every record under the paths: a header, a record without its ending, or a folder of headers, whose segments are no
  /// records of their own.
  package static func find(_ paths: [String]) throws -> [RecordFile] {
    let found = try paths.flatMap { path -> [RecordFile] in
      let url = URL(fileURLWithPath: path)
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
        let records = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".hea") }.sorted()
          .map { RecordFile(folder: url, name: String($0.dropLast(4))) }
        let segments = Set(try records.flatMap { try $0.segmentNames() })
        return records.filter { !segments.contains($0.name) }
      }
      let record = url.pathExtension == "hea" ? url.deletingPathExtension() : url
      guard FileManager.default.fileExists(atPath: record.path + ".hea") else {
        throw WFDBError(.fileMissing, file: path, "no WFDB record (NAME.hea) and no folder of records")
      }
      return [RecordFile(folder: record.deletingLastPathComponent(), name: record.lastPathComponent)]
    }
    guard !found.isEmpty else {
      throw WFDBError(.fileMissing, file: paths.joined(separator: ", "), "no .hea file there")
    }
    return found
  }

  /// None for a header that cannot be read: loading the record says why.
  private func segmentNames() throws -> [String] {
    let header = try? WFDBHeader(parsing: bytes(name + ".hea"), file: name + ".hea")
    return header?.segments.compactMap(\.recordName) ?? []
  }

  func bytes(_ file: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appendingPathComponent(file))) }

  /// The record with its reference beats at its sample indices, and the hash of its header, segments' headers and signal
  /// files, which is its uid.
  package func load() throws -> (record: WFDBRecord, annotations: [WFDBAnnotation], uid: String) {
    let header = try bytes(name + ".hea")
    var hash = SHA256()
    hash.update(data: Data(header))
    let parsed = try WFDBHeader(parsing: header, file: name + ".hea")
    let record = try WFDBRecord(header: parsed) { file in
      let bytes = try bytes(file)
      hash.update(data: Data(bytes))
      return bytes
    }
    let annotationFile = name + ".atr"
    let hasAnnotations = FileManager.default.fileExists(
      atPath: folder.appendingPathComponent(annotationFile).path)
    let annotations = hasAnnotations ? try WFDBAnnotations.parse(bytes(annotationFile), file: annotationFile) : []
    return (record, record.placed(annotations), hash.finalize().hexadecimal)
  }
}
