import Foundation
import ResyncCore
import Store
import SuiteKit
import TestSupport
import Testing

extension IntegrationTests {
  @Test("before topics and tables exist, services say so and live on; once they exist, services become ready")
  func beforeSetUp() async throws {
    try await RunningSuite.with(setUp: false) { suite in
      let services = try ["ingest", "preprocess", "trainer", "evaluator"].map { try suite.start($0) }
      for service in services {
        try waitUntil("\(service.instance) says what is missing") {
          service.logText.contains("topics are missing") && service.logText.contains("run `resync setup`")
        }
        let ready = try #require(service.get("/health/ready"))
        #expect(ready.status == 503 && ready.body.contains(#""kafka":{"ready":false"#))
        #expect(service.get("/health/live")?.status == 200)
        #expect(service.isRunning)
      }
      try suite.setUp()
      for service in services { try service.waitUntilReady() }
    }
  }

  @Test("while PostgreSQL does not answer, services say so and live on; once it answers, they become ready")
  func withoutDatabase() async throws {
    try await RunningSuite.with { suite in
      // libpq reads the file anew for each attempt: the server "moves" to where it answers.
      let file = suite.folder.appendingPathComponent("services.conf")
      try write(serviceFile: file, port: 1)
      let moved = ["DATABASE_URL": "service=moved", "PGSERVICEFILE": file.path]
      let services = try ["ingest", "trainer", "evaluator"].map { try suite.start($0, moved) }
      for service in services {
        try waitUntil("\(service.instance) says that PostgreSQL is away") {
          service.logText.contains("PostgreSQL cannot be reached")
        }
        let ready = try #require(service.get("/health/ready"))
        #expect(ready.status == 503 && ready.body.contains(#""postgresql":{"ready":false"#))
        #expect(service.isRunning)
      }
      try write(serviceFile: file, port: nil)
      for service in services { try service.waitUntilReady() }
    }
  }

  @Test("while no broker answers, services say so, live on, and stop when asked; once it answers, they become ready")
  func withoutBroker() async throws {
    try await RunningSuite.with { suite in
      let relay = try Relay(to: try #require(testBrokers))
      let away = ["KAFKA_BOOTSTRAP_SERVERS": relay.address]
      let services = try RunningSuite.serviceNames.map { try suite.start($0, away) }
      for service in services {
        try waitUntil("\(service.instance) says that Kafka is away") {
          service.logText.contains("Kafka at \(relay.address) cannot be reached")
        }
        let ready = try #require(service.get("/health/ready"))
        #expect(ready.status == 503 && ready.body.contains(#""kafka":{"ready":false"#))
        #expect(service.isRunning)
      }
      let impatient = services[0]
      impatient.terminate()
      #expect(try impatient.exitStatus() == 0)
      try suite.registerTinyModels()
      try relay.open()
      for service in services.dropFirst() { try service.waitUntilReady() }
    }
  }
}

/// A libpq service that leads to the tests' database, or to a port where nothing listens.
private func write(serviceFile: URL, port: Int?) throws {
  let url = try #require(databaseURL.flatMap { URLComponents(string: $0) }, "DATABASE_URL is a URI in the tests")
  let entries: [(String, String?)] = [
    ("host", url.host), ("port", String(port ?? url.port ?? 5432)), ("user", url.user), ("password", url.password),
    ("dbname", String(url.path.dropFirst())),
  ]
  let lines = entries.compactMap { key, value in value.map { "\(key)=\($0)" } }
  try Data("[moved]\n\(lines.joined(separator: "\n"))\n".utf8).write(to: serviceFile, options: .atomic)
}
