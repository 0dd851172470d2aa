import Foundation
import ResyncCore
import Testing

@Suite("Simulation: cohorts")
struct SimulationCohortTests {
  @Test("a cohort has exactly the responders asked for", arguments: [(71, 46), (10, 0), (10, 10), (1, 1)])
  func quota(size: Int, responders: Int) {
    let cohort = CohortSimulator(seed: 3).cohort(size: size, responders: responders)
    #expect(cohort.count == size)
    #expect(cohort.count(where: \.responded) == responders)
    #expect(Set(cohort.map(\.id)).count == size)
  }

  @Test("a quota changes the mix of the classes, not the patients within a class, nor does order tell the class")
  func conditionalSampling() {
    let simulator = CohortSimulator(seed: 4)
    let free = simulator.cohort(size: 6000)
    let even = CohortSimulator(seed: 400).cohort(size: 4000, responders: 2000)
    for responded in [true, false] {
      let expected = simulationMoments(free.filter { $0.responded == responded }.map(\.baselines.qrsDurationMs))
      let found = simulationMoments(even.filter { $0.responded == responded }.map(\.baselines.qrsDurationMs))
      #expect(abs(expected.mean - found.mean) < 2.8)
    }
    #expect(abs(even.prefix(2000).count(where: \.responded) - 1000) < 130)
    #expect(abs(simulationAUC(even.map(simulator.bayesProbability), even.map(\.responded)) - 0.7) < 0.035)
  }

  @Test("the same seed gives the same cohort, a larger one begins with the smaller, another seed differs")
  func determinism() {
    let cohort = CohortSimulator(seed: 11).cohort(size: 40)
    #expect(cohort == CohortSimulator(seed: 11).cohort(size: 40))
    #expect(Array(CohortSimulator(seed: 11).cohort(size: 60).prefix(40)) == cohort)
    let other = CohortSimulator(seed: 12).cohort(size: 40)
    #expect(Set(cohort.map(\.recipe.qrsDurationMs)).isDisjoint(with: other.map(\.recipe.qrsDurationMs)))
    #expect(Set(cohort.map(\.id)).isDisjoint(with: other.map(\.id)))
  }

  @Test("a patient read back from JSON is the same patient with the same ECG")
  func roundTrip() throws {
    let simulator = CohortSimulator(seed: 13)
    let patient = simulator.cohort(size: 1)[0]
    let back = try JSONDecoder().decode(SimulatedPatient.self, from: JSONEncoder().encode(patient))
    #expect(back == patient)
    #expect(simulator.ecg(for: back, seconds: 2) == simulator.ecg(for: patient, seconds: 2))
  }

  @Test("a configuration out of range is refused by name, from code and from JSON")
  func refusals() throws {
    #expect(throws: SimulationError.self) { try CohortSimulatorConfiguration(ecgOnlyAUC: 0.86) }
    #expect(throws: SimulationError.self) { try CohortSimulatorConfiguration(responderShare: .nan) }
    #expect(throws: SimulationError.self) { try CohortSimulatorConfiguration(atrialFibrillationShare: -0.1) }
    let error = #expect(throws: SimulationError.self) { try CohortSimulatorConfiguration(noiseScale: 11) }
    #expect(error?.message == "noiseScale = 11.0: expected a number from 0.0 to 10.0")
    #expect(throws: SimulationError.self) { try CohortSimulator.validate(size: 5, responders: 6) }
    #expect(throws: SimulationError.self) { try CohortSimulator.validate(size: 0, responders: nil) }
    #expect(throws: Never.self) { try CohortSimulator.validate(size: 71, responders: 46) }

    let good = CohortSimulatorConfiguration()
    let json = try JSONEncoder().encode(good)
    #expect(try JSONDecoder().decode(CohortSimulatorConfiguration.self, from: json) == good)
    let bad = String(decoding: json, as: UTF8.self).replacing("\"noiseScale\":1", with: "\"noiseScale\":-1")
    #expect(throws: SimulationError.self) {
      try JSONDecoder().decode(CohortSimulatorConfiguration.self, from: Data(bad.utf8))
    }
  }
}
