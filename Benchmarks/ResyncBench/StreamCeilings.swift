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

  /// One producer and one consumer with spectrogram's and predictor's settings and nothing else, on all partitions of a
  /// topic of its own.
  /// - Parameter messages: values, which take turns.
  static func broker(
    _ kafka: KafkaConfiguration, messages: [[UInt8]], cpu: ProcessTime, seconds: Double
  ) throws -> StreamReport.Broker {
    let topic = "bench.ceiling"
    let admin = try Admin(kafka: kafka, logger: quietLogger)
    try admin.create([
      TopicSpecification(name: topic, partitions: 12, configuration: ["retention.bytes": "67108864"])
    ])
    defer { try? admin.delete([topic]) }
    let isOver = Atomic(false)
    let producing = startDedicatedThread(name: "produce") {
      var writing = kafka
      writing.properties["compression.codec"] = "none"
      let producer = try Producer(kafka: writing, logger: quietLogger)
      var number = 0
      while !isOver.load(ordering: .acquiring) {
        try producer.send(
          OutgoingMessage(
            topic: topic, partition: Int32(number % 12), key: nil, value: messages[number % messages.count]))
        number += 1
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
    let bytes = messages.reduce(0) { $0 + $1.count } / messages.count
    return .init(
      messageBytes: bytes, messagesPerSecond: Double(count) / elapsed,
      megabytesPerSecond: Double(count * bytes) / elapsed * 1e-6,
      brokerCPUMillisecondsPerMessage: spent[StreamLoad.broker].map { $0 * 1000 / Double(max(1, count)) },
      clientsCPUMillisecondsPerMessage: (spent[StreamLoad.feed] ?? 0) * 1000 / Double(max(1, count)))
  }
}
