import Foundation

/// A file that could not be written. What stood in its place is as it was; a former file is whole.
public struct UnwrittenFile: Error, CustomStringConvertible {
  public let path: String
  /// In the system's words, such as `No space left on device`.
  public let reason: String

  public init(_ file: URL, _ error: any Error) {
    path = file.path
    let cause = error as? POSIXError ?? (error as? CocoaError)?.userInfo[NSUnderlyingErrorKey] as? POSIXError
    reason = cause.map { String(cString: strerror($0.code.rawValue)) } ?? error.localizedDescription
  }

  public var description: String {
    "FILE_NOT_WRITTEN: \(path): \(reason); make room or name another folder"
  }
}

extension Data {
  /// Writes a file that is whole or, when this throws, as it was.
  public func writeWhole(to file: URL) throws(UnwrittenFile) {
    do { try write(to: file, options: .atomic) } catch { throw UnwrittenFile(file, error) }
  }
}
