import Foundation
import TestSupport

/// Shell commands that do to broker and database what a run asks for. Given by whoever owns the servers.
struct ServerCommands: Sendable {
  var brokerKill: String?
  var brokerStart: String?
  var brokerFreeze: String?
  var brokerResume: String?
  var databaseRestart: String?
  var databaseFreeze: String?
  var databaseResume: String?

  var abilities: ServerAbilities {
    ServerAbilities(
      restartsBroker: brokerKill != nil && brokerStart != nil,
      freezesBroker: brokerFreeze != nil && brokerResume != nil, restartsDatabase: databaseRestart != nil,
      freezesDatabase: databaseFreeze != nil && databaseResume != nil)
  }

  /// What a run without some of the commands leaves out, in words.
  var leftOut: [String] {
    [
      (abilities.restartsBroker, "broker restarts"), (abilities.freezesBroker, "broker freezes"),
      (abilities.restartsDatabase, "database restarts"), (abilities.freezesDatabase, "database freezes"),
    ].filter { !$0.0 }.map(\.1)
  }

  /// Runs a command to its end.
  static func run(_ command: String?) throws {
    guard let command else { return }
    // Not Foundation's Process: it waits as well for the server that the command leaves behind.
    let status = system("{ \(command); } >&2")
    guard status == 0 else { throw WaitedInVain(description: "`\(command)` ended with \(status)") }
  }
}
