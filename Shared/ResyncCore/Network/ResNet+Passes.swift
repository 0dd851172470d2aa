extension ResNet {
  /// Logits of a batch, with batch statistics; moves the running statistics.
  /// - Parameters:
  ///   - images: [count, inputChannels, height, width].
  ///   - auxiliary: [count, auxiliaryCount].
  ///   - hidden: places of images whose pooled vector counts as 0, so that the auxiliary features speak alone.
  /// - Returns: [count, classCount].
  public func forward(
    images: [Float], auxiliary: [Float], count: Int, height: Int, width: Int, hidden: Set<Int> = []
  ) -> [Float] {
    precondition(count > 0 && height > 0 && width > 0, "a batch needs images")
    precondition(images.count == count * configuration.inputChannels * height * width, "images and shape disagree")
    precondition(auxiliary.count == count * configuration.auxiliaryCount, "auxiliary features and count disagree")
    let g = Geometry(images: count, height: height, width: width)
    let w = workspace.flatMap { $0.holds(g) ? $0 : nil } ?? TrainingWorkspace(plan: plan, capacity: g, threads: threads)
    workspace = w
    w.images = count
    w.hidden = hidden
    images.withUnsafeBufferPointer {
      // The backward pass reads the images again, so they are kept even where no change of layout is due.
      if configuration.inputChannels == 1 {
        w.input.start.update(from: $0.baseAddress!, count: images.count)
      } else {
        _ = ImageLayout.interleaved(
          $0.baseAddress!, channels: configuration.inputChannels, count, plane: g.plane, into: w.input)
      }
    }
    return Crew.with(threads: threads) { Pass(network: self, w: w, crew: $0).forward(auxiliary) }
  }

  /// Gradients of every parameter that trains, for the batch last sent forward; those of frozen parameters are 0.
  /// - Parameters:
  ///   - logitGradients: [count, classCount], as `Loss.crossEntropy` gives them.
  ///   - accumulating: adds to the gradients that are there, for a batch that is computed in parts.
  public func backward(logitGradients: [Float], accumulating: Bool = false) {
    guard let w = workspace else { preconditionFailure("backward needs a forward pass first") }
    precondition(logitGradients.count == w.images * configuration.classCount, "logits and batch disagree")
    let count = gradientBuffer.count
    if accumulating { earlierGradients.start.update(from: gradientBuffer.start, count: count) }
    Crew.with(threads: threads) { Pass(network: self, w: w, crew: $0).backward(logitGradients) }
    if accumulating {
      for i in 0..<count { gradientBuffer.start[i] += earlierGradients.start[i] }
    }
  }

  /// What the first image of the batch last sent forward leaves at the end of a layer, and the gradient of the logits'
  /// weighted sum with respect to it. Gradients of parameters are overwritten.
  /// - Parameter layer: 1 to 4.
  package func explained(layer: Int, logitGradients: [Float]) -> ExplainedLayer {
    guard let w = workspace else { preconditionFailure("an explanation needs a forward pass first") }
    precondition((1...4).contains(layer), "a residual network has layers 1 to 4")
    precondition(logitGradients.count == w.images * configuration.classCount, "logits and batch disagree")
    let last = configuration.depth.table.blocksOfLayer.prefix(layer).reduce(0, +) - 1
    Crew.with(threads: threads) { Pass(network: self, w: w, crew: $0).backward(logitGradients, toOutputOf: last) }
    let unit = plan.blocks[last].units.last!
    let layout = w.layouts[unit.index]
    let (plane, stride) = (layout.output.plane, layout.outputStride)
    let channels = unit.convolution.outputChannels
    func compact(_ buffer: FloatBuffer) -> [Float] {
      (0..<plane).flatMap { pixel in (0..<channels).map { buffer.start[pixel * stride + $0] } }
    }
    return ExplainedLayer(
      rows: layout.output.height, columns: layout.output.width, channels: channels,
      activations: compact(w.units[unit.index].output), gradients: compact(w.gradients[0]))
  }
}

