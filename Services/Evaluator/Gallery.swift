import Foundation
import Messages
import ResyncCore
import ServiceKit
import Streaming
import Synchronization

/// A few tensors worth showing, kept as they pass: one real beat of each class, and one twelve-lead beat of each of the
/// first synthetic patients.
final class Gallery: Sendable {
  struct Picture: Sendable {
    var recordingID: String
    var patient: String
    var leads: [String]
    var image: SpectrogramImage
  }

  private struct Pictures {
    var byClass: [BeatClass: Picture] = [:]
    var synthetic: [String: Picture] = [:]
  }

  /// Twelve-lead tensors of 98 KB each.
  static let limit = 128

  private let pictures = Mutex(Pictures())

  /// - Parameter key: the message's in Kafka. What is unsound is the predictor's to reject.
  func add(_ message: ProtoSpectrogram, key: [UInt8]?) {
    // Tensors are looked at only when they are wanted: all of the suite's pass here.
    guard message.qualityPassed, isWanted(message), let image = try? message.sound(key: key).image else { return }
    let picture = Picture(
      recordingID: message.recordingID, patient: message.patient, leads: message.leads, image: image)
    pictures.withLock { pictures in
      if message.synthetic {
        pictures.synthetic[message.patient] = picture
      } else if let beatClass = message.referenceClass {
        pictures.byClass[beatClass] = picture
      }
    }
  }

  private func isWanted(_ message: ProtoSpectrogram) -> Bool {
    pictures.withLock { pictures in
      if message.synthetic {
        return !message.ectopicSuspected && pictures.synthetic.count < Self.limit
          && pictures.synthetic[message.patient] == nil
      }
      return message.referenceClass.map { pictures.byClass[$0] == nil } ?? false
    }
  }

  var beatClasses: [(BeatClass, Picture)] {
    let byClass = pictures.withLock(\.byClass)
    return BeatClass.allCases.compactMap { beatClass in byClass[beatClass].map { (beatClass, $0) } }
  }

  func synthetic(patient: String) -> Picture? { pictures.withLock { $0.synthetic[patient] } }

  /// Follows `ecg.spectrograms` by assignment, from what is still there.
  func follow(_ context: ServiceContext, _ stop: StopSignal) throws {
    guard try context.waitForKafka(topics: [Topic.spectrograms], stop: stop) else { return }
    try context.retrying(stop, condition: nil) { _ in try read(context, stop) }
  }

  private func read(_ context: ServiceContext, _ stop: StopSignal) throws {
    let partitions = try Admin(kafka: context.kafka, logger: context.logger).describe([Topic.spectrograms])
    let consumer = try Consumer(kafka: context.kafka, membership: nil, logger: context.logger)
    defer { consumer.close() }
    let count = Int32(partitions.first?.partitions ?? 0)
    try consumer.assign(
      Dictionary(uniqueKeysWithValues: (0..<count).map { (TopicPartition(Topic.spectrograms, $0), .beginning) }))
    while !stop.isStopped {
      for event in try consumer.pollBatch(maximum: 200, timeoutMilliseconds: 200) {
        guard case .message(let message) = event,
          let decoded = try? ProtoSpectrogramEvent.decoded(from: message.value),
          case .spectrogram(let spectrogram) = decoded.event
        else { continue }
        add(spectrogram, key: message.key)
      }
    }
  }
}

extension ProtoSpectrogram {
  fileprivate var referenceClass: BeatClass? { referenceSymbol.first.flatMap { BeatClass(annotationSymbol: $0) } }
}
