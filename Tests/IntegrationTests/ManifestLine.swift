import Foundation

/// One line of what `resync publish --manifest` writes.
struct ManifestLine: Decodable {
  package var recordingID: String
  package var record: String

  static func read(_ file: URL) throws -> [ManifestLine] {
    try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
      try JSONDecoder().decode(ManifestLine.self, from: Data($0.utf8))
    }
  }
}