/// A batch on its way through a network that trains.
private struct Pass {
  let network: ResNet
  let w: TrainingWorkspace
  let crew: Crew

  private var plan: NetworkPlan { network.plan }
  private var profile: NetworkProfile? { network.profile }
  private var parameters: UnsafeMutablePointer<Float> { network.parameterBuffer.start }
  private var gradients: UnsafeMutablePointer<Float> { network.gradientBuffer.start }

  /// Pixels of all images after a unit.
  private func pixels(_ unit: NetworkPlan.Unit) -> Int { w.images * w.layouts[unit.index].output.plane }
  private func convolution(_ unit: NetworkPlan.Unit) -> ConvolutionPass {
    ConvolutionPass(w.layouts[unit.index], images: w.images)
  }
  private func normalisation(_ unit: NetworkPlan.Unit) -> BatchNormalisation {
    BatchNormalisation(
      pixels: pixels(unit), channels: unit.convolution.outputChannels, scratch: w.normalisationScratch)
  }
  private func numbers(_ unit: NetworkPlan.Unit) -> BatchNormalisation.Parameters {
    let statistics = network.statisticBuffer.start
    return .init(
      channels: unit.convolution.outputChannels, gain: parameters + unit.gain, bias: parameters + unit.bias,
      runningMean: statistics + unit.mean, runningVariance: statistics + unit.variance,
      frozen: network.freezing.normalisation[unit.index])
  }

  // MARK: - Forward

  func forward(_ auxiliary: [Float]) -> [Float] {
    let stem = w.layouts[plan.stem.index]
    let (stemOutput, pooled, images) = (w.units[plan.stem.index].output, w.pooled, w.images)
    apply(plan.stem, w.input, residual: nil, rectifying: true, into: stemOutput)
    profile.time("pooling") {
      crew.split(images) {
        Pooling.maximum(
          images: $0, stemOutput.start, stem.output, channels: stem.outputStride, into: pooled.start)
      }
    }
    var activation = w.pooled
    for block in plan.blocks { activation = forward(block, activation) }
    return profile.time("head") { head(activation, auxiliary) }
  }

  private func forward(_ block: NetworkPlan.Block, _ input: FloatBuffer) -> FloatBuffer {
    var residual = input
    if let shortcut = block.shortcut {
      apply(shortcut, input, residual: nil, rectifying: false, into: w.projected)
      residual = w.projected
    }
    var activation = input
    for (number, unit) in block.units.enumerated() {
      let output = w.units[unit.index].output
      let isLast = number == block.units.count - 1
      apply(unit, activation, residual: isLast ? residual : nil, rectifying: true, into: output)
      activation = output
    }
    return activation
  }

  private func apply(
    _ unit: NetworkPlan.Unit, _ input: FloatBuffer, residual: FloatBuffer?, rectifying: Bool, into output: FloatBuffer
  ) {
    let buffers = w.units[unit.index]
    profile.time("forward \(unit.convolution.kind)") {
      convolution(unit).forward(
        input.start, weights: parameters + unit.weight, into: buffers.convolved.start, w.scratch, crew)
    }
    profile.time("forward normalisation") {
      normalisation(unit).forward(
        buffers.convolved.start, numbers(unit), buffers.normalisation,
        residual: residual.map { UnsafePointer($0.start) },
        rectifying: rectifying, into: output.start, crew)
    }
  }

