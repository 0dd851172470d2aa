import Foundation
import ResyncCore

/// What a reader of the report wants to see of the cohort: who is in it, recordings on paper, spectrograms.
package struct CohortPicturesCell: Cell {
  package struct Patient: Codable, Sendable {
    package var id: String
    package var responded: Bool
    package var isMale: Bool
    package var qrsDurationMs: Double?
    /// By Strauss's criteria; nil where it cannot be told.
    package var lbbb: Bool?
    package var guideline: GuidelineClass
    /// That networks read.
    package var usableBeats: Int
  }

  /// One rule's criteria as they were found in one patient.
  package struct Finding: Codable, Sendable {
    package struct Criterion: Codable, Sendable {
      package var name: String
      package var value: Double?
      package var unit: String
      package var least: Double?
      package var most: Double?
      package var isMet: Bool?
    }
    package var rule: BundleBranchRule
    package var isMet: Bool?
    package var criteria: [Criterion]
  }

  package struct Shown: Codable, Sendable {
    package var caption: String
    package var strip: EvaluationReport.Waveforms.Strip
    package var findings: [Finding]
  }

  package struct Result: Codable, Sendable {
    /// How many the simulator drew until there were as many responders and others as asked for.
    package var drawn: Int
    package var patients: [Patient]
    package var shown: [Shown]
    package var spectrograms: EvaluationReport.Spectrograms
    package var isSynthetic = true
  }

  package var cohort: CohortChoice
  package var name: String { "cohort/\(cohort.link.rawValue)/pictures" }
  package var needs: [DataSet] { [] }
  package var inputs: CohortChoice { cohort }

  package func run(_ context: StudyContext) throws -> Result {
    let pipeline = PipelineConfiguration()
    let simulator = try cohort.simulator()
    let simulated = try SimulatedCohort(cohort, pipeline: pipeline, context)
    let recordings = simulated.recordings
    let people = simulated.patients
    let guideline = CRTGuideline.esc2021
    let patients = zip(people, recordings).enumerated().map { place, pair in
      let ecg = simulated.variables.ecg[place]
      return Patient(
        id: pair.0.id, responded: pair.0.responded, isMale: pair.0.sex == .male, qrsDurationMs: ecg.qrsDurationMs,
        lbbb: ecg.block(.lbbbStrauss),
        guideline: guideline.classification(
          sinusRhythm: ecg.sinusRhythm, nyha: pair.0.baselines.nyha, lvefPercent: pair.0.baselines.lvefPercent,
          qrsDurationMs: ecg.qrsDurationMs, lbbb: ecg.block(guideline.lbbbRule)),
        usableBeats: pair.1.beats.count { $0.qualityPassed && !$0.ectopicSuspected })
    }
    let chosen = Self.chosen(patients)
    let shown = try chosen.map { choice in
      try context.checkStop()
      return Shown(
        caption: "\(people[choice.place].id), \(choice.words)",
        strip: Self.strip(
          simulator.ecg(for: people[choice.place], sampleRateHz: Self.paperRateHz), recordings[choice.place],
          caption: "\(people[choice.place].id), \(choice.words)"),
        findings: recordings[choice.place].measures?.bundleBranch.map(Finding.init) ?? [])
    }
    // The number of the draw ends a simulated patient's id.
    let drawn = people.compactMap { $0.id.split(separator: "-").last.flatMap { Int($0) } }.max() ?? people.count
    return Result(
      drawn: drawn, patients: patients, shown: shown,
      spectrograms: try Self.spectrograms(
        simulated.networkBeats(most: Self.beatsOfMean, pipeline: pipeline), chosen, people, pipeline))
  }

  private static let paperRateHz = 250.0
  /// Of each patient, for the mean pictures.
  private static let beatsOfMean = 3

  /// The first patients of the cohort of three kinds: chosen by a rule, not by how they look.
  private static func chosen(_ patients: [Patient]) -> [(place: Int, words: String)] {
    let kinds: [(words: String, responded: Bool, lbbb: Bool)] = [
      ("responder with LBBB", true, true), ("non-responder with LBBB", false, true),
      ("non-responder without LBBB", false, false),
    ]
    return kinds.compactMap { kind in
      patients.firstIndex { $0.responded == kind.responded && $0.lbbb == kind.lbbb }.map { ($0, kind.words) }
    }
  }

  /// The first seconds on paper, with each beat's QRS limits as they were found on the median beat.
  private static func strip(
    _ samples: [[Float]], _ recording: AnalysedRecording, caption: String
  ) -> EvaluationReport.Waveforms.Strip {
    let shown = Int(3.5 * paperRateHz)
    let limits = recording.measures?.delineation.global
    let marks = recording.beats.flatMap { beat -> [EvaluationReport.Waveforms.Mark] in
      guard let limits else { return [] }
      let peak = beat.rPeakSeconds
      return [.init(seconds: peak + limits.onset, label: "["), .init(seconds: peak + limits.offset, label: "]")]
    }
    return .init(
      caption: caption, sampleRateHz: paperRateHz,
      traces: zip(Lead.allCases, samples).map { lead, values in
        .init(label: lead.rawValue, millivolts: values.prefix(shown).map { ($0 * 1_000).rounded() / 1_000 })
      }, marks: marks)
  }

  /// One beat of the first responder and non-responder shown, and the mean pictures of all of both, each patient
  /// weighing 1.
  private static func spectrograms(
    _ beats: CohortBeats, _ chosen: [(place: Int, words: String)], _ people: [SimulatedPatient],
    _ pipeline: PipelineConfiguration
  ) throws -> EvaluationReport.Spectrograms {
    let names = Lead.allCases.map(\.rawValue)
    let single = chosen.prefix(2).compactMap { choice in
      beats.examples[choice.place].first.map {
        EvaluationReport.Spectrograms.Picture(
          caption: "One beat of \(people[choice.place].id), \(choice.words)", leadNames: names, image: $0.image)
      }
    }
    let means = [true, false].compactMap { label -> EvaluationReport.Spectrograms.Picture? in
      let patients = beats.labels.indices.filter { beats.labels[$0] == label && !beats.examples[$0].isEmpty }
      guard let mean = beats.meanImage(of: patients) else { return nil }
      return .init(
        caption: "Mean of \(patients.count) \(label ? "responders" : "non-responders")", leadNames: names, image: mean)
    }
    return .init(
      title: "Beats and means in all leads", synthetic: true,
      pipeline: pipeline, pictures: single + means)
  }
}

extension CohortPicturesCell.Finding {
  init(_ finding: BundleBranchFinding) {
    rule = finding.rule
    isMet = finding.isMet
    criteria = finding.criteria.map { criterion in
      func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
      return Criterion(
        name: criterion.name, value: criterion.value, unit: criterion.unit,
        least: finite(criterion.limit.lowerBound), most: finite(criterion.limit.upperBound), isMet: criterion.isMet)
    }
  }
}
