import Messages
import Streaming

extension OutgoingMessage {
  /// Wakes trainers; the job itself stands in PostgreSQL.
  public static func jobSubmitted(_ jobID: String) -> OutgoingMessage {
    let event = ProtoTrainingJobSubmitted.with { $0.jobID = jobID }
    return OutgoingMessage(topic: Topic.trainingJobs, key: Array(jobID.utf8), value: event.encoded())
  }

  /// Wakes predictors; which model is live stands in PostgreSQL.
  public static func modelPromoted(task: String, modelID: String) -> OutgoingMessage {
    let event = ProtoModelPromoted.with {
      $0.task = task
      $0.modelID = modelID
    }
    return OutgoingMessage(topic: Topic.modelEvents, key: Array(task.utf8), value: event.encoded())
  }
}
