import Foundation
import ServiceKit
import Streaming
import Testing

@Suite("Settings")
struct SettingsTests {
  @Test("a flag goes before the environment, the environment before the file, the file before the default")
  func precedence() throws {
    let file = try TemporaryFile(#"{"idle-timeout": 10, "batch": 3, "strict": true}"#)
    let flags = ["idle-timeout": ["30"]]
    let environment = ["RESYNC_IDLE_TIMEOUT": "20", "RESYNC_BATCH": "2"]
    #expect(try sampleSettings()[SampleKeys.idleTimeout] == 60)
    #expect(try sampleSettings(file: file.path)[SampleKeys.idleTimeout] == 10)
    #expect(try sampleSettings([:], environment, file: file.path)[SampleKeys.idleTimeout] == 20)
    let settings = try sampleSettings(flags, environment, file: file.path)
    #expect(settings[SampleKeys.idleTimeout] == 30)
    #expect(settings[SampleKeys.batch] == 2)
    #expect(settings[SampleKeys.strict])
    #expect(settings[SampleKeys.color] == .green)
    #expect(settings[SampleKeys.note] == nil)
  }

  @Test("RESYNC_ variables go before the plain names")
  func plainNames() throws {
    #expect(try sampleSettings()[CommonKeys.kafkaBootstrapServers] == ["broker:9092"])
    let both = try sampleSettings([:], ["RESYNC_KAFKA_BOOTSTRAP_SERVERS": "a:1, b:2"])
    #expect(both[CommonKeys.kafkaBootstrapServers] == ["a:1", "b:2"])
  }

  @Test("an empty environment variable counts as not set")
  func emptyVariable() throws {
    #expect(try sampleSettings([:], ["RESYNC_BATCH": ""])[SampleKeys.batch] == 8)
  }

  @Test("a value that is not allowed is refused with key, value, source and what is allowed")
  func refusedValue() {
    #expect(
      refusal { try sampleSettings([:], ["RESYNC_IDLE_TIMEOUT": "0"]) }
        == "--idle-timeout is '0', from environment variable RESYNC_IDLE_TIMEOUT; "
        + "allowed: a number from 1 to 3600 seconds")
    #expect(
      refusal { try sampleSettings(["color": ["blue"]]) }
        == "--color is 'blue', from the command line; allowed: one of red, green")
  }

  @Test(
    "values of the wrong kind are refused",
    arguments: [
      ("idle-timeout", "nan"), ("idle-timeout", "inf"), ("idle-timeout", "sixty"), ("batch", "8.5"), ("batch", "65"),
      ("strict", "maybe"), ("instance", "a/b"), ("instance", ""), ("topic-prefix", "a b"), ("schema", "Resync"),
      ("schema", "pg_x"), ("schema", "1st"), ("kafka-bootstrap-servers", "broker"),
      ("kafka-bootstrap-servers", "broker:0"), ("kafka-bootstrap-servers", "a:1,,b:2"),
      ("kafka-bootstrap-servers", "http://a:1"), ("database-url", "mysql"), ("http-port", "65536"),
      ("log-level", "loud"), ("kafka-property", "sasl.username"), ("kafka-property", "=x"),
    ])
  func wrongKinds(key: String, value: String) {
    #expect(refusal { try sampleSettings([key: [value]]) }?.hasPrefix("--\(key) is ") == true)
  }

  @Test("all that is wrong is named at once, one line each")
  func allProblems() {
    let message = refusal { try Settings(keys: SampleKeys.keys, commandLine: ["batch": ["0"]]) }
    let lines = message?.split(separator: "\n") ?? []
    #expect(lines.count == 3)
    #expect(lines.contains { $0.hasPrefix("--kafka-bootstrap-servers is not set") })
    #expect(lines.contains { $0.contains("RESYNC_DATABASE_URL or DATABASE_URL") })
    #expect(lines.contains { $0.hasPrefix("--batch is '0'") })
  }

  @Test("a secret comes from the file that its _FILE variable names, without the line break at its end")
  func secretFile() throws {
    let file = try TemporaryFile("postgresql://a:b@c/d\n")
    let settings = try Settings(
      keys: DatabaseKeys.keys, environment: ["DATABASE_URL_FILE": file.path])
    #expect(settings[DatabaseKeys.url].reveal() == "postgresql://a:b@c/d")
    #expect(
      refusal { try sampleSettings([:], ["DATABASE_URL_FILE": file.path]) }
        == "--database-url is given twice, by environment variable DATABASE_URL and by environment variable "
        + "DATABASE_URL_FILE; allowed: one of the two")
    #expect(
      refusal { try Settings(keys: DatabaseKeys.keys, commandLine: ["database-url-file": ["/nowhere"]]) }?
        .contains("the file '/nowhere', from the command line, which cannot be read") == true)
  }

  @Test("a secret that is not allowed is refused without being shown")
  func refusedSecret() {
    let message = refusal { try sampleSettings(["database-url": ["hunter3"]]) }
    #expect(message?.contains("--database-url is <redacted>") == true)
    #expect(message?.contains("hunter3") == false)
  }

  @Test("a key of the file that no table has is refused, so is a file that is not one JSON object")
  func wrongFiles() throws {
    let misspelt = try TemporaryFile(#"{"idle-timout": 10}"#)
    #expect(
      refusal { try sampleSettings(file: misspelt.path) }?.hasPrefix("\"idle-timout\" in configuration file") == true)
    for text in ["[1]", "{", #"{"batch": [1]}"#, #"{"batch": {"a": "b"}}"#, #"{"kafka-property": "a=b"}"#, ""] {
      let file = try TemporaryFile(text)
      #expect(refusal { try sampleSettings(file: file.path) } != nil, "\(text)")
    }
    #expect(refusal { try sampleSettings(file: "/nowhere") }?.contains("--config is '/nowhere'") == true)
  }

  @Test("Kafka properties merge from file, environment and flags, each layer over the one below")
  func kafkaProperties() throws {
    let file = try TemporaryFile(#"{"kafka-property": {"sasl.username": "file", "client.rack": "a", "ssl_ca": "x"}}"#)
    let password = try TemporaryFile("hunter4\n")
    let settings = try sampleSettings(
      ["kafka-property": ["sasl.username=flag=1"]],
      [
        "RESYNC_KAFKA_PROPERTY_SASL_USERNAME": "environment", "RESYNC_KAFKA_PROPERTY_SSL__CA": "y",
        "RESYNC_KAFKA_PROPERTY_SASL_PASSWORD_FILE": password.path,
      ], file: file.path)
    #expect(
      settings[CommonKeys.kafkaProperties]
        == ["sasl.username": "flag=1", "client.rack": "a", "ssl_ca": "y", "sasl.password": "hunter4"])
  }

  @Test(
    "a property on which exactly-once rests cannot be handed through",
    arguments: KafkaConfiguration.reservedProperties.keys.sorted())
  func reservedProperties(property: String) {
    #expect(refusal { try sampleSettings(["kafka-property": ["\(property)=x"]]) }?.contains("'\(property)'") == true)
  }

  @Test("a rule over several keys is refused in the same words")
  func crossCheck() throws {
    let error = try sampleSettings(["batch": ["9"]]).invalid(SampleKeys.batch, allowed: "at most the queue's size")
    #expect(error.message == "--batch is '9', from the command line; allowed: at most the queue's size")
    #expect(error.exitCode == 78)
  }

  @Test("the printed configuration shows every value and its source, and no secret")
  func report() throws {
    let report = try sampleSettings(
      ["kafka-property": ["sasl.password=hunter5", "sasl.username=bob"]], ["RESYNC_BATCH": "2"]
    ).report()
    #expect(report.contains("batch = 2"))
    #expect(report.contains("# environment variable RESYNC_BATCH"))
    #expect(report.contains("database-url = <redacted>"))
    #expect(report.contains("kafka-property sasl.password = <redacted>"))
    #expect(report.contains("kafka-property sasl.username = bob"))
    #expect(!report.contains("hunter"))
  }

  @Test("a secret shows itself in no description, dump or mirror")
  func secretDescription() throws {
    let common = CommonConfiguration(
      serviceName: "test", settings: try sampleSettings(["kafka-property": ["sasl.password=hunter5"]]))
    var dumped = ""
    dump(common, to: &dumped)
    for text in ["\(common)", String(reflecting: common), dumped] { #expect(!text.contains("hunter"), "\(text)") }
    #expect(common.database?.url.reveal() == "postgresql://resync:hunter2@db/resync")
    #expect(common.kafka.properties["sasl.password"] == "hunter5")
  }

  @Test("a program without database keys has no database")
  func noDatabase() throws {
    let settings = try Settings(keys: CommonKeys.keys, environment: sampleEnvironment)
    #expect(CommonConfiguration(serviceName: "preprocess", settings: settings).database == nil)
  }

  @Test("the documentation has a row for every key, with bars escaped")
  func markdown() {
    let rows = ConfigurationDocumentation.markdown(SampleKeys.keys).split(separator: "\n")
    #expect(rows.count == SampleKeys.keys.count + 2)
    #expect(rows.contains { $0.hasPrefix("| `--idle-timeout` | `RESYNC_IDLE_TIMEOUT` | `60` | a number from 1") })
    #expect(rows.contains { $0.hasPrefix("| `--database-url` | `RESYNC_DATABASE_URL`, `DATABASE_URL` | required |") })
  }
}
