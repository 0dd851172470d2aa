import Foundation
import ServiceKit
import Testing

/// Python's docker-compose or Docker's plugin, whichever is installed; it needs no Docker daemon to check a file.
private let composeTool: [String]? = [["docker-compose"], ["docker", "compose"]].first { command in
  (try? output(of: command + ["version"])) != nil
}

/// The standard output of a command that exits with 0.
private func output(of command: [String]) throws -> String {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = command
  process.currentDirectoryURL = root
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = FileHandle.nullDevice
  try process.run()
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else { throw CocoaError(.executableLoad) }
  return String(decoding: data, as: UTF8.self)
}

@Suite("Deployment files")
struct ComposeTests {
  @Test("every variable of the compose file is a key of the service that gets it, and required keys are given")
  func variables() throws {
    let file = try ComposeFile(
      text: String(contentsOf: root.appendingPathComponent("docker-compose.yml"), encoding: .utf8))
    let ours = file.services.filter { $0.value.image == "resync" }
    #expect(Set(ours.keys) == Set(keysOfServices.keys))
    for (name, service) in ours {
      let keys = keysOfServices[name] ?? []
      for variable in service.environment {
        #expect(ConfigurationDocumentation.isEnvironmentName(variable, of: keys), "\(name): \(variable)")
      }
      for key in keys.map(\.definition) where key.isRequired {
        let names = key.environmentNames.flatMap { [$0, $0 + "_FILE"] }
        #expect(!service.environment.isDisjoint(with: names), "\(name) lacks \(names)")
      }
    }
  }

  @Test("every RESYNC_ variable of the image is a key of all services")
  func image() throws {
    let text = try String(contentsOf: root.appendingPathComponent("ops/docker/Dockerfile"), encoding: .utf8)
    let variables = text.matches(of: /RESYNC_[A-Z_]+/).map { String($0.output) }
    #expect(!variables.isEmpty)
    for variable in variables {
      #expect(ConfigurationDocumentation.isEnvironmentName(variable, of: CommonKeys.keys), "\(variable)")
    }
  }

  @Test("no service of ours publishes a port or names its container, so that each can be scaled")
  func scalable() throws {
    let file = try ComposeFile(
      text: String(contentsOf: root.appendingPathComponent("docker-compose.yml"), encoding: .utf8))
    for (name, service) in file.services where service.image == "resync" {
      #expect(Set(service.entries.keys).isDisjoint(with: ["ports", "container_name", "hostname"]), "\(name)")
    }
  }

  @Test("our containers run as a user without rights, on a root file system that nobody writes to")
  func unprivileged() throws {
    let text = try String(contentsOf: root.appendingPathComponent("docker-compose.yml"), encoding: .utf8)
    for (name, service) in try ComposeFile(text: text).services where service.image == "resync" {
      #expect(service.entries["read_only"] == "true", "\(name)")
      #expect(Set(service.entries.keys).isSuperset(of: ["cap_drop", "security_opt"]), "\(name)")
      #expect(Set(service.entries.keys).isDisjoint(with: ["user", "privileged", "cap_add"]), "\(name)")
    }
    let image = try String(contentsOf: root.appendingPathComponent("ops/docker/Dockerfile"), encoding: .utf8)
    #expect(image.matches(of: /(?m)^USER (.*)$/).map { String($0.1) } == ["10001:10001"])
  }

  @Test("the compose tool accepts the compose file", .enabled(if: composeTool != nil))
  func composeConfig() throws {
    #expect(throws: Never.self) { try output(of: (composeTool ?? []) + ["config"]) }
  }

  @Test("a misspelt variable would be found")
  func misspelt() {
    #expect(!ConfigurationDocumentation.isEnvironmentName("RESYNC_LOG_LEVLE", of: CommonKeys.keys))
    #expect(!ConfigurationDocumentation.isEnvironmentName("DATABASE_URL", of: CommonKeys.keys))
    #expect(ConfigurationDocumentation.isEnvironmentName("DATABASE_URL_FILE", of: DatabaseKeys.keys))
    #expect(ConfigurationDocumentation.isEnvironmentName("RESYNC_KAFKA_PROPERTY_SASL_USERNAME", of: CommonKeys.keys))
    #expect(!ConfigurationDocumentation.isEnvironmentName("RESYNC_KAFKA_PROPERTY_GROUP_ID", of: CommonKeys.keys))
  }
}
