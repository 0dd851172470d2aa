import ArgumentParser
import ServiceKit
import Testing

private struct Sample: ParsableCommand {
  @OptionGroup var arguments: ConfigurationArguments<SampleKeys>
  @Flag var verbose = false
}

@Suite("Flags made from the key table")
struct ArgumentsTests {
  @Test("a flag of the table reaches the settings, beside the command's own flags")
  func flags() throws {
    let command = try Sample.parse(["--idle-timeout", "5", "--verbose", "--color=red", "--kafka-property", "a=b"])
    let settings = try command.arguments.settings(environment: sampleEnvironment)
    #expect(settings[SampleKeys.idleTimeout] == 5)
    #expect(settings[SampleKeys.color] == .red)
    #expect(settings[CommonKeys.kafkaProperties] == ["a": "b"])
    #expect(command.verbose)
    #expect(!command.arguments.printsConfiguration)
  }

  @Test("without flags the environment and the defaults hold")
  func noFlags() throws {
    let settings = try Sample.parse([]).arguments.settings(environment: sampleEnvironment)
    #expect(settings[SampleKeys.batch] == 8)
  }

  @Test("--config names the file and goes before RESYNC_CONFIG")
  func file() throws {
    let first = try TemporaryFile(#"{"batch": 1}"#)
    let second = try TemporaryFile(#"{"batch": 2}"#)
    let environment = sampleEnvironment.merging(["RESYNC_CONFIG": second.path]) { _, new in new }
    #expect(try Sample.parse([]).arguments.settings(environment: environment)[SampleKeys.batch] == 2)
    let flagged = try Sample.parse(["--config", first.path, "--print-configuration"])
    #expect(try flagged.arguments.settings(environment: environment)[SampleKeys.batch] == 1)
    #expect(flagged.arguments.printsConfiguration)
  }

  @Test("a flag that is in no table is refused")
  func unknownFlag() {
    #expect(throws: (any Error).self) { try Sample.parse(["--idle-timout", "5"]) }
  }

  @Test("--help shows each key with its meaning, environment variable, default and range")
  func help() {
    let help = Sample.helpMessage(columns: 400)
    for key in SampleKeys.keys.map(\.definition) {
      #expect(help.contains("--\(key.name) <\(key.valueName)>"))
      #expect(help.contains(key.environmentNames[0]))
    }
    #expect(help.contains("(RESYNC_IDLE_TIMEOUT; default: 60; a number from 1 to 3600 seconds)"))
    #expect(help.contains("--database-url-file <file>"))
    #expect(help.contains("--config <file>"))
  }
}
