/// What a network learnt on MIT-BIH before it sees the patients.
package enum TransferSource: String, CaseIterable, Codable, Hashable, Sendable {
  /// The AAMI class of a beat, which merges bundle branch blocks into N.
  case aami
  /// The same labels, permuted among the beats of each record: what is learnt is not what a beat is.
  case shuffled
  /// N, L, R, V or paced by MIT-BIH's symbols, which keeps them apart.
  case morphology

  /// A class of five; nil for beats that are left out.
  package func label(symbol: String) -> Int? {
    switch self {
    case .aami, .shuffled:
      symbol.first.flatMap { BeatClass(annotationSymbol: $0) }.flatMap { BeatClass.allCases.firstIndex(of: $0) }
    case .morphology: ["N", "L", "R", "V", "/"].firstIndex(of: symbol)
    }
  }

  /// Examples from one record's beats: of each class at most `most`, spread evenly, from each of the record's leads in
  /// turn, since a twelve-lead network is to read all leads.
  ///
  /// - Parameter seed: of the permutation.
  package func examples(
    record: String, beats: [ExtractedBeat], transform: SpectrogramTransform, most: Int, seed: UInt64
  ) -> [TrainingExample] {
    let labelled = beats.enumerated().compactMap { number, beat in
      beat.referenceSymbol.flatMap(label).map { (number: number, beat: beat, label: $0) }
    }
    var chosen = Dictionary(grouping: labelled, by: \.label).values.flatMap { members in
      let count = min(most, members.count)
      return (0..<count).map { members[$0 * members.count / count] }
    }
    chosen.sort { $0.number < $1.number }
    var labels = chosen.map(\.label)
    if self == .shuffled {
      var generator = SeededGenerator(seed: seed)
      labels.shuffle(using: &generator)
    }
    return zip(chosen, labels).enumerated().map { place, pair in
      let (number, beat) = (pair.0.number, pair.0.beat)
      let lead = place % beat.samples.count
      return TrainingExample(
        id: "\(record)-\(number)", group: record,
        image: transform.image(of: [beat.samples[lead]], rPeakOffset: beat.rPeakOffset), features: beat.features,
        label: pair.1)
    }
  }
}

extension ModelArtifact {
  /// A model of the same kind with other weights, made by chance.
  ///
  /// - Parameter keepsMoments: draws each tensor from a normal distribution with its own mean and variance, as "Mean Var
  ///   init" of Raghu et al., Transfusion, NeurIPS 2019; else fresh weights. The running statistics begin anew.
  package func randomised(keepsMoments: Bool, seed: UInt64) throws -> ModelArtifact {
    let network = try ResNet(configuration: metadata.architecture, seed: seed)
    if keepsMoments {
      var generator = SeededGenerator(seed: seed)
      var tensors = network.tensors
      for key in network.parameters.keys.sorted() {
        guard let own = self.tensors[key] else { continue }
        let values = own.values.map(Double.init)
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        tensors[key] = NamedTensor(
          shape: own.shape, values: values.map { _ in Float(mean + variance.squareRoot() * generator.gaussian()) })
      }
      try network.load(tensors)
    }
    return try ModelArtifact(metadata: metadata, tensors: network.tensors)
  }
}
