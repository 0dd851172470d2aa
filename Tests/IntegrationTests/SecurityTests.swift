import Foundation
import Store
import SuiteKit
import TestSupport
import Testing

extension IntegrationTests {
  /// A suite whose every program has its secrets from files.
  private static func secure(
    _ body: @escaping @Sendable (RunningSuite, SecureServers, _ secrets: [String]) throws -> Void
  ) async throws {
    try await blocking {
      let servers = try SecureServers()
      defer {
        do { try servers.close() } catch { Issue.record("the servers were not cleared away: \(error)") }
      }
      let suite = try RunningSuite(
        brokers: servers.brokers(), databaseURL: servers.databaseURL(), name: RunningSuite.freshName(),
        kafkaProperties: servers.kafkaProperties)
      let key = randomWord()
      suite.environment["DATABASE_URL"] = nil
      suite.environment["RESYNC_PSEUDONYM_KEY"] = nil
      suite.environment.merge([
        "DATABASE_URL_FILE": try servers.write(servers.databaseURL() + "\n", to: "url"),
        "RESYNC_PSEUDONYM_KEY_FILE": try servers.write(key + "\n", to: "key"),
        "RESYNC_KAFKA_PROPERTY_SECURITY_PROTOCOL": "SASL_SSL", "RESYNC_KAFKA_PROPERTY_SASL_MECHANISM": "PLAIN",
        "RESYNC_KAFKA_PROPERTY_SASL_USERNAME": SecureServers.user,
        "RESYNC_KAFKA_PROPERTY_SASL_PASSWORD_FILE": try servers.write(servers.brokerPassword + "\n", to: "password"),
        "RESYNC_KAFKA_PROPERTY_SSL_CA_LOCATION": servers.path("authority.pem"),
      ]) { $1 }
      try RunningSuite.with(suite) { try body($0, servers, [servers.brokerPassword, servers.databasePassword, key]) }
    }
  }

