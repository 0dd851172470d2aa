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
  /// - Parameter file: the file's name, for errors.
  /// - Throws: `WFDBError` at the byte where the file ends early or a sample index leaves the range of 0 to 2⁵³.
  public static func parse(_ bytes: [UInt8], file: String) throws -> [WFDBAnnotation] {
    var parser = Parser(bytes: bytes, file: file)
    return try parser.run()
  }

  /// The bytes of an annotation file; the inverse of `parse`.
  ///
  /// Annotations must be in ascending order of sample. Text is cut at 255 bytes, the format's limit; a symbol that the
  /// format cannot name becomes the note `"`.
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
      let text = annotation.aux.utf8.prefix(255)
      if !text.isEmpty {
        word(Code.aux, text.count)
        out += text
        if text.count % 2 == 1 { out.append(0) }
      }
    }
    word(0, 0)
    return out
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
        try modify(start) { $0.number = Int8(truncatingIfNeeded: low) }
      case WFDBAnnotations.Code.subtype:
        try modify(start) { $0.subtype = Int8(truncatingIfNeeded: low) }
      case WFDBAnnotations.Code.channel:
        try modify(start) { $0.channel = UInt8(truncatingIfNeeded: low) }
      case WFDBAnnotations.Code.aux:
        let text = try aux(low)
        try modify(start) { $0.aux = text }
      default:
        time += Int64(low)
        // Code 0 with an interval only moves the time.
        if code != 0 { try append(code, at: time, start) }
      }
    }
  }

  private mutating func append(_ code: Int, at time: Int64, _ start: Int) throws {
    guard (0...1 << 53).contains(time) else {
      throw WFDBError(.annotationMalformed, file: file, byte: start, "sample index \(time); expected 0 or more")
    }
    // Channel and number hold until changed.
    found.append(
      WFDBAnnotation(
        sample: time, symbol: WFDBAnnotations.symbol(of: code), channel: found.last?.channel ?? 0,
        number: found.last?.number ?? 0))
  }

  private mutating func modify(_ start: Int, _ change: (inout WFDBAnnotation) -> Void) throws {
    guard !found.isEmpty else {
      throw WFDBError(.annotationMalformed, file: file, byte: start, "a modifier stands before any annotation")
    }
    change(&found[found.count - 1])
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
    return String(decoding: text, as: UTF8.self)
  }
}
