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

  /// - Parameters:
  ///   - features: [lead][channel][place].
  ///   - count: number of places.
  /// - Returns: mean place of onset and offset for each lead, then for all leads.
  func distributions(of features: [[[Float]]], count: Int, leads: [Lead]) -> [[Double]] {
    var planes = features.map { Array($0.joined()) }
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
        let output = Self.convolved(planes[lead], layer, bias: bias, count: count)
        planes[lead] = number > Self.joining ? zip(planes[lead], output).map { $0 + $1 } : output
      }
    }
    let largest = planes.dropFirst().reduce(planes[0]) { zip($0, $1).map { max($0, $1) } }
    let together = Self.mean(of: planes) + largest
    return planes.map { Self.places(of: $0, head: leadHead, bias: leadBias, count: count) }
      + [Self.places(of: together, head: globalHead, bias: globalBias, count: count)]
  }

  private static func mean(of planes: [[Float]]) -> [Float] {
    let sum = planes.dropFirst().reduce(planes[0]) { zip($0, $1).map { $0 + $1 } }
    return sum.map { $0 / Float(planes.count) }
  }

  /// ReLU of a convolution of `[input][place]`, zero beyond both ends, to `[output][place]`.
  private static func convolved(_ input: [Float], _ layer: Layer, bias: [Float], count: Int) -> [Float] {
    var output = bias.flatMap { Array(repeating: $0, count: count) }
    // The buffers belong to `input`, `output` and `layer.weights`, which live through the call.
    output.withUnsafeMutableBufferPointer { output in
      input.withUnsafeBufferPointer { input in
        layer.weights.withUnsafeBufferPointer { weights in
          for tap in 0..<taps {
            let lag = (tap - taps / 2) * layer.dilation
            let (from, to) = (max(0, -lag), min(count, count - lag))
            for source in 0..<layer.inputs {
              for target in 0..<width {
                let weight = weights[(tap * layer.inputs + source) * width + target]
                let (read, write) = (source * count + lag, target * count)
                for place in from..<to { output[write + place] += weight * input[read + place] }
              }
            }
          }
        }
      }
    }
    return output.map { max($0, 0) }
  }

  /// Means of the softmax over places of each limit's scores.
  private static func places(of plane: [Float], head: [Float], bias: [Float], count: Int) -> [Double] {
    (0..<2).map { limit in
      let scores = (0..<count).map { place in
        stride(from: 0, to: plane.count / count, by: 1).reduce(Double(bias[limit])) {
          $0 + Double(head[2 * $1 + limit] * plane[$1 * count + place])
        }
      }
      let top = scores.max()!
      let parts = scores.map { exp($0 - top) }
      let sum = parts.reduce(0, +)
      return zip(parts.indices, parts).reduce(0) { $0 + Double($1.0) * $1.1 } / sum
    }
  }
}
