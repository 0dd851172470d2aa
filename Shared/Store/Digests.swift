/// What two runs over the same recordings must agree in: SHA-256 over all that is said of each, times left out.
public struct Digests {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// By recording id; recordings of which nothing is said are left out.
  public func all() throws -> [String: String] {
    let rows = try connection.execute("select recording_id, digest from recording_digests")
    return Dictionary(uniqueKeysWithValues: try rows.map { (try $0["recording_id", .text], try $0["digest", .text]) })
  }

  /// nil when nothing is said of the recording.
  public func of(_ recordingID: String) throws -> String? {
    try connection.execute("select recording_digest($1) as digest", [.text(recordingID)])[0][
      optional: "digest", .text]
  }
}
