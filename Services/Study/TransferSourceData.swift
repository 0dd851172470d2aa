import Foundation
import ResyncCore
import Synchronization

/// The beats of MIT-BIH on which the transfer study's networks are pretrained. They are those that the detector finds, as
/// in the target's recordings, which carry no annotated beats; `AnnotatedBeats` holds the annotated ones.
enum TransferSourceData {
  /// Every record that the folder holds, in the order of names.
  static func examples(
    folder: URL, source: TransferSource, pipeline: PipelineConfiguration, mostOfClass: Int, seed: UInt64, threads: Int
  ) throws -> [TrainingExample] {
    let transform = try SpectrogramTransform(pipeline: pipeline)
    let records = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".hea") }.map { String($0.dropLast(4)) }.sorted()
    let results = Mutex([Result<[TrainingExample], any Error>?](repeating: nil, count: records.count))
    WorkerPool.shared.run(records.count, threads: threads) { index, _ in
      let name = records[index]
      let result = Result {
        source.examples(
          record: name, beats: try beats(folder: folder, name: name, pipeline: pipeline), transform: transform,
          most: mostOfClass, seed: TransferSeed.make("\(seed)", name))
      }
      results.withLock { $0[index] = result }
    }
    return try results.withLock { try $0.flatMap { try $0!.get() } }
  }

  /// Through the streaming chain, with the reference labels of the beats that it finds.
  private static func beats(folder: URL, name: String, pipeline: PipelineConfiguration) throws -> [ExtractedBeat] {
    let record = try WFDBRecord.read(folder: folder, name: name)
    let file = "\(name).atr"
    let bytes = [UInt8](try Data(contentsOf: folder.appendingPathComponent(file)))
    let references = record.placed(try WFDBAnnotations.parse(bytes, file: file)).map {
      ReferenceBeat(sample: $0.sample, symbol: String($0.symbol))
    }
    var extractor = try BeatExtractor(
      pipeline: pipeline, sampleRateHz: record.header.sampleRateHz,
      leads: record.header.signals.map { Lead(name: $0.description) ?? .II })
    let first = extractor.consume(record.millivolts(), references: references)
    return first + extractor.finish().beats
  }
}
