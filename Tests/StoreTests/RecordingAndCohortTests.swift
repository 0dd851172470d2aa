import ResyncCore
import Store
import Testing

@Suite("Recordings", .needsPostgreSQL) struct RecordingTests {
  private let complete = RecordingEnding(
    recordingID: "r-1", status: .complete, samples: 3600, waveformSHA256: someSHA, reason: "feed")

  @Test("an opening written again changes nothing; only a complete recording cannot begin anew at another chunk")
  func openingIsIdempotent() throws {
    try withDatabase { connection in
      let recordings = Recordings(connection)
      #expect(try recordings.find("r-1") == nil)
      #expect(try recordings.upsertOpen(recordingOpening("r-1")))
      let first = try #require(try recordings.find("r-1"))
      #expect(
        first.status == .open && first.leads == ["II", "V1"] && first.origin.offset == 7 && first.ageYears == 61.5)
      #expect(try !recordings.upsertOpen(recordingOpening("r-1")))
      #expect(try recordings.find("r-1") == first)

      var anew = recordingOpening("r-1", offset: 9)
      anew.sampleRateHz = 500
      #expect(try recordings.upsertOpen(anew))
      let second = try #require(try recordings.find("r-1"))
      #expect(second.origin.offset == 9 && second.sampleRateHz == 500 && second.firstSeen == first.firstSeen)

      try recordings.upsertEnd(
        RecordingEnding(
          recordingID: "r-1", status: .complete, samples: 10, waveformSHA256: String(repeating: "a", count: 64),
          reason: "feed"))
      let complete = try #require(try recordings.find("r-1"))
      #expect(try !recordings.upsertOpen(recordingOpening("r-1", offset: 11)))
      #expect(try recordings.find("r-1") == complete)
    }
  }

  @Test("the same end again changes nothing, not even its time")
  func endingIsIdempotent() throws {
    try withDatabase { connection in
      let recordings = Recordings(connection)
      try recordings.upsertOpen(recordingOpening("r-1"))
      #expect(try recordings.upsertEnd(complete) == .recorded)
      let ended = try #require(try recordings.find("r-1"))
      #expect(ended.status == .complete && ended.samples == 3600 && ended.endedAt != nil && ended.endReason == "feed")
      #expect(try recordings.upsertEnd(complete) == .repeated)
      try recordings.upsertOpen(recordingOpening("r-1"))
      #expect(try recordings.find("r-1") == ended)
      #expect(try recordings.countByStatus() == [.complete: 1])
    }
  }

  @Test("another end replaces one that was never committed on Kafka")
  func lastEndCounts() throws {
    try withDatabase { connection in
      let recordings = Recordings(connection)
      try recordings.upsertOpen(recordingOpening("r-1"))
      try recordings.upsertEnd(complete)
      let rejected = RecordingEnding(
        recordingID: "r-1", status: .rejected, code: "FLAT_LINE", samples: 720, waveformSHA256: nil, reason: "rejected")
      #expect(try recordings.upsertEnd(rejected) == .replaced)
      #expect(try recordings.find("r-1")?.code == "FLAT_LINE")
    }
  }

  @Test("an end without an opening, and a rejection without a code, are refused")
  func endsNeedTheirFacts() throws {
    try withDatabase { connection in
      #expect(try storeError { try Recordings(connection).upsertEnd(complete) }.code == .notFound)
      try Recordings(connection).upsertOpen(recordingOpening("r-1"))
      var rejected = complete
      rejected.status = .rejected
      #expect(try storeError { try Recordings(connection).upsertEnd(rejected) }.code == .constraint)
    }
  }

  @Test("a patient keeps the sex first told, and once synthetic stays synthetic")
  func patientsAreIdempotent() throws {
    try withDatabase { connection in
      let patients = Patients(connection)
      try patients.upsert(Patient(pseudonym: "p", synthetic: false))
      try patients.upsert(Patient(pseudonym: "p", sex: .female, synthetic: false))
      try patients.upsert(Patient(pseudonym: "p", sex: .male, synthetic: true))
      try patients.upsert(Patient(pseudonym: "p", synthetic: false))
      #expect(try patients.find("p") == Patient(pseudonym: "p", sex: .female, synthetic: true))
    }
  }
}

@Suite("Cohorts", .needsPostgreSQL) struct CohortTests {
  private func cohort(_ outcomes: [Outcome], synthetic: Bool = false) -> Cohort {
    Cohort(
      name: "c", synthetic: synthetic, baselines: outcomes.map { Baseline(patient: $0.patient, role: .train) },
      outcomes: outcomes)
  }

