import Foundation

/// How the learning rate goes over a run's steps.
public enum LearningRateSchedule: String, CaseIterable, Codable, Hashable, Sendable {
  case constant
  /// Half a cosine down to 0.
  case cosine
  /// Up from 1/25 over the first 30 % of the steps, then down to 1/250,000, both along a cosine (Smith 2018; PyTorch's
  /// `OneCycleLR`).
  case oneCycle = "one-cycle"
  /// A tenth after one half and a hundredth after three quarters of the steps.
  case step

  /// - Parameters:
  ///   - base: the largest rate.
  ///   - step: from 0.
  ///   - total: steps of the whole run.
  public func rate(base: Double, step: Int, total: Int) -> Double {
    let progress = Double(step) / Double(max(1, total))
    func along(_ from: Double, _ to: Double, _ part: Double) -> Double {
      to + (from - to) / 2 * (1 + cos(.pi * part))
    }
    switch self {
    case .constant: return base
    case .cosine: return along(base, 0, progress)
    case .oneCycle:
      let last = Double(max(1, total - 1))
      let top = 0.3 * Double(total) - 1
      let (start, end) = (base / 25, base / 25e4)
      guard Double(step) > top else { return along(start, base, top > 0 ? Double(step) / top : 1) }
      return along(base, end, (Double(step) - top) / max(1, last - top))
    case .step: return base * (progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01)
    }
  }
}

/// How much an example of a rare class weighs.
public enum ClassWeighting: String, CaseIterable, Codable, Hashable, Sendable {
  case none
  /// Inverse to the class's share: all classes weigh alike.
  case balanced
  /// The square root of that.
  case sqrtBalanced = "sqrt-balanced"
}

/// One training job, but for its data. In JSON every field but `task` may be left out and then has the task's default.
public struct TrainingSpecification: Codable, Hashable, Sendable {
  public var task: ModelTask
  public var depth: ResNetConfiguration.Depth = .resnet18
  public var widthMultiplier = 0.25
  public var leadSet: LeadSet
  public var epochs: Int
  public var batchSize = 64
  /// Images computed at once: a larger batch is computed in parts of even size whose gradients are added up, which bounds
  /// memory. Batch normalisation then takes its statistics from each part, not from the batch ("ghost batch
  /// normalisation", Hoffer et al. 2017).
  public var microBatchSize = 128
  public var learningRate: Double
  public var schedule: LearningRateSchedule
  public var optimiser: OptimiserConfiguration.Kind = .adam
  public var weightDecay = 1e-4
  /// Of the optimiser `sgd`.
  public var momentum = 0.9
  /// Largest norm of all gradients together; nil for no limit.
  public var gradientClipping: Double?
  public var seed: UInt64 = 1
  public var classWeighting: ClassWeighting
  /// γ of the focal loss (Lin et al. 2017); 0 is plain cross-entropy.
  public var focusing = 0.0
  /// Parameters whose torchvision key begins with one of these do not train; their batch normalisation keeps its
  /// statistics.
  public var freezePrefixes: [String] = []
  /// Share of groups (recordings or patients) held out to choose the epoch and the threshold.
  public var validationShare = 0.2
  /// Augmentation: images move by up to so many columns in time.
  public var timeShiftColumns = 2
  /// Augmentation: amplitudes are scaled by up to this share, up or down.
  public var gainJitter = 0.1
  /// Augmentation: standard deviation of the noise on standardised features.
  public var featureJitter = 0.0
  /// Share of images that are hidden in training, so that the features must be able to speak alone. As with any dropout
  /// (Srivastava 2014) a model's weights for what was hidden at times are then scaled by the share that was shown: what
  /// images say counts less than what features say.
  public var imageDropout = 0.0
  /// Features that the network is not given.
  public var withoutFeatures: [BeatFeatureGroup] = []
  /// Rectified linear units over the features, beside them.
  public var auxiliaryHidden = 0
  /// Classes that only the features may tell apart, not the image: groups of places in the task's class names. A
  /// supraventricular beat looks like a normal one; what makes it early lies in its neighbours.
  public var imageAlike: [[Int]] = []

  /// The task's defaults.
  public init(task: ModelTask) {
    self.task = task
    switch task {
    case .beatClass:
      (leadSet, epochs, learningRate, schedule, classWeighting) = (.single, 12, 1e-3, .oneCycle, .sqrtBalanced)
    case .crtResponse:
      (leadSet, epochs, learningRate, schedule, classWeighting) = (.standardTwelve, 8, 3e-4, .cosine, .none)
    }
  }

