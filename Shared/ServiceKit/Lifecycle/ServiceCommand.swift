import ArgumentParser
import Foundation
import Streaming

/// A service's program: flags from its key table, then `build`, then `runService`.
/// ```swift
/// @main
/// struct Ingest: ServiceCommand {
///   static let configuration = CommandConfiguration(commandName: "ingest", abstract: "…", discussion: "examples")
///   @OptionGroup var arguments: ConfigurationArguments<IngestKeys>
///
///   static func build(_ context: ServiceContext) throws -> [any DedicatedPipeline] { … }
/// }
/// ```
/// Exit codes: 0 after a stop that was asked for, 1 after a failure, 78 if the configuration is not valid.
public protocol ServiceCommand: AsyncParsableCommand {
  associatedtype Keys: ConfigurationKeySet
  var arguments: ConfigurationArguments<Keys> { get }
  /// Wires the service. Does not wait for servers: that is a pipeline's first step, so that the endpoint answers
  /// meanwhile.
  static func build(_ context: ServiceContext) throws -> [any DedicatedPipeline]
}

extension ServiceCommand {
  public func run() async throws {
    let settings = try configurationOrExit { try arguments.settings() }
    if arguments.printsConfiguration {
      print(settings.report())
      return
    }
    let context = ServiceContext.bootstrap(serviceName: Self._commandName, settings: settings)
    var status: Int32 = 0
    var threadsGoOn = false
    do {
      try await runService(context, pipelines: try Self.build(context))
    } catch {
      context.logger.critical("\(Self._commandName) ends", error: error)
      status = (error as? ServiceKitError)?.exitCode ?? 1
      threadsGoOn = (error as? ServiceKitError)?.code == .stopTimeout
    }
    // Threads that did not stop still use libraries whose destructors run at a normal exit.
    if threadsGoOn || BoundedCalls.ofThisProcess.areUnderWay { _exit(status) }
    guard status == 0 else { throw ExitCode(status) }
  }
}

/// Runs a step of configuration; an error of it is printed in plain words, and the program exits with 78.
public func configurationOrExit<Value>(_ step: () throws -> Value) throws -> Value {
  do {
    return try step()
  } catch let error as ServiceKitError {
    StructuredLogHandler.writeToStandardError(
      "The configuration is not valid:\n\(error.message)\nSee --help for all keys.\n")
    throw ExitCode(error.exitCode)
  }
}
