import Foundation

/// What `resync-bench scale` measured.
struct ScaleReport: Encodable {
  struct Point: Encodable {
    var replicas: Int
    var beatsPerSecond: Double
    /// Busy cores of replicas together, broker and PostgreSQL.
    var cores: [String: Double]
    /// Throughput over that of the first point times the number of replicas.
    var ofLinear = 1.0
    /// The most that so many replicas can do of load spread evenly over 12 partitions, over what they can do of work that
    /// waits on all: the fullest holds ⌈12 / n⌉ partitions.
    var evenLoadShare = 1.0
  }

  var bench = "scale"
  var beatMilliseconds: Double
  var points: [Point]
  var isLinearWithinTenPercent: Bool

  init(beatMilliseconds: Double, _ measured: [Point]) {
    self.beatMilliseconds = beatMilliseconds
    let one = measured[0].beatsPerSecond / Double(measured[0].replicas)
    points = measured.map { point in
      var point = point
      point.ofLinear = point.beatsPerSecond / (one * Double(point.replicas))
      let most = (ScaleBacklog.partitions + point.replicas - 1) / point.replicas
      point.evenLoadShare = Double(ScaleBacklog.partitions) / Double(most * point.replicas)
      return point
    }
    isLinearWithinTenPercent = points.allSatisfy { abs($0.ofLinear - 1) <= 0.1 }
  }

  var table: String {
    let head = "replicas  beats/s  of linear  of even load  busy cores: replicas  broker  postgresql"
    let lines = points.map { point in
      func cores(_ name: String) -> String { point.cores[name].map { String(format: "%.2f", $0) } ?? "unknown" }
      return String(
        format: "%8d %8.1f %9.1f %% %11.1f %% %21@ %7@ %11@", point.replicas, point.beatsPerSecond,
        100 * point.ofLinear, 100 * point.evenLoadShare, cores("replicas") as NSString,
        cores(StreamLoad.broker) as NSString, cores(StreamLoad.database) as NSString)
    }
    return
      ([head] + lines + [
        "\(isLinearWithinTenPercent ? "met   " : "MISSED") linear within 10 % (\(beatMilliseconds) ms a beat)"
      ]).joined(separator: "\n")
  }
}
