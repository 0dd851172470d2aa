import ResyncCore

/// One thing that is done to a running suite or to its servers.
package enum Disturbance: Hashable, Sendable {
  /// SIGKILL, and a start under the same name at once, as a supervisor does.
  /// - Parameter insideTransaction: the blow falls while a Kafka transaction of the service is open.
  case kill(String, insideTransaction: Bool)
  /// SIGSTOP to an instance and, later, SIGCONT: it then believes that it still owns its partitions.
  case freeze(String)
  case resume(String)
  /// Two more replicas come, and go again: one is asked to, the other is killed.
  case scaleUp(String)
  case scaleDown(String)
  case brokerRestart
  case brokerFreeze
  case brokerResume
  case databaseRestart
  case databaseFreeze
  case databaseResume
  /// Tables are locked most of the time for so long.
  case databaseSlow(seconds: Double)
  /// A model of the run by its number.
  case promote(ModelTask, Int)
  case rollback(ModelTask)
  /// A training job is submitted.
  case train
}

extension Disturbance {
  /// For the run's log.
  var words: String {
    switch self {
    case .kill(let service, true): "SIGKILL to \(service) inside a transaction"
    case .kill(let service, false): "SIGKILL to \(service)"
    case .freeze(let instance): "SIGSTOP to \(instance)"
    case .resume(let instance): "SIGCONT to \(instance)"
    case .scaleUp(let service): "\(service): 1 → 3"
    case .scaleDown(let service): "\(service): 3 → 1"
    case .brokerRestart: "the broker restarts"
    case .brokerFreeze: "the broker stands still"
    case .brokerResume: "the broker goes on"
    case .databaseRestart: "PostgreSQL restarts at once"
    case .databaseFreeze: "PostgreSQL stands still"
    case .databaseResume: "PostgreSQL goes on"
    case .databaseSlow(let seconds): "PostgreSQL is slow for \(Int(seconds)) s"
    case .promote(let task, let index): "model \(index) becomes live for \(task.rawValue)"
    case .rollback(let task): "\(task.rawValue) goes back to the model before"
    case .train: "a training job"
    }
  }
}

/// What the servers at hand allow: where one is somebody else's, no command may be known that restarts it.
package struct ServerAbilities: Hashable, Sendable {
  package var restartsBroker = false
  package var freezesBroker = false
  package var restartsDatabase = false
  package var freezesDatabase = false

  package init(
    restartsBroker: Bool = false, freezesBroker: Bool = false, restartsDatabase: Bool = false,
    freezesDatabase: Bool = false
  ) {
    self.restartsBroker = restartsBroker
    self.freezesBroker = freezesBroker
    self.restartsDatabase = restartsDatabase
    self.freezesDatabase = freezesDatabase
  }
}
