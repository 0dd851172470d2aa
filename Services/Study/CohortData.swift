import Crypto
import Foundation
import ResyncCore

/// Which simulated cohort.
package struct CohortChoice: Codable, Hashable, Sendable {
  package var link: CohortSimulatorConfiguration.Link
  package var seed: UInt64
  package var size = 71
  package var responders = 46

  package init(_ link: CohortSimulatorConfiguration.Link = .substrate, seed: UInt64 = 1) {
    self.link = link
    self.seed = seed
  }

  package func simulator() throws -> CohortSimulator {
    CohortSimulator(seed: seed, configuration: try CohortSimulatorConfiguration(link: link))
  }
}

/// A simulated cohort with its recordings read once: ten seconds in twelve leads for each patient.
package struct SimulatedCohort {
  package let patients: [SimulatedPatient]
  package let variables: CohortVariables
  package let recordings: [AnalysedRecording]

  /// - Throws: `StudyStopped`.
  package init(_ choice: CohortChoice, pipeline: PipelineConfiguration = .init(), _ context: StudyContext) throws {
    let simulator = try choice.simulator()
    patients = simulator.cohort(size: choice.size, responders: choice.responders)
    recordings = try patients.map { patient in
      try context.checkStop()
      return try AnalysedRecording(
        simulator.ecg(for: patient, sampleRateHz: 500), leads: Lead.allCases, nativeHz: 500, pipeline: pipeline,
        sex: patient.sex == .female ? .female : .male)
    }
    variables = CohortVariables(patients, ecg: recordings.map { CohortVariables.ECG($0.measures) })
  }

  package func networkBeats(most: Int, pipeline: PipelineConfiguration) throws -> CohortBeats {
    try CohortBeats(recordings.map(\.beats), labels: variables.labels, most: most, pipeline: pipeline)
  }
}

/// The network that the pretrained rivals start from: beat classes of MIT-BIH's DS1, kept in the cache.
package struct PretrainedTrunk: Codable, Sendable {
  package var specification: TrainingSpecification
  /// Records of DS1 that teach; those of DS2 stay unseen for the study of beats.
  package var records: [String]
  /// Of each record's beats every so many-th teaches.
  package var stride: Int

  package func artifact(folder: URL, pipeline: PipelineConfiguration, _ context: StudyContext) throws -> ModelArtifact {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let key = SHA256.hash(data: try encoder.encode(self) + Data("annotated \(pipeline.id)".utf8)).hexadecimal
    let file = context.cache.appendingPathComponent("trunk-\(key.prefix(24)).safetensors")
    if let bytes = try? Data(contentsOf: file), let kept = try? ModelArtifact(decoding: Array(bytes)) { return kept }
    context.note("  pretraining on \(records.count) records of MIT-BIH")
    let run = try TrainingRun(
      specification: specification, examples: try examples(folder, pipeline, context), pipeline: pipeline,
      provenance: TrainingProvenance(trainingRecordings: records, trainedOnSynthetic: false), threads: context.threads)
    while !run.isFinished { try run.runEpoch { _ in try context.checkStop() } }
    let artifact = try run.finish { _ in try context.checkStop() }
    try FileManager.default.createDirectory(at: context.cache, withIntermediateDirectories: true)
    try Data(artifact.encoded()).writeWhole(to: file)
    return artifact
  }

  private func examples(
    _ folder: URL, _ pipeline: PipelineConfiguration, _ context: StudyContext
  ) throws -> [TrainingExample] {
    let cache = BeatCache(folder: context.cache.appendingPathComponent("beats"))
    return try RecordFile.find([folder.path]).filter { records.contains($0.name) }.flatMap { file in
      try context.checkStop()
      let examples = try cache.beats(of: file, pipeline: pipeline).examples(leadSet: specification.leadSet)
      return Swift.stride(from: 0, to: examples.count, by: stride).map { examples[$0] }
    }
  }
}
