import Foundation

/// Processor time of processes of this machine, from /proc.
struct ProcessTime {
  private struct Part {
    var name: String
    var process: Int32
    /// With all processes that it started, ended ones included, as PostgreSQL's are.
    var isTree: Bool
  }

  private var parts: [Part] = []

  mutating func watch(_ name: String, _ process: Int32, isTree: Bool = false) {
    parts.append(Part(name: name, process: process, isTree: isTree))
  }

  /// Seconds of user and system time so far, by name; what has ended or runs elsewhere is absent.
  func read() -> [String: Double] {
    var seconds: [String: Double] = [:]
    for part in parts {
      guard let own = Self.stat(part.process) else { continue }
      var ticks = own.ticks
      if part.isTree {
        ticks += own.endedChildrenTicks
        ticks += Self.all().filter { $0.parent == part.process }.reduce(0) { $0 + $1.ticks }
      }
      seconds[part.name, default: 0] += Double(ticks) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
    return seconds
  }

  /// Seconds that went by between two readings, of all that stand in both.
  static func spent(_ before: [String: Double], _ after: [String: Double]) -> [String: Double] {
    after.reduce(into: [:]) { spent, entry in
      if let earlier = before[entry.key] { spent[entry.key] = entry.value - earlier }
    }
  }

  /// Of this process, seconds, finer than /proc tells.
  static var own: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private struct Stat {
    var parent: Int32
    var ticks: Int
    var endedChildrenTicks: Int
  }

  private static func stat(_ process: Int32) -> Stat? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      // The second field is the name in parentheses and may hold spaces.
      let end = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ").map { Int($0) ?? 0 }
    guard fields.count > 14 else { return nil }
    return Stat(
      parent: Int32(fields[1]), ticks: fields[11] + fields[12], endedChildrenTicks: fields[13] + fields[14])
  }

  private static func all() -> [Stat] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { Int32($0) }.compactMap(stat)
  }
}
