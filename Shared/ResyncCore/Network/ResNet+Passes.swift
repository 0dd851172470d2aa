extension ResNet {
  /// Logits of a batch, with batch statistics; moves the running statistics.
  /// - Parameters:
  ///   - images: [count, inputChannels, height, width].
  ///   - auxiliary: [count, auxiliaryCount].
  /// - Returns: [count, classCount].
  public func forward(images: [Float], auxiliary: [Float], count: Int, height: Int, width: Int) -> [Float] {
    precondition(count > 0 && height > 0 && width > 0, "a batch needs images")
    precondition(images.count == count * configuration.inputChannels * height * width, "images and shape disagree")
    precondition(auxiliary.count == count * configuration.auxiliaryCount, "auxiliary features and count disagree")
    let g = Geometry(images: count, height: height, width: width)
    let w = workspace.flatMap { $0.holds(g) ? $0 : nil } ?? TrainingWorkspace(plan: plan, capacity: g, threads: threads)
    workspace = w
    w.geometry = g
    images.withUnsafeBufferPointer { source in
      for image in 0..<count {
        for channel in 0..<configuration.inputChannels {
          (w.input.start + channel * g.columns + image * g.plane).update(
            from: source.baseAddress! + (image * configuration.inputChannels + channel) * g.plane, count: g.plane)
        }
      }
    }
    let stem = plan.stem.convolution.output(g)
    convolve(plan.stem, w.input, g, w)
    normalise(plan.stem, stem, residual: nil, rectifying: true, into: w.units[plan.stem.index].output, w)
    let (stemOutput, pooled, winners) = (w.units[plan.stem.index].output, w.pooled, w.winners)
    w.team.split(plan.stem.convolution.outputChannels * count) { planes in
      Pooling.maximum(planes: planes, stemOutput.start, stem, into: pooled.start, winners: winners)
    }
    var activation = w.pooled
    var geometry = Pooling.output(stem)
    for block in plan.blocks { (activation, geometry) = forward(block, activation, geometry, w) }
    return head(activation, geometry, auxiliary, w)
  }

  private func forward(
    _ block: NetworkPlan.Block, _ input: FloatBuffer, _ g: Geometry, _ w: TrainingWorkspace
  ) -> (FloatBuffer, Geometry) {
    var residual = input
    if let shortcut = block.shortcut {
      convolve(shortcut, input, g, w)
      normalise(shortcut, shortcut.convolution.output(g), residual: nil, rectifying: false, into: w.projected, w)
      residual = w.projected
    }
    var activation = input
    var geometry = g
    for (number, unit) in block.units.enumerated() {
      convolve(unit, activation, geometry, w)
      geometry = unit.convolution.output(geometry)
      let isLast = number == block.units.count - 1
      activation = w.units[unit.index].output
      normalise(unit, geometry, residual: isLast ? residual : nil, rectifying: true, into: activation, w)
    }
    return (activation, geometry)
  }

  private func convolve(_ unit: NetworkPlan.Unit, _ input: FloatBuffer, _ g: Geometry, _ w: TrainingWorkspace) {
    w.team.forward(
      unit.convolution, input: input.start, g, weights: parameterBuffer.start + unit.weight,
      output: w.units[unit.index].convolved.start)
  }

  private func normalise(
    _ unit: NetworkPlan.Unit, _ g: Geometry, residual: FloatBuffer?, rectifying: Bool, into output: FloatBuffer,
    _ w: TrainingWorkspace
  ) {
    let buffers = w.units[unit.index]
    let (parameters, statistics) = (parameterBuffer.start, statisticBuffer.start)
    let frozen = freezing.normalisation[unit.index]
    let count = g.columns
    w.team.split(unit.convolution.outputChannels) { channels in
      for channel in channels {
        let x = buffers.convolved.start + channel * count
        let (mean, variance) = (statistics + unit.mean + channel, statistics + unit.variance + channel)
        var used = (mean: mean.pointee, variance: variance.pointee)
        if !frozen {
          used = BatchNormalisation.statistics(x, count)
          BatchNormalisation.update(mean: mean, variance: variance, with: used, count: count)
        }
        let deviation = (used.variance + BatchNormalisation.epsilon).squareRoot()
        buffers.mean.start[channel] = used.mean
        buffers.deviation.start[channel] = deviation
        let scale = parameters[unit.gain + channel] / deviation
        BatchNormalisation.apply(
          x, count, scale: scale, shift: parameters[unit.bias + channel] - used.mean * scale,
          residual: residual.map { UnsafePointer($0.start + channel * count) }, rectifying: rectifying,
          into: output.start + channel * count)
      }
    }
  }

  /// Pools each plane, appends the auxiliary features and applies `fc`.
  private func head(_ activation: FloatBuffer, _ g: Geometry, _ auxiliary: [Float], _ w: TrainingWorkspace) -> [Float] {
    let (features, extra, inputs) = (plan.featureCount, configuration.auxiliaryCount, plan.headInputs)
    var logits: [Float] = []
    logits.reserveCapacity(g.images * configuration.classCount)
    for image in 0..<g.images {
      let row = w.head.start + image * inputs
      for feature in 0..<features {
        row[feature] = Pooling.mean(activation.start + feature * g.columns + image * g.plane, g.plane)
      }
      for i in 0..<extra { row[features + i] = auxiliary[image * extra + i] }
      for k in 0..<configuration.classCount {
        let weights = parameterBuffer.start + plan.headWeight + k * inputs
        logits.append(Vector.dot(weights, row, inputs) + parameterBuffer.start[plan.headBias + k])
      }
    }
    return logits
  }

  /// Gradients of every parameter that trains, for the batch last sent forward; those of frozen parameters are 0.
  /// - Parameter logitGradients: [count, classCount], as `Loss.crossEntropy` gives them.
  public func backward(logitGradients: [Float]) {
    guard let w = workspace else { preconditionFailure("backward needs a forward pass first") }
    precondition(logitGradients.count == w.geometry.images * configuration.classCount, "logits and batch disagree")
    gradientBuffer.start.update(repeating: 0, count: gradientBuffer.count)
    headBackward(logitGradients, w)
    let stem = plan.stem.convolution.output(w.geometry)
    var inputs: [Geometry] = [Pooling.output(stem)]
    for block in plan.blocks { inputs.append(block.units.reduce(inputs.last!) { $1.convolution.output($0) }) }
    guard freezing.firstTrainableBlock < plan.blocks.count || freezing.stemTrains else { return }
    spread(w, inputs.last!)
    for number in plan.blocks.indices.reversed() where number >= freezing.firstTrainableBlock {
      let before = number == 0 ? w.pooled : w.units[plan.blocks[number - 1].units.last!.index].output
      backward(plan.blocks[number], input: before, inputs[number], w)
    }
    if freezing.stemTrains { stemBackward(w, stem) }
  }

  private func headBackward(_ logitGradients: [Float], _ w: TrainingWorkspace) {
    let inputs = plan.headInputs
    w.headGradient.start.update(repeating: 0, count: w.headGradient.count)
    for image in 0..<w.geometry.images {
      let row = w.head.start + image * inputs
      let rowGradient = w.headGradient.start + image * inputs
      for k in 0..<configuration.classCount {
        let g = logitGradients[image * configuration.classCount + k]
        let weights = parameterBuffer.start + plan.headWeight + k * inputs
        let gradient = gradientBuffer.start + plan.headWeight + k * inputs
        for i in 0..<inputs {
          gradient[i] += g * row[i]
          rowGradient[i] += g * weights[i]
        }
        gradientBuffer.start[plan.headBias + k] += g
      }
    }
  }

  /// The gradient of the pooled vector, spread evenly over each plane.
  private func spread(_ w: TrainingWorkspace, _ g: Geometry) {
    let target = w.gradients[0].start
    let share = 1 / Float(g.plane)
    for feature in 0..<plan.featureCount {
      for image in 0..<g.images {
        (target + feature * g.columns + image * g.plane).update(
          repeating: w.headGradient.start[image * plan.headInputs + feature] * share, count: g.plane)
      }
    }
  }

  /// Takes the gradient of the block's output in `gradients[0]` and leaves that of its input there.
  private func backward(
    _ block: NetworkPlan.Block, input: FloatBuffer, _ g: Geometry, _ w: TrainingWorkspace
  ) {
    let incoming = w.gradients[0]
    var (target, spare) = (w.gradients[1], w.gradients[2])
    var geometries = [g]
    for unit in block.units { geometries.append(unit.convolution.output(geometries.last!)) }
    let last = block.units.count - 1
    for number in block.units.indices.reversed() {
      let unit = block.units[number]
      // The block's own output gradient is kept for the shortcut; inner ones are overwritten in place.
      let source = number == last ? incoming : target
      normalisationBackward(unit, geometries[number + 1], masked: true, gradient: source, into: target, w)
      let before = number == 0 ? input : w.units[block.units[number - 1].index].output
      convolutionBackward(unit, before, geometries[number], gradient: target, into: spare, accumulating: false, w)
      swap(&target, &spare)
    }
    if let shortcut = block.shortcut {
      normalisationBackward(shortcut, geometries[last + 1], masked: false, gradient: incoming, into: incoming, w)
      convolutionBackward(shortcut, input, g, gradient: incoming, into: target, accumulating: true, w)
    } else {
      let count = block.units[0].convolution.inputChannels * g.columns
      let sum = target
      w.team.split(count) { Vector.add(incoming.start + $0.lowerBound, to: sum.start + $0.lowerBound, $0.count) }
    }
    w.gradients = [target, spare, incoming]
  }

  private func stemBackward(_ w: TrainingWorkspace, _ stem: Geometry) {
    let (pooledGradient, target, winners) = (w.gradients[0], w.gradients[1], w.winners)
    w.team.split(plan.stem.convolution.outputChannels * stem.images) { planes in
      Pooling.maximumBackward(
        planes: planes, gradient: pooledGradient.start, winners: winners, stem, into: target.start)
    }
    normalisationBackward(plan.stem, stem, masked: true, gradient: target, into: target, w)
    convolutionBackward(plan.stem, w.input, w.geometry, gradient: target, into: nil, accumulating: false, w)
  }

  /// - Parameter masked: ReLU follows the unit; its zeroes are cut out of `gradient` first, in place.
  private func normalisationBackward(
    _ unit: NetworkPlan.Unit, _ g: Geometry, masked: Bool, gradient: FloatBuffer, into target: FloatBuffer,
    _ w: TrainingWorkspace
  ) {
    let buffers = w.units[unit.index]
    let (parameters, gradients) = (parameterBuffer.start, gradientBuffer.start)
    let frozen = freezing.normalisation[unit.index]
    let count = g.columns
    w.team.split(unit.convolution.outputChannels) { channels in
      for channel in channels {
        let offset = channel * count
        if masked { BatchNormalisation.mask(gradient.start + offset, by: buffers.output.start + offset, count) }
        let gain = parameters[unit.gain + channel]
        let deviation = buffers.deviation.start[channel]
        if frozen {
          BatchNormalisation.apply(
            gradient.start + offset, count, scale: gain / deviation, shift: 0, residual: nil, rectifying: false,
            into: target.start + offset)
        } else {
          let sums = BatchNormalisation.backward(
            gradient: gradient.start + offset, x: buffers.convolved.start + offset, count,
            mean: buffers.mean.start[channel], deviation: deviation, gain: gain, into: target.start + offset)
          gradients[unit.gain + channel] = sums.gain
          gradients[unit.bias + channel] = sums.bias
        }
      }
    }
  }

  private func convolutionBackward(
    _ unit: NetworkPlan.Unit, _ input: FloatBuffer, _ g: Geometry, gradient: FloatBuffer, into target: FloatBuffer?,
    accumulating: Bool, _ w: TrainingWorkspace
  ) {
    w.team.backward(
      unit.convolution, input: input.start, g, weights: parameterBuffer.start + unit.weight,
      outputGradient: gradient.start,
      weightGradient: freezing.convolution[unit.index] ? nil : gradientBuffer.start + unit.weight,
      inputGradient: target?.start, accumulating: accumulating)
  }
}
