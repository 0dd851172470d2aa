import Metrics
import Synchronization

enum PrometheusKind: String {
  case counter, gauge, histogram
}

/// One label of a series.
struct MetricLabel: Hashable {
  let name: String
  let value: String
}

/// One line (or one histogram) under a metric's name.
protocol PrometheusSeries: AnyObject, Sendable {
  /// - Parameter labels: the label set in text form without braces.
  func write(name: String, labels: String, to output: inout String)
}

/// A counter or a gauge. Whole numbers are exact up to 2^53.
final class ScalarSeries: PrometheusSeries, CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler {
  private let value = Mutex<Double>(0)

  func increment(by amount: Int64) { value.withLock { $0 += Double(amount) } }
  func increment(by amount: Double) { value.withLock { $0 += amount } }
  func decrement(by amount: Double) { value.withLock { $0 -= amount } }
  func set(_ value: Int64) { self.value.withLock { $0 = Double(value) } }
  func set(_ value: Double) { self.value.withLock { $0 = value } }
  func record(_ value: Int64) { set(value) }
  func record(_ value: Double) { set(value) }
  func reset() { value.withLock { $0 = 0 } }

  func write(name: String, labels: String, to output: inout String) {
    output += PrometheusText.line(name, labels, value.withLock { $0 })
  }
}

/// Counts per bucket; bounds are upper bounds, included, ascending, the last bucket unbounded.
final class HistogramSeries: PrometheusSeries, RecorderHandler, TimerHandler {
  private struct State {
    var counts: [Int]
    var sum: Double = 0
  }

  private let bounds: [Double]
  private let state: Mutex<State>

  init(bounds: [Double]) {
    self.bounds = bounds
    state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
  }

  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
  func record(_ value: Int64) { record(Double(value)) }

  func record(_ value: Double) {
    // NaN belongs to no bucket and would spoil the sum for good.
    guard !value.isNaN else { return }
    let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
    state.withLock {
      $0.counts[bucket] += 1
      $0.sum += value
    }
  }

  func write(name: String, labels: String, to output: inout String) {
    let state = self.state.withLock { $0 }
    var total = 0
    for (index, count) in state.counts.enumerated() {
      total += count
      let bound = index < bounds.count ? PrometheusText.number(bounds[index]) : "+Inf"
      let separator = labels.isEmpty ? "" : ","
      output += PrometheusText.line("\(name)_bucket", "\(labels)\(separator)le=\"\(bound)\"", Double(total))
    }
    output += PrometheusText.line("\(name)_sum", labels, state.sum)
    output += PrometheusText.line("\(name)_count", labels, Double(total))
  }
}

/// The rules of the text format: https://prometheus.io/docs/instrumenting/exposition_formats/
enum PrometheusText {
  static func line(_ name: String, _ labels: String, _ value: Double) -> String {
    name + (labels.isEmpty ? "" : "{\(labels)}") + " \(number(value))\n"
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return Int(exactly: value).map(String.init) ?? String(value)
  }

  /// A metric's name: other characters than `[a-zA-Z0-9_:]` become `_`.
  static func name(_ text: String) -> String {
    identifier(text) { $0 == "_" || $0 == ":" }
  }

  static func labels(_ labels: [MetricLabel]) -> String {
    labels.map { "\($0.name)=\"\(labelValue($0.value))\"" }.joined(separator: ",")
  }

  /// Labels by name, each name once: a series is the same whatever the order of its labels.
  static func sorted(_ dimensions: [(String, String)]) -> [MetricLabel] {
    let values = Dictionary(
      dimensions.map { (identifier($0.0) { $0 == "_" }, $0.1) }, uniquingKeysWith: { _, last in last })
    return values.sorted { $0.key < $1.key }.map { MetricLabel(name: $0.key, value: $0.value) }
  }

  static func help(_ text: String) -> String {
    escape(text, quote: false)
  }

  private static func labelValue(_ text: String) -> String {
    escape(text, quote: true)
  }

  private static func escape(_ text: String, quote: Bool) -> String {
    var output = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\"" where quote: output += "\\\""
      default: output.unicodeScalars.append(scalar)
      }
    }
    return output
  }

  private static func identifier(_ text: String, allows: (Unicode.Scalar) -> Bool) -> String {
    var output = ""
    for scalar in text.unicodeScalars {
      let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
      let isDigit = ("0"..."9").contains(scalar)
      if isDigit && output.isEmpty { output += "_" }
      output.unicodeScalars.append(isLetter || isDigit || allows(scalar) ? scalar : "_")
    }
    return output.isEmpty ? "_" : output
  }
}
