import CKernels

/// Memory that convolutions share one after the other: a part for each worker and one for all.
package final class ConvolutionScratch: Sendable {
  let workers: [FloatBuffer]
  let shared: FloatBuffer

  /// - Parameters:
  ///   - layouts: all convolutions that will use it.
  ///   - images: the most that are computed at once.
  ///   - training: for gradients too.
  package init(_ layouts: [ConvolutionLayout], images: Int, threads: Int, training: Bool) {
    let passes = layouts.map { ConvolutionPass($0, images: images) }
    let worker = passes.map(\.workerCount).max() ?? 0
    workers = (0..<threads).map { _ in FloatBuffer(count: worker) }
    shared = FloatBuffer(count: passes.map { training ? $0.trainingCount : $0.inferenceCount }.max() ?? 0)
  }
}

/// A convolution of some images: how the work falls into steps and items, and where in the scratch memory things lie.
/// What is computed is `ConvolutionLayout`'s; none of the choices here changes a bit.
package struct ConvolutionPass {
  let layout: ConvolutionLayout
  let images: Int
  let kernels: Kernels

  package init(_ layout: ConvolutionLayout, images: Int, kernels: Kernels = .best) {
    self.layout = layout
    self.images = images
    self.kernels = kernels
  }

  /// Rows of so many floats, which a tile reads side by side, would fall on the same lines of the cache if they lay a power
  /// of two apart; they are moved first.
  static let longRow = 512
  /// Rows of patches that a worker gathers at once; their products then reuse each panel of weights from the cache.
  private static let rowsAtOnce = 56
  /// Floats of points that stay in a core's second-level cache beside the weights.
  private static let workerPoints = 128 * 1024
  /// Floats of points of all workers together: part of the third-level cache.
  private static let sharedPoints = 1 << 20

  var inputs: Int { layout.inputStride }
  var outputs: Int { layout.outputStride }
  var pixels: Int { images * layout.output.plane }
  /// Weights at the points are small enough to stay near a core, so each worker takes a few tiles through all steps.
  var takesTilesAlone: Bool { canTakeTilesAlone && images * layout.tiles >= Self.manyTiles }
  private var canTakeTilesAlone: Bool { inputs * outputs <= 128 * 128 }
  private static let manyTiles = 32
  private static let fewTiles = 4
  private var tilesAlone: Int { min(112, max(14, Self.workerPoints / (layout.points * (inputs + outputs)) / 14 * 14)) }
  /// Images whose tiles are computed at once when the steps are shared.
  var imagesTogether: Int {
    min(images, max(1, Self.sharedPoints / (layout.points * layout.tiles * (inputs + outputs))))
  }
  /// Images whose patches are kept at once for gradients.
  var patchImages: Int { min(images, max(1, Self.sharedPoints / (layout.patchStride * layout.output.plane))) }

  /// Rows of points of `tiles` tiles.
  struct Points {
    let tiles: Int
    let row: Int
    /// Floats from one point to the next: not a power of two, lest all points of a tile fall on one line of the cache.
    var stride: Int { tiles * row + Kernels.panel }

    init(tiles: Int, channels: Int) {
      self.tiles = tiles
      row = channels >= longRow ? channels + Kernels.panel : channels
    }
  }

  fileprivate var workerCount: Int {
    switch layout.method {
    case .tiles:
      layout.points
        * (Points(tiles: tilesAlone, channels: inputs).stride + Points(tiles: tilesAlone, channels: outputs).stride)
    case .patches: Self.rowsAtOnce * max(layout.patchStride, outputs + Kernels.panel)
    }
  }

  private func pointCount(_ images: Int) -> Int {
    layout.points
      * (Points(tiles: images * layout.tiles, channels: inputs).stride
        + Points(tiles: images * layout.tiles, channels: outputs).stride)
  }

  fileprivate var inferenceCount: Int {
    switch layout.method {
    // Fewer images may come than there is room for, and then share the steps.
    case .tiles:
      pointCount(canTakeTilesAlone ? min(imagesTogether, Self.manyTiles / layout.tiles + 1) : imagesTogether)
        + layout.points * inputs * Self.fewTiles
    case .patches: 0
    }
  }

  fileprivate var trainingCount: Int {
    switch layout.method {
    case .tiles: layout.packedCount + pointCount(imagesTogether)
    case .patches: layout.packedCount + patchImages * layout.output.plane * layout.patchStride
    }
  }

  /// output = weights ∗ input, with an epilogue.
  /// - Parameters:
  ///   - input: [images, height, width, inputStride].
  ///   - packed: as `ConvolutionLayout.pack` leaves them.
  ///   - filters: as `ConvolutionLayout.packFilters` leaves them; for few tiles used in place of `packed`.
  ///   - output: [images, height, width, outputStride].
  package func forward(
    _ input: UnsafePointer<Float>, packed: UnsafePointer<Float>, filters: UnsafePointer<Float>,
    into output: UnsafeMutablePointer<Float>, _ epilogue: resync_epilogue, _ scratch: ConvolutionScratch, _ crew: Crew
  ) {
    if case .tiles(RESYNC_TILES_4) = layout.method, images * layout.tiles <= Self.fewTiles {
      forwardFewTiles(input, filters, output, epilogue, scratch.shared.start, crew)
    } else {
      forward(input, packed, output, epilogue, scratch, scratch.shared.start, crew)
    }
  }

  /// output = weights ∗ input, of weights that change with every step.
  /// - Parameter weights: [outputChannels, inputChannels, kernel, kernel].
  package func forward(
    _ input: UnsafePointer<Float>, weights: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>,
    _ scratch: ConvolutionScratch, _ crew: Crew
  ) {
    let packed = scratch.shared.start
    layout.pack(weights, into: packed, kernels, crew)
    forward(input, packed, output, resync_epilogue(), scratch, packed + layout.packedCount, crew)
  }

  private func forward(
    _ input: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ epilogue: resync_epilogue, _ scratch: ConvolutionScratch, _ memory: UnsafeMutablePointer<Float>, _ crew: Crew
  ) {
    switch layout.method {
    case .tiles(let kind):
      let side = TileSide(
        kind: kind, layout: layout, images: images, from: inputs, to: outputs, source: input, weights: packed,
        target: output, epilogue: epilogue, kernels: kernels)
      if takesTilesAlone { alone(side, scratch, crew) } else { together(side, memory, crew) }
    case .patches: forwardPatches(input, packed, output, epilogue, scratch, crew)
    }
  }

  /// One direction of a convolution over tiles: the forward pass, or the input's gradient with the roles exchanged.
  struct TileSide {
    let kind: resync_tiles
    let layout: ConvolutionLayout
    let images: Int
    let from, to: Int
    let source, weights: UnsafePointer<Float>
    let target: UnsafeMutablePointer<Float>
    let epilogue: resync_epilogue
    let kernels: Kernels

    func transform(_ tiles: Range<Int>, _ points: UnsafeMutablePointer<Float>, _ p: Points) {
      for tile in tiles {
        let (image, number) = tile.quotientAndRemainder(dividingBy: layout.tiles)
        kernels.table.tile_input(
          kind, layout.place(number, channels: from), source + image * layout.input.plane * from,
          points + (tile - tiles.lowerBound) * p.row, p.stride)
      }
    }

    func finish(_ tiles: Range<Int>, columns: Range<Int>? = nil, _ points: UnsafePointer<Float>, _ p: Points) {
      let columns = columns ?? 0..<to
      for tile in tiles {
        let (image, number) = tile.quotientAndRemainder(dividingBy: layout.tiles)
        let offset = image * layout.output.plane * to + columns.lowerBound
        var epilogue = epilogue
        epilogue.bias = epilogue.bias.map { $0 + columns.lowerBound }
        epilogue.residual = epilogue.residual.map { $0 + offset }
        kernels.table.tile_output(
          kind, layout.place(number, channels: columns.count, stride: to),
          points + (tile - tiles.lowerBound) * p.row + columns.lowerBound, p.stride, target + offset, &epilogue)
      }
    }

    func multiply(
      point: Int, tiles: Range<Int>, panels: Range<Int>, _ a: UnsafePointer<Float>, _ pa: Points,
      _ c: UnsafeMutablePointer<Float>, _ pc: Points
    ) {
      var plain = resync_epilogue()
      kernels.table.product(
        tiles.count, from, panels.count, a + point * pa.stride + tiles.lowerBound * pa.row, pa.row,
        weights + point * from * to + panels.lowerBound * from * Kernels.panel,
        c + point * pc.stride + tiles.lowerBound * pc.row + panels.lowerBound * Kernels.panel, pc.row, &plain)
    }
  }

  /// As `together`, but each panel of weights is transformed where it is used: so many fewer bytes are read that it
  /// pays as long as few tiles use them.
  private func forwardFewTiles(
    _ input: UnsafePointer<Float>, _ filters: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ epilogue: resync_epilogue, _ memory: UnsafeMutablePointer<Float>, _ crew: Crew
  ) {
    let count = images * layout.tiles
    let (a, c) = (Points(tiles: count, channels: inputs), Points(tiles: count, channels: outputs))
    let products = memory + layout.points * a.stride
    let turned = products + layout.points * c.stride
    let side = TileSide(
      kind: RESYNC_TILES_4, layout: layout, images: images, from: inputs, to: outputs, source: input,
      weights: filters, target: output, epilogue: epilogue, kernels: kernels)
    crew.split(count) { tiles in side.transform(tiles, memory + tiles.lowerBound * a.row, a) }
    crew.split(inputs) { [kernels, inputs] channels in
      kernels.table.tile_turn(count, inputs, channels.lowerBound, channels.count, memory, a.stride, a.row, turned)
    }
    crew.run(outputs / Kernels.panel) { [kernels, inputs] panel, _ in
      let column = panel * Kernels.panel
      kernels.table.tile_product(
        count, inputs, turned, filters + column * inputs * 9, products + column, c.stride, c.row)
      side.finish(0..<count, columns: column..<column + Kernels.panel, products, c)
    }
  }

  func alone(_ side: TileSide, _ scratch: ConvolutionScratch, _ crew: Crew) {
    let total = images * layout.tiles
    let items = max(min(total, crew.threads), (total + tilesAlone - 1) / tilesAlone)
    let (a, c) = (
      Points(tiles: tilesAlone, channels: side.from), Points(tiles: tilesAlone, channels: side.to)
    )
    let panels = side.to / Kernels.panel
    crew.run(items) { [layout] item, worker in
      let tiles = item * total / items..<(item + 1) * total / items
      let transformed = scratch.workers[worker].start
      let products = transformed + layout.points * a.stride
      side.transform(tiles, transformed, a)
      for point in 0..<layout.points {
        side.multiply(
          point: point, tiles: 0..<tiles.count, panels: 0..<panels, transformed, a, products, c)
      }
      side.finish(tiles, products, c)
    }
  }

  func together(_ side: TileSide, _ memory: UnsafeMutablePointer<Float>, _ crew: Crew) {
    forEachChunk(of: imagesTogether) { [layout] chunk in
      let first = chunk.lowerBound * layout.tiles
      let count = chunk.count * layout.tiles
      let (a, c) = (Points(tiles: count, channels: side.from), Points(tiles: count, channels: side.to))
      let products = memory + layout.points * a.stride
      crew.split(count) { tiles in
        side.transform(first + tiles.lowerBound..<first + tiles.upperBound, memory + tiles.lowerBound * a.row, a)
      }
      let panels = side.to / Kernels.panel
      let parts = max(1, min(panels / 2, 8 * crew.threads / layout.points))
      crew.run(layout.points * parts) { item, _ in
        let (point, part) = (item / parts, item % parts)
        side.multiply(
          point: point, tiles: 0..<count, panels: part * panels / parts..<(part + 1) * panels / parts, memory, a,
          products, c)
      }
      crew.split(count) { tiles in
        side.finish(
          first + tiles.lowerBound..<first + tiles.upperBound, products + tiles.lowerBound * c.row, c)
      }
    }
  }

  func forEachChunk(of size: Int, _ body: (Range<Int>) -> Void) {
    for low in stride(from: 0, to: images, by: size) { body(low..<min(images, low + size)) }
  }

  private func forwardPatches(
    _ input: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ epilogue: resync_epilogue, _ scratch: ConvolutionScratch, _ crew: Crew
  ) {
    let (panels, outputs, k) = (outputs / Kernels.panel, outputs, layout.patch)
    let gathers = !layout.isPointwise || layout.patch >= Self.longRow
    forEachBlock(rows: pixels, panels: panels, crew) { [layout, kernels] rows, panels, worker in
      let offset = rows.lowerBound * outputs + panels.lowerBound * Kernels.panel
      var e = epilogue
      e.bias = e.bias.map { $0 + panels.lowerBound * Kernels.panel }
      e.residual = e.residual.map { $0 + offset }
      var (a, lda) = (input + rows.lowerBound * k, k)
      if gathers {
        let memory = scratch.workers[worker].start
        var shape = layout.patches
        kernels.table.gather(&shape, input, rows.lowerBound, rows.count, memory, layout.patchStride)
        (a, lda) = (UnsafePointer(memory), layout.patchStride)
      }
      kernels.table.product(
        rows.count, k, panels.count, a, lda, packed + panels.lowerBound * k * Kernels.panel, output + offset, outputs,
        &e)
    }
  }

  /// Shares out a product: blocks of rows, and of panels too where rows are few.
  func forEachBlock(
    rows: Int, panels: Int, _ crew: Crew, _ body: @escaping (Range<Int>, Range<Int>, Int) -> Void
  ) {
    let wanted = crew.threads == 1 ? 1 : 4 * crew.threads
    let blocks = max((rows + Self.rowsAtOnce - 1) / Self.rowsAtOnce, min(wanted, (rows + 13) / 14))
    let parts = max(1, min(panels / 2, wanted / blocks))
    crew.run(blocks * parts) { item, worker in
      let (block, part) = (item / parts, item % parts)
      body(
        block * rows / blocks..<(block + 1) * rows / blocks, part * panels / parts..<(part + 1) * panels / parts,
        worker)
    }
  }
}

extension resync_epilogue {
  package init(accumulating: Bool) { self.init(bias: nil, residual: nil, accumulate: accumulating, rectify: false) }
}
