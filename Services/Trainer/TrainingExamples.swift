import Messages
import ResyncCore
import Store

/// The labelled examples of a job, and which recordings they came from.
package struct TrainingExamples {
  package var examples: [TrainingExample] = []
  package var recordings: [TrainingRecording] = []
  package var isSynthetic = false

  /// - Parameter responses: for `crt-response`, the outcome of each training patient.
  package init(_ collected: [SpectrogramCollector.Recording], task: ModelTask, responses: [String: Bool]) {
    for recording in collected {
      let before = examples.count
      for (sample, beat) in recording.beats {
        guard let label = Self.label(beat, task, responses[recording.patient]) else { continue }
        examples.append(
          TrainingExample(
            id: "\(recording.id):\(sample)", group: recording.patient, image: beat.image, features: beat.features,
            label: label))
      }
      guard examples.count > before else { continue }
      recordings.append(TrainingRecording(recordingID: recording.id, patient: recording.patient))
      isSynthetic = isSynthetic || recording.synthetic
    }
  }

  /// Nil for beats that have no label or must not speak for their patient.
  private static func label(_ beat: SpectrogramCollector.Beat, _ task: ModelTask, _ response: Bool?) -> Int? {
    switch task {
    case .beatClass:
      beat.referenceSymbol.first.flatMap(BeatClass.init(annotationSymbol:)).flatMap(BeatClass.allCases.firstIndex(of:))
    case .crtResponse:
      beat.usable ? response.map { $0 ? 1 : 0 } : nil
    }
  }
}
