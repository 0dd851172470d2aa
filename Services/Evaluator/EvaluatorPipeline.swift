import Foundation
import Logging
import Messages
import ResyncCore
import ServiceKit
import Store
import Streaming

/// Follows what comes out: keeps the ledger of rejections, and scores whatever has a reference once predictions pause.
struct EvaluatorPipeline {
  var context: ServiceContext
  var migrations: Migrator
  var reportFolder: URL
  /// An evaluation starts after so long without a new prediction, or after ten times as long at the latest.
  var quietSeconds: Double
  var gallery: Gallery

  func run(_ stop: StopSignal) throws {
    guard try context.waitForKafka(topics: [Topic.predictions, Topic.rejected], stop: stop),
      let pool = try context.waitForDatabase(migrations: migrations, stop: stop)
    else { return }
    try context.retrying(stop) { progressed in try follow(pool, stop) { progressed() } }
  }

  private func follow(_ pool: ConnectionPool, _ stop: StopSignal, progressed: () -> Void) throws {
    let consumer = try Consumer(kafka: context.kafka, membership: context.membership, logger: context.logger)
    defer { consumer.close() }
    try consumer.subscribe([Topic.predictions, Topic.rejected])
    let observer = MetricsObserver(context, inputTopic: Topic.predictions)
    // What came before this process, or with a commit that an earlier one did not follow up, is scored first.
    var news: (first: Date, last: Date)? = (Date(), Date())

    while !stop.isStopped {
      var offsets: [TopicPartition: Int64] = [:]
      var ends: [TopicPartition: Int64] = [:]
      var rejections: [RejectionRow] = []
      for event in try consumer.pollBatch(maximum: 1000, timeoutMilliseconds: 200) {
        switch event {
        case .message(let message):
          let partition = TopicPartition(message.topic, message.partition)
          context.lag.began(partition, at: message.offset)
          offsets[partition] = message.offset + 1
          if message.topic == Topic.rejected, let row = RejectionRow(message) { rejections.append(row) }
        case .assigned(let partitions):
          context.lag.hold(Set(partitions))
          observer.readinessChanged(isReady: true)
        case .endOfPartition(let partition, let offset): ends[partition] = offset
        case .failure(let error) where error.endsSession: throw error
        case .revoked(let partitions, _): context.lag.release(partitions)
        case .failure: break
        }
      }
      if !offsets.isEmpty {
        try pool.withConnection { connection in
          try connection.transaction { for row in rejections { try Rejections(connection).upsert(row) } }
        }
        try consumer.commitRepeatable(offsets, logger: context.logger)
        news = (news?.first ?? Date(), Date())
        progressed()
      }
      context.lag.reached(offsets.merging(ends) { max($0, $1) })
      if let pending = news,
        Date().timeIntervalSince(pending.last) >= quietSeconds
          || Date().timeIntervalSince(pending.first) >= 10 * quietSeconds
      {
        do {
          try evaluate(pool)
          news = nil
        } catch let error as UnwrittenFile {
          context.logger.error("no evaluation: \(error); it is tried again")
          // The ledger of rejections goes on meanwhile.
          news = (Date(), Date(timeIntervalSinceNow: 10 * quietSeconds))
        }
      }
    }
  }

  private func evaluate(_ pool: ConnectionPool) throws {
    let began = Date()
    let file = reportFolder.appendingPathComponent("report.html")
    try pool.withConnection { connection in
      let asOf = try connection.execute("select clock_timestamp() as now")[0]["now", .timestamp]
      let beats = try BeatEvaluation.read(connection)
      let responses = try ResponseEvaluation.read(connection)
      guard !beats.isEmpty || !responses.isEmpty else { return }
      let builder = ReportBuilder(beats: beats, responses: responses, gallery: gallery)
      let html = renderHTML(try builder.report(connection, generatedAt: began))
      do {
        try FileManager.default.createDirectory(at: reportFolder, withIntermediateDirectories: true)
      } catch {
        throw UnwrittenFile(reportFolder, error)
      }
      try Data(html.utf8).writeWhole(to: file)
      try connection.transaction {
        let rows =
          try beats.map { try $0.row(report: file.path) } + responses.compactMap { try $0.row(report: file.path) }
        for row in rows { try Evaluations(connection).upsert(row, asOf: asOf) }
      }
      context.logger.info("\(beats.count + responses.count) evaluations written, report \(file.path)")
    }
    context.metrics.processing(seconds: Date().timeIntervalSince(began), step: "evaluate")
  }
}

extension RejectionRow {
  /// Nil when the message does not say where it came from, or says what no service writes and no table takes.
  package init?(_ message: ConsumedMessage) {
    guard let origin = Origin(ofRejected: message) else { return nil }
    let names = [HeaderName.service, HeaderName.errorCode, HeaderName.errorText, HeaderName.recordingID]
    let texts = names.map(message.header)
    let isSound = (texts + [origin.topic]).compactMap(\.self).allSatisfy {
      !$0.utf8.contains(0) && $0.utf8.count <= 1024
    }
    guard isSound else { return nil }
    self.init(
      origin: origin, service: texts[0] ?? "", code: texts[1] ?? "", text: texts[2] ?? "", recordingID: texts[3],
      sizeBytes: Int64(message.value.count))
  }
}
