import Foundation
import ResyncCore
import Store

/// The evaluation's page: what the rows say, with pictures from the gallery.
struct ReportBuilder {
  var beats: [BeatEvaluation]
  var responses: [ResponseEvaluation]
  var gallery: Gallery

  func report(_ connection: Connection, generatedAt: Date) throws -> EvaluationReport {
    var sections: [EvaluationReport.Section] = [
      .run(try summary(connection)), .models(try models(connection)),
    ]
    sections += beats.map { .beatClasses(beatClasses($0)) }
    sections += beatPictures(try pipelines(connection))
    sections += responses.filter { $0.roc != nil }.map { .responses(responses($0)) }
    sections += responses.filter { $0.abstained > 0 }.map { .abstentions(abstentions($0)) }
    sections += responsePictures(try pipelines(connection))
    return EvaluationReport(
      title: "Resync evaluation", generatedAt: generatedAt.formatted(.iso8601), sections: sections)
  }

  // MARK: - Run and models

  private func summary(_ connection: Connection) throws -> EvaluationReport.RunSummary {
    let status = try SuiteStatus.read(connection, recordings: nil)
    return EvaluationReport.RunSummary(
      published: status.published, predicted: status.predicted, rejected: status.rejected, missing: status.missing,
      duplicates: status.duplicates, beats: status.beats,
      rejections: try Rejections(connection).countByCode().sorted { $0.key < $1.key }.map {
        .init(label: $0.key, count: Int($0.value))
      })
  }

  private func models(_ connection: Connection) throws -> [EvaluationReport.Model] {
    try Models(connection).list(limit: 20).map { model in
      EvaluationReport.Model(
        id: model.modelID, task: model.task, parent: model.parentModelID, pipelineID: model.pipelineID,
        trainingRecordings: try Models(connection).trainingRecordings(model.modelID).map {
          String($0.recordingID.prefix(12))
        },
        trainedOnSynthetic: model.trainedOnSynthetic)
    }
  }

  private func pipelines(_ connection: Connection) throws -> PipelineConfiguration? {
    guard let newest = try Models(connection).list(limit: 1).first else { return nil }
    return try Models(connection).load(newest.modelID)?.pipeline
  }

  // MARK: - Beats

  private func beatClasses(_ evaluation: BeatEvaluation) -> EvaluationReport.BeatClasses {
    let seen =
      switch evaluation.key.scope {
      case .heldOut: "Held out: patients the model has never seen"
      case .training: "Training recordings (optimistic: the model has seen these patients)"
      }
    return EvaluationReport.BeatClasses(
      dataset: "\(seen). Own R-peaks matched to reference beats within 150 ms.", modelID: evaluation.key.modelID,
      synthetic: evaluation.key.synthetic, counts: evaluation.matrix.counts,
      records: evaluation.records.sorted { $0.key < $1.key }.map {
        .init(name: String($0.key.prefix(12)), counts: $0.value.counts)
      })
  }

  private func beatPictures(_ pipeline: PipelineConfiguration?) -> [EvaluationReport.Section] {
    guard let pipeline, !gallery.beatClasses.isEmpty else { return [] }
    return [
      pictures(
        "One beat of each class", synthetic: false, pipeline,
        gallery.beatClasses.map { beatClass, picture in
          .init(
            caption: "\(beatClass.rawValue), recording \(picture.recordingID.prefix(12))", leadNames: picture.leads,
            image: picture.image)
        })
    ]
  }

  // MARK: - Responses

  private func responses(_ evaluation: ResponseEvaluation) -> EvaluationReport.Responses {
    let roc = evaluation.roc
    return EvaluationReport.Responses(
      dataset: evaluation.synthetic
        ? "Simulated patients outside the training cohort" : "Patients outside the training cohort",
      modelID: evaluation.modelID, synthetic: evaluation.synthetic,
      roc: roc?.points.map { .init(falsePositiveRate: $0.falsePositiveRate, truePositiveRate: $0.sensitivity) } ?? [],
      auc: roc?.auc,
      aucInterval: evaluation.aucInterval.map { .init(lower: $0.lowerBound, upper: $0.upperBound) },
      threshold: evaluation.threshold, counts: .init(evaluation.counts), abstained: evaluation.abstained,
      baselines: [.init(name: "LBBB alone", counts: .init(evaluation.lbbbAlone))],
      ceilingAUC: evaluation.synthetic ? CohortSimulatorConfiguration().ecgOnlyAUC : nil,
      patients: evaluation.patients.map { patient in
        .init(
          pseudonym: patient.pseudonym, probability: patient.probability,
          decision: patient.decision ?? patient.outcome.rawValue, flags: patient.flags, responded: patient.responded,
          synthetic: evaluation.synthetic)
      })
  }

  private func abstentions(_ evaluation: ResponseEvaluation) -> EvaluationReport.Abstentions {
    let flags = Dictionary(evaluation.patients.flatMap(\.flags).map { ($0, 1) }, uniquingKeysWith: +)
    return EvaluationReport.Abstentions(
      dataset: evaluation.synthetic ? "Simulated patients" : "Real twelve-lead recordings",
      modelID: evaluation.modelID, synthetic: evaluation.synthetic, recordings: evaluation.patients.count,
      abstained: evaluation.abstained,
      flags: flags.sorted { $0.key < $1.key }.map { .init(label: $0.key, count: $0.value) })
  }

  private func responsePictures(_ pipeline: PipelineConfiguration?) -> [EvaluationReport.Section] {
    guard let pipeline else { return [] }
    let pictures = [true, false].compactMap { responded -> EvaluationReport.Spectrograms.Picture? in
      let patients = responses.flatMap { $0.synthetic ? $0.patients : [] }.filter { $0.responded == responded }
      guard let picture = patients.lazy.compactMap({ gallery.synthetic(patient: $0.pseudonym) }).first else {
        return nil
      }
      return .init(
        caption: responded ? "Responder, one beat in all leads" : "Non-responder, one beat in all leads",
        leadNames: picture.leads, image: picture.image)
    }
    return pictures.isEmpty
      ? [] : [self.pictures("Responder and non-responder", synthetic: true, pipeline, pictures)]
  }

  private func pictures(
    _ title: String, synthetic: Bool, _ pipeline: PipelineConfiguration,
    _ pictures: [EvaluationReport.Spectrograms.Picture]
  ) -> EvaluationReport.Section {
    .spectrograms(
      EvaluationReport.Spectrograms(title: title, synthetic: synthetic, pipeline: pipeline, pictures: pictures))
  }
}

extension EvaluationReport.DecisionCounts {
  init(_ counts: BinaryCounts) {
    self.init(
      truePositive: counts.truePositive, trueNegative: counts.trueNegative, falsePositive: counts.falsePositive,
      falseNegative: counts.falseNegative)
  }
}
