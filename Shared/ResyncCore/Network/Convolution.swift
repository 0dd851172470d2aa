/// How many images of which size.
package struct Geometry: Hashable, Sendable {
  package var images: Int
  package var height: Int
  package var width: Int

  package init(images: Int, height: Int, width: Int) {
    self.images = images
    self.height = height
    self.width = width
  }

  /// Pixels of one image.
  package var plane: Int { height * width }
  /// Pixels of all images.
  package var pixels: Int { images * plane }
}

/// A square convolution without bias: weights [outputChannels, inputChannels, kernel, kernel].
package struct Convolution: Hashable, Sendable {
  package let inputChannels: Int
  package let outputChannels: Int
  package let kernel: Int
  package let stride: Int
  package let padding: Int

  package init(inputChannels: Int, outputChannels: Int, kernel: Int, stride: Int, padding: Int) {
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }

  /// Weights of one output channel.
  package var patch: Int { inputChannels * kernel * kernel }
  package var weightCount: Int { outputChannels * patch }

  package func output(_ g: Geometry) -> Geometry {
    func side(_ length: Int) -> Int { (length + 2 * padding - kernel) / stride + 1 }
    return Geometry(images: g.images, height: side(g.height), width: side(g.width))
  }
}
