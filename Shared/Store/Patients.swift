import Foundation

/// A person, known by a pseudonym only.
public struct Patient: Hashable, Sendable {
  public enum Sex: String, CaseIterable, Sendable { case female, male }

  /// Made with a keyed hash; never the feed's own identifier.
  public var pseudonym: String
  public var sex: Sex?
  public var synthetic: Bool

  public init(pseudonym: String, sex: Sex? = nil, synthetic: Bool) {
    self.pseudonym = pseudonym
    self.sex = sex
    self.synthetic = synthetic
  }
}

/// Table `patients`.
public struct Patients {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// Adds a patient. One who exists keeps the sex first told; once synthetic is always synthetic.
  public func upsert(_ patient: Patient) throws {
    try connection.execute(
      """
      insert into patients as p (patient, sex, synthetic) values ($1, $2, $3)
      on conflict (patient) do update set sex = coalesce(p.sex, excluded.sex), synthetic = p.synthetic or excluded.synthetic
      where (p.sex is null and excluded.sex is not null) or (excluded.synthetic and not p.synthetic)
      """,
      [.text(patient.pseudonym), .text(patient.sex?.rawValue), .bool(patient.synthetic)])
  }

  public func find(_ pseudonym: String) throws -> Patient? {
    try connection.execute("select patient, sex, synthetic from patients where patient = $1", [.text(pseudonym)])
      .first.map { row in
        Patient(
          pseudonym: try row["patient", .text], sex: try row[optional: "sex", .text].flatMap(Patient.Sex.init),
          synthetic: try row["synthetic", .bool])
      }
  }
}
