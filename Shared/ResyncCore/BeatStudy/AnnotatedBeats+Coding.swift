import Foundation

extension AnnotatedBeats {
  private struct Header: Codable {
    var record: String
    var leads: [Lead]
    var rows: Int
    var columns: Int
    var samples: [Int64]
    var labels: [BeatClass]
    /// `BeatFeatures.vector` of each beat.
    var features: [[Float]]
  }

  /// Length of the header (8 bytes, little-endian), the header as JSON, then the images in half precision.
  package func encoded() throws -> Data {
    let header = Header(
      record: record, leads: leads, rows: beats.first?.image.rows ?? 0, columns: beats.first?.image.columns ?? 0,
      samples: beats.map(\.sample), labels: beats.map(\.label), features: beats.map(\.features.vector))
    let json = try JSONEncoder().encode(header)
    var data = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) } + json
    data.reserveCapacity(data.count + beats.count * 2 * (beats.first?.image.values.count ?? 0))
    for beat in beats { beat.image.values.withUnsafeBytes { data.append(contentsOf: $0) } }
    return data
  }

  /// Nil for bytes that `encoded` did not give, or that were cut short.
  package init?(decoding data: Data) {
    let data = data.startIndex == 0 ? data : Data(data)
    guard data.count >= 8 else { return nil }
    let length = (0..<8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(data[$1]) }
    guard length <= UInt64(data.count - 8) else { return nil }
    let start = 8 + Int(length)
    guard let header = try? JSONDecoder().decode(Header.self, from: data[8..<start]) else { return nil }
    let count = header.samples.count
    let plane = header.rows.multipliedReportingOverflow(by: header.columns)
    guard !plane.overflow, (0...1 << 20).contains(plane.partialValue) else { return nil }
    let size = header.leads.count * plane.partialValue
    guard header.labels.count == count, header.features.count == count, data.count - start == count * size * 2 else {
      return nil
    }
    record = header.record
    leads = header.leads
    beats = []
    beats.reserveCapacity(count)
    for place in 0..<count {
      guard let features = BeatFeatures(vector: header.features[place]) else { return nil }
      let values = [Float16](unsafeUninitializedCapacity: size) { values, initialised in
        initialised = data.copyBytes(to: values, from: start + place * size * 2..<start + (place + 1) * size * 2) / 2
      }
      beats.append(
        Beat(
          sample: header.samples[place], label: header.labels[place], features: features,
          image: SpectrogramImage(
            leadCount: leads.count, rows: header.rows, columns: header.columns, values: values)))
    }
  }
}
