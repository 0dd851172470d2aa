import Foundation
import ResyncCore

/// What a publisher sent, one JSON line a recording: the list against which outcomes are counted.
package struct ManifestEntry: Codable, Hashable {
  var recordingID: String
  var record: String
  var feed: String
  var samples: Int

  package init(recordingID: String, record: String, feed: String, samples: Int) {
    self.recordingID = recordingID
    self.record = record
    self.feed = feed
    self.samples = samples
  }

  package static func read(_ files: [String]) throws -> [ManifestEntry] {
    let decoder = JSONDecoder()
    return try files.flatMap { file -> [ManifestEntry] in
      let text: String
      do {
        text = try String(contentsOfFile: file, encoding: .utf8)
      } catch {
        throw CommandFailure("manifest \(file) cannot be read; it is what `resync publish --manifest` wrote")
      }
      return try text.split(separator: "\n").enumerated().map { index, line in
        do {
          return try decoder.decode(ManifestEntry.self, from: Data(line.utf8))
        } catch {
          throw CommandFailure("manifest \(file), line \(index + 1) is not a manifest entry")
        }
      }
    }
  }

  package static func write(_ entries: [ManifestEntry], to file: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let lines = try entries.map { String(decoding: try encoder.encode($0), as: UTF8.self) + "\n" }
    try Data(lines.joined().utf8).writeWhole(to: URL(fileURLWithPath: file))
  }
}
