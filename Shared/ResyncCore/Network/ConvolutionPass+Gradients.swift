import CKernels

extension ConvolutionPass {
  /// Gradient of the input.
  /// - Parameters:
  ///   - weights: [outputChannels, inputChannels, kernel, kernel].
  ///   - outputGradient: [images, height, width, outputStride].
  ///   - inputGradient: [images, height, width, inputStride]; added to when `accumulating`, overwritten otherwise.
  package func inputGradient(
    _ outputGradient: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    into inputGradient: UnsafeMutablePointer<Float>, accumulating: Bool, _ scratch: ConvolutionScratch, _ crew: Crew
  ) {
    let packed = scratch.shared.start
    let memory = packed + layout.packedCount
    layout.packTransposed(weights, into: packed, kernels, crew)
    switch layout.method {
    case .tiles(let kind):
      let side = TileSide(
        kind: kind, layout: layout, images: images, from: outputs, to: inputs, source: outputGradient,
        weights: packed, target: inputGradient, epilogue: resync_epilogue(accumulating: accumulating),
        kernels: kernels)
      if takesTilesAlone { alone(side, scratch, crew) } else { together(side, memory, crew) }
    case .patches where layout.isPointwise:
      multiplyGradient(
        outputGradient, packed, into: inputGradient, rows: pixels, ld: inputs, accumulating: accumulating, scratch,
        crew)
    case .patches:
      forEachChunk(of: patchImages) { [layout, kernels, inputs] chunk in
        multiplyGradient(
          outputGradient + chunk.lowerBound * layout.output.plane * outputs, packed, into: memory,
          rows: chunk.count * layout.output.plane, ld: layout.patchStride, accumulating: false, scratch, crew)
        crew.split(chunk.count) { part in
          for image in part {
            let target = inputGradient + (chunk.lowerBound + image) * layout.input.plane * inputs
            if !accumulating { target.update(repeating: 0, count: layout.input.plane * inputs) }
            var shape = layout.patches
            kernels.table.scatter(
              &shape, target, 0, layout.output.plane, memory + image * layout.output.plane * layout.patchStride,
              layout.patchStride)
          }
        }
      }
    }
  }

  /// Rows of patches' gradients = outputGradient · weightsᵀ.
  private func multiplyGradient(
    _ gradient: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, into rows: UnsafeMutablePointer<Float>,
    rows count: Int, ld: Int, accumulating: Bool, _ scratch: ConvolutionScratch, _ crew: Crew
  ) {
    let outputs = outputs
    forEachBlock(rows: count, panels: layout.patch / Kernels.panel, crew) { [kernels] block, panels, worker in
      var epilogue = resync_epilogue(accumulating: accumulating)
      var (a, lda) = (gradient + block.lowerBound * outputs, outputs)
      if outputs >= Self.longRow {
        let memory = scratch.workers[worker].start
        lda = outputs + Kernels.panel
        for row in 0..<block.count { (memory + row * lda).update(from: a + row * outputs, count: outputs) }
        a = UnsafePointer(memory)
      }
      kernels.table.product(
        block.count, outputs, panels.count, a, lda,
        packed + panels.lowerBound * outputs * Kernels.panel,
        rows + block.lowerBound * ld + panels.lowerBound * Kernels.panel, ld, &epilogue)
    }
  }

  /// Gradient of the weights, summed over the images in order.
  /// - Parameters:
  ///   - outputGradient: [images, height, width, outputStride].
  ///   - gradient: [outputChannels, inputChannels, kernel, kernel], overwritten.
  package func weightGradient(
    _ input: UnsafePointer<Float>, _ outputGradient: UnsafePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>, _ scratch: ConvolutionScratch, _ crew: Crew
  ) {
    let sums = scratch.shared.start
    let memory = sums + layout.packedCount
    switch layout.method {
    case .tiles(let kind): sumTiles(kind, input, outputGradient, sums, memory, crew)
    case .patches: sumPatches(input, outputGradient, sums, memory, crew)
    }
    layout.unpackGradient(sums, into: gradient, kernels, crew)
  }

