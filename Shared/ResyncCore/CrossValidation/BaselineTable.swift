/// Table 1: a cohort's variables, all patients and by response.
public struct BaselineTable: Codable, Hashable, Sendable {
  /// A variable as it is given: quantities, or yes (1) and no (0); nil where missing.
  public struct Variable: Hashable, Sendable {
    public var name: String
    public var unit: String?
    public var isProportion: Bool
    public var values: [Double?]

    public init(_ name: String, unit: String? = nil, isProportion: Bool = false, values: [Double?]) {
      self.name = name
      self.unit = unit
      self.isProportion = isProportion
      self.values = values
    }
  }

  public enum Summary: Codable, Hashable, Sendable {
    /// Standard deviation of the sample; 0 for one value.
    case quantity(mean: Double, deviation: Double, known: Int)
    case proportion(count: Int, known: Int)
  }

  public enum Test: String, Codable, Hashable, Sendable {
    case welch
    case chiSquareOrFisher = "chi-square-or-fisher"
  }

  public struct Row: Codable, Hashable, Sendable {
    public let name: String
    public let unit: String?
    public let all: Summary
    public let responders: Summary
    public let nonResponders: Summary
    public let missing: Int
    public let test: Test
    /// nil where nothing varies or a group is empty.
    public let pValue: Double?
    /// Student's t, for proportions on 0/1, as in the paper's Table 1.
    public let pValueAsInThePaper: Double?
  }

  public let rows: [Row]
  public let patients: Int
  public let responders: Int

  /// - Precondition: every variable has a value, or nil, for each label.
  public init(_ variables: [Variable], labels: [Bool]) {
    patients = labels.count
    responders = labels.count { $0 }
    rows = variables.map { variable in
      precondition(variable.values.count == labels.count, "\(variable.name): one value for each patient")
      func values(_ label: Bool?) -> [Double] {
        zip(variable.values, labels).filter { label == nil || $1 == label }.compactMap { $0.0 }
      }
      func summary(_ values: [Double]) -> Summary {
        guard !variable.isProportion else {
          return .proportion(count: values.count { $0 != 0 }, known: values.count)
        }
        let (mean, variance) = values.isEmpty ? (0, 0) : values.meanAndVariance
        return .quantity(mean: mean, deviation: variance.squareRoot(), known: values.count)
      }
      let (yes, no) = (values(true), values(false))
      let own =
        variable.isProportion
        ? GroupTest.proportions([yes, no].map { group in [group.count { $0 != 0 }, group.count { $0 == 0 }] })
        : GroupTest.welch(yes, no)
      return Row(
        name: variable.name, unit: variable.unit, all: summary(values(nil)), responders: summary(yes),
        nonResponders: summary(no), missing: labels.count - values(nil).count,
        test: variable.isProportion ? .chiSquareOrFisher : .welch, pValue: own?.pValue,
        pValueAsInThePaper: GroupTest.student(yes, no)?.pValue)
    }
  }

  /// The variables of the paper's Table 1 and the others that the simulator knows.
  public init(_ patients: [SimulatedPatient]) {
    func quantity(_ name: String, _ unit: String, _ value: (SimulatedPatient) -> Double) -> Variable {
      Variable(name, unit: unit, values: patients.map(value))
    }
    func proportion(_ name: String, _ value: (SimulatedPatient) -> Bool) -> Variable {
      Variable(name, isProportion: true, values: patients.map { value($0) ? 1 : 0 })
    }
    let factors = SimulatedPatient.ClinicalFactor.allCases.map { factor in
      proportion(factor.rawValue) { $0.baselines.factors.contains(factor) }
    }
    self.init(
      [
        quantity("age", "years") { $0.ageYears }, proportion("male") { $0.sex == .male },
        quantity("height", "cm") { $0.baselines.heightCm }, quantity("weight", "kg") { $0.baselines.weightKg },
        proportion("NYHA III or IV") { $0.baselines.nyha >= 3 }, proportion("ischaemic") { $0.baselines.ischaemic },
        proportion("sinus rhythm") { $0.baselines.rhythm == .sinus },
      ] + factors + [
        quantity("QRS duration", "ms") { $0.baselines.qrsDurationMs }, proportion("LBBB") { $0.baselines.lbbb },
        quantity("LVEF", "%") { $0.baselines.lvefPercent }, quantity("LVEDV", "mL") { $0.baselines.lvedvMl },
        quantity("LVESV", "mL") { $0.baselines.lvesvMl }, quantity("scar", "%") { $0.baselines.scarPercent },
      ], labels: patients.map(\.responded))
  }
}
