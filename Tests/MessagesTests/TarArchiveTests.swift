import Messages
import Testing

@Suite("Tar archives")
struct TarArchiveTests {
  static let files = [
    TarArchive.Entry(name: "a.hea", bytes: Array("a 1 250 3\n".utf8)),
    TarArchive.Entry(name: "a.dat", bytes: (0..<1500).map { UInt8(truncatingIfNeeded: $0) }),
    TarArchive.Entry(name: "empty.atr", bytes: []),
    TarArchive.Entry(name: "block.dat", bytes: [UInt8](repeating: 7, count: 512)),
  ]

  @Test("what is archived is read back, in order and byte for byte")
  func roundTrip() throws {
    let archive = TarArchive.archive(Self.files)
    #expect(archive.count % 512 == 0)
    #expect(try TarArchive.entries(archive) == Self.files)
  }

  @Test("a file in a folder is named by its last component")
  func folders() throws {
    let archive = TarArchive.archive([.init(name: "records/mitdb/100.hea", bytes: [1])])
    #expect(try TarArchive.entries(archive).map(\.name) == ["100.hea"])
  }

  @Test("folders and other entries that are no plain files are passed over")
  func otherKinds() throws {
    var archive = TarArchive.archive([.init(name: "records", bytes: [])])
    archive.removeLast(1024)
    archive[156] = UInt8(ascii: "5")
    archive = Self.withChecksum(archive) + TarArchive.archive([Self.files[0]])
    #expect(try TarArchive.entries(archive) == [Self.files[0]])
  }

  @Test("a long name is shortened and never spills into the header's other fields")
  func longNames() throws {
    let name = String(repeating: "é", count: 99)
    let entries = try TarArchive.entries(TarArchive.archive([.init(name: name, bytes: [1, 2, 3])]))
    #expect(entries.map(\.bytes) == [[1, 2, 3]])
    #expect(entries[0].name.utf8.count <= 100 && name.hasPrefix(entries[0].name))
  }

  @Test("an archive cut short is refused wherever the cut lies in a file", arguments: [513, 900, 1100, 2047])
  func truncated(_ count: Int) {
    let archive = TarArchive.archive(Self.files)
    expectMalformed(Array(archive.prefix(count)))
  }

  @Test("a size beyond the archive is refused")
  func size() {
    var archive = TarArchive.archive([Self.files[0]])
    archive.replaceSubrange(124..<136, with: Array("77777777777\0".utf8))
    expectMalformed(Self.withChecksum(archive))
  }

  @Test(
    "a size that is no octal number is refused",
    arguments: ["-0000000001\0", "99999999999\0", "\0\0\0\0\0\0\0\0\0\0\0\0"])
  func sizeNotOctal(_ size: String) {
    var archive = TarArchive.archive([Self.files[0]])
    archive.replaceSubrange(124..<136, with: Array(size.utf8))
    expectMalformed(Self.withChecksum(archive))
  }

  @Test("a header whose checksum does not hold is refused")
  func checksum() {
    var archive = TarArchive.archive([Self.files[0]])
    archive[0] ^= 1
    expectMalformed(archive)
  }

  @Test("an archive without a file is refused, however it is empty", arguments: [0, 100, 512, 4096])
  func empty(_ zeros: Int) {
    expectMalformed([UInt8](repeating: 0, count: zeros))
  }

  @Test("more files than a record has are refused")
  func tooMany() {
    let entry = TarArchive.Entry(name: "a", bytes: [])
    #expect(throws: Never.self) {
      try TarArchive.entries(TarArchive.archive([TarArchive.Entry](repeating: entry, count: TarArchive.maximumEntries)))
    }
    expectMalformed(TarArchive.archive([TarArchive.Entry](repeating: entry, count: TarArchive.maximumEntries + 1)))
  }

  @Test("bytes at random are refused with the place, and never crash")
  func junk() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let junk = (0..<Int.random(in: 512...2048, using: &generator)).map { _ in
        UInt8.random(in: 1...255, using: &generator)
      }
      expectMalformed(junk)
    }
  }

  private func expectMalformed(_ archive: [UInt8], _ location: SourceLocation = #_sourceLocation) {
    let error = #expect(throws: Rejection.self, sourceLocation: location) { try TarArchive.entries(archive) }
    #expect(error?.code == .malformedPayload, sourceLocation: location)
  }

  /// The archive with the first header's checksum made to hold again.
  private static func withChecksum(_ archive: [UInt8]) -> [UInt8] {
    var archive = archive
    archive.replaceSubrange(148..<156, with: Array("        ".utf8))
    let octal = String(archive.prefix(512).reduce(0) { $0 + Int($1) }, radix: 8)
    archive.replaceSubrange(
      148..<155, with: Array((String(repeating: "0", count: 6 - octal.count) + octal + "\0").utf8))
    return archive
  }
}
