import Foundation
import Ingest
import Messages
import Metrics
import Preprocess
import ResyncCore
import Scoring
import ServiceKit
import Spectrogram
import Store
import Streaming
import SuiteKit
import Trainer

/// What a stage must never do with a message, however spoilt; each would stop its service or another for ever.
struct PoisonFault: Error, CustomStringConvertible {
  let description: String
}

/// The services' processors, one after the other, without Kafka and PostgreSQL; states live as the changelogs keep them.
struct PoisonBench {
  /// librdkafka's `message.max.bytes`, as the suite sets it.
  private static let largestMessage = 1_000_000

  private var ingest: StageBench<IngestProcessor>
  private var preprocess: StageBench<PreprocessProcessor>
  private var spectrogram: StageBench<SpectrogramProcessor>
  private let metrics = ServiceMetrics(factory: NOOPMetricsHandler.instance)
  private let pipeline: PipelineConfiguration
  private var offset: Int64 = 0

  init(pipeline: PipelineConfiguration, transform: SpectrogramTransform) throws {
    guard let pseudonymiser = Pseudonymiser(key: Array(RunningSuite.pseudonymKey.utf8)) else {
      preconditionFailure("the key is long enough")
    }
    self.pipeline = pipeline
    ingest = StageBench(
      IngestProcessor(
        pseudonymiser: pseudonymiser,
        ledger: IngestLedger { _ in
          nil
        } write: { _ in
        }, metrics: metrics,
        idleTimeoutSeconds: 60, maximumRecordingSeconds: 3600))
    preprocess = StageBench(PreprocessProcessor(pipeline: pipeline, metrics: metrics))
    spectrogram = StageBench(SpectrogramProcessor(pipeline: pipeline, transform: transform, metrics: metrics))
  }

  /// What became of one message and of all that followed from it.
  struct Outcome {
    var rejections: [OutgoingMessage] = []
    /// Everything written, to any topic but `ecg.rejected`, in order.
    var written: [OutgoingMessage] = []

    var code: String? { rejections.first?.header(HeaderName.errorCode) }
  }

  /// Sends one message to the service that reads its topic, what comes of it to the next, and so on.
  mutating func send(_ message: OutgoingMessage) throws -> Outcome {
    var outcome = Outcome()
    var waiting = [message][...]
    while let next = waiting.popFirst() {
      offset += 1
      let read = next.consumed(offset: offset)
      let outputs: [OutgoingMessage]
      switch next.topic {
      case Topic.ingest: outputs = try ingest.process(read)
      case Topic.recordings: outputs = try preprocess.process(read)
      case Topic.beats: outputs = try spectrogram.process(read)
      case Topic.spectrograms: outputs = try predictor(read)
      default: outputs = []
      }
      for output in outputs {
        guard output.byteCount <= Self.largestMessage else {
          throw PoisonFault(description: "an output of \(output.byteCount) bytes, which no producer takes")
        }
        if output.topic == Topic.rejected {
          try Self.check(output, of: read)
          outcome.rejections.append(output)
        } else {
          outcome.written.append(output)
          waiting.append(output)
        }
      }
    }
    return outcome
  }

  /// As after a takeover of partitions without an open recording.
  mutating func forgetStates() {
    ingest.states = [:]
    preprocess.states = [:]
  }

  /// As after a takeover of partitions whose changelogs hold something else.
  mutating func changeStates(ofIngest: Bool = true, ofPreprocess: Bool = true, _ change: ([UInt8]) -> [UInt8]) {
    if ofIngest { ingest.states = ingest.states.mapValues(change) }
    if ofPreprocess { preprocess.states = preprocess.states.mapValues(change) }
  }

  private static func check(_ rejection: OutgoingMessage, of message: ConsumedMessage) throws {
    guard let code = rejection.header(HeaderName.errorCode), RejectionCode(rawValue: code) != nil,
      rejection.header(HeaderName.originTopic) == message.topic,
      rejection.header(HeaderName.originOffset) == String(message.offset),
      rejection.value == Array(message.value.prefix(maximumMessageBytes))
    else { throw PoisonFault(description: "a rejection without code, origin or original bytes") }
    // The evaluator writes them to PostgreSQL.
    for header in rejection.headers where header.name != HeaderName.feedID && header.name != HeaderName.patientID {
      guard header.name == HeaderName.contentType || !header.value.contains(0) else {
        throw PoisonFault(description: "the header \(header.name) has a NUL, which no table takes")
      }
    }
  }

  /// The predictor's and the trainer's reading; what they take must be fit for tables and network.
  private func predictor(_ message: ConsumedMessage) throws -> [OutgoingMessage] {
    var batch = PredictionBatch([message], metrics: metrics)
    batch.refuseMisfits { _ in [pipeline] }
    for beat in batch.beats {
      try Self.checkTexts([beat.message.recordingID, beat.message.patient, beat.message.referenceSymbol])
    }
    for end in batch.ends {
      try Self.checkTexts([end.recordingID, end.patient, end.code, end.waveformSha256])
      let isHash = end.waveformSha256.count == 64 && end.waveformSha256.allSatisfy(\.isHexDigit)
      guard end.beats >= 0, end.waveformSha256.isEmpty || isHash else {
        throw PoisonFault(description: "an end with \(end.beats) beats and hash \(end.waveformSha256.prefix(70))")
      }
    }
    return batch.rejected
  }

  private static func checkTexts(_ texts: [String]) throws {
    guard texts.allSatisfy({ !$0.utf8.contains(0) && $0.utf8.count <= 1024 }) else {
      throw PoisonFault(description: "a text that no table or index takes")
    }
  }
}

/// A processor as its pipeline runs it: the state goes through its serialised form between any two messages.
private struct StageBench<P: StreamProcessor> {
  private var processor: P
  var states: [String: [UInt8]] = [:]

  init(_ processor: P) { self.processor = processor }

  mutating func process(_ message: ConsumedMessage) throws -> [OutgoingMessage] {
    guard let key = processor.stateKey(of: message) else {
      var none: P.State?
      let outputs = try processor.process(message, state: &none)
      guard none == nil else { throw PoisonFault(description: "a state without a key, which stops the pipeline") }
      return outputs
    }
    var state = states[key].flatMap { (try? P.State(serialized: $0)) ?? P.State.unreadable }
    let outputs = try processor.process(message, state: &state)
    try processor.prepareCommit()
    states[key] = try state?.serialized()
    if let stored = states[key] {
      guard stored.count + key.utf8.count <= 900_000 else {
        throw PoisonFault(description: "a state of \(stored.count) bytes under a key of \(key.utf8.count)")
      }
      do { _ = try P.State(serialized: stored) } catch {
        throw PoisonFault(description: "a state that cannot be restored: \(error)")
      }
    }
    return outputs
  }
}