  /// Response, super-response and change of one outcome, as the database computes them.
  private func computed(_ outcome: Outcome) throws -> CohortMember {
    try withDatabase { connection in
      try Cohorts(connection).importCohort(cohort([outcome]))
      return try Cohorts(connection).members("c")[0]
    }
  }

  @Test("response is a reduction strictly above 15 %, in exact decimals")
  func responseIsStrict() throws {
    try withDatabase { connection in
      // 15 % exactly: floating-point arithmetic gets some of these wrong.
      let volumes: [(before: Double, after: Double, response: Bool)] = [
        (200, 170, false), (200, 169.9, true), (200, 170.1, false), (100, 85, false), (140, 119, false),
        (160.4, 136.34, false), (160.4, 136.33, true), (70, 59.5, false), (60.2, 51.17, false), (61.5, 52.275, false),
        (100, 120, false),
      ]
      let outcomes = volumes.enumerated().map { index, volume in
        Outcome(patient: "p-\(10 + index)", lvesvBeforeMl: volume.before, lvesvAfterMl: volume.after)
      }
      try Cohorts(connection).importCohort(cohort(outcomes))
      let members = try Cohorts(connection).members("c")
      #expect(members.map(\.response) == volumes.map(\.response))
      #expect(members[0].changePercent == 15)
      #expect(members[members.count - 1].changePercent == -20)
    }
  }

  @Test("super-response is a reduction of at least 30 %")
  func superResponse() throws {
    #expect(try computed(Outcome(patient: "p", lvesvBeforeMl: 200, lvesvAfterMl: 140)).superResponse == true)
    #expect(try computed(Outcome(patient: "p", lvesvBeforeMl: 200, lvesvAfterMl: 140.1)).superResponse == false)
  }

  @Test("another threshold is obeyed")
  func thresholdIsConfigurable() throws {
    let outcome = Outcome(patient: "p", lvesvBeforeMl: 200, lvesvAfterMl: 175, responseThresholdPercent: 10)
    #expect(try computed(outcome).response == true)
  }

  @Test(
    "death, transplant and LVAD are non-response, whatever the volumes say", arguments: Outcome.Event.allCases)
  func eventsAreNonResponse(event: Outcome.Event) throws {
    let member = try computed(Outcome(patient: "p", lvesvBeforeMl: 200, lvesvAfterMl: 100, event: event))
    #expect(member.response == (event == .none))
    #expect(member.superResponse == (event == .none))
    #expect(member.changePercent == 50, "the change is kept for the sensitivity analysis")
    let unknown = try computed(Outcome(patient: "p", lvesvBeforeMl: 200, lvesvAfterMl: nil, event: event))
    #expect(unknown.response == (event == .none ? nil : false), "without an event unknown stays unknown")
  }

  @Test("an import replaces the cohort and comes back as it was given")
  func importReplaces() throws {
    try withDatabase { connection in
      try fill(connection)
      let cohorts = Cohorts(connection)
      let digest = try #require(try cohorts.digest("demo"))
      let members = try cohorts.members("demo")
      #expect(members.count == 4 && members[3].outcome == nil && members[3].response == nil)
      #expect(members[0].baseline.values["diuretic"] == true && members[0].baseline.values["nyha"] == 3)
      #expect(members[0].baseline.values["ecg_date"] == "2021-02-27" && members[0].baseline.values["arni"] == nil)
      #expect(members[0].outcome?.course["biv_pacing_percent"] == 97.5)
      var again = Cohort(
        name: "demo", synthetic: true, baselines: members.map(\.baseline), outcomes: members.compactMap(\.outcome))
      try cohorts.importCohort(again)
      #expect(try cohorts.members("demo") == members)
      #expect(try cohorts.digest("demo") == digest)
      again.outcomes[0].lvesvAfterMl = 169
      again.baselines.removeLast()
      try cohorts.importCohort(again)
      #expect(try cohorts.members("demo").count == 3)
      #expect(try cohorts.digest("demo") != digest)
      #expect(try cohorts.names() == ["demo"])
    }
  }

