import Messages
import ResyncCore
import Store

/// The labelled examples of a job, and which recordings they came from.
package struct TrainingExamples {
  package var examples: [TrainingExample] = []
  package var recordings: [TrainingRecording] = []
  package var isSynthetic = false

  /// - Parameters:
  ///   - responses: for `crt-response`, the outcome of each training patient.
  ///   - baselineECGs: the one recording that may teach, of each patient whose baseline ECG is known: another may be
  ///     from after the implant.
  package init(
    _ collected: [SpectrogramCollector.Recording], task: ModelTask, responses: [String: Bool],
    baselineECGs: [String: String] = [:]
  ) {
    for recording in collected where baselineECGs[recording.patient] ?? recording.id == recording.id {
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
