import Foundation
import Messages
import Testing

@Suite("Identities")
struct IdentityTests {
  static let keys: [[UInt8]] = [Array(0..<16), Array("a secret key of more than sixteen bytes".utf8)]

  // python3: "p-" + hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]
  @Test(
    "a pseudonym is the shortened HMAC-SHA-256 that Python computes",
    arguments: [
      (0, "patient-7", "p-16b8d337c92fabee4389c9e0ad0202f3"),
      (0, "Søren Ångström", "p-92e5c901ffd696e2b2ce42930791aa05"),
      (1, "patient-7", "p-570afc59528a873daf58be9c7ab5cd65"),
      (1, "Søren Ångström", "p-c59b28427b8d6305a1cf9d343665b2f9"),
    ])
  func pseudonyms(key: Int, patient: String, expected: String) throws {
    let pseudonymiser = try #require(Pseudonymiser(key: Self.keys[key]))
    #expect(pseudonymiser.pseudonym(patientID: patient) == expected)
  }

  @Test("a key of fewer than 16 bytes makes no pseudonymiser")
  func shortKey() {
    #expect(Pseudonymiser(key: [UInt8](repeating: 1, count: 15)) == nil)
    #expect(Pseudonymiser(key: [UInt8](repeating: 1, count: 16)) != nil)
  }

  // python3: sha256 over struct.pack('<I', len(part)) + part for each part.
  @Test("a recording id is the SHA-256 that Python computes over the length-prefixed parts")
  func recordingIDs() {
    #expect(
      recordingID(patient: "p-1", feedID: "holter", recordingUID: "rec-1")
        == "3078644986c7a774835dcdee8bd66991429728e41f8756a93d4105b4295bdc4f")
  }

  @Test("moving a letter from the feed to the uid gives another recording")
  func boundaries() {
    #expect(
      recordingID(patient: "p-1", feedID: "holt", recordingUID: "errec-1")
        == "5539e47cb381a63c5c87acb9f947bb53230a498708a6232e204e52cffa93471d")
  }

  @Test("the hash beside beats and tensors is SHA-256")
  func hash() {
    let hexadecimal = sha256(Data("abc".utf8)).map { String(format: "%02x", $0) }.joined()
    #expect(hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }
}
