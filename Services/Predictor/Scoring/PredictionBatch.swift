import Foundation
import Messages
import ResyncCore
import ServiceKit
import Store
import Streaming

/// One poll's worth of `ecg.spectrograms`, decoded: beats to score and recordings that end.
package struct PredictionBatch {
  package struct Beat {
    package var source: ConsumedMessage
    package var message: ProtoSpectrogram
    package var image: SpectrogramImage
    package var features: BeatFeatures
    package var leads: [Lead]
  }

  package var beats: [Beat] = []
  package var ends: [ProtoRecordingEnd] = []
  package var rejected: [OutgoingMessage] = []
  /// The offset after the last message of each partition.
  package var offsets: [TopicPartition: Int64] = [:]

  private let metrics: ServiceMetrics

  package init(_ messages: [ConsumedMessage], metrics: ServiceMetrics) {
    self.metrics = metrics
    for message in messages {
      offsets[TopicPartition(message.topic, message.partition)] = message.offset + 1
      do {
        switch try ProtoSpectrogramEvent.decoded(from: message.value).event {
        case .spectrogram(let spectrogram):
          let (image, features, leads) = try spectrogram.sound(key: message.key)
          beats.append(Beat(source: message, message: spectrogram, image: image, features: features, leads: leads))
        case .end(let end):
          try end.check(key: message.key)
          ends.append(end)
        case nil: throw Rejection(.malformedPayload, "an event that is neither spectrogram nor end")
        }
      } catch {
        refuse(message, error as? Rejection ?? Rejection(.malformedPayload, "\(error)"))
      }
    }
  }

  private mutating func refuse(_ message: ConsumedMessage, _ rejection: Rejection) {
    metrics.rejected(code: rejection.code.rawValue)
    rejected.append(.rejected(message, rejection, service: "predictor", recordingID: message.keyText))
  }

  /// Answers and passes over the beats whose tensor has not the shape that their pipeline makes: no model reads them.
  /// - Parameter pipelines: those of the models of a recording.
  package mutating func refuseMisfits(_ pipelines: (_ recordingID: String) -> [PipelineConfiguration]) {
    let all = beats
    beats = []
    for beat in all {
      let image = pipelines(beat.message.recordingID).first { $0.id == beat.message.pipelineID }?.image
      if let image, image.rows != beat.image.rows || image.columns != beat.image.columns {
        let (made, expected) = ("\(beat.image.rows) × \(beat.image.columns)", "\(image.rows) × \(image.columns)")
        refuse(beat.source, Rejection(.malformedPayload, "the tensor is \(made), its pipeline makes \(expected)"))
      } else {
        beats.append(beat)
      }
    }
  }

  /// Every recording that the batch speaks of.
  package var recordingIDs: [String] { Set(beats.map(\.message.recordingID) + ends.map(\.recordingID)).sorted() }
}