  @Test(
    "over TLS, with passwords and verified certificates, recordings have their outcomes; no secret is said",
    .enabled(if: SecureServers.missing == nil))
  func secured() async throws {
    try await Self.secure { suite, servers, secrets in
      try suite.registerTinyModels()
      let services = try suite.startAndWait(RunningSuite.serviceNames)
      try suite.resync("publish", BundledRecord.ludb.path, "--only", "24", "--manifest", "manifest.jsonl")
      let status = try suite.resync("status", "--manifest", "manifest.jsonl", "--wait", "60")
      let connection = try suite.connection()
      #expect(try suite.predictions(.beatClass).count == 1)

      let sessions = try connection.execute(
        "select distinct application_name as name, ssl from pg_stat_activity join pg_stat_ssl using (pid) where usename is not null"
      )
      #expect(try sessions.allSatisfy { try $0["ssl", .bool] })
      let names = Set(try sessions.map { try $0["name", .text] })
      #expect(names.isSuperset(of: ["ingest", "predictor", "trainer", "evaluator"].map { "resync-\($0)" }))

      let printed = try CommandResult.of(
        programs.appendingPathComponent("ingest").path, ["--print-configuration"], environment: suite.environment)
      #expect(printed.status == 0 && printed.output.contains("sasl.password = <redacted>"))
      let said = services.values.map(\.logText) + [status, printed.output, printed.errors]
      for secret in secrets { #expect(!said.joined().contains(secret)) }
    }
  }

  /// What is wrong with a program's settings, and what it must say of it.
  private struct Fault {
    var program = "preprocess"
    var name: String
    var environment: [String: String]
    var says: [String]
    /// Settings do not mend themselves; a server's certificate may.
    var ends = false
  }

  @Test(
    "a wrong authority, host name, password or file is named once, with what to look at, and no secret is said",
    .enabled(if: SecureServers.missing == nil))
  func refused() async throws {
    try await Self.secure { suite, servers, secrets in
      let wrong = randomWord()
      func url(_ url: String, _ name: String) throws -> [String: String] {
        ["DATABASE_URL_FILE": try servers.write(url, to: name)]
      }
      let faults = [
        Fault(
          name: "kafka-authority", environment: ["RESYNC_KAFKA_PROPERTY_SSL_CA_LOCATION": servers.path("stranger.pem")],
          says: ["TLS_FAILED", "certificate verify failed", "ssl.ca.location holds the authority"]),
        Fault(
          name: "kafka-host",
          environment: [
            "KAFKA_BOOTSTRAP_SERVERS": servers.brokers(as: "localhost"),
            "RESYNC_KAFKA_PROPERTY_BROKER_ADDRESS_FAMILY": "v4",
          ], says: ["TLS_FAILED", "certificate verify failed", "for the host name by which the broker is reached"]),
        Fault(
          name: "kafka-password",
          environment: ["RESYNC_KAFKA_PROPERTY_SASL_PASSWORD_FILE": try servers.write(wrong, to: "wrong")],
          says: ["NOT_AUTHORIZED", "Invalid username or password", "check the credentials"], ends: true),
        Fault(
          name: "kafka-protocol", environment: ["RESYNC_KAFKA_PROPERTY_SECURITY_PROTOCOL": "SASL_PLAINTEXT"],
          says: ["BROKER_UNREACHABLE", "security.protocol"]),
        Fault(
          name: "kafka-file", environment: ["RESYNC_KAFKA_PROPERTY_SSL_CA_LOCATION": "/nowhere/ca.pem"],
          says: ["CONFIGURATION_INVALID", "'ssl.ca.location' is '/nowhere/ca.pem'"], ends: true),
        Fault(
          program: "evaluator", name: "postgresql-authority",
          environment: try url(servers.databaseURL(authority: "stranger"), "url-1"),
          says: ["CONNECTION_FAILED", "certificate verify failed", "sslrootcert=\(servers.path("stranger.pem"))"]),
        Fault(
          program: "evaluator", name: "postgresql-host",
          environment: try url(servers.databaseURL(as: "elsewhere.example"), "url-2"),
          says: ["CONNECTION_FAILED", #"\"localhost\" does not match host name \"elsewhere.example\""#]),
        Fault(
          program: "evaluator", name: "postgresql-password",
          environment: try url(servers.databaseURL(password: wrong), "url-3"),
          says: ["CONNECTION_FAILED", #"password authentication failed for user \"resync\""#]),
      ]
      let services = try faults.map { try suite.start($0.program, instance: $0.name, $0.environment) }
      for (fault, service) in zip(faults, services) {
        func complaints() -> [Substring] {
          service.logText.split(separator: "\n").filter { !$0.contains(#""level":"info""#) }
        }
        try waitUntil("\(fault.name) is said", seconds: 60) { complaints().contains { $0.contains(fault.says[0]) } }
        if fault.ends {
          #expect(try service.exitStatus() == 1)
        } else {
          #expect(service.isRunning && service.get("/health/ready")?.status == 503)
        }
        let lines = complaints()
        // A service that ends says so of its pipeline and of itself.
        #expect(lines.count == (fault.ends ? 2 : 1), "\(fault.name): \(lines.joined(separator: "\n"))")
        for words in fault.says {
          #expect(lines.allSatisfy { $0.contains(words) }, "\(fault.name): \(lines.joined(separator: "\n"))")
        }
        for secret in secrets + [wrong] { #expect(!service.logText.contains(secret), "\(fault.name)") }
      }

      // The operator's command says the same, and ends.
      var environment = suite.environment
      environment["RESYNC_KAFKA_PROPERTY_SSL_CA_LOCATION"] = servers.path("stranger.pem")
      let resync = programs.appendingPathComponent("resync").path
      let published = try CommandResult.of(resync, ["publish", BundledRecord.ludb.path], environment: environment)
      #expect(published.status == 1 && published.errors.contains("TLS_FAILED"), "\(published.errors)")
    }
  }
}
