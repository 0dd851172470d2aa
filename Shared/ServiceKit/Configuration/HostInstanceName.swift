import Foundation

/// The host's name with everything replaced that an instance name does not allow. In a container it is the
/// container's name, which differs between replicas.
func hostInstanceName() -> String {
  let name = ProcessInfo.processInfo.hostName.prefix(64).map { character -> Character in
    character.isASCII && (character.isLetter || character.isNumber || character == "." || character == "-")
      ? character : "-"
  }
  return name.isEmpty ? "localhost" : String(name)
}
