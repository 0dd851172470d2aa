import ArgumentParser
import Foundation
import ServiceKit

@main
struct ResyncCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resync",
    abstract: "The operator's command: set up, publish, watch, train, promote, replay.",
    discussion: """
      Every subcommand reads the same configuration as the services: flags, then environment (RESYNC_…, \
      KAFKA_BOOTSTRAP_SERVERS, DATABASE_URL), then the file given by --config.

      EXAMPLES
        resync setup
        resync publish records/mitdb --feed holter --manifest manifest.jsonl
        resync train --task beat-class --manifest manifest.jsonl
        resync status --manifest manifest.jsonl --wait 60
      """,
    subcommands: [
      SetupCommand.self, PublishCommand.self, StatusCommand.self, CohortCommand.self, TrainCommand.self,
      ModelsCommand.self, PromoteCommand.self, RollbackCommand.self, RejectedCommand.self, ReplayCommand.self,
    ])
}

/// What went wrong, in a sentence that says what to do.
package struct CommandFailure: Error, CustomStringConvertible {
  package var description: String
  init(_ description: String) { self.description = description }
}
