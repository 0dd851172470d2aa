import Foundation
import Messages
import ResyncCore
import ServiceKit
import Streaming

/// Beats in, tensors out; nothing is remembered between messages.
package struct SpectrogramProcessor: StreamProcessor {
  package typealias State = Stateless

  static let service = "spectrogram"

  var pipeline: PipelineConfiguration
  var transform: SpectrogramTransform
  var metrics: ServiceMetrics

  package init(pipeline: PipelineConfiguration, transform: SpectrogramTransform, metrics: ServiceMetrics) {
    self.pipeline = pipeline
    self.transform = transform
    self.metrics = metrics
  }

  package func stateKey(of message: ConsumedMessage) -> String? { nil }

  package mutating func process(_ message: ConsumedMessage, state: inout Stateless?) throws -> [OutgoingMessage] {
    do {
      switch try ProtoBeatEvent.decoded(from: message.value).event {
      case .beat(let beat):
        return [Self.event(.spectrogram(try spectrogram(of: beat, key: message.key)), recordingID: beat.recordingID)]
      case .end(let end):
        try end.check(key: message.key)
        return [Self.event(.end(end), recordingID: end.recordingID)]
      case nil: throw Rejection(.malformedPayload, "an event that is neither beat nor end")
      }
    } catch let rejection as Rejection {
      metrics.rejected(code: rejection.code.rawValue)
      return [.rejected(message, rejection, service: Self.service, recordingID: message.keyText)]
    }
  }

  private func spectrogram(of beat: ProtoBeat, key: [UInt8]?) throws -> ProtoSpectrogram {
    let (_, segment) = try beat.sound(key: key)
    guard beat.pipelineID == pipeline.id else {
      throw Rejection(
        .wrongPipeline, "the beat was cut by pipeline \(beat.pipelineID); this service runs \(pipeline.id)")
    }

    let image = transform.image(of: segment, rPeakOffset: Int(beat.rPeakOffset))
    var wire = ProtoSpectrogram()
    wire.recordingID = beat.recordingID
    wire.patient = beat.patient
    wire.rPeakSample = beat.rPeakSample
    wire.rPeakSeconds = beat.rPeakSeconds
    wire.leads = beat.leads
    wire.shape = [UInt32(image.leadCount), UInt32(image.rows), UInt32(image.columns)]
    wire.tensor = Packing.pack(image.values)
    wire.features = beat.features
    wire.qualityPassed = beat.qualityPassed
    wire.ectopicSuspected = beat.ectopicSuspected
    wire.referenceSymbol = beat.referenceSymbol
    wire.pipelineID = beat.pipelineID
    wire.synthetic = beat.synthetic
    wire.segmentSha256 = beat.segmentSha256
    wire.tensorSha256 = sha256(wire.tensor)
    return wire
  }

  private static func event(_ event: ProtoSpectrogramEvent.OneOf_Event, recordingID: String) -> OutgoingMessage {
    OutgoingMessage(
      topic: Topic.spectrograms, key: Array(recordingID.utf8),
      value: ProtoSpectrogramEvent.with { $0.event = event }.encoded())
  }
}
