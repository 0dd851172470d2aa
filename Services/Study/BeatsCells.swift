import ResyncCore

/// The cells of the pretraining on MIT-BIH.
package enum BeatsCells {
  package static func all(quick: Bool) -> [any Cell] {
    let first = BetweenPersons(depth: .resnet18, quick: quick).cells + signalAlone(quick: quick)
    let rest = Ablations(quick: quick)
    guard !quick else { return first + rest.cells.prefix(3) }
    return first + rest.cells + rest.grid
      + [.resnet50, .resnet101].flatMap { BetweenPersons(depth: $0, quick: false).cells }
  }

  fileprivate static func cell(
    _ name: String, _ beatProtocol: BeatProtocol, _ specification: TrainingSpecification,
    pipeline: PipelineConfiguration = .init(), quick: Bool, normalStride: Int = 1, simulated: SimulatedRhythms? = nil
  ) -> BeatsCell {
    BeatsCell(
      name: "beats/" + name,
      inputs: .init(
        beatProtocol: beatProtocol, specification: specification, pipeline: pipeline, quick: quick,
        normalStride: normalStride, simulated: simulated))
  }

  /// The signal of the canvas, in place of spectrograms.
  fileprivate static let signal = PipelineConfiguration(image: .samples(columns: 512))

  /// What the paper compares itself with: a one-dimensional convolutional network on the same beats (Kachuee 2018), here
  /// the residual network on one row of samples, where of every kernel only the middle row meets data. No features.
  private static func signalAlone(quick: Bool) -> [BeatsCell] {
    [BeatProtocol.ds1ToDS2, .randomByBeat].map { beatProtocol in
      var specification = design(.resnet18, quick: quick)
      specification.withoutFeatures = BeatFeatureGroup.allCases
      specification.auxiliaryHidden = 0
      specification.imageAlike = []
      specification.imageDropout = 0
      specification.epochs = quick ? 2 : 6
      return cell("\(beatProtocol.rawValue)/signal-cnn", beatProtocol, specification, pipeline: signal, quick: quick)
    }
  }

  /// Chosen on DS1's folds; METHOD.md says why. The judges have no part in training, so the number of epochs is fixed and
  /// nothing is held out for it.
  fileprivate static func design(_ depth: ResNetConfiguration.Depth, quick: Bool) -> TrainingSpecification {
    var specification = TrainingSpecification(task: .beatClass)
    specification.depth = depth
    specification.validationShare = 0
    // The deeper networks at half the width: else fifty layers and the random split take hours.
    specification.widthMultiplier = quick || depth != .resnet18 ? 0.25 : 0.5
    specification.epochs = quick ? 2 : 3
    specification.auxiliaryHidden = 32
    specification.featureJitter = 0.2
    specification.imageDropout = 0.75
    specification.withoutFeatures = [.intervals, .overRecent, .template]
    specification.imageAlike = [[BeatClass.N.index, BeatClass.S.index]]
    return specification
  }
}

/// The design under both protocols.
private struct BetweenPersons {
  var depth: ResNetConfiguration.Depth
  var quick: Bool

  var cells: [BeatsCell] {
    var random = BeatsCells.design(depth, quick: quick)
    // Where a patient's own beats teach, the image knows the patient's P waves.
    random.imageAlike = []
    random.leadSet = .pair
    random.imageDropout = 0
    random.epochs = quick ? 2 : 6
    return [
      BeatsCells.cell(
        "ds1-ds2/\(depth.rawValue)", .ds1ToDS2, BeatsCells.design(depth, quick: quick), quick: quick,
        normalStride: Ablations.normalStride, simulated: SimulatedRhythms()),
      BeatsCells.cell("random-by-beat/\(depth.rawValue)", .randomByBeat, random, quick: quick),
    ]
  }
}

/// What the design's parts are worth: one change each from the first, on DS1's folds at a quarter of the width.
struct Ablations {
  static let normalStride = 3
  private let quick: Bool
  private let base: TrainingSpecification

