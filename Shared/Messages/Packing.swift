import Foundation
import ResyncCore

/// Packed little-endian arrays, the form in which samples and tensors travel.
public enum Packing {
  /// Planar float32: all samples of lead 0, then lead 1, …
  public static func pack(_ planar: [[Float]]) -> Data {
    var data = Data(capacity: planar.reduce(0) { $0 + $1.count } * MemoryLayout<Float>.size)
    for lead in planar { lead.withUnsafeBytes { data.append(contentsOf: $0) } }
    return data
  }

  /// - Returns: `[leadCount][n]` samples, or nil when the bytes are not a whole number of samples for every lead.
  public static func unpack(_ data: Data, leadCount: Int) -> [[Float]]? {
    let stride = leadCount * MemoryLayout<Float>.size
    guard stride > 0, data.count % stride == 0 else { return nil }
    let perLead = data.count / stride
    let bytes = perLead * MemoryLayout<Float>.size
    return data.withUnsafeBytes { raw in
      (0..<leadCount).map { lead in
        [Float](unsafeUninitializedCapacity: perLead) { samples, count in
          let own = UnsafeRawBufferPointer(rebasing: raw[lead * bytes..<(lead + 1) * bytes])
          UnsafeMutableRawBufferPointer(samples).copyMemory(from: own)
          count = perLead
        }
      }
    }
  }

  public static func pack(_ values: [Float16]) -> Data { values.withUnsafeBytes { Data($0) } }

  public static func unpackHalf(_ data: Data) -> [Float16]? {
    guard data.count % MemoryLayout<Float16>.size == 0 else { return nil }
    return [Float16](unsafeUninitializedCapacity: data.count / MemoryLayout<Float16>.size) { values, count in
      data.copyBytes(to: UnsafeMutableRawBufferPointer(values))
      count = values.count
    }
  }
}

#if _endian(big)
#error("Messages carry little-endian arrays; this code writes the machine's own order.")
#endif
