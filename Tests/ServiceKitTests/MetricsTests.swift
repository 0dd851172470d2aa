import Foundation
import Metrics
import ServiceKit
import Streaming
import Testing

@Suite("Prometheus text")
struct MetricsTests {
  private func lines(_ registry: PrometheusRegistry, _ prefix: String) -> [String] {
    registry.text().split(separator: "\n").map(String.init).filter { $0.hasPrefix(prefix) }
  }

  @Test("counters and gauges print type, help, sorted labels and whole numbers without a point")
  func scalars() {
    let registry = PrometheusRegistry()
    registry.describe("in_total", "Messages\nread \\ all.")
    Counter(label: "in_total", dimensions: [("topic", "b"), ("part", "1")], factory: registry).increment(by: 2)
    Counter(label: "in_total", dimensions: [("part", "1"), ("topic", "b")], factory: registry).increment()
    FloatingPointCounter(label: "seconds_total", dimensions: [], factory: registry).increment(by: 0.5)
    Meter(label: "depth", factory: registry).set(-3)
    let text = registry.text()
    #expect(
      text.contains(
        "# HELP in_total Messages\\nread \\\\ all.\n# TYPE in_total counter\nin_total{part=\"1\",topic=\"b\"} 3\n"))
    #expect(text.contains("# TYPE seconds_total counter\nseconds_total 0.5\n"))
    #expect(text.contains("# TYPE depth gauge\ndepth -3\n"))
    #expect(text.hasSuffix("\n"))
  }

  @Test("label values are escaped, and characters that names do not allow are replaced")
  func escaping() {
    let registry = PrometheusRegistry()
    Counter(label: "9 a-b:c", dimensions: [("x.y:z", "q\"\\\n😀")], factory: registry).increment()
    #expect(registry.text().contains("_9_a_b:c{x_y_z=\"q\\\"\\\\\\n😀\"} 1\n"))
  }

  @Test("a timer is a cumulative histogram in seconds whose bounds are included")
  func histogram() {
    let registry = PrometheusRegistry()
    let timer = Timer(label: "t_seconds", dimensions: [("step", "a")], factory: registry)
    timer.recordMilliseconds(5)
    timer.recordMilliseconds(6)
    timer.recordSeconds(1_000)
    let buckets = lines(registry, "t_seconds_bucket")
    #expect(buckets.count == PrometheusRegistry.durationBuckets.count + 1)
    #expect(buckets.contains("t_seconds_bucket{step=\"a\",le=\"0.0025\"} 0"))
    #expect(buckets.contains("t_seconds_bucket{step=\"a\",le=\"0.005\"} 1"))
    #expect(buckets.contains("t_seconds_bucket{step=\"a\",le=\"0.01\"} 2"))
    #expect(buckets.last == "t_seconds_bucket{step=\"a\",le=\"+Inf\"} 3")
    #expect(lines(registry, "t_seconds_sum") == ["t_seconds_sum{step=\"a\"} 1000.011"])
    #expect(lines(registry, "t_seconds_count") == ["t_seconds_count{step=\"a\"} 3"])
  }

  @Test("NaN does not spoil a histogram, and infinity prints as Prometheus writes it")
  func notFinite() {
    let registry = PrometheusRegistry()
    let recorder = Recorder(label: "sizes", factory: registry)
    recorder.record(Double.nan)
    recorder.record(3.0)
    #expect(lines(registry, "sizes_sum") == ["sizes_sum 3"])
    Gauge(label: "g", factory: registry).record(-Double.infinity)
    #expect(lines(registry, "g ") == ["g -Inf"])
  }

  @Test("a name used as another kind, and series beyond the limit, are dropped and counted")
  func limits() {
    let registry = PrometheusRegistry(maximumSeriesPerName: 2)
    for topic in ["a", "b", "c", "a"] {
      Counter(label: "n_total", dimensions: [("topic", topic)], factory: registry).increment()
    }
    Meter(label: "n_total", factory: registry).set(1)
    #expect(lines(registry, "n_total") == ["n_total{topic=\"a\"} 2", "n_total{topic=\"b\"} 1"])
    #expect(lines(registry, "resync_metrics_dropped_total") == ["resync_metrics_dropped_total 2"])
  }

  @Test("a destroyed metric leaves the output")
  func destroy() {
    let metrics = PrometheusRegistry()
    let service = ServiceMetrics(factory: metrics)
    service.lag(5, topic: "ecg.beats", partition: 0)
    service.lag(6, topic: "ecg.beats", partition: 1)
    service.removeLag(topic: "ecg.beats", partition: 0)
    #expect(lines(metrics, "resync_lag") == ["resync_lag{partition=\"1\",topic=\"ecg.beats\"} 6"])
    service.removeLag(topic: "ecg.beats", partition: 1)
    service.lag(7, topic: "ecg.beats", partition: 0)
    #expect(lines(metrics, "resync_lag") == ["resync_lag{partition=\"0\",topic=\"ecg.beats\"} 7"])
  }

  @Test("lag is told of held partitions whose position is known, and leaves with them")
  func lag() {
    let registry = PrometheusRegistry()
    let gauge = LagGauge(ServiceMetrics(factory: registry))
    let (first, second) = (TopicPartition("t", 0), TopicPartition("t", 1))
    func told() -> [String] {
      for partition in gauge.partitions { gauge.ends(partition, at: 100) }
      return lines(registry, "resync_lag").sorted()
    }
    gauge.reached([first: 1])
    #expect(told() == [])
    gauge.hold([first, second])
    #expect(told() == [])
    gauge.began(first, at: 40)
    gauge.began(first, at: 41)
    #expect(told() == [#"resync_lag{partition="0",topic="t"} 60"#])
    gauge.reached([first: 70, second: 101])
    gauge.began(first, at: 90)
    #expect(told() == [#"resync_lag{partition="0",topic="t"} 30"#, #"resync_lag{partition="1",topic="t"} 0"#])
    gauge.hold([second])
    gauge.ends(first, at: 100)
    #expect(told() == [#"resync_lag{partition="1",topic="t"} 0"#])
  }

  @Test("counts from many threads all arrive")
  func threads() {
    let registry = PrometheusRegistry()
    let service = ServiceMetrics(factory: registry)
    let counter = Counter(label: "n_total", factory: registry)
    let ended = DispatchSemaphore(value: 0)
    for _ in 0..<4 {
      Thread {
        for _ in 0..<2_000 { counter.increment() }
        for index in 0..<400 {
          service.messagesIn(1, topic: "t\(index % 4)")
          service.processing(seconds: 0.5, step: "s")
        }
        ended.signal()
      }.start()
    }
    for _ in 0..<4 { ended.wait() }
    #expect(lines(registry, "n_total") == ["n_total 8000"])
    #expect(lines(registry, "resync_messages_in_total").count == 4)
    #expect(lines(registry, "resync_messages_in_total").allSatisfy { $0.hasSuffix(" 400") })
    #expect(lines(registry, "resync_processing_seconds_sum") == ["resync_processing_seconds_sum{step=\"s\"} 800"])
  }

  @Test("every metric of a service is described")
  func described() {
    let registry = PrometheusRegistry()
    let metrics = ServiceMetrics(factory: registry)
    metrics.messagesIn(1, topic: "t")
    metrics.messagesOut(1, topic: "t")
    metrics.rejected(code: "NO_BEATS")
    metrics.repeated(topic: "t")
    metrics.processing(seconds: 1, step: "s")
    metrics.transactionCommitted(seconds: 1)
    metrics.transactionAborted()
    metrics.lag(1, topic: "t", partition: 0)
    metrics.queueDepth(1, queue: "q")
    metrics.stateEntries(1)
    metrics.statesUnreadable(1)
    metrics.ready(true)
    let used = lines(registry, "# TYPE resync_").map { String($0.split(separator: " ")[2]) }
    #expect(Set(used).subtracting(["resync_metrics_dropped_total"]) == Set(ServiceMetrics.names.map(\.name)))
  }
}
