import Foundation

extension TrainingSpecification {
  /// Reads what a person wrote: a JSON object of any of the fields; all others have the task's defaults.
  ///
  /// - Throws: `ModelError` with code `invalidConfiguration` that names a field which is not known, has the wrong type or
  ///   is out of range.
  public init(settings: Data, task: ModelTask) throws {
    func refused(_ why: String) -> ModelError { ModelError(.invalidConfiguration, "training settings: \(why)") }
    guard var fields = try? JSONSerialization.jsonObject(with: settings) as? [String: Any] else {
      throw refused("not a JSON object")
    }
    let known = try Self.fieldNames()
    for name in fields.keys.sorted() where !known.contains(name) {
      throw refused("\(name) is not known, expected some of \(known.joined(separator: ", "))")
    }
    if let written = fields["task"] as? String, written != task.rawValue {
      throw refused("task is \(written), expected \(task.rawValue) or nothing")
    }
    fields["task"] = task.rawValue
    do {
      self = try JSONDecoder().decode(Self.self, from: JSONSerialization.data(withJSONObject: fields))
    } catch DecodingError.typeMismatch(let type, let context) {
      throw refused("\(context.codingPath.map(\.stringValue).joined(separator: ".")) is no \(type)")
    } catch DecodingError.dataCorrupted(let context) {
      throw refused("\(context.codingPath.map(\.stringValue).joined(separator: ".")): \(context.debugDescription)")
    }
    try validate()
  }

  private static func fieldNames() throws -> [String] {
    var all = Self(task: .beatClass)
    all.gradientClipping = 1
    let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(all)) as? [String: Any] ?? [:]
    return object.keys.sorted()
  }
}
