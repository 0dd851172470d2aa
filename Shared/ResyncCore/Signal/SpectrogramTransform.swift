import CKernels
import Foundation

/// Turns a beat's segment into the image that a network reads.
///
/// The segment is laid on a zero canvas with its R-peak at a fixed place, so that a millisecond is the same number of
/// pixels in every image and beats line up; what overhangs is cut. Then per lead: STFT with zero boundary, magnitudes in
/// mV, log(1 + magnitude / reference), the lowest `image.rows` bins of the first `image.columns` frames. Or, where the
/// configuration says so, the canvas itself.
public struct SpectrogramTransform: Sendable {
  /// Samples on the canvas at the canonical rate.
  public let canvasSamples: Int
  /// Where the R-peak lies on the canvas.
  public let canvasRPeak: Int
  private let stft: STFT
  private let image: ImageConfiguration

  /// - Throws: `SignalError` when the configuration's lengths do not fit one another.
  public init(pipeline: PipelineConfiguration) throws {
    try pipeline.validate()
    stft = try STFT(configuration: pipeline.stft)
    image = pipeline.image
    let span = pipeline.segment.alignment.span
    let samples = (pipeline.segment.canvasSeconds * Double(pipeline.canonicalRateHz)).rounded()
    canvasSamples = Int(samples)
    canvasRPeak = Int((samples * -span.start / (span.end - span.start)).rounded())
  }

  /// - Parameters:
  ///   - segment: [lead][sample] at the canonical rate, mV; leads of equal length.
  ///   - rPeakOffset: the R-peak's index in the segment.
  public func image(of segment: [[Float]], rPeakOffset: Int) -> SpectrogramImage {
    if image.content == .samples { return signal(of: segment, rPeakOffset: rPeakOffset) }
    let (rows, columns) = (image.rows, image.columns)
    let plane = rows * columns
    let scale = Float(1 / image.referenceMillivolts)
    let values = [Float16](unsafeUninitializedCapacity: segment.count * plane) { values, initialised in
      values.initialize(repeating: 0)
      initialised = segment.count * plane
      values.withMemoryRebound(to: UInt16.self) { bits in
        for (lead, samples) in segment.enumerated() {
          let magnitudes = stft.magnitudes(
            of: canvas(samples, rPeakOffset: rPeakOffset), boundary: .zeros, bins: rows, frames: columns)
          resync_log_image(magnitudes, rows, columns, scale, bits.baseAddress! + lead * plane)
        }
      }
    }
    return SpectrogramImage(leadCount: segment.count, rows: rows, columns: columns, values: values)
  }

  private func signal(of segment: [[Float]], rPeakOffset: Int) -> SpectrogramImage {
    SpectrogramImage(
      leadCount: segment.count, rows: 1, columns: image.columns,
      values: segment.flatMap { canvas($0, rPeakOffset: rPeakOffset).prefix(image.columns).map { Float16($0) } })
  }

  private func canvas(_ lead: [Float], rPeakOffset: Int) -> [Float] {
    let shift = canvasRPeak - rPeakOffset
    var canvas = [Float](repeating: 0, count: canvasSamples)
    let lower = max(0, -shift)
    let upper = min(lead.count, canvasSamples - shift)
    if lower < upper { canvas.replaceSubrange(lower + shift..<upper + shift, with: lead[lower..<upper]) }
    return canvas
  }
}

extension PipelineConfiguration {
  /// The ranges in which the signal chain works.
  ///
  /// - Throws: `SignalError` naming the first value outside its range.
  public func validate() throws {
    let isSignal = image.content == .samples
    let canvas = (segment.canvasSeconds * Double(canonicalRateHz)).rounded()
    let limits: [(String, Double, ClosedRange<Double>)] = [
      ("canonicalRateHz", Double(canonicalRateHz), 100...1_000),
      ("highPassHz", highPassHz, 0.05...5),
      ("segment.canvasSeconds", segment.canvasSeconds, 0.1...10),
      ("image.rows", Double(image.rows), 1...(isSignal ? 1 : Double(max(1, stft.fftLength / 2 + 1)))),
      ("image.columns", Double(image.columns), 1...(isSignal ? max(1, canvas) : 4_096)),
      ("image.referenceMillivolts", image.referenceMillivolts, 1e-6...1e3),
    ]
    for (key, value, range) in limits where !range.contains(value) {
      throw SignalError.configuration(key, value, expected: "\(range.lowerBound) to \(range.upperBound)")
    }
  }
}
