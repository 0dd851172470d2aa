/// How a trunk that reads one lead reads twelve.
package enum LeadFusion: String, CaseIterable, Codable, Hashable, Sendable {
  /// The first layer repeats over the leads, divided by their number (`NamedTensor.inflating`): of a frozen trunk this
  /// reads the mean of the twelve images.
  case inflated
  /// Each lead by itself through the same trunk; mean over the leads.
  case pooled
  /// The same, side by side.
  case concatenated
}

extension ModelArtifact {
  /// Pooled features of a frozen trunk, mean over each patient's beats: a logistic regression on them has as its log odds
  /// the mean over the beats.
  ///
  /// - Parameter beats: of each patient, twelve leads each.
  package func features(of beats: [[TransferBeat]], fusion: LeadFusion, threads: Int) throws -> FeatureTable {
    let leads = LeadSet.standardTwelve.channelCount
    let classifier = try fusion == .inflated ? Classifier(inflated(to: .standardTwelve)) : Classifier(self)
    let readings = fusion == .inflated ? [Array(0..<leads)] : (0..<leads).map { [$0] }
    let width = classifier.featureCount
    let count = fusion == .concatenated ? width * readings.count : width
    let rows = try beats.map { own in
      let flat = try classifier.features(
        own.flatMap { beat in readings.map { (beat.image, $0, beat.features) } }, threads: threads)
      var row = [Double](repeating: 0, count: count)
      for (place, value) in flat.enumerated() {
        let reading = place / width % readings.count
        let target = fusion == .concatenated ? reading * width + place % width : place % width
        row[target] += Double(value) / Double(own.count * (fusion == .concatenated ? 1 : readings.count))
      }
      return row
    }
    return FeatureTable(featureCount: count, rows: rows)
  }

  private func inflated(to leadSet: LeadSet) throws -> ModelArtifact {
    var (metadata, tensors) = (metadata, tensors)
    metadata.leadSet = leadSet
    metadata.architecture.inputChannels = leadSet.channelCount
    tensors["conv1.weight"] = tensors["conv1.weight"]?.inflating(inputChannels: leadSet.channelCount)
    return try ModelArtifact(metadata: metadata, tensors: tensors)
  }
}
