import Evaluator
import Foundation
import Ingest
import Predictor
import Preprocess
import Resync
import ServiceKit
import Spectrogram
import Trainer

/// The keys that each service of docker-compose.yml has; a service named here must be in the file, and the other way
/// round. Services whose image is not ours are left out.
let keysOfServices: [String: [any AnyConfigurationKey]] = [
  "setup": OperatorKeys.keys,
  "ingest": IngestKeys.keys,
  "preprocess": PreprocessKeys.keys,
  "spectrogram": SpectrogramKeys.keys,
  "trainer": TrainerKeys.keys,
  "predictor": PredictorKeys.keys,
  "evaluator": EvaluatorKeys.keys,
]

let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()
