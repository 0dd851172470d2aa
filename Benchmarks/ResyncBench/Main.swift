import ArgumentParser

@main
struct ResyncBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resync-bench",
    abstract: "Prints Resync's figures beside those of its peers; each command ends with one line of JSON.",
    subcommands: [
      CapacityCommand.self,
      DelayedPredictorCommand.self, InferCommand.self, QRSCommand.self, RPeaksCommand.self, ScaleCommand.self,
      STFTCommand.self, StreamCommand.self, TrainCommand.self,
      WFDBCommand.self,
    ])
}
