import Foundation
import Ingest
import Messages
import Metrics
import ServiceKit
import Store
import Streaming
import Testing

@Suite("Ingest's shell")
struct IngestProcessorTests {
  @Test("silence is counted from the takeover of a partition, not from a time when another had it")
  func takeover() throws {
    let pseudonymiser = try #require(Pseudonymiser(key: Array("0123456789abcdef".utf8)))
    let processor = IngestProcessor(
      pseudonymiser: pseudonymiser,
      ledger: IngestLedger(ConnectionPool(try DatabaseConfiguration(url: "postgresql://nobody@127.0.0.1:1/none"))),
      metrics: ServiceMetrics(factory: NOOPMetricsHandler.instance), idleTimeoutSeconds: 60,
      maximumRecordingSeconds: 3600)
    var state: IngestState? = IngestState(.with { $0.phase = .open })
    func isEnded(_ nowMilliseconds: Int64) throws -> Bool {
      try !processor.punctuate(key: "r", state: &state, nowMilliseconds: nowMilliseconds).isEmpty
    }
    #expect(try !isEnded(0))
    #expect(try !isEnded(59_000))
    processor.statesRestored()
    #expect(try !isEnded(300_000))
    #expect(try !isEnded(359_000))
    #expect(try isEnded(360_000))
    #expect(state == nil)
  }
}
