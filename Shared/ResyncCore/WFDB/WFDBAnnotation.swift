/// One annotation of a record.
public struct WFDBAnnotation: Hashable, Sendable {
  /// Sample index from the record's start.
  public var sample: Int64
  /// The type as the WFDB manual prints it, for example "N" or "V". A code without a standard symbol is the private-use
  /// character U+E000 + code.
  public var symbol: Character
  public var subtype: Int8
  public var channel: UInt8
  public var number: Int8
  /// Free text, for example "(AFIB" at a change of rhythm.
  public var aux: String

  public init(
    sample: Int64, symbol: Character, subtype: Int8 = 0, channel: UInt8 = 0, number: Int8 = 0, aux: String = ""
  ) {
    self.sample = sample
    self.symbol = symbol
    self.subtype = subtype
    self.channel = channel
    self.number = number
    self.aux = aux
  }
}

/// The MIT annotation format (`annot(5)` of the WFDB manual): 16-bit words, least significant byte first, of a 6-bit
/// code and a 10-bit interval; codes from 59 on modify the annotation before them or carry a long interval.
public enum WFDBAnnotations {
  /// Annotations in the file's order; times count frames unless a note says otherwise (`WFDBRecord.placed`).
  ///
  /// - Parameter file: the file's name, for errors.
  /// - Throws: `WFDBError` at the byte where the file ends early or a sample index leaves the range of 0 to 2⁵³.
  public static func parse(_ bytes: [UInt8], file: String) throws -> [WFDBAnnotation] {
    var parser = Parser(bytes: bytes, file: file)
    return try parser.run()
  }

  /// The bytes of an annotation file; the inverse of `parse`.
  ///
  /// Sample indices must lie within 0 to 2⁵³; they may step back. Text is cut at 255 bytes, the most that readers take;
  /// a symbol that the format cannot name becomes the note `"`.
  public static func serialize(_ annotations: [WFDBAnnotation]) -> [UInt8] {
    var out: [UInt8] = []
    func word(_ code: Int, _ low: Int) {
      let value = code << 10 | low & 0x3FF
      out.append(UInt8(value & 0xFF))
      out.append(UInt8(value >> 8))
    }
    var time: Int64 = 0
    var number: Int8 = 0
    var channel: UInt8 = 0
    for annotation in annotations {
      precondition((0...maximumSample).contains(annotation.sample), "sample index \(annotation.sample)")
      var interval = annotation.sample - time
      while !(0...0x3FF).contains(interval) {
        let step = Int32(clamping: interval)
        word(Code.skip, 0)
        for shift in [16, 24, 0, 8] { out.append(UInt8(truncatingIfNeeded: step >> Int32(shift))) }
        interval -= Int64(step)
      }
      time = annotation.sample
      word(code(of: annotation.symbol), Int(interval))
      if annotation.subtype != 0 { word(Code.subtype, Int(annotation.subtype)) }
      if annotation.channel != channel { word(Code.channel, Int(annotation.channel)) }
      if annotation.number != number { word(Code.number, Int(annotation.number)) }
      (channel, number) = (annotation.channel, annotation.number)
      let text = cut(annotation.aux)
      if !text.isEmpty {
        word(Code.aux, text.count)
        out += text
        if text.count % 2 == 1 { out.append(0) }
      }
    }
    word(0, 0)
    return out
  }

  static let maximumSample: Int64 = 1 << 53

  /// The longest beginning of whole characters within 255 bytes.
  private static func cut(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for scalar in text.unicodeScalars {
      let more = UTF8.encode(scalar)!
      guard bytes.count + more.count <= 255 else { break }
      bytes += more
    }
    return bytes
  }

  fileprivate enum Code {
    static let skip = 59
    static let number = 60
    static let subtype = 61
    static let channel = 62
    static let aux = 63
  }

