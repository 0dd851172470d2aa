import Foundation
import Messages
import Store

/// The secret behind patients' pseudonyms; the same for every program that names patients.
public enum PseudonymKeys: ConfigurationKeySet {
  public static let pseudonymKey = ConfigurationKey.secret(
    "pseudonym-key", valueName: "key", allowed: "at least \(Pseudonymiser.minimumKeyBytes) bytes",
    where: { $0.utf8.count >= Pseudonymiser.minimumKeyBytes },
    help: "Key of the hash that turns patient identifiers into pseudonyms. Losing it breaks the link for good.")

  public static let keys: [any AnyConfigurationKey] = [pseudonymKey]

  public static func pseudonymiser(_ settings: Settings) throws -> Pseudonymiser {
    guard let pseudonymiser = Pseudonymiser(key: Array(settings[pseudonymKey].reveal().utf8)) else {
      throw settings.invalid(pseudonymKey, allowed: "at least \(Pseudonymiser.minimumKeyBytes) bytes")
    }
    return pseudonymiser
  }
}

/// Where the schemas (SQL migrations, topics) lie.
public enum SchemaKeys: ConfigurationKeySet {
  public static let folder = ConfigurationKey.string(
    "schemas", default: "schemas", valueName: "folder", allowed: "a folder that holds sql/ and topics.yaml",
    help: "The folder `schemas` of the project, to hold the database and the topics against.")

  public static let keys: [any AnyConfigurationKey] = [folder]

  public static func migrations(_ settings: Settings) throws -> Migrator {
    do {
      return try Migrator.load(folder: url(settings).appendingPathComponent("sql"))
    } catch {
      throw settings.invalid(folder, allowed: "a folder that holds sql/ and topics.yaml (\(error))")
    }
  }

  public static func topicsFile(_ settings: Settings) -> URL { url(settings).appendingPathComponent("topics.yaml") }

  private static func url(_ settings: Settings) -> URL { URL(fileURLWithPath: settings[folder]) }
}
