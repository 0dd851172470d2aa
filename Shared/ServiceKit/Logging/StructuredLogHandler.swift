import Foundation
import Logging

/// How log lines are written.
public enum LogFormat: String, Sendable, CaseIterable {
  /// One JSON object a line: time, level, service, instance, message, error, metadata.
  case json
  /// One line for people: time, level, service, message, key=value.
  case text
}

/// Writes one line for each log event. Line breaks inside a message are escaped, so that an event is always one line.
public struct StructuredLogHandler: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var metadataProvider: Logger.MetadataProvider?
  public var logLevel: Logger.Level
  private let service: String
  private let instance: String
  private let format: LogFormat
  private let write: @Sendable (String) -> Void

  /// - Parameter write: takes a whole line, its line break included; called from any thread.
  public init(
    service: String, instance: String, format: LogFormat, level: Logger.Level,
    write: @escaping @Sendable (String) -> Void = StructuredLogHandler.writeToStandardError
  ) {
    self.service = service
    self.instance = instance
    self.format = format
    self.write = write
    logLevel = level
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var all = metadata
    all.merge(metadataProvider?.get() ?? [:]) { _, new in new }
    all.merge(event.metadata ?? [:]) { _, new in new }
    let fields = all.sorted { $0.key < $1.key }.map { ($0.key, Self.json($0.value)) }
    switch format {
    case .json: write(json(event, fields).text + "\n")
    case .text: write(text(event, fields) + "\n")
    }
  }

  private func json(_ event: LogEvent, _ fields: [(String, JSONText)]) -> JSONText {
    var members: [(String, JSONText)] = [
      ("time", .string(Self.now())), ("level", .string(event.level.rawValue)), ("service", .string(service)),
      ("instance", .string(instance)), ("message", .string(event.message.description)),
    ]
    if let error = event.error { members.append(("error", .string(String(describing: error)))) }
    if !fields.isEmpty { members.append(("metadata", .object(fields))) }
    return .object(members)
  }

  private func text(_ event: LogEvent, _ fields: [(String, JSONText)]) -> String {
    let level = event.level.rawValue.uppercased().padding(toLength: 8, withPad: " ", startingAt: 0)
    var line = "\(Self.now()) \(level) \(service): \(Self.oneLine(event.message.description))"
    if let error = event.error { line += " error=\(JSONText.string(String(describing: error)).text)" }
    for (key, value) in fields { line += " \(Self.oneLine(key))=\(value.text)" }
    return line
  }

  private static func oneLine(_ text: String) -> String {
    String(JSONText.string(text).text.dropFirst().dropLast()).replacingOccurrences(of: "\\\"", with: "\"")
  }

  private static func json(_ value: Logger.MetadataValue) -> JSONText {
    switch value {
    case .string(let text): .string(text)
    case .stringConvertible(let value): .string(value.description)
    case .array(let values): .array(values.map(json))
    case .dictionary(let members): .object(members.sorted { $0.key < $1.key }.map { ($0.key, json($0.value)) })
    }
  }

  /// RFC 3339, UTC, milliseconds.
  private static func now() -> String {
    Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }

  /// One `write` for a line, so that lines of several threads do not mix.
  @Sendable public static func writeToStandardError(_ line: String) {
    // A closed standard error leaves nowhere to report to.
    try? FileHandle.standardError.write(contentsOf: Data(line.utf8))
  }
}

extension StructuredLogHandler {
  /// Makes this the handler of every `Logger` of the process. Call once.
  public static func bootstrap(_ configuration: CommonConfiguration) {
    let handler = StructuredLogHandler(
      service: configuration.serviceName, instance: configuration.instance, format: configuration.logFormat,
      level: configuration.logLevel)
    LoggingSystem.bootstrap { _ in handler }
  }
}