  private func sumTiles(
    _ kind: resync_tiles, _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
    _ sums: UnsafeMutablePointer<Float>, _ memory: UnsafeMutablePointer<Float>, _ crew: Crew
  ) {
    forEachChunk(of: imagesTogether) { [layout, kernels, inputs, outputs] chunk in
      let count = chunk.count * layout.tiles
      let (a, b) = (Points(tiles: count, channels: inputs), Points(tiles: count, channels: outputs))
      let gradients = memory + layout.points * a.stride
      crew.split(count) { tiles in
        for tile in tiles {
          let (image, number) = tile.quotientAndRemainder(dividingBy: layout.tiles)
          let pixel = (chunk.lowerBound + image) * layout.input.plane
          kernels.table.tile_input(
            kind, layout.place(number, channels: inputs), input + pixel * inputs, memory + tile * a.row, a.stride)
          kernels.table.tile_gradient(
            kind, layout.place(number, channels: outputs), gradient + pixel * outputs, gradients + tile * b.row,
            b.stride)
        }
      }
      let parts = max(1, min(outputs / 32, 8 * crew.threads / layout.points))
      crew.run(layout.points * parts) { item, _ in
        let (point, part) = (item / parts, item % parts)
        let panels = outputs / Kernels.panel
        let low = part * panels / parts * Kernels.panel
        let high = (part + 1) * panels / parts * Kernels.panel
        kernels.table.transposed_product(
          inputs, high - low, count, memory + point * a.stride, a.row, gradients + point * b.stride + low, b.row,
          sums + point * inputs * outputs + low, outputs, chunk.lowerBound > 0)
      }
    }
  }

  private func sumPatches(
    _ input: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, _ sums: UnsafeMutablePointer<Float>,
    _ memory: UnsafeMutablePointer<Float>, _ crew: Crew
  ) {
    forEachChunk(of: layout.isPointwise ? images : patchImages) { [layout, kernels, outputs] chunk in
      let rows = chunk.count * layout.output.plane
      let first = chunk.lowerBound * layout.output.plane
      var (a, lda) = (UnsafePointer(memory), layout.patchStride)
      if layout.isPointwise {
        (a, lda) = (input, layout.patch)
      } else {
        crew.split(rows) { part in
          var shape = layout.patches
          kernels.table.gather(
            &shape, input, first + part.lowerBound, part.count, memory + part.lowerBound * lda, lda)
        }
      }
      let patch = layout.patch
      let panels = outputs / Kernels.panel
      let (blocks, parts) = division(patch, outputs, items: 4 * crew.threads)
      crew.run(blocks * parts) { item, _ in
        let (block, part) = (item / parts, item % parts)
        let (top, bottom) = (block * patch / blocks, (block + 1) * patch / blocks)
        let low = part * panels / parts * Kernels.panel
        let high = (part + 1) * panels / parts * Kernels.panel
        kernels.table.transposed_product(
          bottom - top, high - low, rows, a + top, lda, gradient + first * outputs + low, outputs,
          sums + top * outputs + low, outputs, chunk.lowerBound > 0)
      }
    }
  }
}

/// Cuts a product of A [k, m] and B [k, n] into items so that A and B are read as little as can be: each block of m reads
/// all of B, each part of n all of A.
private func division(_ m: Int, _ n: Int, items: Int) -> (blocks: Int, parts: Int) {
  var best = (blocks: 1, parts: 1)
  var least = Int.max
  for blocks in 1...items where blocks <= max(1, m / 8) {
    let parts = max(1, min(n / 32, items / blocks))
    // What is left idle weighs more than what is read twice.
    let cost = (blocks * n + parts * m) * items / (blocks * parts)
    if cost < least { (best, least) = ((blocks, parts), cost) }
  }
  return best
}
