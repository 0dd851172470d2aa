import Foundation
import Logging
import ResyncCore

/// Shows how a training goes: a bar that is drawn over and over where standard error is a terminal, else now and then a
/// line of the log.
struct ProgressDisplay {
  private static let secondsBetweenBars = 0.1
  private static let secondsBetweenLines = 30.0

  private let logger: Logger
  private let prefix: String
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var next = Date.distantPast

  init(logger: Logger, prefix: String) {
    self.logger = logger
    self.prefix = prefix
  }

  mutating func show(_ progress: TrainingProgress) {
    guard Date() >= next else { return }
    next = Date(timeIntervalSinceNow: isTerminal ? Self.secondsBetweenBars : Self.secondsBetweenLines)
    if isTerminal {
      write("\r\u{1B}[K" + progress.bar(columns: columns))
    } else {
      logger.info("\(prefix)\(progress.line)")
    }
  }

  /// Makes the line free for the log.
  func clear() {
    if isTerminal { write("\r\u{1B}[K") }
  }

  private var columns: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
