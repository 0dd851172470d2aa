/// The beats of one annotated record as a network reads them.
public struct AnnotatedBeats: Hashable, Sendable {
  public struct Beat: Hashable, Sendable {
    /// R-peak, sample index at the native rate.
    public var sample: Int64
    /// Of its reference.
    public var label: BeatClass
    public var features: BeatFeatures
    /// All leads of the record.
    public var image: SpectrogramImage

    public init(sample: Int64, label: BeatClass, features: BeatFeatures, image: SpectrogramImage) {
      self.sample = sample
      self.label = label
      self.features = features
      self.image = image
    }
  }

  public var record: String
  public var leads: [Lead]
  /// One for each reference beat, in order.
  public var beats: [Beat]

  public init(record: String, leads: [Lead], beats: [Beat]) {
    self.record = record
    self.leads = leads
    self.beats = beats
  }

  /// By the code of the streamed pipeline, with the reference beats in place of the detector's.
  ///
  /// - Parameters:
  ///   - annotations: at the record's sample indices; those that mark no beat are ignored.
  /// - Throws: `SignalError`; `WFDBError` for a lead with an unknown name, or references of which one cannot be told
  ///   from its neighbour.
  package init(
    of record: WFDBRecord, name: String, annotations: [WFDBAnnotation], pipeline: PipelineConfiguration
  ) throws {
    self.record = name
    leads = try record.header.signals.map { signal in
      guard let lead = Lead(name: signal.description) else {
        throw WFDBError(.unsupported, file: name + ".hea", "a signal's description is not the name of a lead")
      }
      return lead
    }
    let references = annotations.filter { BeatClass(annotationSymbol: $0.symbol) != nil }
      .map { ReferenceBeat(sample: $0.sample, symbol: String($0.symbol)) }
    var extractor = try BeatExtractor(
      pipeline: pipeline, sampleRateHz: record.header.sampleRateHz, leads: leads, complexes: .annotated)
    let transform = try SpectrogramTransform(pipeline: pipeline)
    let extracted = extractor.consume(record.millivolts(), references: references) + extractor.finish().beats
    beats = extracted.compactMap { beat in
      beat.referenceSymbol?.first.flatMap(BeatClass.init(annotationSymbol:)).map {
        Beat(
          sample: beat.rPeakSample, label: $0, features: beat.features,
          image: transform.image(of: beat.samples, rPeakOffset: beat.rPeakOffset))
      }
    }
    guard beats.count == references.count else {
      throw WFDBError(
        .annotationMalformed, file: name + ".atr",
        "\(references.count) reference beats gave \(beats.count) beats; expected as many")
    }
  }

  /// Examples to train on or to score, in the beats' order: the leads of the set, grouped by person.
  ///
  /// - Throws: `ModelError` with code `invalidExamples` when the record lacks a lead of the set.
  public func examples(
    leadSet: LeadSet
  ) throws -> [TrainingExample] {
    guard let channels = leadSet.channels(from: leads) else {
      throw ModelError(.invalidExamples, "a record lacks a lead of the set \(leadSet.rawValue)")
    }
    return beats.map { beat in
      TrainingExample(
        id: "\(record):\(beat.sample)", group: MITBIH.person(of: record), image: beat.image.selecting(channels),
        features: beat.features, label: beat.label.index)
    }
  }
}
