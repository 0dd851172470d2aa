import Foundation

/// What the twelve leads of a recording measure.
public struct TwelveLeadRow: Hashable, Sendable {
  /// A rule for a bundle branch block, applied to the recording.
  public struct BundleBranch: Codable, Hashable, Sendable {
    /// nil when it cannot be told for want of leads.
    public var met: Bool?
    /// For ranking.
    public var score: Double?
    public var criteria: [Criterion]

    public init(met: Bool?, score: Double?, criteria: [Criterion]) {
      self.met = met
      self.score = score
      self.criteria = criteria
    }
  }

  public struct Criterion: Codable, Hashable, Sendable {
    public var name: String
    /// nil, as is `met`, when a lead is missing.
    public var value: Double?
    public var unit: String
    public var atLeast: Double?
    public var atMost: Double?
    public var met: Bool?

    public init(name: String, value: Double?, unit: String, atLeast: Double?, atMost: Double?, met: Bool?) {
      self.name = name
      self.value = value
      self.unit = unit
      self.atLeast = atLeast
      self.atMost = atMost
      self.met = met
    }

    enum CodingKeys: String, CodingKey {
      case name, value, unit, met
      case atLeast = "at_least"
      case atMost = "at_most"
    }
  }

  public var qrsDurationMs: Double?
  /// µV·s.
  public var qrsAreaUVs: Double?
  public var axisDegrees: Double?
  /// `regular`, `irregular` or `af-like`.
  public var rhythm: String?
  /// By rule.
  public var bundleBranch: [String: BundleBranch]
  /// By lead; leads without a fault are left out.
  public var leadFaults: [String: [String]]

  public init(
    qrsDurationMs: Double?, qrsAreaUVs: Double?, axisDegrees: Double?, rhythm: String?,
    bundleBranch: [String: BundleBranch], leadFaults: [String: [String]]
  ) {
    self.qrsDurationMs = qrsDurationMs
    self.qrsAreaUVs = qrsAreaUVs
    self.axisDegrees = axisDegrees
    self.rhythm = rhythm
    self.bundleBranch = bundleBranch
    self.leadFaults = leadFaults
  }
}

/// Table `twelve_lead_measures`.
public struct TwelveLeads {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// Writes what a recording's end says; a row that says the same is not touched.
  ///
  /// - Parameters:
  ///   - row: its numbers are finite; nil for an end without twelve-lead measures: what stands is removed.
  public func write(_ row: TwelveLeadRow?, recordingID: String) throws {
    guard let row else {
      try connection.execute("delete from twelve_lead_measures where recording_id = $1", [.text(recordingID)])
      return
    }
    try connection.execute(
      """
      insert into twelve_lead_measures as m (recording_id, \(Self.values))
      values ($1, $2, $3, $4, $5, $6, $7)
      on conflict (recording_id) do update set (\(Self.values)) = row ($2, $3, $4, $5, $6, $7)
      where (m.qrs_duration_ms, m.qrs_area_uvs, m.axis_degrees, m.rhythm, m.bundle_branch, m.lead_faults)
        is distinct from ($2, $3, $4, $5, $6, $7)
      """,
      [
        .text(recordingID), .double(row.qrsDurationMs), .double(row.qrsAreaUVs), .double(row.axisDegrees),
        .text(row.rhythm), try Self.json(row.bundleBranch), try Self.json(row.leadFaults),
      ])
  }

  private static let values = "qrs_duration_ms, qrs_area_uvs, axis_degrees, rhythm, bundle_branch, lead_faults"

  private static func json(_ value: some Encodable) throws -> SQLValue {
    .json(String(decoding: try JSONEncoder().encode(value), as: UTF8.self))
  }

  public func find(_ recordingID: String) throws -> TwelveLeadRow? {
    try connection.execute("select * from twelve_lead_measures where recording_id = $1", [.text(recordingID)]).first
      .map { row in
        TwelveLeadRow(
          qrsDurationMs: try row[optional: "qrs_duration_ms", .double],
          qrsAreaUVs: try row[optional: "qrs_area_uvs", .double],
          axisDegrees: try row[optional: "axis_degrees", .double], rhythm: try row[optional: "rhythm", .text],
          bundleBranch: try row.decoded("bundle_branch"), leadFaults: try row.decoded("lead_faults"))
      }
  }
}
