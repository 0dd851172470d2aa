import Foundation
import ResyncCore
import Store

let crt = "crt-response"
let beatClass = "beat-class"
let someSHA = String(repeating: "ab", count: 32)

func recordingOpening(_ id: String, patient: String = "p-1", synthetic: Bool = false, offset: Int64 = 7)
  -> RecordingOpening
{
  RecordingOpening(
    recordingID: id, feedID: "feed", patient: Patient(pseudonym: patient, sex: .female, synthetic: synthetic),
    sampleRateHz: 360, leads: ["II", "V1"], synthetic: synthetic, ageYears: 61.5,
    origin: Origin(topic: "ecg.ingest", partition: 3, offset: offset))
}

func model(_ id: String, task: String = beatClass, weights: [UInt8] = [1, 2, 3], parent: String? = nil)
  -> ModelRecord
{
  ModelRecord(
    modelID: id, task: task, weights: weights, metadata: #"{"architecture": "resnet"}"#, parentModelID: parent,
    trainedOnSynthetic: task == crt, pipeline: PipelineConfiguration())
}

func beat(_ sample: Int64, recording: String = "r-1", model: String = "m-1", task: String = beatClass)
  -> BeatPredictionRow
{
  let share = Float(sample % 97) / 97
  return BeatPredictionRow(
    recordingID: recording, task: task, rPeakSample: sample, modelID: model, rPeakSeconds: Double(sample) / 360,
    probabilities: [share, 1 - share, 0.1, Float.leastNonzeroMagnitude, 1 / 3], logits: [share - 1, 2.5],
    predictedClass: sample % 2 == 0 ? "N" : "V", referenceSymbol: sample % 3 == 0 ? nil : "L", qualityPassed: true,
    ectopicSuspected: sample % 5 == 0, distance: sample % 7 == 0 ? nil : share,
    segmentSHA256: [UInt8](repeating: UInt8(truncatingIfNeeded: sample), count: 32),
    tensorSHA256: [UInt8](repeating: UInt8(truncatingIfNeeded: 3 * sample), count: 32))
}

func prediction(_ recording: String, task: String = crt, model: String = "m-crt") -> PredictionRow {
  PredictionRow(
    recordingID: recording, task: task, patient: "p-1", modelID: model, outcome: .predicted, probability: 0.7,
    calibratedProbability: 0.64, interval: 0.55...0.71, decision: "responder", flags: [],
    beatCounts: ["N": 10, "V": 2], beats: 12, trainedOnSynthetic: true,
    synthetic: false, waveformSHA256: someSHA, qrsDurationMs: 152)
}

func trainingJob(_ id: String, task: String = beatClass, cohort: String? = nil, maxAttempts: Int = 5)
  -> TrainingJobSubmission
{
  TrainingJobSubmission(
    jobID: id, task: task, specification: #"{"rate": 0.001, "epochs": 3}"#, recordings: ["r-1", "r-2"],
    cohort: cohort, pipelineID: PipelineConfiguration().id, maxAttempts: maxAttempts)
}

func twelveLeadRow() -> TwelveLeadRow {
  func criterion(_ name: String, _ value: Double?, _ unit: String, atLeast: Double? = nil, atMost: Double? = nil)
    -> TwelveLeadRow.Criterion
  {
    .init(name: name, value: value, unit: unit, atLeast: atLeast, atMost: atMost, met: value.map { _ in true })
  }
  return TwelveLeadRow(
    qrsDurationMs: 151.25, qrsAreaUVs: 112.5, axisDegrees: -38, rhythm: "regular",
    bundleBranch: [
      "lbbb-strauss-2011": .init(
        met: true, score: 2.5,
        criteria: [
          criterion("qrs-duration", 151.25, "ms", atLeast: 140),
          criterion("no-late-r-in-v1-v2", 1 / 3, "mV", atMost: 0.1),
        ]),
      "lbbb-aha-2009": .init(
        met: nil, score: nil, criteria: [criterion("broad-r-in-i-avl-v5-v6", nil, "ms", atLeast: 80)]),
      "rbbb-aha-2009": .init(met: false, score: -3.5, criteria: []),
    ],
    leadFaults: ["V4": ["flat", "disconnected"]])
}
