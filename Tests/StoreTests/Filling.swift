import Store

/// A lightly filled schema: a cohort, two generations of models, promotions, recordings with every outcome.
func fill(_ connection: Connection) throws {
  try Cohorts(connection).importCohort(
    Cohort(
      name: "demo", synthetic: true, note: "simulated", baselines: (1...4).map(baseline),
      outcomes: [
        Outcome(
          patient: "p-1", followupMonths: 6, lvesvBeforeMl: 200, lvesvAfterMl: 170,
          course: [
            "implant_date": "2021-03-01", "device": "crt-d", "lv_lead_position": "lateral", "biv_pacing_percent": 97.5,
            "followup_echo_date": "2021-09-01",
          ]),
        Outcome(patient: "p-2", followupMonths: 6, lvesvBeforeMl: 200, lvesvAfterMl: 120),
        Outcome(patient: "p-3", followupMonths: 2, lvesvBeforeMl: 200, lvesvAfterMl: nil, event: .death),
      ]))
  let jobs = TrainingJobs(connection)
  try jobs.submit(trainingJob("j-1"))
  let claimed = try jobs.claim(jobID: "j-1", owner: "trainer-0", leaseSeconds: 60)!
  try jobs.upsertEpoch(
    jobID: "j-1", TrainingEpoch(epoch: 0, trainLoss: 1.2, validationLoss: 1.3, validationScore: 0.6))
  try jobs.saveCheckpoint(claimed.lease, [1, 2])
  var first = model("m-1")
  first.jobID = "j-1"
  try Models(connection).insert(
    first, trainingRecordings: [TrainingRecording(recordingID: "101", patient: "mitdb-101")])
  try jobs.complete(claimed.lease, modelID: "m-1")
  try Models(connection).insert(
    model("m-crt", task: crt, weights: [9], parent: "m-1"),
    trainingRecordings: [TrainingRecording(recordingID: "r-1", patient: "p-1")])
  try Promotions(connection).promote(task: beatClass, modelID: "m-1", by: "operator", reason: "first")
  try Promotions(connection).promote(task: crt, modelID: "m-crt", by: "operator", reason: "first")
  try fillRecordings(connection)
  try Rejections(connection).upsert(
    RejectionRow(
      origin: Origin(topic: "ecg.ingest", partition: 0, offset: 1), service: "ingest", code: "UNKNOWN_LEAD",
      text: "lead 'X' is not one of the twelve", recordingID: "r-4", sizeBytes: 1200))
  try Evaluations(connection).upsert(
    EvaluationRow(
      evaluationID: "e-1", task: crt, modelID: "m-crt", scope: "held-out", protocolText: "5-fold", metrics: "{}",
      counts: ConfusionCounts(truePositives: 3, trueNegatives: 1, falsePositives: 0, falseNegatives: 1), recordings: 5,
      beats: 60, synthetic: true))
  try Studies(connection).insert(studyRow())
}

private func baseline(_ index: Int) -> Baseline {
  Baseline(
    patient: "p-\(index)", role: index == 4 ? .holdout : .train,
    values: [
      "age_years": .number(Double(60 + index)), "sex": index % 2 == 0 ? "male" : "female", "nyha": 3,
      "ischaemic": false,
      "lvef_percent": 27, "lvesv_ml": 210, "lvedv_ml": 290, "qrs_duration_ms": .number(Double(120 + 15 * index)),
      "lbbb": .yesNo(index > 2), "rhythm": "sinus", "scar_percent": 12, "diuretic": true, "ecg_date": "2021-02-27",
      "echo_date": "2021-02-01", "echo_method": "simpson", "nt_probnp_pg_ml": 1200,
    ],
    recordingID: "r-\(index)")
}

private func fillRecordings(_ connection: Connection) throws {
  for index in 1...4 {
    let id = "r-\(index)"
    try Recordings(connection).upsertOpen(
      recordingOpening(id, patient: "p-\(index)", synthetic: true, offset: Int64(index)))
    try Recordings(connection).upsertEnd(
      index == 4
        ? RecordingEnding(
          recordingID: id, status: .rejected, code: "UNKNOWN_LEAD", samples: 0, waveformSHA256: nil, reason: "rejected")
        : RecordingEnding(recordingID: id, status: .complete, samples: 3600, waveformSHA256: someSHA, reason: "feed"))
  }
  _ = try Pins(connection).pin(["r-1", "r-2", "r-3"], task: beatClass, modelID: "m-1")
  _ = try Pins(connection).pin(["r-1", "r-2"], task: crt, modelID: "m-crt")
  try BeatPredictions(connection).upsert(
    ["r-1", "r-2", "r-3"].flatMap { id in (1...12).map { beat(Int64($0) * 301, recording: id) } })
  try BeatPredictions(connection).upsert((1...12).map { beat(Int64($0) * 301, model: "m-crt", task: crt) })
  try TwelveLeads(connection).write(twelveLeadRow(), recordingID: "r-1")
  let predictions = Predictions(connection)
  try predictions.upsert(prediction("r-1"))
  var abstained = prediction("r-2")
  (abstained.outcome, abstained.decision, abstained.flags) = (.abstained, nil, ["NARROW_QRS", "POOR_QUALITY"])
  abstained.patient = "p-2"
  try predictions.upsert(abstained)
  try predictions.upsert(
    PredictionRow(
      recordingID: "r-3", task: crt, patient: "p-3", modelID: nil, outcome: .notApplicable, beats: 12,
      code: "FEWER_LEADS", trainedOnSynthetic: nil, synthetic: true, waveformSHA256: someSHA))
  try predictions.upsert(
    PredictionRow(
      recordingID: "r-4", task: crt, patient: "p-4", modelID: nil, outcome: .rejected, beats: 0, code: "UNKNOWN_LEAD",
      trainedOnSynthetic: nil, synthetic: true, waveformSHA256: nil))
  for index in 1...3 {
    var row = prediction("r-\(index)", task: beatClass, model: "m-1")
    (row.probability, row.decision, row.trainedOnSynthetic) = (nil, nil, false)
    (row.calibratedProbability, row.interval) = (nil, nil)
    try predictions.upsert(row)
  }
}
