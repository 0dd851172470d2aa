import Metrics
import Synchronization

/// A backend of swift-metrics that is read as Prometheus text (exposition format 0.0.4).
///
/// Counters stay counters, meters and recorders that do not aggregate are gauges, timers (in seconds) and
/// recorders that aggregate are histograms with fixed buckets. A name belongs to the kind that used it first; a metric
/// of another kind under that name, and series beyond the limit, are counted in `resync_metrics_dropped_total` and
/// not kept.
public final class PrometheusRegistry: MetricsFactory {
  /// Upper bounds in seconds of every timer.
  public static let durationBuckets: [Double] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
  ]
  /// Upper bounds of every recorder that aggregates.
  public static let sizeBuckets: [Double] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 10_000_000,
  ]
  package static let droppedName = "resync_metrics_dropped_total"

  private struct Family {
    let kind: PrometheusKind
    var series: [[MetricLabel]: any PrometheusSeries] = [:]
  }

  private let families = Mutex<[String: Family]>([:])
  private let help = Mutex<[String: String]>([:])
  private let dropped = ScalarSeries()
  private let maximumSeriesPerName: Int

  /// - Parameter maximumSeriesPerName: label sets kept for one name; bounds memory whatever the labels are.
  public init(maximumSeriesPerName: Int = 1_000) {
    self.maximumSeriesPerName = maximumSeriesPerName
  }

  /// The text after `# HELP` for a name.
  public func describe(_ name: String, _ text: String) {
    help.withLock { $0[PrometheusText.name(name)] = text }
  }

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    scalar(label, dimensions, .counter)
  }

  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    scalar(label, dimensions, .counter)
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    scalar(label, dimensions, .gauge)
  }

  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    aggregate
      ? histogram(label, dimensions, Self.sizeBuckets) : scalar(label, dimensions, .gauge)
  }

  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    histogram(label, dimensions, Self.durationBuckets)
  }

  public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
  public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
  public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
  public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

  /// Everything as Prometheus text, names and labels sorted.
  public func text() -> String {
    // The lock is held for copying references only, so that a scrape does not hold up the pipelines.
    let snapshot = families.withLock { $0 }
    let help = self.help.withLock { $0 }
    var output = ""
    for (name, family) in snapshot.sorted(by: { $0.key < $1.key }) {
      if let text = help[name] { output += "# HELP \(name) \(PrometheusText.help(text))\n" }
      output += "# TYPE \(name) \(family.kind.rawValue)\n"
      let ordered = family.series.map { (PrometheusText.labels($0.key), $0.value) }.sorted { $0.0 < $1.0 }
      for (labels, series) in ordered { series.write(name: name, labels: labels, to: &output) }
    }
    output += "# TYPE \(Self.droppedName) counter\n"
    dropped.write(name: Self.droppedName, labels: "", to: &output)
    return output
  }

  private func scalar(_ label: String, _ dimensions: [(String, String)], _ kind: PrometheusKind) -> ScalarSeries {
    series(label, dimensions, kind) { ScalarSeries() }
  }

  private func histogram(_ label: String, _ dimensions: [(String, String)], _ bounds: [Double]) -> HistogramSeries {
    series(label, dimensions, .histogram) { HistogramSeries(bounds: bounds) }
  }

  private func series<Series: PrometheusSeries>(
    _ label: String, _ dimensions: [(String, String)], _ kind: PrometheusKind, make: () -> Series
  ) -> Series {
    let name = PrometheusText.name(label)
    let labels = PrometheusText.sorted(dimensions)
    let kept: Series? = families.withLock { families in
      var family = families[name] ?? Family(kind: kind)
      guard family.kind == kind, name != Self.droppedName else { return nil }
      if let existing = family.series[labels] { return existing as? Series }
      guard family.series.count < maximumSeriesPerName else { return nil }
      let new = make()
      family.series[labels] = new
      families[name] = family
      return new
    }
    if let kept { return kept }
    dropped.increment(by: Int64(1))
    return make()
  }

  private func remove(_ handler: AnyObject) {
    families.withLock { families in
      for (name, family) in families {
        guard let entry = family.series.first(where: { $0.value === handler }) else { continue }
        families[name]?.series[entry.key] = nil
        if families[name]?.series.isEmpty == true { families[name] = nil }
        return
      }
    }
  }
}