  /// Symbols by code, 0 to 41; a space where the manual defines none.
  private static let symbols = Array(#" NLRaVFJASEj/Q~ | sT*D"=pB^t+u?![]en@xf()r"#)

  fileprivate static func symbol(of code: Int) -> Character {
    if symbols.indices.contains(code), symbols[code] != " " { return symbols[code] }
    return Character(Unicode.Scalar(0xE000 + UInt32(code))!)
  }

  private static func code(of symbol: Character) -> Int {
    if symbol != " ", let code = symbols.firstIndex(of: symbol) { return code }
    let scalar = Int(symbol.unicodeScalars.first!.value) - 0xE000
    return (1..<Code.skip).contains(scalar) ? scalar : symbols.firstIndex(of: "\"")!
  }
}

private struct Parser {
  let bytes: [UInt8]
  let file: String
  var at = 0
  var found: [WFDBAnnotation] = []
  /// What the next annotation begins with: channel and number hold until changed.
  var held = WFDBAnnotation(sample: 0, symbol: " ")
  /// Whether modifiers go to the last annotation found; nil before the first word that they can follow.
  var isOpen: Bool?

  init(bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  mutating func run() throws -> [WFDBAnnotation] {
    var time: Int64 = 0
    while true {
      let start = at
      let value = try word()
      if value == 0 { return found }
      let (code, low) = (value >> 10, value & 0x3FF)
      switch code {
      case WFDBAnnotations.Code.skip:
        let high = try word()
        time += Int64(Int32(truncatingIfNeeded: high << 16 | (try word())))
      case WFDBAnnotations.Code.number:
        held.number = Int8(truncatingIfNeeded: low)
        try modify(start) { $0.number = $1.number }
      case WFDBAnnotations.Code.subtype:
        try modify(start) { annotation, _ in annotation.subtype = Int8(truncatingIfNeeded: low) }
      case WFDBAnnotations.Code.channel:
        held.channel = UInt8(truncatingIfNeeded: low)
        try modify(start) { $0.channel = $1.channel }
      case WFDBAnnotations.Code.aux:
        let text = try aux(low)
        try modify(start) { annotation, _ in annotation.aux = text }
      default:
        time += Int64(low)
        try append(code, at: time, start)
      }
    }
  }

  private mutating func append(_ code: Int, at time: Int64, _ start: Int) throws {
    guard (0...WFDBAnnotations.maximumSample).contains(time) else {
      throw WFDBError(
        .annotationMalformed, file: file, byte: start,
        "sample index \(time); expected 0 to \(WFDBAnnotations.maximumSample)")
    }
    // Code 0 is no annotation: it moves the time, and takes its modifiers with it.
    isOpen = code != 0
    guard code != 0 else { return }
    held.sample = time
    held.symbol = WFDBAnnotations.symbol(of: code)
    found.append(held)
  }

  private mutating func modify(_ start: Int, _ change: (inout WFDBAnnotation, WFDBAnnotation) -> Void) throws {
    guard let isOpen else {
      throw WFDBError(.annotationMalformed, file: file, byte: start, "a modifier stands before any annotation")
    }
    if isOpen { change(&found[found.count - 1], held) }
  }

  private mutating func word() throws -> Int {
    guard at + 2 <= bytes.count else {
      throw WFDBError(
        .annotationMalformed, file: file, byte: bytes.count, "ends without the closing zero word; the file is cut")
    }
    defer { at += 2 }
    return Int(bytes[at]) | Int(bytes[at + 1]) << 8
  }

  /// Text of `count` bytes, padded to an even number; trailing zero bytes are no part of it.
  private mutating func aux(_ count: Int) throws -> String {
    let padded = count + count % 2
    guard at + padded <= bytes.count else {
      throw WFDBError(.annotationMalformed, file: file, byte: bytes.count, "ends inside a text of \(count) bytes")
    }
    defer { at += padded }
    var text = bytes[at..<at + count]
    while text.last == 0 { text.removeLast() }
    return wfdbText(text)
  }
}
