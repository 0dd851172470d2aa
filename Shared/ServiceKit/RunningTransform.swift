import Synchronization

/// Hands a stop to a pipeline that may not exist yet.
final class RunningTransform: Sendable {
  private struct State {
    var isStopped = false
    var stop: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  func set(_ stop: @escaping @Sendable () -> Void) {
    let isStopped = state.withLock {
      $0.stop = stop
      return $0.isStopped
    }
    if isStopped { stop() }
  }

  @Sendable func stop() {
    let stop = state.withLock {
      $0.isStopped = true
      return $0.stop
    }
    stop?()
  }
}
