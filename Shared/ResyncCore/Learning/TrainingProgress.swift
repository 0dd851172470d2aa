import Foundation

/// Where a run stands; given after each batch.
public struct TrainingProgress: Hashable, Sendable {
  public enum Phase: String, Sendable { case training, validating, finishing }

  public var phase: Phase
  /// From 0.
  public var epoch: Int
  public var epochs: Int
  /// Batches done in this phase of this epoch, and how many there are.
  public var batch: Int
  public var batches: Int
  /// Mean training loss of the epoch so far.
  public var loss: Double
  public var imagesPerSecond: Double
  /// Until the last epoch's last batch; nil while no batch trains.
  public var secondsLeft: Double?

  package init(
    phase: Phase, epoch: Int, epochs: Int, batch: Int, batches: Int, loss: Double, imagesPerSecond: Double,
    secondsLeft: Double? = nil
  ) {
    self.phase = phase
    self.epoch = epoch
    self.epochs = epochs
    self.batch = batch
    self.batches = batches
    self.loss = loss
    self.imagesPerSecond = imagesPerSecond
    self.secondsLeft = secondsLeft
  }
}

extension TrainingProgress {
  private var percent: Int { batches == 0 ? 100 : batch * 100 / batches }

  private var figures: String {
    let speed = String(format: "%.0f images/s", imagesPerSecond)
    let left = secondsLeft.map { ", \(Self.duration($0)) left" } ?? ""
    return String(format: "loss %.4f, ", loss) + speed + left
  }

  /// For a log: `epoch 2/12 training 40 %: loss 0.2154, 412 images/s, 3:12 left`.
  public var line: String { "epoch \(epoch + 1)/\(epochs) \(phase.rawValue) \(percent) %: \(figures)" }

  /// For a terminal of `columns` columns: the same with a bar, never longer than the terminal is wide.
  public func bar(columns: Int) -> String {
    let head = "epoch \(epoch + 1)/\(epochs) \(phase.rawValue) "
    let cells = min(30, columns - head.count - figures.count - 4)
    guard cells > 4 else { return String(line.prefix(max(0, columns - 1))) }
    let filled = percent * cells / 100
    return head + "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: cells - filled) + "] "
      + figures
  }

  /// m:ss, or h:mm:ss from an hour on.
  private static func duration(_ seconds: Double) -> String {
    // A run without a measured speed yet has no end in sight.
    guard seconds.isFinite, seconds < 1e7 else { return "?" }
    let whole = Int(seconds.rounded(.up))
    return whole < 3600
      ? String(format: "%d:%02d", whole / 60, whole % 60)
      : String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
  }
}
