import Store
import Testing

@Suite("Database configuration") struct DatabaseConfigurationTests {
  @Test(
    "a configuration prints and dumps itself without the password",
    arguments: [
      "postgresql://user:hush@db.example:5433/resync?sslmode=require", "host=db.example user=user password=hush",
      "postgresql://db.example/resync?password=hush&user=user",
    ])
  func passwordIsRedacted(url: String) throws {
    let configuration = try DatabaseConfiguration(url: url)
    var dumped = ""
    dump(configuration, to: &dumped)
    for text in ["\(configuration)", String(reflecting: configuration), dumped] {
      #expect(!text.contains("hush"))
      #expect(text.contains("host=db.example"))
      #expect(text.contains("user=user"))
    }
  }

  @Test(
    "a URL that libpq cannot read is refused without being quoted",
    arguments: ["", "postgresql://user:hush@[::1/db", "host=a password=hush bogus=1", "password = 'hush"])
  func malformedURL(url: String) throws {
    let error = try storeError { _ = try DatabaseConfiguration(url: url) }
    #expect(error.code == .configuration)
    #expect(!error.text.contains("hush"))
    #expect(!error.isRetriable)
  }

  @Test(
    "a schema name that would need quoting is refused",
    arguments: ["", "Resync", "1a", "a-b", "a\"; drop schema x; --", String(repeating: "a", count: 64)])
  func schemaNames(schema: String) throws {
    #expect(try storeError { _ = try DatabaseConfiguration(url: "db", schema: schema) }.code == .configuration)
  }
}
