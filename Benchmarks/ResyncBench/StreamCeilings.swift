import Foundation
import Messages
import ResyncCore
import Streaming
import SuiteKit
import Synchronization
import TestSupport

/// What the parts could do if each were alone.
enum StreamCeilings {
  /// The forward pass alone, over and over for so many seconds, at the predictor's batch and threads.
  static func network(_ model: ModelArtifact, batch: Int, threads: Int, seconds: Double) throws -> StreamReport.Network
  {
    let network = try InferenceNetwork(configuration: model.metadata.architecture, tensors: model.tensors)
    let (rows, columns) = (model.metadata.pipeline.image.rows, model.metadata.pipeline.image.columns)
    var generator = SeededGenerator(seed: 1)
    let images = (0..<batch * model.metadata.leadSet.channelCount * rows * columns).map { _ in
      Float(generator.gaussian())
    }
    let auxiliary = [Float](repeating: 0, count: batch * BeatFeatures.count)
    func pass() {
      _ = network.forward(
        images: images, auxiliary: auxiliary, count: batch, height: rows, width: columns, threads: threads)
    }
    pass()
    let (began, time) = (ContinuousClock.now, ProcessTime.own)
    var passes = 0
    while began.duration(to: .now) < .seconds(seconds) {
      pass()
      passes += 1
    }
    let elapsed = began.duration(to: .now) / .seconds(1)
    return .init(
      imagesPerSecond: Double(passes * batch) / elapsed,
      cpuMillisecondsPerImage: (ProcessTime.own - time) * 1000 / Double(passes * batch))
  }

  /// One producer and one consumer with the suite's settings and nothing else, on messages of a spectrogram's content, to
  /// all partitions of a topic of its own.
  static func broker(
    _ kafka: KafkaConfiguration, message: OutgoingMessage, cpu: ProcessTime, seconds: Double
  ) throws -> StreamReport.Broker {
    let topic = "bench.ceiling"
    let admin = try Admin(kafka: kafka, logger: quietLogger)
    try admin.create([
      TopicSpecification(name: topic, partitions: 12, configuration: ["retention.bytes": "67108864"])
    ])
    defer { try? admin.delete([topic]) }
    let isOver = Atomic(false)
    let producing = startDedicatedThread(name: "produce") {
      let producer = try Producer(kafka: kafka, logger: quietLogger)
      var number: Int32 = 0
      while !isOver.load(ordering: .acquiring) {
        var message = message
        message.topic = topic
        message.partition = number % 12
        number += 1
        try producer.send(message)
      }
      try producer.flush()
    }
    defer { isOver.store(true, ordering: .releasing) }
    let consumer = try Consumer(kafka: kafka, membership: nil, logger: quietLogger)
    defer { consumer.close() }
    try consumer.assign(
      Dictionary(uniqueKeysWithValues: (0..<12).map { (TopicPartition(topic, Int32($0)), .beginning) }))
    func read(for seconds: Double) throws -> Int {
      let began = ContinuousClock.now
      var count = 0
      while began.duration(to: .now) < .seconds(seconds) {
        for case .message in try consumer.pollBatch(maximum: 500, timeoutMilliseconds: 50) { count += 1 }
      }
      return count
    }
    _ = try read(for: 2)
    let (began, time) = (ContinuousClock.now, cpu.read())
    let count = try read(for: seconds)
    let elapsed = began.duration(to: .now) / .seconds(1)
    let spent = ProcessTime.spent(time, cpu.read())
    isOver.store(true, ordering: .releasing)
    try waitUntil("the bare producer has ended", seconds: 60) { producing.isFinished }
    return .init(
      messageBytes: message.byteCount, messagesPerSecond: Double(count) / elapsed,
      megabytesPerSecond: Double(count * message.byteCount) / elapsed * 1e-6,
      brokerCPUMillisecondsPerMessage: spent[StreamLoad.broker].map { $0 * 1000 / Double(max(1, count)) },
      clientsCPUMillisecondsPerMessage: (spent[StreamLoad.feed] ?? 0) * 1000 / Double(max(1, count)))
  }
}