  /// Pools each map, appends the auxiliary features and applies `fc`.
  private func head(_ activation: FloatBuffer, _ auxiliary: [Float]) -> [Float] {
    let layout = w.layouts[plan.blocks.last!.units.last!.index]
    let configuration = network.configuration
    let (features, extra, inputs) = (plan.featureCount, configuration.auxiliaryCount, plan.headInputs)
    var logits: [Float] = []
    logits.reserveCapacity(w.images * configuration.classCount)
    for image in 0..<w.images {
      let row = w.head.start + image * inputs
      Pooling.mean(
        activation.start + image * layout.output.plane * layout.outputStride, plane: layout.output.plane,
        channels: layout.outputStride, count: features, into: row)
      if w.hidden.contains(image) { row.update(repeating: 0, count: features) }
      for i in 0..<extra { row[features + i] = auxiliary[image * extra + i] }
      for unit in 0..<configuration.auxiliaryHidden {
        let sum = Vector.dot(parameters + plan.hiddenWeight + unit * extra, row + features, extra)
        row[features + extra + unit] = max(0, sum + parameters[plan.hiddenBias + unit])
      }
      for k in 0..<configuration.classCount {
        let weights = parameters + plan.headWeight + k * inputs
        logits.append(Vector.dot(weights, row, inputs) + parameters[plan.headBias + k])
      }
    }
    return logits
  }

  // MARK: - Backward

  func backward(_ logitGradients: [Float]) {
    gradients.update(repeating: 0, count: network.gradientBuffer.count)
    let freezing = network.freezing
    profile.time("head") { headBackward(logitGradients) }
    guard freezing.firstTrainableBlock < plan.blocks.count || freezing.stemTrains else { return }
    profile.time("head") { spread() }
    for number in plan.blocks.indices.reversed() where number >= freezing.firstTrainableBlock {
      let input = number == 0 ? w.pooled : w.units[plan.blocks[number - 1].units.last!.index].output
      backward(plan.blocks[number], input)
    }
    if freezing.stemTrains { stemBackward() }
  }

  /// Leaves the gradient of a block's output in `gradients[0]`.
  func backward(_ logitGradients: [Float], toOutputOf block: Int) {
    gradients.update(repeating: 0, count: network.gradientBuffer.count)
    headBackward(logitGradients)
    spread()
    for number in plan.blocks.indices.reversed() where number > block {
      backward(plan.blocks[number], w.units[plan.blocks[number - 1].units.last!.index].output)
    }
  }

  private func headBackward(_ logitGradients: [Float]) {
    let inputs = plan.headInputs
    let classes = network.configuration.classCount
    w.headGradient.start.update(repeating: 0, count: w.headGradient.count)
    for image in 0..<w.images {
      let row = w.head.start + image * inputs
      let rowGradient = w.headGradient.start + image * inputs
      for k in 0..<classes {
        let g = logitGradients[image * classes + k]
        let weights = parameters + plan.headWeight + k * inputs
        let gradient = gradients + plan.headWeight + k * inputs
        for i in 0..<inputs {
          gradient[i] += g * row[i]
          rowGradient[i] += g * weights[i]
        }
        gradients[plan.headBias + k] += g
      }
      hiddenBackward(row, rowGradient)
    }
    for group in network.sharedClasses { share(group) }
  }

  /// Gradients of the units over the auxiliary features, of one image's row of `fc`'s inputs.
  private func hiddenBackward(_ row: UnsafePointer<Float>, _ rowGradient: UnsafePointer<Float>) {
    let (features, extra) = (plan.featureCount, network.configuration.auxiliaryCount)
    for unit in 0..<network.configuration.auxiliaryHidden where row[features + extra + unit] > 0 {
      let g = rowGradient[features + extra + unit]
      let gradient = gradients + plan.hiddenWeight + unit * extra
      for i in 0..<extra { gradient[i] += g * row[features + i] }
      gradients[plan.hiddenBias + unit] += g
    }
  }

  /// Classes with one row over the pooled vector get the mean of their gradients, so that their rows stay equal.
  private func share(_ group: [Int]) {
    let rows = group.map { gradients + plan.headWeight + $0 * plan.headInputs }
    for i in 0..<plan.featureCount {
      let mean = rows.reduce(Float(0)) { $0 + $1[i] } / Float(rows.count)
      for row in rows { row[i] = mean }
    }
  }

