import Foundation

extension EvaluationReport {
  /// Spectrograms of single beats on one colour scale.
  public struct Spectrograms: Codable, Hashable, Sendable {
    public var title: String
    public var synthetic: Bool
    public var pipelineID: String
    public var hertzPerRow: Double
    public var secondsPerColumn: Double
    /// Time of the first column's centre relative to the R-peak; 0 when the axis counts from the segment's start.
    public var startSeconds: Double
    /// What the colours show.
    public var quantity: String
    public var pictures: [Picture]

    public init(
      title: String, synthetic: Bool, pipelineID: String, hertzPerRow: Double, secondsPerColumn: Double,
      startSeconds: Double = 0, quantity: String = "log magnitude", pictures: [Picture]
    ) {
      self.title = title
      self.synthetic = synthetic
      self.pipelineID = pipelineID
      self.hertzPerRow = hertzPerRow
      self.secondsPerColumn = secondsPerColumn
      self.startSeconds = startSeconds
      self.quantity = quantity
      self.pictures = pictures
    }

    /// On the axes of a pipeline's images, time from the R-peak.
    public init(
      title: String, synthetic: Bool, pipeline: PipelineConfiguration, quantity: String = "log magnitude",
      pictures: [Picture]
    ) {
      let rate = Double(pipeline.canonicalRateHz)
      let span = pipeline.segment.alignment.span
      // The canvas holds 1.2 RR at most; its start is where the R-peak's share before it begins.
      self.init(
        title: title, synthetic: synthetic, pipelineID: pipeline.id,
        hertzPerRow: rate / Double(pipeline.stft.fftLength),
        secondsPerColumn: Double(pipeline.stft.hopSamples) / rate,
        startSeconds: pipeline.segment.canvasSeconds * span.start / (span.end - span.start), quantity: quantity,
        pictures: pictures)
    }

    /// One beat in one or more leads.
    public struct Picture: Codable, Hashable, Sendable {
      public var caption: String
      public var leadNames: [String]
      public var rows: Int
      public var columns: Int
      /// Little-endian float16, `[lead][row][column]`.
      public var values: Data

      /// - Precondition: one name for each of the image's leads.
      public init(caption: String, leadNames: [String], image: SpectrogramImage) {
        precondition(leadNames.count == image.leadCount, "each lead needs a name")
        self.caption = caption
        self.leadNames = leadNames
        rows = image.rows
        columns = image.columns
        values = Data(
          image.values.flatMap { value in
            [UInt8(truncatingIfNeeded: value.bitPattern), UInt8(truncatingIfNeeded: value.bitPattern >> 8)]
          })
      }

      /// `[lead][row × column]`; nil when shape and bytes disagree, as in a report read from a damaged file.
      package var planes: [[Float]]? {
        guard (1...4096).contains(rows), (1...4096).contains(columns), leadNames.count <= 64,
          values.count == leadNames.count * rows * columns * 2
        else { return nil }
        let bytes = [UInt8](values)
        let plane = rows * columns
        return leadNames.indices.map { lead in
          (0..<plane).map { index in
            let at = 2 * (lead * plane + index)
            return Float(Float16(bitPattern: UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8))
          }
        }
      }
    }
  }

  /// ECG strips on paper of 25 mm/s and 10 mm/mV.
  public struct Waveforms: Codable, Hashable, Sendable {
    public var title: String
    public var synthetic: Bool
    public var strips: [Strip]

    public init(title: String, synthetic: Bool, strips: [Strip]) {
      self.title = title
      self.synthetic = synthetic
      self.strips = strips
    }

    /// Traces of one recording, under each other; more than six stand in two columns.
    public struct Strip: Codable, Hashable, Sendable {
      public var caption: String
      public var sampleRateHz: Double
      public var traces: [Trace]
      public var marks: [Mark]

      public init(caption: String, sampleRateHz: Double, traces: [Trace], marks: [Mark] = []) {
        self.caption = caption
        self.sampleRateHz = sampleRateHz
        self.traces = traces
        self.marks = marks
      }
    }

    public struct Trace: Codable, Hashable, Sendable {
      public var label: String
      public var millivolts: [Float]

      public init(label: String, millivolts: [Float]) {
        self.label = label
        self.millivolts = millivolts
      }
    }

    /// A vertical line through all traces, such as a QRS onset or a beat's class.
    public struct Mark: Codable, Hashable, Sendable {
      public var seconds: Double
      public var label: String

      public init(seconds: Double, label: String) {
        self.seconds = seconds
        self.label = label
      }
    }
  }
}
