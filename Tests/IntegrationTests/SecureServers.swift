import Foundation
import Store
import SuiteKit
import TestSupport

/// A broker that takes nobody without TLS and a password, and a PostgreSQL that takes nobody without TLS, with
/// certificates made for them. Used by one thread alone, with whose end the kernel ends both.
final class SecureServers {
  static let user = "resync"
  /// Made for each run: what is looked for in logs must not be there by chance.
  let brokerPassword = randomWord()
  let databasePassword = randomWord()

  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("resync-tls-\(RunningSuite.freshName())")
  private let databasePort: UInt16
  private let brokerPort: UInt16
  private var processes: [(process: Process, ending: Int32)] = []

  /// What is needed besides Swift packages; nil where all of it is there.
  static let missing: String? = {
    guard databasePrograms != nil else { return "install postgresql; ops/dev/setup does" }
    let works = [(python, ["-c", "import lz4"]), ("/usr/bin/openssl", ["version"])].allSatisfy {
      (try? CommandResult.of($0, $1).status) == 0
    }
    return works ? nil : "install openssl and python3-lz4; ops/dev/setup does"
  }()

  /// Debian's Python, for which its packages are.
  private static let python = "/usr/bin/python3"

  private static let databasePrograms: URL? = {
    let versions = URL(fileURLWithPath: "/usr/lib/postgresql")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: versions.path)) ?? []
    return names.compactMap(Int.init).max().map { versions.appendingPathComponent("\($0)/bin") }
  }()

  init() throws {
    (databasePort, brokerPort) = (try Relay.freePort(), try Relay.freePort())
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try makeCertificate("authority")
    try makeCertificate("stranger")
    try makeCertificate("broker", for: "IP:127.0.0.1")
    try makeCertificate("postgresql", for: "DNS:localhost")
    try startBroker()
    try startDatabase()
  }

  /// Ends both and leaves no file.
  func close() throws {
    for (process, ending) in processes { kill(process.processIdentifier, ending) }
    for (process, _) in processes { process.waitUntilExit() }
    try FileManager.default.removeItem(at: folder)
  }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    return path(name)
  }

  // MARK: - How to reach them

  /// The broker's certificate is for this address, and not for the name `localhost`.
  func brokers(as host: String = "127.0.0.1") -> String { "\(host):\(brokerPort)" }

  var kafkaProperties: [String: String] {
    [
      "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": Self.user,
      "sasl.password": brokerPassword, "ssl.ca.location": path("authority.pem"),
    ]
  }

  /// PostgreSQL's certificate is for `localhost`; it is this machine, by whatever name.
  func databaseURL(as host: String = "localhost", password: String? = nil, authority: String = "authority") -> String {
    "postgresql://\(Self.user):\(password ?? databasePassword)@\(host):\(databasePort)/postgres"
      + "?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=\(path(authority + ".pem"))"
  }

  // MARK: - Inner workings

  /// Writes `NAME.key` and `NAME.pem`, by its own authority or, for a host, by that of this run.
  private func makeCertificate(_ name: String, for host: String? = nil) throws {
    let signed = host.map {
      ["-CA", path("authority.pem"), "-CAkey", path("authority.key"), "-addext", "subjectAltName=\($0)"]
    }
    try run(
      "/usr/bin/openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
        "/CN=\(name)", "-keyout", path("\(name).key"), "-out", path("\(name).pem"),
      ] + (signed ?? []))
  }

  private func startBroker() throws {
    let both = try ["broker.key", "broker.pem"].map { try String(contentsOfFile: path($0), encoding: .utf8) }
    try start(
      [
        Self.python, repositoryRoot.appendingPathComponent("ops/dev/kafka").path, "--port", "\(brokerPort)",
        "--certificate", write(both.joined(), to: "both.pem"),
        "--users", write("\(Self.user):\(brokerPassword)\n", to: "users"),
      ], log: "broker.log", ending: SIGKILL)
    try waitUntil("the broker listens") {
      try String(contentsOfFile: path("broker.log"), encoding: .utf8).contains("listening on")
    }
  }

  private func startDatabase() throws {
    guard let programs = Self.databasePrograms else { throw WaitedInVain(description: "PostgreSQL is not installed") }
    // PostgreSQL refuses to run as root.
    let owner = getuid() == 0 ? ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"] : []
    let passwordFile = try write(databasePassword, to: "password")
    if !owner.isEmpty { try run("/usr/bin/chown", ["-R", "postgres", folder.path]) }
    try run(
      "/usr/bin/setpriv",
      owner + [
        programs.appendingPathComponent("initdb").path, "--pgdata", path("data"), "--username", Self.user,
        "--auth=scram-sha-256", "--pwfile", passwordFile, "--no-sync",
      ])
    try Data("hostssl all all 127.0.0.1/32 scram-sha-256\n".utf8)
      .write(to: folder.appendingPathComponent("data/pg_hba.conf"))
    let settings = [
      "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "ssl=on",
      "ssl_cert_file=\(path("postgresql.pem"))", "ssl_key_file=\(path("postgresql.key"))",
    ]
    try start(
      owner + [programs.appendingPathComponent("postgres").path, "-D", path("data"), "-p", "\(databasePort)"]
        + settings.flatMap { ["-c", $0] }, log: "postgresql.log", ending: SIGINT)
    let configuration = try DatabaseConfiguration(url: databaseURL())
    try waitUntil("PostgreSQL answers", seconds: 30) { (try? Connection(configuration)) != nil }
  }

  /// - Parameter ending: the signal that ends it, though threads of tests block most and processes inherit that.
  private func start(_ command: [String], log: String, ending: Int32) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/setpriv")
    process.arguments = ["--pdeathsig", "KILL"] + command
    process.currentDirectoryURL = folder
    let log = folder.appendingPathComponent(log)
    try Data().write(to: log)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: log)
    process.standardError = process.standardOutput
    try process.run()
    processes.append((process, ending))
  }

  private func run(_ program: String, _ arguments: [String]) throws {
    let result = try CommandResult.of(program, arguments, folder: folder)
    guard result.status == 0 else { throw WaitedInVain(description: "\(program) failed: \(result.errors)") }
  }
}

/// Sixteen letters and digits that are nowhere else.
func randomWord() -> String { UUID().uuidString.lowercased().filter { $0 != "-" } }
