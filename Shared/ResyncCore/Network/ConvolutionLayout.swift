import CKernels

/// How one convolution is computed on maps of one size: as products over tiles of a map or over patches.
///
/// Activations are `[image, row, column, channel]` with channels filled up to a multiple of 16. All here depends on the
/// layer's shape alone, never on images or threads, and so do the bits of an output.
package struct ConvolutionLayout: Sendable {
  package enum Method: Sendable {
    /// Products at each point of transformed tiles: 3×3 with stride 1.
    case tiles(resync_tiles)
    /// Products over patches: all else.
    case patches
  }

  package let convolution: Convolution
  /// Of one image.
  package let input: Geometry
  package let output: Geometry
  package let method: Method
  /// Floats from one pixel to the next.
  package let inputStride: Int
  package let outputStride: Int
  /// The part of the kernel that meets a map of this size.
  package let window: (rows: Range<Int>, columns: Range<Int>)

  /// - Parameters:
  ///   - g: of the input; the number of images does not matter.
  ///   - isImage: the input is an image, whose channels are not filled up.
  package init(_ convolution: Convolution, _ g: Geometry, isImage: Bool = false) {
    self.convolution = convolution
    input = Geometry(images: 1, height: g.height, width: g.width)
    output = convolution.output(input)
    inputStride = isImage ? convolution.inputChannels : Kernels.padded(convolution.inputChannels)
    outputStride = Kernels.padded(convolution.outputChannels)
    window = (
      Self.window(convolution, g.height, convolution.output(g).height),
      Self.window(convolution, g.width, convolution.output(g).width)
    )
    let hasTiles = convolution.kernel == 3 && convolution.stride == 1 && convolution.padding == 1 && !isImage
    method =
      switch (min(g.height, g.width), max(g.height, g.width)) {
      case (2, 2) where hasTiles: .tiles(RESYNC_TILES_2)
      case (3..., _) where hasTiles: .tiles(RESYNC_TILES_4)
      default: .patches
      }
  }

  /// Taps that fall inside a side of `length` for at least one of the outputs.
  private static func window(_ c: Convolution, _ length: Int, _ outputs: Int) -> Range<Int> {
    let taps = (0..<c.kernel).filter { tap in
      (0..<outputs).contains { (0..<length).contains($0 * c.stride + tap - c.padding) }
    }
    return taps.isEmpty ? 0..<0 : taps[0]..<taps[taps.count - 1] + 1
  }

  // MARK: Patches

  /// Columns of a row of patches.
  package var patch: Int { window.rows.count * window.columns.count * inputStride }
  /// Patches are the input itself, as it lies.
  package var isPointwise: Bool {
    convolution.stride == 1 && window.rows.count == 1 && window.columns.count == 1 && output == input
  }
  /// Floats from one gathered patch to the next: not a power of two, lest rows fall on the same lines of the cache.
  package var patchStride: Int { Kernels.padded(patch) + Kernels.panel }

  package var patches: resync_patches {
    resync_patches(
      height: input.height, width: input.width, channels: inputStride, kernel_height: window.rows.count,
      kernel_width: window.columns.count, stride: convolution.stride,
      padding_top: convolution.padding - window.rows.lowerBound,
      padding_left: convolution.padding - window.columns.lowerBound, output_height: output.height,
      output_width: output.width)
  }

  // MARK: Tiles

  /// Products for each tile; 0 when patches are used.
  package var points: Int {
    switch method {
    case .tiles(RESYNC_TILES_2): 9
    case .tiles: 36
    case .patches: 0
    }
  }
  private var tileColumns: Int { (input.width + 3) / 4 }
  /// Of one image.
  package var tiles: Int { (input.height + 3) / 4 * tileColumns }

  /// Where tile `number` of an image lies on the map of so many channels.
  /// - Parameter stride: floats from one pixel to the next, if more than `channels`.
  package func place(_ number: Int, channels: Int, stride: Int? = nil) -> resync_place {
    resync_place(
      height: input.height, width: input.width, stride: stride ?? channels, channels: channels,
      tile_row: number / tileColumns, tile_column: number % tileColumns)
  }

  // MARK: Weights

  /// Floats of weights packed for the forward pass, and for the input's gradient.
  package var packedCount: Int {
    switch method {
    case .tiles: points * inputStride * outputStride
    case .patches: patch * outputStride
    }
  }

  /// Packs weights [outputChannels, inputChannels, kernel, kernel] for the forward pass: for tiles
  /// [points][panels of outputs][inputs][16], for patches [panels of outputs][patch][16].
  package func pack(
    _ weights: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>, _ kernels: Kernels, _ crew: Crew
  ) {
    let (c, inputs) = (convolution, inputStride)
    let taps = c.kernel * c.kernel
    let panels = outputStride / Kernels.panel
    if c.inputChannels < inputs { packed.update(repeating: 0, count: packedCount) }
    let pieces = max(1, min(c.inputChannels / 16, 2 * crew.threads))
    crew.run(panels * pieces) { [self] item, _ in
      let (panel, piece) = (item / pieces, item % pieces)
      let rows = piece * c.inputChannels / pieces..<(piece + 1) * c.inputChannels / pieces
      let lanes = min(Kernels.panel, c.outputChannels - panel * Kernels.panel)
      let source = weights + panel * Kernels.panel * c.patch + rows.lowerBound * taps
      switch method {
      case .tiles(let kind):
        kernels.table.tile_weights(
          kind, source, rows.count, taps, lanes, c.patch, false,
          packed + (panel * inputs + rows.lowerBound) * Kernels.panel, inputs * outputStride)
      case .patches:
        for (number, tap) in usedTaps.enumerated() {
          kernels.table.pack(
            source + tap, rows.count, taps, lanes, c.patch,
            packed + (panel * patch + number * inputs + rows.lowerBound) * Kernels.panel)
        }
      }
    }
  }

  /// Floats of `packFilters`; 0 where it serves nothing.
  package var filterCount: Int {
    if case .tiles(RESYNC_TILES_4) = method { 9 * inputStride * outputStride } else { 0 }
  }

  /// Packs weights for few tiles: [panels of outputs][inputs][9][16].
  package func packFilters(
    _ weights: UnsafePointer<Float>, into filters: UnsafeMutablePointer<Float>, _ kernels: Kernels, _ crew: Crew
  ) {
    guard filterCount > 0 else { return }
    let (c, inputs) = (convolution, inputStride)
    filters.update(repeating: 0, count: filterCount)
    crew.run(outputStride / Kernels.panel) { panel, _ in
      kernels.table.tile_filters(
        weights + panel * Kernels.panel * c.patch, c.inputChannels, 9,
        min(Kernels.panel, c.outputChannels - panel * Kernels.panel), c.patch,
        filters + panel * inputs * 9 * Kernels.panel)
    }
  }

  /// Packs weights for the input's gradient, the other way round: for tiles [points][panels of inputs][outputs][16] with
  /// turned filters, for patches [panels of the patch][outputs][16].
  package func packTransposed(
    _ weights: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>, _ kernels: Kernels, _ crew: Crew
  ) {
    let (c, outputs) = (convolution, outputStride)
    let taps = c.kernel * c.kernel
    let panels = inputStride / Kernels.panel
    if c.outputChannels < outputs { packed.update(repeating: 0, count: packedCount) }
    crew.run(panels * 4) { [self] item, _ in
      let (panel, piece) = (item / 4, item % 4)
      let rows = piece * c.outputChannels / 4..<(piece + 1) * c.outputChannels / 4
      let lanes = min(Kernels.panel, c.inputChannels - panel * Kernels.panel)
      let source = weights + rows.lowerBound * c.patch + panel * Kernels.panel * taps
      switch method {
      case .tiles(let kind):
        kernels.table.tile_weights(
          kind, source, rows.count, c.patch, lanes, taps, true,
          packed + (panel * outputs + rows.lowerBound) * Kernels.panel, outputs * inputStride)
      case .patches:
        for (number, tap) in usedTaps.enumerated() {
          kernels.table.pack(
            source + tap, rows.count, c.patch, lanes, taps,
            packed + ((number * panels + panel) * outputs + rows.lowerBound) * Kernels.panel)
        }
      }
    }
  }

  /// Turns the sums that `ConvolutionPass.weightGradient` makes into a gradient laid out as the weights are: for tiles
  /// [points][inputs][outputs], for patches [patch][outputs].
  package func unpackGradient(
    _ sums: UnsafePointer<Float>, into gradient: UnsafeMutablePointer<Float>, _ kernels: Kernels, _ crew: Crew
  ) {
    let (c, inputs, outputs) = (convolution, inputStride, outputStride)
    let taps = c.kernel * c.kernel
    let panels = outputs / Kernels.panel
    crew.run(panels * 4) { [self] item, _ in
      let (panel, piece) = (item / 4, item % 4)
      let rows = piece * c.inputChannels / 4..<(piece + 1) * c.inputChannels / 4
      let lanes = min(Kernels.panel, c.outputChannels - panel * Kernels.panel)
      let target = gradient + panel * Kernels.panel * c.patch + rows.lowerBound * taps
      switch method {
      case .tiles(let kind):
        kernels.table.tile_weight_gradient(
          kind, sums + rows.lowerBound * outputs + panel * Kernels.panel, inputs * outputs, outputs, rows.count, taps,
          lanes, c.patch, target)
      case .patches:
        if usedTaps.count < taps, rows.count > 0 {
          for lane in 0..<lanes { (target + lane * c.patch).update(repeating: 0, count: rows.count * taps) }
        }
        for (number, tap) in usedTaps.enumerated() {
          kernels.table.unpack(
            sums + (number * inputs + rows.lowerBound) * outputs + panel * Kernels.panel, outputs, rows.count, taps,
            lanes, c.patch, target + tap)
        }
      }
    }
  }

  /// Taps of the window, in the order of a patch.
  private var usedTaps: [Int] {
    window.rows.flatMap { row in window.columns.map { row * convolution.kernel + $0 } }
  }
}
