import Foundation
import ResyncCore
import Testing

@Suite("The model that the project brings along")
struct ShippedModelTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let name = "resnet18-mitdb-ds1.safetensors"

  private func bytes() throws -> [UInt8] {
    Array(try Data(contentsOf: Self.root.appendingPathComponent("models/\(Self.name)")))
  }

  @Test("it loads, and its hash, records and size are those of its card")
  func card() throws {
    let bytes = try bytes()
    let model = try ModelArtifact(decoding: bytes)
    let metadata = model.metadata
    let card = try String(contentsOf: Self.root.appendingPathComponent("models/README.md"), encoding: .utf8)
    #expect(card.contains(model.weightsSHA256) && card.contains(model.modelID))
    #expect(bytes.count < 25_000_000)
    #expect(metadata.trainingRecordings == MITBIH.ds1 && card.contains(MITBIH.ds1.joined(separator: ", ")))
    #expect(!metadata.trainedOnSynthetic && metadata.parentModelID == nil)
    #expect(metadata.pipeline == PipelineConfiguration.Name.compact.configuration)
  }

  @Test("it tells the beats of people whom it never saw apart, through the streaming chain with its own R-peaks")
  func unseen() throws {
    let classifier = try Classifier(try ModelArtifact(decoding: bytes()))
    let folder = Self.root.appendingPathComponent("ops/dev/records/mitdb")
    var matrix = ConfusionMatrix(classCount: BeatClass.allCases.count)
    for name in ["200", "213", "222"] {
      let record = try WFDBRecord.read(folder: folder, name: name)
      let marks = try WFDBAnnotations.parse(
        Array(Data(contentsOf: folder.appendingPathComponent(name + ".atr"))), file: name + ".atr")
      let leads = record.header.signals.compactMap { Lead(name: $0.description) }
      let pipeline = classifier.metadata.pipeline
      var extractor = try BeatExtractor(pipeline: pipeline, sampleRateHz: record.header.sampleRateHz, leads: leads)
      let beats =
        extractor.consume(
          record.millivolts(), references: marks.map { ReferenceBeat(sample: $0.sample, symbol: String($0.symbol)) })
        + extractor.finish().beats
      let transform = try SpectrogramTransform(pipeline: pipeline)
      let channels = try #require(classifier.metadata.leadSet.channels(from: leads))
      // Every third beat: enough to tell, and quick.
      let judged = stride(from: 0, to: beats.count, by: 3).compactMap { place in
        beats[place].referenceSymbol?.first.flatMap(BeatClass.init(annotationSymbol:)).map { (beats[place], $0) }
      }
      let scores = try classifier.score(
        judged.map { beat, _ in
          (transform.image(of: beat.samples, rPeakOffset: beat.rPeakOffset), channels, beat.features)
        }, threads: 2)
      for ((_, label), score) in zip(judged, scores) {
        try matrix.add(
          label: label.index, prediction: score.logits.indices.max { score.logits[$0] < score.logits[$1] }!)
      }
    }
    let figures = [BeatClass.N, .V].map { matrix.f1($0.index) ?? 0 }
    #expect(figures[0] > 0.9 && figures[1] > 0.75, "F1 of N and V \(figures)")
  }
}
