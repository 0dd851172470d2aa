import Foundation

/// Everything that an evaluation found, as values; `renderHTML` makes the page of it.
///
/// Only counts and curves are stored. Rates are computed from the counts at rendering, so that no triple of accuracy,
/// sensitivity and specificity can be printed that cannot be.
public struct EvaluationReport: Codable, Hashable, Sendable {
  public var title: String
  /// When, as the caller wants it read (ISO 8601 with zone is best).
  public var generatedAt: String
  public var sections: [Section]

  public init(title: String, generatedAt: String, sections: [Section]) {
    self.title = title
    self.generatedAt = generatedAt
    self.sections = sections
  }

  /// Rendered in the order given, within three parts: the run and its models, real recordings, synthetic ones.
  public enum Section: Codable, Hashable, Sendable {
    case run(RunSummary)
    case models([Model])
    case beatClasses(BeatClasses)
    case responses(Responses)
    case abstentions(Abstentions)
    case spectrograms(Spectrograms)
    case waveforms(Waveforms)
  }

  /// What came of the recordings that were published.
  public struct RunSummary: Codable, Hashable, Sendable {
    public var published: Int
    public var predicted: Int
    public var rejected: Int
    /// Published, yet without an outcome.
    public var missing: Int
    /// Outcomes beyond the one that each recording may have.
    public var duplicates: Int
    public var beats: Int
    /// Rejections by error code.
    public var rejections: [LabelledCount]

    public init(
      published: Int, predicted: Int, rejected: Int, missing: Int, duplicates: Int, beats: Int,
      rejections: [LabelledCount] = []
    ) {
      self.published = published
      self.predicted = predicted
      self.rejected = rejected
      self.missing = missing
      self.duplicates = duplicates
      self.beats = beats
      self.rejections = rejections
    }
  }

  public struct LabelledCount: Codable, Hashable, Sendable {
    public var label: String
    public var count: Int

    public init(label: String, count: Int) {
      self.label = label
      self.count = count
    }
  }

  public struct Model: Codable, Hashable, Sendable {
    public var id: String
    public var task: String
    /// Id of the model that this one was fine-tuned from.
    public var parent: String?
    public var pipelineID: String
    public var trainingRecordings: [String]
    public var trainedOnSynthetic: Bool

    public init(
      id: String, task: String, parent: String?, pipelineID: String, trainingRecordings: [String],
      trainedOnSynthetic: Bool
    ) {
      self.id = id
      self.task = task
      self.parent = parent
      self.pipelineID = pipelineID
      self.trainingRecordings = trainingRecordings
      self.trainedOnSynthetic = trainedOnSynthetic
    }
  }

  /// Beat classification against reference labels.
  public struct BeatClasses: Codable, Hashable, Sendable {
    public struct Record: Codable, Hashable, Sendable {
      public var name: String
      public var counts: [[Int]]

      public init(name: String, counts: [[Int]]) {
        self.name = name
        self.counts = counts
      }
    }

    /// What was scored and by which protocol, in words.
    public var dataset: String
    public var modelID: String
    public var synthetic: Bool
    /// `[reference][predicted]` beats, both in `BeatClass.allCases` order. Missing rows or columns count as zero.
    public var counts: [[Int]]
    public var records: [Record]

    public init(dataset: String, modelID: String, synthetic: Bool, counts: [[Int]], records: [Record] = []) {
      self.dataset = dataset
      self.modelID = modelID
      self.synthetic = synthetic
      self.counts = counts
      self.records = records
    }
  }

  /// Response prediction against echo outcomes.
  public struct Responses: Codable, Hashable, Sendable {
    public var dataset: String
    public var modelID: String
    public var synthetic: Bool
    public var roc: [ROCPoint]
    public var auc: Double?
    /// 95 % interval of the AUC.
    public var aucInterval: Interval?
    /// Probability from which on a patient is called a responder.
    public var threshold: Double
    public var counts: DecisionCounts
    /// Patients for whom the decision was withheld; in none of `counts`.
    public var abstained: Int
    /// Rules that need no network: LBBB alone, QRS ≥ 150 ms alone. The majority class is added by the renderer.
    public var baselines: [Baseline]
    /// Synthetic data: the AUC that no reader of the ECG can exceed in the long run.
    public var ceilingAUC: Double?
    public var patients: [Patient]

    public init(
      dataset: String, modelID: String, synthetic: Bool, roc: [ROCPoint], auc: Double?, aucInterval: Interval?,
      threshold: Double, counts: DecisionCounts, abstained: Int = 0, baselines: [Baseline] = [],
      ceilingAUC: Double? = nil, patients: [Patient] = []
    ) {
      self.dataset = dataset
      self.modelID = modelID
      self.synthetic = synthetic
      self.roc = roc
      self.auc = auc
      self.aucInterval = aucInterval
      self.threshold = threshold
      self.counts = counts
      self.abstained = abstained
      self.baselines = baselines
      self.ceilingAUC = ceilingAUC
      self.patients = patients
    }
  }

  public struct ROCPoint: Codable, Hashable, Sendable {
    public var falsePositiveRate: Double
    public var truePositiveRate: Double

    public init(falsePositiveRate: Double, truePositiveRate: Double) {
      self.falsePositiveRate = falsePositiveRate
      self.truePositiveRate = truePositiveRate
    }
  }

  public struct Interval: Codable, Hashable, Sendable {
    public var lower: Double
    public var upper: Double

    public init(lower: Double, upper: Double) {
      self.lower = lower
      self.upper = upper
    }
  }

  /// Decisions against outcomes; positive = responder.
  public struct DecisionCounts: Codable, Hashable, Sendable {
    public var truePositive: Int
    public var trueNegative: Int
    public var falsePositive: Int
    public var falseNegative: Int

    public init(truePositive: Int, trueNegative: Int, falsePositive: Int, falseNegative: Int) {
      self.truePositive = truePositive
      self.trueNegative = trueNegative
      self.falsePositive = falsePositive
      self.falseNegative = falseNegative
    }
  }

  public struct Baseline: Codable, Hashable, Sendable {
    public var name: String
    public var counts: DecisionCounts

    public init(name: String, counts: DecisionCounts) {
      self.name = name
      self.counts = counts
    }
  }

  public struct Patient: Codable, Hashable, Sendable {
    /// Only its first ten characters are printed.
    public var pseudonym: String
    public var probability: Double?
    /// responder, non-responder, abstained, …
    public var decision: String
    public var flags: [String]
    /// The echo outcome, where known.
    public var responded: Bool?
    public var synthetic: Bool

    public init(
      pseudonym: String, probability: Double?, decision: String, flags: [String], responded: Bool?, synthetic: Bool
    ) {
      self.pseudonym = pseudonym
      self.probability = probability
      self.decision = decision
      self.flags = flags
      self.responded = responded
      self.synthetic = synthetic
    }
  }

  /// How often, and why, the decision was withheld.
  public struct Abstentions: Codable, Hashable, Sendable {
    public var dataset: String
    public var modelID: String
    public var synthetic: Bool
    public var recordings: Int
    public var abstained: Int
    /// A recording may carry several flags.
    public var flags: [LabelledCount]

    public init(
      dataset: String, modelID: String, synthetic: Bool, recordings: Int, abstained: Int, flags: [LabelledCount]
    ) {
      self.dataset = dataset
      self.modelID = modelID
      self.synthetic = synthetic
      self.recordings = recordings
      self.abstained = abstained
      self.flags = flags
    }
  }
}
