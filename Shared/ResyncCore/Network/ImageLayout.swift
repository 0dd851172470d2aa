/// Images come as [image, channel, row, column]; convolutions read [image, row, column, channel].
package enum ImageLayout {
  /// - Returns: `images` itself where the two are the same, else `buffer`.
  package static func interleaved(
    _ images: UnsafePointer<Float>, channels: Int, _ count: Int, plane: Int, into buffer: FloatBuffer
  ) -> UnsafePointer<Float> {
    guard channels > 1 else { return images }
    precondition(buffer.count >= count * plane * channels, "buffer too small for the images")
    for image in 0..<count {
      for channel in 0..<channels {
        let source = images + (image * channels + channel) * plane
        let target = buffer.start + image * plane * channels + channel
        for pixel in 0..<plane { target[pixel &* channels] = source[pixel] }
      }
    }
    return UnsafePointer(buffer.start)
  }
}
