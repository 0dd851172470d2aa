/// The constants that bring images and features to mean 0 and deviation 1, fitted on training examples only.
public struct BeatNormalisation: Codable, Hashable, Sendable {
  /// One value for each frequency row, the same for every lead.
  public var imageMean: [Float]
  public var imageDeviation: [Float]
  /// One value for each of `BeatFeatures.vector`.
  public var auxiliaryMean: [Float]
  public var auxiliaryDeviation: [Float]
  /// Places in `BeatFeatures.vector` that are 0 whatever they say: the model was not given them.
  public var auxiliaryUnused: [Int]

  /// Standardised features are cut to ± this: one absurd interval must not decide.
  package static let clip: Float = 5

  public init(
    imageMean: [Float], imageDeviation: [Float], auxiliaryMean: [Float], auxiliaryDeviation: [Float],
    auxiliaryUnused: [Int] = []
  ) {
    self.imageMean = imageMean
    self.imageDeviation = imageDeviation
    self.auxiliaryMean = auxiliaryMean
    self.auxiliaryDeviation = auxiliaryDeviation
    self.auxiliaryUnused = auxiliaryUnused
  }

  /// - Parameter examples: at least one, all of one image shape. The order decides the last bits.
  package init(fitting examples: [TrainingExample], without: [BeatFeatureGroup] = [], threads: Int) {
    let shape = examples[0].image
    let (rows, columns) = (shape.rows, shape.columns)
    let means = FloatBuffer(count: rows)
    let deviations = FloatBuffer(count: rows)
    WorkerPool.shared.run(rows, threads: threads) { row, _ in
      let line = FloatBuffer(count: columns)
      var (sum, squares) = (0.0, 0.0)
      for example in examples {
        example.image.values.withUnsafeBufferPointer { values in
          for lead in 0..<shape.leadCount {
            HalfPrecision.widen(
              values.baseAddress! + (lead * rows + row) * columns, columns, scale: 1, shift: 0, into: line.start)
            sum += Double(Vector.sum(line.start, columns))
            squares += Double(Vector.dot(line.start, line.start, columns))
          }
        }
      }
      let (mean, deviation) = Self.moments(sum, squares, Double(examples.count * shape.leadCount * columns))
      means.start[row] = mean
      deviations.start[row] = deviation
    }
    imageMean = means.values
    imageDeviation = deviations.values
    let features = examples.map(\.features.vector)
    let moments = (0..<BeatFeatures.count).map { i in
      Self.moments(
        features.reduce(0) { $0 + Double($1[i]) }, features.reduce(0) { $0 + Double($1[i]) * Double($1[i]) },
        Double(features.count))
    }
    auxiliaryMean = moments.map(\.mean)
    auxiliaryDeviation = moments.map(\.deviation)
    auxiliaryUnused = Set(without.flatMap(\.places)).sorted()
  }

  /// Mean and deviation; a deviation of 1 where values hardly differ.
  private static func moments(_ sum: Double, _ squares: Double, _ n: Double) -> (mean: Float, deviation: Float) {
    let mean = sum / n
    let deviation = max(0, squares / n - mean * mean).squareRoot()
    return (Float(mean), deviation > 1e-4 ? Float(deviation) : 1)
  }

  /// Writes the chosen leads of an image, changed if asked and standardised, as [lead, row, column].
  package func fill(
    _ image: SpectrogramImage, channels: [Int], augmentation: Augmentation? = nil,
    into target: UnsafeMutablePointer<Float>
  ) {
    let (rows, columns) = (image.rows, image.columns)
    image.values.withUnsafeBufferPointer { values in
      for (number, channel) in channels.enumerated() {
        for row in 0..<rows {
          let source = values.baseAddress! + (channel * rows + row) * columns
          let line = target + (number * rows + row) * columns
          let scale = 1 / imageDeviation[row]
          let shift = -imageMean[row] * scale
          guard let augmentation else {
            HalfPrecision.widen(source, columns, scale: scale, shift: shift, into: line)
            continue
          }
          HalfPrecision.widen(source, columns, scale: 1, shift: 0, into: line)
          augmentation.apply(to: line, count: columns)
          for i in 0..<columns { line[i] = line[i] * scale + shift }
        }
      }
    }
  }

  package func standardised(_ features: BeatFeatures) -> [Float] {
    var values = features.vector.enumerated().map { i, value in
      min(max((value - auxiliaryMean[i]) / auxiliaryDeviation[i], -Self.clip), Self.clip)
    }
    for place in auxiliaryUnused { values[place] = 0 }
    return values
  }
}

/// Half-precision floats read without the processor's conversion instructions, which not every one has.
package enum HalfPrecision {
  /// target = x · scale + shift. For finite values only.
  package static func widen(
    _ x: UnsafePointer<Float16>, _ count: Int, scale: Float, shift: Float, into target: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<count {
      let bits = UInt32(x[i].bitPattern)
      // The half's exponent is 112 less biased than the float's; the product also makes subnormals right.
      let magnitude = Float(bitPattern: (bits & 0x7FFF) << 13) * 0x1p112
      target[i] = Float(bitPattern: magnitude.bitPattern | (bits & 0x8000) << 16) * scale + shift
    }
  }

  /// No infinity and no NaN.
  package static func areFinite(_ values: [Float16]) -> Bool {
    values.withUnsafeBufferPointer { values in
      var found: UInt16 = 0
      for value in values { found |= value.bitPattern & 0x7C00 == 0x7C00 ? 1 : 0 }
      return found == 0
    }
  }
}
