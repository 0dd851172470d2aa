/// The beats of a cohort's baseline ECGs as a network reads them: twelve leads, so many of each patient.
package struct CohortBeats: Sendable {
  /// Of each patient, in the order of time; a patient without a beat has none.
  package let examples: [[TrainingExample]]
  package let labels: [Bool]
  package let pipeline: PipelineConfiguration

  /// Takes beats that are neither ectopic nor of poor quality, evenly over the recording; where a patient has none, of
  /// all beats.
  ///
  /// - Parameters:
  ///   - beats: of each patient, cut by `pipeline`, leads in `Lead.allCases` order.
  ///   - most: beats taken of a patient.
  package init(_ beats: [[ExtractedBeat]], labels: [Bool], most: Int, pipeline: PipelineConfiguration) throws {
    precondition(beats.count == labels.count && most > 0, "beats and one label for each patient")
    let transform = try SpectrogramTransform(pipeline: pipeline)
    self.labels = labels
    self.pipeline = pipeline
    examples = zip(beats, labels).enumerated().map { patient, pair in
      let usable = pair.0.filter { $0.qualityPassed && !$0.ectopicSuspected }
      let offered = usable.isEmpty ? pair.0 : usable
      let taken = min(most, offered.count)
      return (0..<taken).map { place in
        let beat = offered[place * offered.count / taken]
        return TrainingExample(
          id: "\(patient):\(beat.rPeakSample)", group: String(patient),
          image: transform.image(of: beat.samples, rPeakOffset: beat.rPeakOffset), features: beat.features,
          label: pair.1 ? 1 : 0)
      }
    }
  }

  /// Beats as a classifier of twelve leads, or of one, reads them.
  package func beats(of patient: Int, leadSet: LeadSet = .standardTwelve) -> [Classifier.Beat] {
    let channels = leadSet.channels(from: Lead.allCases)!
    return examples[patient].map { ($0.image, channels, $0.features) }
  }

  /// The mean image of patients, each weighing 1; nil where none of them has a beat.
  package func meanImage(of patients: [Int]) -> SpectrogramImage? {
    let known = patients.filter { !examples[$0].isEmpty }
    guard let shape = known.first.map({ examples[$0][0].image }) else { return nil }
    var sums = [Float](repeating: 0, count: shape.values.count)
    for patient in known {
      let weight = 1 / Float(examples[patient].count * known.count)
      for example in examples[patient] {
        for (place, value) in example.image.values.enumerated() { sums[place] += weight * Float(value) }
      }
    }
    return SpectrogramImage(
      leadCount: shape.leadCount, rows: shape.rows, columns: shape.columns, values: sums.map { Float16($0) })
  }
}