  @Test("every column of the cohort's table comes back from the database as it went in")
  func everyColumn() throws {
    func value(_ column: CohortColumn) -> CohortValue {
      switch column.kind {
      case .text: .text("x")
      case .choice(let allowed): .text(allowed[0])
      case .number(let range): .number((range.lowerBound + range.upperBound) / 2 + 0.25)
      case .whole(let range): .number(Double(range.upperBound))
      case .yesNo: .yesNo(true)
      case .date: .text("2021-12-31")
      }
    }
    func values(_ columns: [CohortColumn]) -> [String: CohortValue] {
      Dictionary(uniqueKeysWithValues: columns.map { ($0.name, value($0)) })
    }
    var course = values(Outcome.courseColumns)
    course["implant_date"] = "2021-12-30"
    let baseline = Baseline(patient: "p", role: .holdout, values: values(CohortColumn.baselines), recordingID: "r")
    let outcome = Outcome(patient: "p", followupMonths: 6, lvesvBeforeMl: 200, lvesvAfterMl: 118.24, course: course)
    try withDatabase { connection in
      try Cohorts(connection).importCohort(
        Cohort(name: "c", synthetic: false, baselines: [baseline], outcomes: [outcome]))
      let member = try Cohorts(connection).members("c")[0]
      #expect(member.baseline == baseline)
      #expect(member.outcome == outcome)
    }
  }

  @Test("the same cohort again changes nothing, not even its time; a changed note does")
  func unchanged() throws {
    try withDatabase { connection in
      let cohorts = Cohorts(connection)
      var given = cohort(
        ["b", "a"].map { Outcome(patient: $0, lvesvBeforeMl: 160.4, lvesvAfterMl: 136.34) })
      #expect(try cohorts.importCohort(given) == .imported)
      let versions = """
        select string_agg(v::text, ',' order by v::text) as v from (select xmin as v from cohorts union all
          select xmin from baselines union all select xmin from outcomes union all select xmin from patients) t
        """
      let before = try connection.scalar(versions, .text)
      #expect(try cohorts.importCohort(given) == .unchanged)
      #expect(try connection.scalar(versions, .text) == before)
      given.note = "another"
      #expect(try cohorts.importCohort(given) == .imported)
      #expect(try connection.scalar(versions, .text) != before)
    }
  }

  @Test("analysts read the days between dates, not the dates")
  func datesAreNotForAnalysts() throws {
    try withDatabase { connection in
      try fill(connection)
      try connection.execute("set role resync_analyst")
      defer { _ = try? connection.execute("reset role") }
      let days = "select ecg_days_before_implant::bigint as d from v_outcomes where patient = 'p-1'"
      #expect(try connection.scalar(days, .int) == 2)
      #expect(try !connection.execute("select nyha, diuretic from baselines").isEmpty)
      for refused in ["select ecg_date from baselines", "select implant_date from outcomes"] {
        #expect(try storeError { try connection.execute(refused) }.code == .forbidden, "\(refused)")
      }
    }
  }

  @Test("a faulty row is named by its number, never by its patient, and leaves the cohort as it stood")
  func faultyRows() throws {
    try withDatabase { connection in
      let cohorts = Cohorts(connection)
      let good = cohort([Outcome(patient: "secret", lvesvBeforeMl: 200, lvesvAfterMl: 150)])
      try cohorts.importCohort(good)
      let standing = try cohorts.members("c")
      let second = Outcome(patient: "secret-2", lvesvBeforeMl: 0, lvesvAfterMl: 150)
      var repeated = good
      repeated.baselines += good.baselines
      var orphan = good
      orphan.outcomes.append(Outcome(patient: "secret-3", lvesvBeforeMl: 200, lvesvAfterMl: 150))
      var nan = good
      nan.outcomes[0].lvesvAfterMl = .nan
      for (faulty, row) in [
        (cohort(good.outcomes + [second]), "row 2 of the outcomes: new row"),
        (repeated, "row 2 of the baselines repeats the patient of row 1"),
        (orphan, "row 2 of the outcomes is of a patient without a baseline"), (nan, "row 1 of the outcomes"),
      ] {
        let error = try storeError { try cohorts.importCohort(faulty) }
        #expect(error.code == .cohortInvalid)
        #expect(error.text.contains(row), "\(error)")
        #expect(!error.text.contains("secret"))
      }
      #expect(try cohorts.members("c") == standing)
    }
  }

  @Test("a synthetic cohort cannot take the place of a real one")
  func syntheticDoesNotReplaceReal() throws {
    try withDatabase { connection in
      try Cohorts(connection).importCohort(cohort([]))
      let error = try storeError { try Cohorts(connection).importCohort(cohort([], synthetic: true)) }
      #expect(error.code == .conflict)
    }
  }
}
