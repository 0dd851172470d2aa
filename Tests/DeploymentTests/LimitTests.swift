import Foundation
import ServiceKit
import Testing

/// A number of some service's configuration, with what its table says is allowed.
private struct NumberKey {
  let service: String
  let key: any AnyConfigurationKey
  let lowest: String
  let highest: String
  /// The smallest step that must be noticed.
  let step: Double

  init?(_ service: String, _ key: any AnyConfigurationKey) {
    guard let match = key.definition.allowed.firstMatch(of: /^a (whole )?number from ([\d.]+) to ([\d.]+)/)
    else { return nil }
    self.service = service
    self.key = key
    (lowest, highest) = (String(match.2), String(match.3))
    step = match.1 == nil ? 0.001 : 1
  }

  static let all = keysOfServices.flatMap { service, keys in keys.compactMap { NumberKey(service, $0) } }

  func beyond(_ limit: String, by step: Double) -> String {
    let value = (Double(limit) ?? .nan) + step
    return self.step == 1 ? String(Int(value)) : String(value)
  }
}

@Suite("Limits of the configuration")
struct LimitTests {
  @Test("every number is allowed at its limits and refused beyond them")
  func edges() {
    #expect(NumberKey.all.count > 20)
    for number in NumberKey.all {
      let name: Comment = "\(number.service) --\(number.key.definition.name)"
      #expect(number.key.accepts(number.lowest) && number.key.accepts(number.highest), name)
      #expect(!number.key.accepts(number.beyond(number.lowest, by: -number.step)), name)
      #expect(!number.key.accepts(number.beyond(number.highest, by: number.step)), name)
    }
  }

  @Test("the operator's manual has a row for every key of every service, with its default and its limits")
  func manual() throws {
    let text = try String(contentsOf: root.appendingPathComponent("docs/OPERATING.md"), encoding: .utf8)
    let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }
    for (service, keys) in keysOfServices {
      for key in keys.map(\.definition) {
        let row = rows.first { $0.hasPrefix("| `\(key.name)`") }
        #expect(row != nil, "\(service) --\(key.name)")
      }
    }
    for number in NumberKey.all {
      let key = number.key.definition
      let cells = rows.first { $0.hasPrefix("| `\(key.name)`") }?.split(separator: "|") ?? []
      guard cells.count > 2 else { continue }
      // Threads are as many as the machine has.
      if key.name != "threads" {
        #expect(cells[1].contains(key.defaultText ?? "required"), "\(service(number)): default")
      }
      #expect(cells[2].contains("\(number.lowest) to \(number.highest)"), "\(service(number)): limits")
    }
  }

  private func service(_ number: NumberKey) -> Comment { "\(number.service) --\(number.key.definition.name)" }
}