  /// The gradient of the pooled vector, spread evenly over each map.
  private func spread() {
    let layout = w.layouts[plan.blocks.last!.units.last!.index]
    let (plane, stride, features) = (layout.output.plane, layout.outputStride, plan.featureCount)
    let share = 1 / Float(plane)
    for image in 0..<w.images {
      let row = w.headGradient.start + image * plan.headInputs
      let map = w.gradients[0].start + image * plane * stride
      let seen = w.hidden.contains(image) ? 0 : features
      for channel in 0..<stride { map[channel] = channel < seen ? row[channel] * share : 0 }
      for pixel in 1..<max(1, plane) { (map + pixel * stride).update(from: map, count: stride) }
    }
  }

  /// Takes the gradient of the block's output in `gradients[0]` and leaves that of its input there.
  private func backward(_ block: NetworkPlan.Block, _ input: FloatBuffer) {
    let incoming = w.gradients[0]
    var (target, spare) = (w.gradients[1], w.gradients[2])
    let last = block.units.count - 1
    for number in block.units.indices.reversed() {
      let unit = block.units[number]
      // The gradient of the block's own output is kept for the shortcut; inner ones are overwritten in place.
      let source = number == last ? incoming : target
      normalisationBackward(unit, gradient: source, keepingMasked: number == last, into: target)
      let before = number == 0 ? input : w.units[block.units[number - 1].index].output
      // Without a projection the block's input is the residual too, and its gradient a sum.
      let isSum = number == 0 && block.shortcut == nil
      convolutionBackward(unit, before, gradient: target, into: isSum ? incoming : spare, accumulating: isSum)
      swap(&target, &spare)
    }
    guard let shortcut = block.shortcut else {
      w.gradients = [incoming, target, spare]
      return
    }
    normalisationBackward(shortcut, gradient: incoming, keepingMasked: false, into: incoming)
    convolutionBackward(shortcut, input, gradient: incoming, into: target, accumulating: true)
    w.gradients = [target, spare, incoming]
  }

  private func stemBackward() {
    let stem = w.layouts[plan.stem.index]
    let (pooledGradient, target, pooled) = (w.gradients[0], w.gradients[1], w.pooled)
    let output = w.units[plan.stem.index].output
    profile.time("pooling") {
      crew.split(w.images) {
        Pooling.maximumBackward(
          images: $0, output.start, output: pooled.start, gradient: pooledGradient.start, stem.output,
          channels: stem.outputStride, into: target.start)
      }
    }
    normalisationBackward(plan.stem, gradient: target, keepingMasked: false, into: target)
    convolutionBackward(plan.stem, w.input, gradient: target, into: nil, accumulating: false)
  }

  private func normalisationBackward(
    _ unit: NetworkPlan.Unit, gradient: FloatBuffer, keepingMasked: Bool, into target: FloatBuffer
  ) {
    let buffers = w.units[unit.index]
    profile.time("backward normalisation") {
      // A projection has no output of its own: no ReLU follows it.
      normalisation(unit).backward(
        gradient.start, output: buffers.output.count == 0 ? nil : UnsafePointer(buffers.output.start),
        x: buffers.convolved.start, numbers(unit), buffers.normalisation, keepingMasked: keepingMasked,
        parameterGradients: (gradients + unit.gain, gradients + unit.bias), into: target.start, crew)
    }
  }

  private func convolutionBackward(
    _ unit: NetworkPlan.Unit, _ input: FloatBuffer, gradient: FloatBuffer, into target: FloatBuffer?,
    accumulating: Bool
  ) {
    if !network.freezing.convolution[unit.index] {
      profile.time("weight gradient \(unit.convolution.kind)") {
        convolution(unit).weightGradient(
          input.start, gradient.start, into: gradients + unit.weight, w.scratch, crew)
      }
    }
    guard let target else { return }
    profile.time("input gradient \(unit.convolution.kind)") {
      convolution(unit).inputGradient(
        gradient.start, weights: parameters + unit.weight, into: target.start, accumulating: accumulating, w.scratch,
        crew)
    }
  }
}
