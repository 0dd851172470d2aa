/// The plain files of a POSIX ustar archive: the bundle form of `application/x-wfdb`.
public enum TarArchive {
  public struct Entry: Hashable, Sendable {
    public var name: String
    public var bytes: [UInt8]

    public init(name: String, bytes: [UInt8]) {
      self.name = name
      self.bytes = bytes
    }
  }

  static let block = 512
  /// More files than any WFDB record of twelve leads has.
  public static let maximumEntries = 64

  /// - Throws: `Rejection` (malformedPayload) with the byte at which the archive stops making sense.
  public static func entries(_ archive: [UInt8]) throws(Rejection) -> [Entry] {
    var entries: [Entry] = []
    var position = 0
    while true {
      guard position + block <= archive.count else {
        throw Rejection(.malformedPayload, "tar: cut short at byte \(archive.count), before its end mark")
      }
      let header = archive[position..<position + block]
      if header.allSatisfy({ $0 == 0 }) { break }
      guard let size = octal(header.dropFirst(124).prefix(12)), checksumHolds(header) else {
        throw Rejection(.malformedPayload, "tar: no valid file header at byte \(position)")
      }
      let start = position + block
      guard size <= archive.count - start else {
        throw Rejection(.malformedPayload, "tar: the file at byte \(position) is cut short")
      }
      let kind = header[header.startIndex + 156]
      if kind == UInt8(ascii: "0") || kind == 0 {
        guard entries.count < maximumEntries else {
          throw Rejection(.malformedPayload, "tar: more than \(maximumEntries) files")
        }
        let path = String(decoding: header.prefix(100).prefix { $0 != 0 }, as: UTF8.self)
        let name = path.split(separator: "/").last.map(String.init) ?? path
        entries.append(Entry(name: name, bytes: Array(archive[start..<start + size])))
      }
      position = start + (size + block - 1) / block * block
    }
    guard !entries.isEmpty else { throw Rejection(.malformedPayload, "tar: no file in the archive") }
    return entries
  }

  public static func archive(_ entries: [Entry]) -> [UInt8] {
    var archive: [UInt8] = []
    for entry in entries {
      var header = [UInt8](repeating: 0, count: block)
      func put(_ text: String, at offset: Int) {
        header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
      }
      var name = Substring(entry.name)
      while name.utf8.count > 99 { name.removeLast() }
      put(String(name), at: 0)
      put("0000644", at: 100)
      put("0000000", at: 108)
      put("0000000", at: 116)
      put(padded(entry.bytes.count, digits: 11), at: 124)
      put("00000000000", at: 136)
      put("        ", at: 148)
      put("0", at: 156)
      put("ustar\u{0}00", at: 257)
      put(padded(header.reduce(0) { $0 + Int($1) }, digits: 6) + "\u{0} ", at: 148)
      archive += header + entry.bytes
      archive += [UInt8](repeating: 0, count: (block - entry.bytes.count % block) % block)
    }
    return archive + [UInt8](repeating: 0, count: 2 * block)
  }

  private static func padded(_ value: Int, digits: Int) -> String {
    let octal = String(value, radix: 8)
    return String(repeating: "0", count: max(0, digits - octal.count)) + octal
  }

  private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
    let text = String(decoding: field.prefix { $0 != 0 }.filter { $0 != UInt8(ascii: " ") }, as: UTF8.self)
    guard let value = Int(text, radix: 8), value >= 0 else { return nil }
    return value
  }

  /// The sum of the header's bytes with the checksum field itself read as spaces.
  private static func checksumHolds(_ header: ArraySlice<UInt8>) -> Bool {
    let field = header.startIndex + 148..<header.startIndex + 156
    let sum = header.indices.reduce(0) { $0 + (field.contains($1) ? 32 : Int(header[$1])) }
    return octal(header[field]) == sum
  }
}
