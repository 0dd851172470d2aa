import Crypto
import Foundation
import ResyncCore

/// Turns the identifiers of feeds into those of the suite. Only holders of the key can tell which patient is which.
public struct Pseudonymiser: Sendable {
  private let key: SymmetricKey

  public static let minimumKeyBytes = 16

  /// - Parameter key: at least 16 secret bytes, the same in every service that names patients.
  public init?(key: [UInt8]) {
    guard key.count >= Self.minimumKeyBytes else { return nil }
    self.key = SymmetricKey(data: key)
  }

  /// HMAC-SHA-256 of the feed's patient identifier, shortened to 128 bits.
  public func pseudonym(patientID: String) -> String {
    "p-" + HMAC<SHA256>.authenticationCode(for: Data(patientID.utf8), using: key).prefix(16).hexadecimal
  }
}

/// SHA-256 over patient pseudonym, feed and the feed's own uid, each preceded by its length.
public func recordingID(patient: String, feedID: String, recordingUID: String) -> String {
  var hash = SHA256()
  for part in [patient, feedID, recordingUID] {
    let bytes = Data(part.utf8)
    withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { hash.update(bufferPointer: $0) }
    hash.update(data: bytes)
  }
  return hash.finalize().hexadecimal
}

/// SHA-256 of bytes, as stored beside beats and tensors.
public func sha256(_ data: Data) -> Data { Data(SHA256.hash(data: data)) }
