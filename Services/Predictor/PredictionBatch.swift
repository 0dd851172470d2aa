import Foundation
import Messages
import ResyncCore
import ServiceKit
import Store
import Streaming

/// One poll's worth of `ecg.spectrograms`, decoded: beats to score and recordings that end.
package struct PredictionBatch {
  package struct Beat {
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

  package init(_ messages: [ConsumedMessage], metrics: ServiceMetrics) {
    for message in messages {
      offsets[TopicPartition(message.topic, message.partition)] = message.offset + 1
      do {
        switch try ProtoSpectrogramEvent.decoded(from: message.value).event {
        case .spectrogram(let spectrogram):
          guard let image = spectrogram.image, let features = spectrogram.beatFeatures,
            let leads = leads(named: spectrogram.leads), spectrogram.segmentSha256.count == 32,
            spectrogram.tensorSha256.count == 32
          else { throw Rejection(.malformedPayload, "tensor, shape, leads, features and hashes disagree") }
          guard sha256(spectrogram.tensor) == spectrogram.tensorSha256 else {
            throw Rejection(.malformedPayload, "the tensor is not the one that its hash names")
          }
          // What neither a network nor PostgreSQL can take must not stop the batch.
          guard HalfPrecision.areFinite(image.values), features.vector.allSatisfy(\.isFinite),
            spectrogram.rPeakSample >= 0, !spectrogram.referenceSymbol.utf8.contains(0)
          else { throw Rejection(.malformedPayload, "tensor, features, R-peak or symbol hold an impossible value") }
          beats.append(Beat(message: spectrogram, image: image, features: features, leads: leads))
        case .end(let end):
          guard end.measures.twelveLead.isSound else {
            throw Rejection(.malformedPayload, "the twelve-lead measures hold an impossible value")
          }
          ends.append(end)
        case nil: throw Rejection(.malformedPayload, "an event that is neither spectrogram nor end")
        }
      } catch {
        let rejection = error as? Rejection ?? Rejection(.malformedPayload, "\(error)")
        metrics.rejected(code: rejection.code.rawValue)
        rejected.append(.rejected(message, rejection, service: "predictor", recordingID: message.keyText))
      }
    }
  }

  /// Every recording that the batch speaks of.
  package var recordingIDs: [String] { Set(beats.map(\.message.recordingID) + ends.map(\.recordingID)).sorted() }
}
