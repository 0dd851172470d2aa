import CKernels
import Foundation

/// The network of `QRSDelineator`: convolutions over time with dilation, ReLU, [tap][input][output] weights.
///
/// From the third layer on a lead's input is followed by the mean over all leads; later layers add to their input. The
/// last heads give for each lead, and for all leads together, the scores of each place for onset and offset.
struct QRSDelineatorWeights: Sendable {
  static let taps = 7
  static let width = 24
  static let dilations = [1, 2, 4, 2]
  /// The layer that is given the mean over leads and the lead's name.
  static let joining = 2

  private struct Layer {
    var weights: [Float]
    var bias: [Float]
    var inputs: Int
    var dilation: Int
  }

  private let layers: [Layer]
  /// [lead][channel], added for the lead's name.
  private let names: [Float]
  private let leadHead: [Float]
  private let leadBias: [Float]
  private let globalHead: [Float]
  private let globalBias: [Float]

  static let fitted = QRSDelineatorWeights(base64: fittedBase64)

  /// - Parameter base64: all weights in the order of the properties as little-endian float16.
  private init(base64: String) {
    let bytes = Data(base64Encoded: base64, options: .ignoreUnknownCharacters) ?? Data()
    let values = stride(from: 0, to: bytes.count - 1, by: 2).map {
      Float(Float16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8))
    }
    var at = 0
    func take(_ count: Int) -> [Float] {
      defer { at += count }
      precondition(at + count <= values.count, "weights are cut")
      return Array(values[at..<at + count])
    }
    layers = Self.dilations.enumerated().map { number, dilation in
      let inputs = number == 0 ? QRSDelineator.channels : number == Self.joining ? 2 * Self.width : Self.width
      return Layer(
        weights: take(Self.taps * inputs * Self.width), bias: take(Self.width), inputs: inputs, dilation: dilation)
    }
    names = take(Lead.allCases.count * Self.width)
    (leadHead, leadBias) = (take(2 * Self.width), take(2))
    (globalHead, globalBias) = (take(4 * Self.width), take(2))
    precondition(at == values.count, "weights are too many")
  }

  /// Zeros before the places of a row and after them: what the widest layer sees beyond both ends, after the places are
  /// filled up to the kernel's blocks.
  private static let margin = taps / 2 * dilations.max()!
  private static let blockPlaces = 48

  private static func rowLength(_ count: Int) -> Int {
    2 * margin + (count + blockPlaces - 1) / blockPlaces * blockPlaces
  }

  /// - Parameters:
  ///   - features: [lead][channel][place].
  ///   - count: number of places.
  /// - Returns: mean place of onset and offset for each lead, then for all leads.
  func distributions(of features: [[[Float]]], count: Int, leads: [Lead]) -> [[Double]] {
    let stride = Self.rowLength(count)
    let after = [Float](repeating: 0, count: stride - Self.margin - count)
    let before = [Float](repeating: 0, count: Self.margin)
    // [lead][channel · stride + margin + place]; what is no place is 0 throughout.
    var planes = features.map { $0.flatMap { before + $0 + after } }
    for (number, layer) in layers.enumerated() {
      if number == Self.joining {
        let mean = Self.mean(of: planes)
        for lead in planes.indices { planes[lead] += mean }
      }
      for lead in planes.indices {
        var bias = layer.bias
        if number == Self.joining {
          let row = Lead.allCases.firstIndex(of: leads[lead])! * Self.width
          for channel in bias.indices { bias[channel] += names[row + channel] }
        }
        let output = Self.convolved(planes[lead], layer, bias: bias, count: count, stride: stride)
        planes[lead] = number > Self.joining ? Self.combined(planes[lead], output, +) : output
      }
    }
    let largest = planes.dropFirst().reduce(planes[0]) { Self.combined($0, $1, max) }
    let together = Self.mean(of: planes) + largest
    return planes.map { Self.places(of: $0, head: leadHead, bias: leadBias, count: count, stride: stride) }
      + [Self.places(of: together, head: globalHead, bias: globalBias, count: count, stride: stride)]
  }

  @inline(__always)
  private static func combined(_ a: [Float], _ b: [Float], _ operation: (Float, Float) -> Float) -> [Float] {
    var result = a
    for index in result.indices { result[index] = operation(a[index], b[index]) }
    return result
  }

  private static func mean(of planes: [[Float]]) -> [Float] {
    let sum = planes.dropFirst().reduce(planes[0]) { combined($0, $1, +) }
    return sum.map { $0 / Float(planes.count) }
  }

  /// ReLU of a convolution of `[input][place]`, zero beyond both ends, to `[output][place]`.
  private static func convolved(
    _ input: [Float], _ layer: Layer, bias: [Float], count: Int, stride: Int
  ) -> [Float] {
    var output = [Float](repeating: 0, count: width * stride)
    let shape = resync_timeline(
      inputs: layer.inputs, outputs: width, taps: taps, dilation: layer.dilation, count: count)
    // The buffers belong to `input` and `output`, which live through the call.
    output.withUnsafeMutableBufferPointer { output in
      input.withUnsafeBufferPointer { input in
        let first = margin - taps / 2 * layer.dilation
        resync_convolve_timeline(
          input.baseAddress! + first, stride, shape, layer.weights, bias, output.baseAddress! + margin)
      }
    }
    return output
  }

  /// Means of the softmax over places of each limit's scores.
  private static func places(
    of plane: [Float], head: [Float], bias: [Float], count: Int, stride: Int
  ) -> [Double] {
    (0..<2).map { limit in
      var scores = [Double](repeating: Double(bias[limit]), count: count)
      for channel in 0..<plane.count / stride {
        let (weight, row) = (head[2 * channel + limit], channel * stride + margin)
        for place in scores.indices { scores[place] += Double(weight * plane[row + place]) }
      }
      let top = scores.max()!
      let parts = scores.map { exp($0 - top) }
      let sum = parts.reduce(0, +)
      return zip(parts.indices, parts).reduce(0) { $0 + Double($1.0) * $1.1 } / sum
    }
  }
}