  init(quick: Bool) {
    self.quick = quick
    var base = BeatsCells.design(.resnet18, quick: quick)
    base.widthMultiplier = 0.25
    base.epochs = quick ? 1 : 3
    self.base = base
  }

  private func cell(
    _ name: String, pipeline: PipelineConfiguration = .init(), normalStride: Int = Self.normalStride,
    simulated: SimulatedRhythms? = SimulatedRhythms(), _ change: (inout TrainingSpecification) -> Void = { _ in }
  ) -> BeatsCell {
    var specification = base
    change(&specification)
    return BeatsCells.cell(
      name, .ds1Folds, specification, pipeline: pipeline, quick: quick, normalStride: normalStride,
      simulated: simulated)
  }

  private func ablation(
    _ name: String, pipeline: PipelineConfiguration = .init(), normalStride: Int = Self.normalStride,
    simulated: SimulatedRhythms? = SimulatedRhythms(), _ change: (inout TrainingSpecification) -> Void = { _ in }
  ) -> BeatsCell {
    cell("ablation/" + name, pipeline: pipeline, normalStride: normalStride, simulated: simulated, change)
  }

  private func without(_ name: String, _ groups: [BeatFeatureGroup]) -> BeatsCell {
    ablation("without-" + name) { specification in
      specification.withoutFeatures = BeatFeatureGroup.allCases.filter {
        specification.withoutFeatures.contains($0) || groups.contains($0)
      }
    }
  }

  private func stft(_ window: Int, hop: Int) -> PipelineConfiguration {
    PipelineConfiguration(
      stft: STFTConfiguration(window: .hann, windowSamples: window, hopSamples: hop, fftLength: 256))
  }

  var cells: [BeatsCell] {
    [
      ablation("base"),
      ablation("without-simulated-rhythms", simulated: nil),
      ablation("simulated-fibrillation-alone", simulated: SimulatedRhythms([.atrialFibrillation])),
      ablation("simulated-runs-alone", simulated: SimulatedRhythms([.atrialRuns])),
      ablation("without-features", simulated: nil) {
        $0.withoutFeatures = BeatFeatureGroup.allCases
        $0.imageDropout = 0
        $0.imageAlike = []
      },
      ablation("signal", pipeline: BeatsCells.signal),
      ablation("image-tells-s") { $0.imageAlike = [] },
      ablation("two-leads") { $0.leadSet = .pair },
      ablation("all-features") { $0.withoutFeatures = [] },
      without("usual-rhythm", [.usualRhythm]),
      without("over-mean", [.overMean]),
      without("variability", [.variability]),
      without("shapes", [.primaryShape, .otherShape]),
      without("second-lead", [.otherShape]),
      ablation("without-hidden-units") { $0.auxiliaryHidden = 0 },
      ablation("without-augmentation") {
        $0.timeShiftColumns = 0
        $0.gainJitter = 0
        $0.featureJitter = 0
      },
      ablation("without-image-dropout") { $0.imageDropout = 0 },
      ablation("without-class-weights") { $0.classWeighting = .none },
      ablation("every-normal-beat", normalStride: 1),
      ablation("r-start", pipeline: PipelineConfiguration.Name.compactRStart.configuration),
      ablation("paper-hann-512", pipeline: PipelineConfiguration.Name.paperHann512.configuration),
      ablation("paper-hamming-512", pipeline: PipelineConfiguration.Name.paperHamming512.configuration),
      ablation("window-32", pipeline: stft(32, hop: 8)),
      ablation("window-128", pipeline: stft(128, hop: 8)),
      ablation("hop-16", pipeline: stft(64, hop: 16)),
    ]
  }

  /// Learning rate by batch; the paper's is .001 by 2,000.
  var grid: [BeatsCell] {
    [3e-4, 1e-3, 3e-3].flatMap { rate in
      [64, 500, 2_000].map { batch in
        cell("grid/rate-\(rate)-batch-\(batch)") {
          $0.learningRate = rate
          $0.batchSize = batch
        }
      }
    }
  }
}
