import Crypto
import Foundation

/// How an arm of the transfer study learns.
package enum TransferArm: String, CaseIterable, Codable, Hashable, Sendable {
  case scratch, pretrained, shuffled, morphology
  case weightStatistics = "weight-statistics"
  case linearProbe = "linear-probe"
  case randomProbe = "random-probe"
  case components, measures, nuisances

  /// Weights with which a network begins.
  package enum Start: Hashable, Sendable {
    case fresh
    case learnt(TransferSource)
    /// Normal with the moments of the tensors learnt from AAMI classes.
    case moments
  }

  package enum Kind: Hashable, Sendable {
    case fineTuned(Start)
    /// Logistic regression on the pooled features of a trunk that does not train.
    case frozen(Start)
    /// Logistic regression on what is not a network's.
    case classical
  }

  package var kind: Kind {
    switch self {
    case .scratch: .fineTuned(.fresh)
    case .pretrained: .fineTuned(.learnt(.aami))
    case .shuffled: .fineTuned(.learnt(.shuffled))
    case .morphology: .fineTuned(.learnt(.morphology))
    case .weightStatistics: .fineTuned(.moments)
    case .linearProbe: .frozen(.learnt(.aami))
    case .randomProbe: .frozen(.fresh)
    case .components, .measures, .nuisances: .classical
    }
  }
}

/// What is done on PTB-XL's locked folds, written down before they are read: `docs/prereg.json`, read as it is.
package struct Preregistration: Codable, Hashable, Sendable {
  package struct Draws: Codable, Hashable, Sendable {
    package var count: Int
    package var positives: Int
    package var negatives: Int
    package var folds: [Int]
  }

  package struct Network: Codable, Hashable, Sendable {
    package var depth: ResNetConfiguration.Depth
    package var width: Double
    package var tasks: [TransferTask]
    package var arms: [TransferArm]
  }

  package struct Pretraining: Codable, Hashable, Sendable {
    /// Of each class of a record.
    package var mostBeats: Int
    package var epochs: Int
    package var batchSize: Int
    package var learningRate: Double
  }

  package struct FineTuning: Codable, Hashable, Sendable {
    package var batchSize: Int
    package var timeShiftColumns: Int
    package var grid: [FineTuningLearner.Setting]
  }

  package struct Logistic: Codable, Hashable, Sendable {
    package var inversePenalties: [Double]
    /// Of the median beat, and of a frozen trunk's features.
    package var medianBeatComponents: Int
    package var trunkComponents: Int
    package var fusion: LeadFusion
  }

  package struct Endpoint: Codable, Hashable, Sendable {
    package var task: TransferTask
    package var depth: ResNetConfiguration.Depth
    package var arm: TransferArm
    package var reference: TransferArm
    package var statistic: String
    package var rule: String
  }

  package var version: Int
  package var pipeline: PipelineConfiguration
  /// Beats of a patient, spread evenly over the recording.
  package var mostBeats: Int
  package var draws: Draws
  package var lockedFolds: [Int]
  package var pretraining: Pretraining
  package var fineTuning: FineTuning
  package var logistic: Logistic
  package var networks: [Network]
  package var classicalTasks: [TransferTask]
  package var classicalArms: [TransferArm]
  package var resamples: Int
  package var endpoint: Endpoint

  /// SHA-256 of `docs/prereg.json` as it was registered. The seeds come from it, so that they could not be chosen.
  package static let registeredSHA256 = "191bb9570da10c9446002594dad9dbe7df5b926f62685b1574a36a87662d8dc4"

  /// The registered networks read the eight RR and template features that there were on that day.
  package static let withoutFeatures: [BeatFeatureGroup] = [
    .usualRhythm, .overMean, .variability, .primaryShape, .otherShape,
  ]

  /// - Throws: `ModelError` with code `invalidConfiguration` when the bytes are not those that were registered.
  package init(registered bytes: Data) throws {
    let hash = SHA256.hash(data: bytes).hexadecimal
    guard hash == Self.registeredSHA256 else {
      throw ModelError(
        .invalidConfiguration,
        "preregistration: SHA-256 is \(hash), expected \(Self.registeredSHA256): the file was changed after it was "
          + "registered, and locked data are not read for it")
    }
    try self.init(decoding: bytes)
  }

  /// - Throws: `ModelError` with code `invalidConfiguration` when the bytes are no preregistration.
  package init(decoding bytes: Data) throws {
    do {
      self = try JSONDecoder().decode(Self.self, from: bytes)
    } catch {
      throw ModelError(.invalidConfiguration, "preregistration: not readable: \(error)")
    }
  }
}

/// One reading of the locked folds; rows of `docs/results/openings.jsonl`, which only grows.
package struct LockedOpening: Codable, Hashable, Sendable {
  package var time: String
  /// What was read for.
  package var purpose: String
  /// SHA-256 of the preregistration; nil before there was one.
  package var preregistration: String?

  package init(time: String, purpose: String, preregistration: String?) {
    self.time = time
    self.purpose = purpose
    self.preregistration = preregistration
  }

  /// One line of JSON with its end.
  package var line: Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Strings always encode.
    return try! encoder.encode(self) + Data("\n".utf8)
  }
}
