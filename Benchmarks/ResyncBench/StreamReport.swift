import Foundation

/// What `resync-bench stream` measured; its closing line of JSON, and what `resync-bench capacity` reads.
struct StreamReport: Codable {
  /// The forward pass alone.
  struct Network: Codable {
    var imagesPerSecond: Double
    var cpuMillisecondsPerImage: Double
  }

  /// A bare producer and a bare consumer.
  struct Broker: Codable {
    /// Key, value and headers, before compression.
    var messageBytes: Int
    var messagesPerSecond: Double
    var megabytesPerSecond: Double
    /// nil where the broker's process is not known.
    var brokerCPUMillisecondsPerMessage: Double?
    /// Of producer and consumer together.
    var clientsCPUMillisecondsPerMessage: Double
  }

  struct Saturation: Codable {
    var seconds: Double
    var beats: Int
    var recordings: Int
    var beatsPerSecond: Double
    var recordingsPerSecond: Double
    /// By service, and `broker`, `postgresql`, `feed`, as far as their processes are known.
    var cpuSeconds: [String: Double]
  }

  struct Latency: Codable {
    var recordingsPerSecond: Double
    var recordings: Int
    var missing: Int
    var p50Milliseconds: Double
    var p99Milliseconds: Double
    var worstMilliseconds: Double
  }

  struct Outcomes: Codable {
    var published: Int
    var rejected: Int
    var missing: Int
    var beatsFound: Int
    var beatRows: Int
  }

  /// Two leads, beat classes: see `StreamMonitors`.
  struct Monitors: Codable {
    /// Of all monitors together.
    var recordedSeconds: Double
    var beats: Int
    var cpuSeconds: [String: Double]
    var chunkSeconds: Double
    /// Of a snapshot, which each chunk leaves on `state.preprocess`.
    var stateBytes: Int
  }

  /// Bytes of keys, values and headers before compression; of rows with their indexes.
  struct Storage: Codable {
    var topicBytesOfARecording: [String: Double] = [:]
    var topicBytesOfAMonitoredSecond: [String: Double] = [:]
    var rowBytesOfABeat = 0.0
    /// Of all tables but that of the beats.
    var rowBytesOfARecording = 0.0
  }

  struct Verdict: Codable {
    var what: String
    var target: String
    var measured: Double
    var isMet: Bool
  }

  var bench = "stream"
  var cores: Int
  /// Of the predictor's network.
  var threads: Int
  var batchSize: Int
  var network: Network
  var broker: Broker
  var saturation: Saturation
  var halfLoad: Latency
  var monitors: Monitors
  var storage: Storage
  var outcomes: Outcomes
  var verdicts: [Verdict] = []

  static let services = ["ingest", "preprocess", "spectrogram", "predictor", "trainer", "evaluator"]

  private func cpu(_ names: [String]) -> Double { names.reduce(0) { $0 + (saturation.cpuSeconds[$1] ?? 0) } }

  /// Beats a second of the whole suite over the images a second of the network alone, everything on the same cores:
  /// broker, PostgreSQL and feed are counted as if they were part of the suite.
  var endToEndShare: Double { saturation.beatsPerSecond / network.imagesPerSecond }

  /// Processor time that the network alone needs for the beats over that of all six services: the same share if broker,
  /// PostgreSQL and feed ran on other machines and the services could use every core.
  var servicesShare: Double {
    Double(saturation.beats) * network.cpuMillisecondsPerImage / 1000 / cpu(Self.services)
  }

  /// Of the processor time of all services.
  var signalShare: Double { cpu(["preprocess", "spectrogram"]) / cpu(Self.services) }

  mutating func judge() {
    func verdict(_ what: String, _ measured: Double, atLeast: Double) -> Verdict {
      Verdict(what: what, target: ">= \(atLeast)", measured: measured, isMet: measured >= atLeast)
    }
    func verdict(_ what: String, _ measured: Double, atMost: Double) -> Verdict {
      Verdict(what: what, target: "<= \(atMost)", measured: measured, isMet: measured <= atMost)
    }
    verdicts = [
      verdict("beats/s end to end over the network alone, all on the same cores", endToEndShare, atLeast: 0.85),
      verdict(
        "the same by processor time, with broker, PostgreSQL and feed taken apart", servicesShare, atLeast: 0.85),
      verdict("preprocess and spectrogram, share of the services' processor time", signalShare, atMost: 0.15),
      verdict("p99 latency at half load, ms", halfLoad.p99Milliseconds, atMost: 500),
      verdict(
        "recordings or beat rows lost, doubled or refused",
        Double(outcomes.missing + outcomes.rejected + abs(outcomes.beatRows - outcomes.beatsFound)), atMost: 0),
    ]
  }

  var table: String {
    var lines = [
      "network alone: \(format(network.imagesPerSecond)) images/s, "
        + "\(format(network.cpuMillisecondsPerImage, 3)) ms of processor time an image",
      "broker alone: \(format(broker.messagesPerSecond)) messages/s of \(broker.messageBytes) bytes, "
        + "\(format(broker.megabytesPerSecond)) MB/s; processor time a message: broker "
        + (broker.brokerCPUMillisecondsPerMessage.map { format($0, 3) } ?? "unknown")
        + " ms, clients \(format(broker.clientsCPUMillisecondsPerMessage, 3)) ms",
      "suite saturated: \(format(saturation.beatsPerSecond)) beats/s, \(format(saturation.recordingsPerSecond)) "
        + "recordings/s over \(format(saturation.seconds)) s",
      column("stage", "cpu s", "share", "of services", "ms/beat", "ms/recording"),
    ]
    let (total, services) = (saturation.cpuSeconds.values.reduce(0, +), cpu(Self.services))
    for name in Self.services + [StreamLoad.broker, StreamLoad.database, StreamLoad.feed] {
      guard let seconds = saturation.cpuSeconds[name] else {
        lines.append(column(name, "unknown"))
        continue
      }
      lines.append(
        column(
          name, format(seconds), format(100 * seconds / total) + " %",
          Self.services.contains(name) ? format(100 * seconds / services) + " %" : "",
          format(seconds * 1000 / Double(saturation.beats), 3),
          format(seconds * 1000 / Double(saturation.recordings), 2)))
    }
    lines.append(
      column(
        "together", format(total), "of \(format(Double(cores) * saturation.seconds)) s that \(cores) cores have"))
    lines.append(
      "half load: \(halfLoad.recordings) recordings at \(format(halfLoad.recordingsPerSecond)) a second: p50 "
        + "\(format(halfLoad.p50Milliseconds)) ms, p99 \(format(halfLoad.p99Milliseconds)) ms, worst "
        + "\(format(halfLoad.worstMilliseconds)) ms")
    lines.append(
      "monitors: \(monitors.beats) beats of \(format(monitors.recordedSeconds)) s of two leads took "
        + "\(format(monitors.cpuSeconds.values.reduce(0, +))) s of processor time")
    for verdict in verdicts {
      lines.append(
        "\(verdict.isMet ? "met   " : "MISSED") \(verdict.what): \(format(verdict.measured, 3)) (\(verdict.target))")
    }
    return lines.joined(separator: "\n")
  }

  private func column(_ name: String, _ values: String...) -> String {
    "  " + name.padding(toLength: 13, withPad: " ", startingAt: 0)
      + values.map { String(repeating: " ", count: max(1, 13 - $0.count)) + $0 }.joined()
  }

  private func format(_ value: Double, _ digits: Int = 1) -> String { String(format: "%.\(digits)f", value) }
}