  /// The task's defaults in the parent's depth and width; of a parent of the same task, which is then continued, all
  /// settings.
  public init(task: ModelTask, parent: ModelMetadata?) {
    self.init(task: task)
    guard let parent else { return }
    if parent.task == task { self = parent.specification }
    depth = parent.architecture.depth
    widthMultiplier = parent.architecture.widthMultiplier
  }

  public init(from decoder: any Decoder) throws {
    let c = try decoder.container(keyedBy: CodingKeys.self)
    self.init(task: try c.decode(ModelTask.self, forKey: .task))
    func read<T: Decodable>(_ field: inout T, _ key: CodingKeys) throws {
      field = try c.decodeIfPresent(T.self, forKey: key) ?? field
    }
    try read(&depth, .depth)
    try read(&widthMultiplier, .widthMultiplier)
    try read(&leadSet, .leadSet)
    try read(&epochs, .epochs)
    try read(&batchSize, .batchSize)
    try read(&microBatchSize, .microBatchSize)
    try read(&learningRate, .learningRate)
    try read(&schedule, .schedule)
    try read(&optimiser, .optimiser)
    try read(&weightDecay, .weightDecay)
    try read(&momentum, .momentum)
    gradientClipping = try c.decodeIfPresent(Double.self, forKey: .gradientClipping)
    try read(&seed, .seed)
    try read(&classWeighting, .classWeighting)
    try read(&focusing, .focusing)
    try read(&freezePrefixes, .freezePrefixes)
    try read(&validationShare, .validationShare)
    try read(&timeShiftColumns, .timeShiftColumns)
    try read(&gainJitter, .gainJitter)
    try read(&featureJitter, .featureJitter)
    try read(&imageDropout, .imageDropout)
    try read(&withoutFeatures, .withoutFeatures)
    try read(&auxiliaryHidden, .auxiliaryHidden)
    try read(&imageAlike, .imageAlike)
  }

  /// The network that this specification trains.
  public var architecture: ResNetConfiguration {
    ResNetConfiguration(
      depth: depth, widthMultiplier: widthMultiplier, inputChannels: leadSet.channelCount,
      classCount: task.classNames.count, auxiliaryCount: BeatFeatures.count,
      auxiliaryHidden: auxiliaryHidden)
  }

  package var optimiserConfiguration: OptimiserConfiguration {
    OptimiserConfiguration(kind: optimiser, weightDecay: weightDecay, momentum: momentum)
  }

  /// - Throws: `ModelError` with code `invalidConfiguration` naming key, value and what is allowed.
  public func validate() throws {
    try architecture.validate()
    func check<T: Comparable>(_ name: String, _ value: T, _ range: ClosedRange<T>) throws {
      guard range.contains(value) else {
        throw ModelError(
          .invalidConfiguration,
          "training specification: \(name) is \(value), must be \(range.lowerBound) to \(range.upperBound)")
      }
    }
    try check("epochs", epochs, 1...10_000)
    try check("batchSize", batchSize, 1...4096)
    try check("microBatchSize", microBatchSize, 1...4096)
    try check("focusing", focusing, 0...10)
    try check("learningRate", learningRate, 1e-9...10)
    try check("weightDecay", weightDecay, 0...1)
    try check("momentum", momentum, 0...0.9999)
    if let gradientClipping { try check("gradientClipping", gradientClipping, 1e-6...1e6) }
    try check("validationShare", validationShare, 0...0.9)
    try check("timeShiftColumns", timeShiftColumns, 0...64)
    try check("gainJitter", gainJitter, 0...0.9)
    try check("imageDropout", imageDropout, 0...0.9)
    try check("featureJitter", featureJitter, 0...10)
    for place in imageAlike.joined() { try check("imageAlike", place, 0...task.classNames.count - 1) }
    let keys = NetworkPlan(architecture).entries.map(\.key)
    for prefix in freezePrefixes where !keys.contains(where: { $0.hasPrefix(prefix) }) {
      throw ModelError(
        .invalidConfiguration,
        "training specification: freezePrefixes has \"\(prefix)\", with which no parameter begins (conv1, layer1, …)")
    }
    if keys.allSatisfy({ key in freezePrefixes.contains { key.hasPrefix($0) } }) {
      throw ModelError(.invalidConfiguration, "training specification: freezePrefixes leaves nothing to train")
    }
  }
}
