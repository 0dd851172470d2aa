/// Where in an image the evidence for a class lies: Grad-CAM (Selvaraju et al., ICCV 2017).
///
/// For the maps A of a layer and the evidence y = logit of class 1 − logit of class 0 it is ReLU(Σ αc Ac), αc the mean of
/// ∂y/∂Ac over the map, all as at inference. On the last layer, before mean pooling, it equals CAM (Zhou et al. 2016).
/// One thread at a time may use an instance.
package final class GradCAM {
  package struct Map: Codable, Hashable, Sendable {
    package let rows: Int
    package let columns: Int
    /// Row-major, at least 0.
    package let values: [Float]

    package init(rows: Int, columns: Int, values: [Float]) {
      precondition(rows > 0 && columns > 0 && values.count == rows * columns, "shape and values disagree")
      (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    /// Values over the largest one; 0 where all are 0.
    package var relative: [Float] {
      let most = values.max() ?? 0
      return values.map { most > 0 ? $0 / most : 0 }
    }

    /// Pearson's, over the cells; nil where one of the two is 0 everywhere.
    package func correlation(with other: Map) -> Double? {
      precondition(rows == other.rows && columns == other.columns, "maps of one layer")
      guard values.contains(where: { $0 > 0 }), other.values.contains(where: { $0 > 0 }) else { return nil }
      return BeatTemplate.pearson(relative, other.relative, values.indices)
    }

    /// Bilinear, as the picture is laid over the image: a cell's value stands at its centre.
    package func resized(rows height: Int, columns width: Int) -> [Float] {
      func weights(_ index: Int, _ size: Int, of count: Int) -> (low: Int, high: Int, part: Float) {
        let position = min(max((Float(index) + 0.5) * Float(count) / Float(size) - 0.5, 0), Float(count - 1))
        let low = Int(position)
        return (low, min(low + 1, count - 1), position - Float(low))
      }
      return (0..<height).flatMap { row in
        let y = weights(row, height, of: rows)
        return (0..<width).map { column in
          let x = weights(column, width, of: columns)
          func line(_ row: Int) -> Float {
            values[row * columns + x.low] * (1 - x.part) + values[row * columns + x.high] * x.part
          }
          return line(y.low) * (1 - y.part) + line(y.high) * y.part
        }
      }
    }
  }

  private let network: ResNet
  private let metadata: ModelMetadata

  /// - Throws: `ModelError`.
  package init(_ model: ModelArtifact, threads: Int) throws {
    precondition(model.metadata.architecture.classCount == 2, "evidence is the difference of two logits")
    metadata = model.metadata
    network = try ResNet(configuration: metadata.architecture, seed: 0, threads: threads)
    try network.load(model.tensors)
    // Wholly frozen, it computes what it computes at inference.
    network.freeze(prefixes: [""])
  }

  /// - Parameter layer: 1 to 4; its last block's output is explained.
  package func map(_ beat: Classifier.Beat, layer: Int) -> Map {
    let image = beat.image
    var pixels = [Float](repeating: 0, count: beat.channels.count * image.rows * image.columns)
    pixels.withUnsafeMutableBufferPointer {
      metadata.normalisation.fill(image, channels: beat.channels, into: $0.baseAddress!)
    }
    _ = network.forward(
      images: pixels, auxiliary: metadata.normalisation.standardised(beat.features), count: 1, height: image.rows,
      width: image.columns)
    let maps = network.explained(layer: layer, logitGradients: [-1, 1])
    let cells = maps.rows * maps.columns
    var values = [Float](repeating: 0, count: cells)
    for channel in 0..<maps.channels {
      var sum: Float = 0
      for cell in 0..<cells { sum += maps.gradients[cell * maps.channels + channel] }
      let weight = sum / Float(cells)
      for cell in 0..<cells { values[cell] += weight * maps.activations[cell * maps.channels + channel] }
    }
    return Map(rows: maps.rows, columns: maps.columns, values: values.map { max(0, $0) })
  }
}

/// The output of a layer for one image and what each value of it does to the logits, `[row, column, channel]`.
package struct ExplainedLayer: Sendable {
  package let rows: Int
  package let columns: Int
  package let channels: Int
  package let activations: [Float]
  package let gradients: [Float]
}
