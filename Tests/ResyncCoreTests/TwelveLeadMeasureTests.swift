import Foundation
import ResyncCore
import Testing

@Suite("Twelve-lead measures")
struct TwelveLeadMeasureTests {
  private typealias Fixtures = TwelveLeadFixtures
  private static let leftRules: [BundleBranchRule] = [.lbbbStrauss, .lbbbAHA, .lbbbESC]

  @Test("a left bundle branch block meets Strauss 2011 and ESC 2013 and no rule for the right one")
  func leftBlock() throws {
    let measures = try #require(try Fixtures.measures(Fixtures.samples(.leftBundleBranchBlock, 160)))
    for rule in [BundleBranchRule.lbbbStrauss, .lbbbESC] {
      let finding = try #require(measures.finding(rule))
      #expect(finding.isMet == true, "\(finding)")
    }
    #expect(measures.finding(.rbbbAHA)?.isMet == false)
    #expect(measures.tPolarity[.V6] == .negative && measures.tPolarity[.V1] == .positive)
  }

  @Test("a right bundle branch block meets the AHA's rule and none for the left one")
  func rightBlock() throws {
    let measures = try #require(try Fixtures.measures(Fixtures.samples(.rightBundleBranchBlock, 150)))
    let finding = try #require(measures.finding(.rbbbAHA))
    #expect(finding.isMet == true, "\(finding)")
    for rule in Self.leftRules { #expect(measures.finding(rule)?.isMet == false, "\(rule)") }
  }

  @Test("a narrow QRS complex meets no rule, and each rule says why by name and value")
  func narrow() throws {
    let measures = try #require(try Fixtures.measures(Fixtures.samples(.normal, 90)))
    for finding in measures.bundleBranch {
      #expect(finding.isMet == false)
      let duration = try #require(finding.criteria.first)
      #expect(duration.name == "qrs-duration" && duration.unit == "ms" && duration.isMet == false)
      #expect(duration.value == measures.qrsMilliseconds)
    }
    #expect(measures.rhythm == .regular)
    let (rate, axis) = (try #require(measures.heartRateBPM), try #require(measures.axisDegrees))
    #expect(abs(rate - 70) < 3 && (-30...90).contains(axis))
  }

  @Test("scores rank: a block's own rules score above those of other hearts")
  func scores() throws {
    func scores(_ pattern: ActivationPattern, _ milliseconds: Double) throws -> [BundleBranchRule: Double] {
      let measures = try #require(try Fixtures.measures(Fixtures.samples(pattern, milliseconds)))
      return Dictionary(uniqueKeysWithValues: measures.bundleBranch.map { ($0.rule, $0.score ?? .nan) })
    }
    let left = try scores(.leftBundleBranchBlock, 160)
    let right = try scores(.rightBundleBranchBlock, 150)
    let narrow = try scores(.normal, 90)
    for rule in Self.leftRules { #expect(left[rule]! > max(right[rule]!, narrow[rule]!), "\(rule)") }
    #expect(right[.rbbbAHA]! > max(left[.rbbbAHA]!, narrow[.rbbbAHA]!))
  }

  @Test("Strauss's limit is 130 ms for women, and 140 ms for men and when the sex is unknown")
  func limits() throws {
    let samples = Fixtures.samples(.leftBundleBranchBlock, 160)
    for (sex, limit) in [(PatientSex.female, 130.0), (.male, 140), (nil, 140)] as [(PatientSex?, Double)] {
      let finding = try #require(try Fixtures.measures(samples, sex: sex)?.finding(.lbbbStrauss))
      #expect(finding.criteria[0].limit.lowerBound == limit)
    }
  }

  @Test(
    "the duration found grows with the simulated one, whose waves reach 10 to 35 ms beyond their nominal limits",
    arguments: [500.0, 100])
  func durations(rateHz: Double) throws {
    var before = 0.0
    for milliseconds in [100.0, 130, 160, 190] {
      let samples = Fixtures.samples(.leftBundleBranchBlock, milliseconds, rateHz: rateHz)
      let found = try #require(try Fixtures.measures(samples, rateHz: rateHz)?.qrsMilliseconds)
      #expect((10...35).contains(found - milliseconds) && found > before + 15, "\(milliseconds): \(found)")
      before = found
    }
  }

  @Test("a triangle of known width on a still line is delineated within 18 ms in each lead and over all")
  func triangle() {
    for width in [80, 120, 160] {
      let beat = Lead.allCases.indices.map { lead -> [Float] in
        let height: Float = lead.isMultiple(of: 2) ? 1 : -0.6
        return (0..<400).map { index in height * max(0, 1 - abs(Float(index - 200)) / (Float(width) / 4)) }
      }
      let found = QRSDelineator().delineate(beat, peak: 200, rateHz: 500, leads: Lead.allCases)
      for limits in found.limits + [found.global!] {
        #expect(abs(1_000 * limits.onset + Double(width) / 2) <= 18, "\(width): \(limits)")
        #expect(abs(1_000 * limits.offset - Double(width) / 2) <= 18, "\(width): \(limits)")
      }
    }
  }

  @Test("waves are named as they come, and a notch in the middle of the complex is told from a smooth one")
  func waves() {
    func lead(_ peaks: [(place: Double, height: Double, spread: Double)]) -> QRSWaves {
      let samples = (0..<100).map { index -> Float in
        peaks.reduce(0) { sum, peak in
          let distance = (Double(index) - peak.place) / peak.spread
          return sum + Float(peak.height * exp(-distance * distance / 2))
        }
      }
      return QRSWaves(samples, onset: 20, offset: 80, rateHz: 500)
    }
    let smooth = lead([(50, 1, 8)])
    #expect(smooth.description == "R" && smooth.notching < 0.5 && smooth.q == 0 && smooth.s == 0)
    #expect(abs(smooth.rPeakMilliseconds - 60) <= 2 && abs(smooth.areaMicrovoltSeconds - 40.1) < 1)
    #expect(lead([(30, -0.2, 3), (46, 1, 5), (64, -0.3, 4)]).description == "qRs")
    #expect(lead([(50, -1, 8)]).description == "QS")
    #expect(lead([(30, 0.3, 3), (45, -1, 4), (65, 0.9, 5)]).description == "rSR′")
    let notched = lead([(40, 1, 5), (58, 0.9, 5)])
    #expect(notched.description == "R" && notched.notching > 1.1 && notched.rPeakMilliseconds > 70)
  }

  @Test("global limits are the third-earliest onset and the third-latest offset")
  func third() {
    let limits = (0..<12).map { QRSLimits(onset: -0.050 + 0.001 * Double($0), offset: 0.050 + 0.002 * Double($0)) }
    #expect(
      QRSDelineation.global(of: limits.shuffled())
        == QRSLimits(onset: limits[2].onset, offset: limits[9].offset))
    #expect(QRSDelineation.global(of: Array(limits.prefix(2))) == nil)
  }

  @Test("QRS area follows Kors's matrix: unit areas give its columns, and it grows with the signal")
  func kors() throws {
    let columns: [(Lead, [Double])] = [
      (.I, [0.38, -0.07, 0.11]), (.II, [-0.07, 0.93, -0.23]), (.V1, [-0.13, 0.06, -0.43]),
      (.V2, [0.05, -0.02, -0.06]), (.V3, [-0.01, -0.05, -0.14]), (.V4, [0.14, 0.06, -0.20]),
      (.V5, [0.06, -0.17, -0.11]), (.V6, [0.54, 0.13, 0.31]),
    ]
    for (lead, column) in columns {
      var areas = Dictionary(uniqueKeysWithValues: columns.map { ($0.0, 0.0) })
      areas[lead] = 1
      let area = try #require(Vectorcardiogram.qrsArea(areas))
      #expect([area.x, area.y, area.z] == column)
    }
    let samples = Fixtures.samples(.leftBundleBranchBlock, 160)
    let once = try #require(try Fixtures.measures(samples)?.qrsArea)
    let twice = try #require(try Fixtures.measures(samples.map { $0.map { 2 * $0 } })?.qrsArea)
    #expect(abs(twice.length / once.length - 2) < 0.02)
    let narrow = try #require(try Fixtures.measures(Fixtures.samples(.normal, 90))?.qrsArea)
    #expect(once.length > Vectorcardiogram.publishedCutOff && narrow.length < 60 && once.z > 0 && once.x > 0)
  }

  @Test("the axis is 0° along I, 90° along aVF, and aVF may be told from I and II")
  func axis() throws {
    #expect(FrontalAxis.degrees([.I: 10, .aVF: 0]) == 0)
    #expect(FrontalAxis.degrees([.I: 0, .aVF: 10]) == 90)
    #expect(FrontalAxis.degrees([.I: -10, .aVF: 0]) == 180)
    #expect(FrontalAxis.degrees([.I: 10, .II: 12]) == FrontalAxis.degrees([.I: 10, .aVF: 7]))
    #expect(FrontalAxis.degrees([.I: 0.1, .aVF: 0.1]) == nil && FrontalAxis.degrees([.I: 10]) == nil)
  }

  @Test("atrial fibrillation is irregular without P waves; sinus rhythm with ectopic beats is not")
  func rhythm() throws {
    var recipe = Fixtures.recipe.clean(pattern: .normal, qrsDurationMs: 95)
    recipe.rhythm = .atrialFibrillation
    let fibrillation = recipe.recording(seconds: 30, sampleRateHz: 500).samples
    #expect(try Fixtures.measures(fibrillation)?.rhythm == .fibrillationLike)
    recipe.rhythm = .sinus
    recipe.ectopicShare = 0.1
    let ectopic = recipe.recording(seconds: 30, sampleRateHz: 500).samples
    #expect(try Fixtures.measures(ectopic)?.rhythm == .regular)
  }

  @Test("two leads give limits for each lead and no global measure")
  func twoLeads() throws {
    let samples = Fixtures.samples(.normal, 95)
    let measures = try #require(
      try Fixtures.measures([samples[1], samples[6]], leads: [.II, .V1]))
    #expect(measures.delineation[.II] != nil && measures.delineation[.V2] == nil)
    #expect(measures.qrsMilliseconds == nil && measures.bundleBranch.isEmpty && measures.qrsArea == nil)
    #expect(measures.axisDegrees == nil)
  }

  @Test("without V1 a rule that needs it has no score and is met by no one; eight leads keep the QRS area")
  func missingLead() throws {
    let samples = Fixtures.samples(.leftBundleBranchBlock, 160)
    let without = Lead.allCases.indices.filter { Lead.allCases[$0] != .V1 }
    let measures = try #require(
      try Fixtures.measures(without.map { samples[$0] }, leads: without.map { Lead.allCases[$0] }))
    let finding = try #require(measures.finding(.lbbbStrauss))
    #expect(finding.score == nil && finding.isMet == nil && measures.qrsArea == nil)
    #expect(finding.criteria.contains { $0.value == nil && $0.isMet == nil })
    let eight = Vectorcardiogram.leads.map { samples[Lead.allCases.firstIndex(of: $0)!] }
    let few = try #require(try Fixtures.measures(eight, leads: Vectorcardiogram.leads))
    let all = try #require(try Fixtures.measures(samples))
    #expect(abs(few.qrsArea!.length / all.qrsArea!.length - 1) < 0.1)
    #expect(abs(few.qrsMilliseconds! - all.qrsMilliseconds!) < 15)
  }
}
