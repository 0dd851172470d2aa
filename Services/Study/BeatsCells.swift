import ResyncCore

/// The cells of the pretraining on MIT-BIH.
package enum BeatsCells {
  package static func all(quick: Bool) -> [any Cell] {
    let main = cells(.resnet18, quick: quick)
    return main
      + (quick ? Array(ablations(quick: true).prefix(3)) : ablations(quick: false) + cells(.resnet50, quick: false))
  }

  private static func cells(_ depth: ResNetConfiguration.Depth, quick: Bool) -> [BeatsCell] {
    var random = specification(depth, quick: quick)
    // Where a patient's own beats teach, the image knows the patient's P waves.
    random.imageAlike = []
    return [
      cell("ds1-ds2/\(depth.rawValue)", .ds1ToDS2, specification(depth, quick: quick), quick: quick),
      cell("random-by-beat/\(depth.rawValue)", .randomByBeat, random, quick: quick),
    ]
  }

  private static func cell(
    _ name: String, _ beatProtocol: BeatProtocol, _ specification: TrainingSpecification,
    pipeline: PipelineConfiguration = .init(), quick: Bool
  ) -> BeatsCell {
    BeatsCell(
      name: "beats/" + name,
      inputs: .init(
        beatProtocol: beatProtocol, specification: specification, pipeline: pipeline, quick: quick))
  }

  /// The judges have no part in training, so the number of epochs is fixed and nothing is held out for it.
  static func specification(_ depth: ResNetConfiguration.Depth, quick: Bool) -> TrainingSpecification {
    var specification = TrainingSpecification(task: .beatClass)
    specification.depth = depth
    specification.validationShare = 0
    specification.widthMultiplier = quick ? 0.25 : 1
    specification.epochs = quick ? 2 : 6
    specification.auxiliaryHidden = 32
    specification.featureJitter = 0.2
    specification.withoutFeatures = [.intervals, .overRecent, .template]
    specification.imageAlike = [[BeatClass.N.index, BeatClass.S.index]]
    return specification
  }

  // MARK: - Ablations

  /// One change each from the first, all on DS1's validation part at a quarter of the width.
  static func ablations(quick: Bool) -> [BeatsCell] {
    var base = specification(.resnet18, quick: quick)
    base.widthMultiplier = 0.25
    base.epochs = quick ? 1 : 4
    func variant(_ change: (inout TrainingSpecification) -> Void) -> TrainingSpecification {
      var specification = base
      change(&specification)
      return specification
    }
    func without(_ groups: [BeatFeatureGroup]) -> TrainingSpecification {
      variant { $0.withoutFeatures = Array(Set($0.withoutFeatures + groups)).sorted { $0.rawValue < $1.rawValue } }
    }
    func cell(
      _ name: String, _ specification: TrainingSpecification? = nil, pipeline: PipelineConfiguration = .init()
    ) -> BeatsCell {
      Self.cell(
        "ablation/" + name, .ds1Validation, specification ?? base, pipeline: pipeline, quick: quick)
    }
    func stft(_ window: Int, hop: Int) -> PipelineConfiguration {
      PipelineConfiguration(
        stft: STFTConfiguration(window: .hann, windowSamples: window, hopSamples: hop, fftLength: 256))
    }
    return [
      cell("base"),
      cell("without-features", without(BeatFeatureGroup.allCases)),
      cell("image-tells-s", variant { $0.imageAlike = [] }),
      cell("all-features", variant { $0.withoutFeatures = [] }),
      cell("classic-features", variant { $0.withoutFeatures = [.usualRhythm, .primaryShape, .otherShape] }),
      cell("without-usual-rhythm", without([.usualRhythm])),
      cell("without-shapes", without([.primaryShape, .otherShape])),
      cell("without-second-lead", without([.otherShape])),
      cell("two-leads", variant { $0.leadSet = .pair }),
      cell("without-hidden-units", variant { $0.auxiliaryHidden = 0 }),
      cell("without-jitter", variant { $0.featureJitter = 0 }),
      cell(
        "without-augmentation",
        variant {
          $0.timeShiftColumns = 0
          $0.gainJitter = 0
          $0.featureJitter = 0
        }),
      cell("image-dropout", variant { $0.imageDropout = 0.5 }),
      cell(
        "image-dropout-two-leads",
        variant {
          $0.imageDropout = 0.5
          $0.leadSet = .pair
        }),
      cell("gain-half", variant { $0.gainJitter = 0.5 }),
      cell("without-class-weights", variant { $0.classWeighting = .none }),
      cell("r-start", pipeline: PipelineConfiguration.Name.compactRStart.configuration),
      cell("paper-hann-512", pipeline: PipelineConfiguration.Name.paperHann512.configuration),
      cell("paper-hamming-512", pipeline: PipelineConfiguration.Name.paperHamming512.configuration),
      cell("window-32", pipeline: stft(32, hop: 8)),
      cell("window-128", pipeline: stft(128, hop: 8)),
      cell("hop-16", pipeline: stft(64, hop: 16)),
    ]
  }
}
