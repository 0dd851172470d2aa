import Foundation
import ResyncCore
import SwiftProtobuf

extension SwiftProtobuf.Message {
  /// Decodes one message of a topic of the suite. Fields that the schema does not know are dropped: what nobody looks at
  /// must neither travel on nor take room.
  ///
  /// - Throws: `Rejection` for bytes over the size limit or not of this type.
  public static func decoded(from bytes: [UInt8]) throws(Rejection) -> Self {
    guard bytes.count <= maximumMessageBytes else {
      throw Rejection(.payloadTooLarge, "\(bytes.count) bytes; at most \(maximumMessageBytes) are allowed")
    }
    var options = BinaryDecodingOptions()
    options.discardUnknownFields = true
    do {
      return try Self(serializedBytes: bytes, options: options)
    } catch {
      throw Rejection(.malformedPayload, "not a protobuf \(Self.protoMessageName)")
    }
  }

  /// Encodes; every field of the suite's messages can be encoded.
  public func encoded() -> [UInt8] {
    do {
      return try serializedBytes()
    } catch {
      preconditionFailure("a message without required fields always encodes: \(error)")
    }
  }
}

extension ProtoBeat {
  public var beatFeatures: BeatFeatures? { BeatFeatures(vector: features) }
}

extension ProtoSpectrogram {
  public var beatFeatures: BeatFeatures? { BeatFeatures(vector: features) }

  /// The tensor as an image, or nil when shape, leads and bytes disagree.
  public var image: SpectrogramImage? {
    guard shape.count == 3, shape.allSatisfy({ $0 > 0 && $0 <= 4096 }), Int(shape[0]) == leads.count else { return nil }
    let (count, rows, columns) = (Int(shape[0]), Int(shape[1]), Int(shape[2]))
    guard tensor.count == count * rows * columns * MemoryLayout<Float16>.size, let values = Packing.unpackHalf(tensor)
    else { return nil }
    return SpectrogramImage(leadCount: count, rows: rows, columns: columns, values: values)
  }
}

/// The leads that a message names, or nil when one is unknown.
public func leads(named names: [String]) -> [Lead]? {
  let known = names.compactMap(Lead.init(rawValue:))
  return known.count == names.count ? known : nil
}
