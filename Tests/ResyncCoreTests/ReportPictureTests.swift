import Foundation
import ResyncCore
import Testing

@Suite("Report: pictures")
struct ReportPictureTests {
  /// Reads a PNG as a decoder does: signature, chunks with their checksums, zlib with stored blocks.
  private func decode(_ png: [UInt8]) throws -> (width: Int, height: Int, palette: [UInt8], rows: [UInt8]) {
    #expect(Array(png.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
    var chunks: [(String, [UInt8])] = []
    var at = 8
    while at < png.count {
      let length = number(png[at..<at + 4])
      let body = Array(png[at + 4..<at + 8 + length])
      #expect(number(png[at + 8 + length..<at + 12 + length]) == Int(PNGEncoder.crc32(body)))
      chunks.append((String(decoding: body.prefix(4), as: UTF8.self), Array(body.dropFirst(4))))
      at += 12 + length
    }
    #expect(chunks.map(\.0) == ["IHDR", "PLTE", "IDAT", "IEND"])
    let header = chunks[0].1
    #expect(header.dropFirst(8) == [8, 3, 0, 0, 0])
    let stream = chunks[2].1
    #expect((Int(stream[0]) << 8 | Int(stream[1])) % 31 == 0 && stream[0] & 15 == 8)
    var inflated: [UInt8] = []
    var block = 2
    var last = false
    while !last {
      last = stream[block] == 1
      let length = Int(stream[block + 1]) | Int(stream[block + 2]) << 8
      #expect(length ^ 0xFFFF == Int(stream[block + 3]) | Int(stream[block + 4]) << 8)
      inflated += stream[block + 5..<block + 5 + length]
      block += 5 + length
    }
    #expect(number(stream[block..<block + 4]) == Int(PNGEncoder.adler32(inflated)) && block + 4 == stream.count)
    return (number(header[0..<4]), number(header[4..<8]), chunks[1].1, inflated)
  }

  @Test("checksums agree with the published check values")
  func checksums() {
    #expect(PNGEncoder.crc32(Array("123456789".utf8)) == 0xCBF4_3926)
    #expect(PNGEncoder.adler32(Array("Wikipedia".utf8)) == 0x11E6_0398)
  }

  @Test("a PNG decodes to the indices and palette it was made of", arguments: [(3, 2), (64, 64), (300, 260)])
  func roundTrip(width: Int, height: Int) throws {
    var generator = SeededGenerator(seed: UInt64(width))
    let indices = (0..<width * height).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    let png = PNGEncoder.encode(width: width, height: height, indices: indices, palette: ColourMap.viridis)
    let decoded = try decode(png)
    #expect(decoded.width == width && decoded.height == height)
    #expect(decoded.palette == ColourMap.viridis.flatMap { [$0.red, $0.green, $0.blue] })
    let rows = stride(from: 0, to: decoded.rows.count, by: width + 1)
    #expect(rows.allSatisfy { decoded.rows[$0] == 0 })
    #expect(rows.flatMap { Array(decoded.rows[$0 + 1...$0 + width]) } == indices)
  }

  @Test("the colour scale grows lighter from end to end")
  func lightness() {
    let luminance = ColourMap.viridis.map {
      0.2126 * Double($0.red) + 0.7152 * Double($0.green) + 0.0722 * Double($0.blue)
    }
    #expect(zip(luminance, luminance.dropFirst()).allSatisfy { $1 >= $0 - 0.6 })
    #expect(luminance.last! - luminance.first! > 180)
    #expect(ColourMap.index(of: .nan, maximum: 1) == 0 && ColourMap.index(of: 9, maximum: 1) == 255)
    #expect(ColourMap.index(of: 1, maximum: 0) == 0)
  }

  @Test("a spectrogram stands upright: 0 Hz at the bottom, one scale for all pictures")
  func upright() throws {
    func picture(_ values: [Float16]) -> EvaluationReport.Spectrograms.Picture {
      .init(caption: "c", leadNames: ["II"], image: SpectrogramImage(leadCount: 1, rows: 2, columns: 2, values: values))
    }
    let low = picture([1, 2, 0, 0.5])
    #expect(low.planes == [[1, 2, 0, 0.5]])
    let html = renderHTML(
      EvaluationReport(
        title: "t", generatedAt: "g",
        sections: [
          .spectrograms(
            .init(
              title: "s", synthetic: false, pipelineID: "p", hertzPerRow: 10, secondsPerColumn: 0.1,
              pictures: [low, picture([4, 0, 0, 0])]))
        ]))
    let images = try html.components(separatedBy: "base64,").dropFirst().map { part in
      try decode([UInt8](#require(Data(base64Encoded: String(part.prefix { $0 != "\"" })))))
    }
    #expect(images.count == 2)
    // Row 1 first, then row 0; the maximum of both pictures, 4, is the scale's end.
    #expect(images[0].rows == [0, 0, 31, 0, 63, 127])
    #expect(images[1].rows == [0, 0, 0, 0, 255, 0])
    #expect(html.contains(">4.0</text>"))
  }
}
