/// A value that must not be printed: passwords, connection strings, keys.
///
/// Printing, logging or dumping it shows `<redacted>`; `reveal()` is the only way to the text.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public static let redacted = "<redacted>"

  private let text: String

  public init(_ text: String) {
    self.text = text
  }

  public func reveal() -> String { text }

  public var description: String { Self.redacted }
  public var debugDescription: String { Self.redacted }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
