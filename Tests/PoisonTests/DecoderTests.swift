import Foundation
import Messages
import Resync
import ResyncCore
import Streaming
import SuiteKit
import Testing

/// The decoders of files, each with spoilt forms of a valid one: what is read is consistent, what is not is refused with
/// the error that its documentation names, and nothing takes more room than the bytes pay for.
@Suite("Spoilt files", .timeLimit(.minutes(60)))
struct DecoderTests {
  private static func spoilt(_ bytes: [UInt8], asText: Bool = false, _ body: ([UInt8]) throws -> Void) rethrows {
    for number in PoisonTests.first..<PoisonTests.first + PoisonTests.count {
      var poisoner = Poisoner(seed: PoisonTests.seed, number: number)
      try body(poisoner.spoilFile(bytes, asText: asText))
    }
  }

  @Test("a tar archive gives files that lie inside it, or MALFORMED_PAYLOAD")
  func tar() {
    let bytes = TarArchive.archive([
      .init(name: "a.hea", bytes: Array("a 1 360 4\n".utf8)), .init(name: "a.dat", bytes: [1, 2, 3, 4]),
    ])
    Self.spoilt(bytes) { spoilt in
      do throws(Rejection) {
        let entries = try TarArchive.entries(spoilt)
        #expect(entries.count <= TarArchive.maximumEntries)
        #expect(entries.reduce(0) { $0 + $1.bytes.count } <= spoilt.count)
      } catch {
        #expect(error.code == .malformedPayload)
      }
    }
  }

  @Test("a model file gives the model or a ModelError, and its metadata fit each other")
  func models() throws {
    let artifact = try TinyModels.make(.crtResponse)
    let bytes = artifact.encoded()
    var read = 0
    try Self.spoilt(bytes) { spoilt in
      do {
        let model = try ModelArtifact(decoding: spoilt)
        _ = try Classifier(model)
        read += 1
      } catch is ModelError {}
    }
    // Weights changed without their meaning: still a model, of another id.
    #expect(read < PoisonTests.count)
  }

  @Test("a model's metadata spoilt as text is read and coherent, or refused with a ModelError")
  func metadata() throws {
    let artifact = try TinyModels.make(.crtResponse)
    let (tensors, entries) = try Safetensors.decode(artifact.encoded())
    let key = try #require(entries.max { $0.value.count < $1.value.count }?.key)
    try Self.spoilt(Array(try #require(entries[key]).utf8), asText: true) { spoilt in
      var changed = entries
      changed[key] = String(decoding: spoilt, as: UTF8.self)
      do {
        let model = try ModelArtifact(decoding: Safetensors.encode(tensors, metadata: changed))
        _ = try Classifier(model)
      } catch is ModelError {}
    }
  }

  @Test("a cohort's CSV gives checked patients or a fault that quotes no value")
  func cohorts() throws {
    let csv = """
      patient_id,role,synthetic,age_years,sex,nyha,lvef_percent,lvesv_ml,qrs_duration_ms,lvesv_after_ml
      planted-17,train,false,63,female,3,28,150,152,120
      planted-18,holdout,false,71,male,2,31,"170",148,165

      """
    _ = try CohortTable(csv: csv).patients()
    try Self.spoilt(Array(csv.utf8), asText: true) { spoilt in
      do {
        _ = try CohortTable(csv: String(decoding: spoilt, as: UTF8.self)).patients()
      } catch let error as CommandFailure {
        #expect(!"\(error)".contains("planted"))
      }
    }
  }
}
