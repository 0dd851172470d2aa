import Synchronization

/// The named conditions that must all hold before a service counts as ready: `kafka`, `postgresql`, `models`.
///
/// Pipelines set them from their own threads; the HTTP endpoint reads them.
public final class Readiness: Sendable {
  public struct Check: Sendable, Equatable {
    public let isReady: Bool
    /// What is missing, in words; never patient data.
    public let detail: String
  }

  public struct Report: Sendable, Equatable {
    public let isReady: Bool
    public let isStopping: Bool
    public let checks: [String: Check]
  }

  private struct State {
    var checks: [String: Check]
    var isStopping = false
  }

  private let state: Mutex<State>

  /// - Parameter conditions: not ready until set. A service without conditions is ready at once.
  public init(conditions: [String] = []) {
    let waiting = Check(isReady: false, detail: "not yet checked")
    state = Mutex(State(checks: Dictionary(uniqueKeysWithValues: Set(conditions).map { ($0, waiting) })))
  }

  /// Sets a condition, adding it if it is new.
  public func set(_ condition: String, _ isReady: Bool, detail: String = "") {
    state.withLock { $0.checks[condition] = Check(isReady: isReady, detail: detail) }
  }

  /// From here on never ready again.
  public func beginStopping() {
    state.withLock { $0.isStopping = true }
  }

  public var report: Report {
    state.withLock { state in
      Report(
        isReady: !state.isStopping && state.checks.values.allSatisfy(\.isReady), isStopping: state.isStopping,
        checks: state.checks)
    }
  }
}

extension Readiness.Report {
  /// `{"status":"not_ready","checks":{"kafka":{"ready":false,"detail":"…"}}}`
  package var json: String {
    let status = isReady ? "ready" : isStopping ? "stopping" : "not_ready"
    let members = checks.sorted { $0.key < $1.key }.map { name, check -> (String, JSONText) in
      let detail: [(String, JSONText)] = check.detail.isEmpty ? [] : [("detail", .string(check.detail))]
      return (name, .object([("ready", .boolean(check.isReady))] + detail))
    }
    return JSONText.object([("status", .string(status)), ("checks", .object(members))]).text
  }
}
