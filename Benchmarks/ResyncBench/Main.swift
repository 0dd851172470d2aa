import ArgumentParser

@main
struct ResyncBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resync-bench",
    abstract: "Prints Resync's figures beside those of its peers; each command ends with one line of JSON.",
    subcommands: [
      InferCommand.self, QRSCommand.self, RPeaksCommand.self, STFTCommand.self, StreamCommand.self, TrainCommand.self,
      WFDBCommand.self,
    ])
}
