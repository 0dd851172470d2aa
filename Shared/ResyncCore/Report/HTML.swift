import Foundation

/// Markup. What is interpolated into a literal is text and gets escaped, unless it is `HTML` itself: so nothing that
/// comes from a recording, a file or a database can become markup.
package struct HTML: ExpressibleByStringInterpolation, Hashable, Sendable {
  package private(set) var markup: String

  package init(stringLiteral value: String) { markup = value }
  package init(stringInterpolation: StringInterpolation) { markup = stringInterpolation.markup }
  package init(joining parts: [HTML], separator: String = "") {
    markup = parts.map(\.markup).joined(separator: separator)
  }

  package struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var markup = ""

    package init(literalCapacity: Int, interpolationCount: Int) { markup.reserveCapacity(literalCapacity) }
    package mutating func appendLiteral(_ literal: String) { markup += literal }
    package mutating func appendInterpolation(_ text: String) { markup += HTML.escape(text) }
    package mutating func appendInterpolation(_ number: Int) { markup += String(number) }
    package mutating func appendInterpolation(_ html: HTML) { markup += html.markup }
    package mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { markup += part.markup } }
  }

  /// Escapes the five characters of markup and drops what could hide or reorder text: controls and bidirectional
  /// overrides.
  package static func escape(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      case "\n", "\t": escaped.unicodeScalars.append(scalar)
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{200E}", "\u{200F}", "\u{202A}"..."\u{202E}",
        "\u{2066}"..."\u{2069}":
        continue
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}

/// Numbers as the report prints them; what is not a number is a dash.
package enum ReportNumber {
  package static func fixed(_ value: Double?, _ digits: Int = 3) -> String {
    guard let value, value.isFinite, abs(value) < 1e15 else { return "–" }
    return String(format: "%.\(digits)f", value)
  }

  package static func percent(_ value: Double?) -> String {
    guard let value, value.isFinite, abs(value) < 1e9 else { return "–" }
    return String(format: "%.1f %%", 100 * value)
  }

  /// Thousands apart by a thin space.
  package static func count(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var grouped = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index).isMultiple(of: 3) { grouped += "\u{2009}" }
      grouped.append(digit)
    }
    return (value < 0 ? "−" : "") + grouped
  }

  /// For coordinates in SVG: two decimals, nothing that is not a number.
  package static func coordinate(_ value: Double) -> String {
    String(format: "%.2f", value.isFinite ? min(max(value, -1e6), 1e6) : 0)
  }
}
