import Crypto
import Foundation
import Messages
import ResyncCore
import SwiftProtobuf

/// Turns a payload of `ecg.ingest` into the one chunk that it carries, whatever its content type.
package struct ChunkDecoder {
  /// The headers and key that came with the payload.
  package struct Envelope {
    package var contentType: String?
    package var feedID: String?
    package var patientID: String?
    package var key: [UInt8]?

    package init(contentType: String?, feedID: String? = nil, patientID: String? = nil, key: [UInt8]? = nil) {
      self.contentType = contentType
      self.feedID = feedID
      self.patientID = patientID
      self.key = key
    }
  }

  package init() {}

  package func decode(_ payload: [UInt8], _ envelope: Envelope) throws(Rejection) -> ProtoEcgChunk {
    guard payload.count <= maximumMessageBytes else {
      throw Rejection(.payloadTooLarge, "\(payload.count) bytes; at most \(maximumMessageBytes) are allowed")
    }
    let allowed = ContentType.allCases.map(\.rawValue).joined(separator: ", ")
    // Parameters after ";" (charset and the like) do not change what the payload is.
    let name = envelope.contentType?.split(separator: ";").first.map { $0.trimmingCharacters(in: .whitespaces) }
    guard let contentType = name.flatMap(ContentType.init(rawValue:)) else {
      throw Rejection(.unsupportedContentType, "header content-type is missing or unknown; one of: \(allowed)")
    }
    switch contentType {
    case .protobuf:
      return try matchingKey(ProtoEcgChunk.decoded(from: payload), envelope)
    case .json:
      return try matchingKey(json(payload), envelope)
    case .wfdb:
      return try wfdb(payload, envelope)
    }
  }

  /// Chunks of one recording stay in order only when they share a partition, hence a key.
  private func matchingKey(_ chunk: ProtoEcgChunk, _ envelope: Envelope) throws(Rejection) -> ProtoEcgChunk {
    guard let key = envelope.key, key.elementsEqual(chunk.recordingUid.utf8) else {
      throw Rejection(.keyMismatch, "the message's key must be its recording_uid")
    }
    return chunk
  }

  private func json(_ payload: [UInt8]) throws(Rejection) -> ProtoEcgChunk {
    var options = JSONDecodingOptions()
    options.messageDepthLimit = 8
    do {
      return try ProtoEcgChunk(jsonUTF8Bytes: payload, options: options)
    } catch {
      throw Rejection(.malformedPayload, "not the JSON form of EcgChunk (schemas/messages/ecg.proto)")
    }
  }

  private func wfdb(_ payload: [UInt8], _ envelope: Envelope) throws(Rejection) -> ProtoEcgChunk {
    let files = Dictionary(
      try TarArchive.entries(payload).map { ($0.name, $0.bytes) }, uniquingKeysWith: { first, _ in first })
    let headers = files.keys.filter { $0.hasSuffix(".hea") }
    guard headers.count == 1, let headerName = headers.first, let headerBytes = files[headerName] else {
      throw Rejection(.malformedPayload, "a WFDB bundle holds exactly one .hea file; found \(headers.count)")
    }
    guard let feedID = envelope.feedID, let patientID = envelope.patientID else {
      throw Rejection(.missingField, "a WFDB bundle needs the message headers feed-id and patient-id")
    }
    do {
      let header = try WFDBHeader(parsing: headerBytes, file: headerName)
      // No more than a bundle of the largest size may hold, in values that no file of it holds.
      let record = try WFDBRecord(header: header, maximumUnstored: maximumMessageBytes) { name in
        guard let bytes = files[name] else {
          throw Rejection(.malformedPayload, "the header names a signal file that is not in the bundle")
        }
        return bytes
      }
      let annotationName = String(headerName.dropLast(4)) + ".atr"
      let annotations = try files[annotationName].map { try WFDBAnnotations.parse($0, file: annotationName) } ?? []
      var chunk = ProtoEcgChunk(record: record, annotations: record.placed(annotations))
      chunk.feedID = feedID
      chunk.patientID = patientID
      chunk.recordingUid = SHA256.hash(data: Data(payload)).hexadecimal
      chunk.last = true
      return chunk
    } catch let rejection as Rejection {
      throw rejection
    } catch let error as WFDBError {
      // Without the file's name and the field's value, which may name a patient.
      let kind = error.file.hasSuffix(".hea") ? "header" : error.file.hasSuffix(".atr") ? "annotations" : "signal file"
      throw Rejection(
        .malformedPayload, "\(error.code.rawValue) in the \(kind)\(error.byte.map { ", byte \($0)" } ?? "")")
    } catch {
      throw Rejection(.malformedPayload, "the bundle's files cannot be read as a WFDB record")
    }
  }
}
