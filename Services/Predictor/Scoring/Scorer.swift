import Foundation
import Messages
import ResyncCore
import ServiceKit
import Store

/// What a model says of beats, on so many threads; in the program always `Classifier.score`.
package typealias BeatScoring = @Sendable (Classifier, [Classifier.Beat], _ threads: Int) throws -> [BeatScore]

/// Turns a batch into rows: pins, scores, and a prediction for each recording that ends.
///
/// All writes are upserts of values that depend on the message and the pinned model alone, so that a batch that comes
/// again, here or at another replica, writes the same rows.
struct Scorer {
  var tasks: [ModelTask]
  /// Threads of the network.
  var threads: Int
  var models: LiveModels
  var scoring: BeatScoring

  /// Beats that the models cannot read are refused in the batch.
  /// - Returns: the prediction rows of the recordings that ended, as stored.
  mutating func write(_ batch: inout PredictionBatch, _ connection: Connection) throws -> [PredictionRow] {
    var pinned: [ModelTask: [String: LoadedModel]] = [:]
    for task in tasks {
      let pins = try pins(of: Set(batch.recordingIDs), task, connection)
      pinned[task] = try pins.mapValues { try models.model($0, connection) }
    }
    batch.refuseMisfits { id in pinned.values.compactMap { $0[id]?.metadata.pipeline } }
    let rows = try tasks.flatMap { task in try beatRows(batch, task, pinned[task] ?? [:]) }
    return try connection.transaction {
      try BeatPredictions(connection).upsert(rows)
      return try batch.ends.flatMap { end in
        // The beats of a refused recording count for nothing.
        if end.status != .complete { try BeatPredictions(connection).deleteAll(recordingID: end.recordingID) }
        try TwelveLeads(connection).write(TwelveLeadRow(end), recordingID: end.recordingID)
        return try tasks.map { task in
          let row = try prediction(end, task, pinned[task]?[end.recordingID], connection)
          try Predictions(connection).upsert(row)
          return row
        }
      }
    }
  }

  /// The model of each recording. A new one must not get a model that was no longer live when it was published, so that
  /// what is remembered of promotions does not do for it.
  private mutating func pins(
    of recordings: Set<String>, _ task: ModelTask, _ connection: Connection
  ) throws -> [String: String] {
    let standing = try Pins(connection).standing(Array(recordings), task: task.rawValue)
    let new = recordings.subtracting(standing.keys)
    guard !new.isEmpty else { return standing }
    try models.refresh(connection)
    guard let live = models.live[task] else { preconditionFailure("no batch is scored before every task is live") }
    let made = try Pins(connection).pin(Array(new), task: task.rawValue, modelID: live)
    return standing.merging(made) { pinned, _ in pinned }
  }

  private func beatRows(
    _ batch: PredictionBatch, _ task: ModelTask, _ pinned: [String: LoadedModel]
  ) throws -> [BeatPredictionRow] {
    var byModel: [String: [(beat: PredictionBatch.Beat, channels: [Int])]] = [:]
    for beat in batch.beats {
      guard let model = pinned[beat.message.recordingID], beat.message.pipelineID == model.metadata.pipeline.id,
        let channels = model.metadata.leadSet.channels(from: beat.leads)
      else { continue }
      byModel[model.id, default: []].append((beat, channels))
    }
    return try byModel.keys.sorted().flatMap { id -> [BeatPredictionRow] in
      guard let beats = byModel[id], let model = pinned.values.first(where: { $0.id == id }) else { return [] }
      let scores = try scoring(
        model.classifier, beats.map { ($0.beat.image, $0.channels, $0.beat.features) }, threads)
      return zip(beats, scores).map { beat, score in
        let message = beat.beat.message
        let best = score.probabilities.indices.max { score.probabilities[$0] < score.probabilities[$1] } ?? 0
        return BeatPredictionRow(
          recordingID: message.recordingID, task: task.rawValue, rPeakSample: message.rPeakSample, modelID: id,
          rPeakSeconds: message.rPeakSeconds, probabilities: score.probabilities, logits: score.logits,
          predictedClass: model.metadata.classNames[best],
          referenceSymbol: message.referenceSymbol.isEmpty ? nil : message.referenceSymbol,
          qualityPassed: message.qualityPassed, ectopicSuspected: message.ectopicSuspected, distance: score.distance,
          segmentSHA256: Array(message.segmentSha256), tensorSHA256: Array(message.tensorSha256))
      }
    }
  }

  // MARK: - Ends

  private func prediction(
    _ end: ProtoRecordingEnd, _ task: ModelTask, _ model: LoadedModel?, _ connection: Connection
  ) throws -> PredictionRow {
    var row = PredictionRow(
      recordingID: end.recordingID, task: task.rawValue, patient: end.patient, modelID: model?.id, outcome: .rejected,
      beats: end.beats, code: nil, trainedOnSynthetic: model?.metadata.trainedOnSynthetic, synthetic: end.synthetic,
      waveformSHA256: end.waveformSha256.isEmpty ? nil : end.waveformSha256,
      qrsDurationMs: end.measures.bestQRSDurationMs)
    guard end.status == .complete else {
      row.code = end.code
      return row
    }
    guard let model, end.pipelineID == model.metadata.pipeline.id else {
      row.code = RejectionCode.wrongPipeline.rawValue
      return row
    }
    guard model.metadata.leadSet.channels(from: leads(named: end.leads) ?? []) != nil else {
      row.outcome = .notApplicable
      row.code = "FEWER_LEADS"
      return row
    }
    let beats = try BeatPredictions(connection).rows(recordingID: end.recordingID, task: task.rawValue)
    guard beats.count == Int(end.beats) else {
      row.code = RejectionCode.beatsMissing.rawValue
      return row
    }
    switch task {
    case .beatClass:
      row.outcome = .predicted
      row.beatCounts = Dictionary(grouping: beats, by: \.predictedClass).mapValues { Int64($0.count) }
    case .crtResponse:
      let decision = ResponseDecision(
        beats: beats.map {
          .init(
            logOdds: PatientScore.logitDifference($0.logits), usable: $0.qualityPassed && !$0.ectopicSuspected,
            distance: $0.distance ?? 0)
        },
        measures: end.measures, ageYears: end.patientFacts.hasAgeYears ? end.patientFacts.ageYears : nil,
        threshold: model.metadata.threshold, distanceLimit: model.metadata.outOfDistribution?.limit,
        calibration: model.metadata.calibration)
      row.outcome = decision.decision == nil ? .abstained : .predicted
      row.probability = decision.probability
      row.calibratedProbability = decision.reading?.probability
      row.interval = decision.reading?.interval
      row.decision = decision.decision
      row.flags = decision.flags.map(\.rawValue)
    }
    return row
  }
}
