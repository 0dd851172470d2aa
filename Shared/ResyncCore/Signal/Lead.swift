/// A lead of the standard twelve-lead ECG.
public enum Lead: String, CaseIterable, Codable, Hashable, Sendable {
  // The names are those of the standard.
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case I, II, III
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case aVR, aVL, aVF
  // swift-format-ignore: AlwaysUseLowerCamelCase
  case V1, V2, V3, V4, V5, V6

  /// Reads a lead's name as devices write it: any case, and the modified limb leads of ambulatory
  /// recorders (`MLI`, `MLII`, `MLIII`) as the limb lead that each stands for.
  public init?(name: String) {
    let key = name.uppercased().filter { $0 != " " }
    guard let lead = Self.byUppercasedName[key] ?? Self.aliases[key] else { return nil }
    self = lead
  }

  private static let byUppercasedName = Dictionary(
    uniqueKeysWithValues: allCases.map { ($0.rawValue.uppercased(), $0) })
  private static let aliases: [String: Lead] = ["MLI": .I, "MLII": .II, "MLIII": .III]
}

/// The leads that a model reads, in the order of its input channels.
public enum LeadSet: String, CaseIterable, Codable, Hashable, Sendable {
  /// One channel: lead II, or the recording's best substitute for it.
  case single
  /// Two channels: lead II or its best substitute, and a chest lead, V1 if there is one.
  case pair
  /// Twelve channels: the standard leads in `Lead.allCases` order.
  case standardTwelve = "standard-12"

  /// For each channel the leads that may fill it, best first.
  private var slots: [[Lead]] {
    switch self {
    case .single: [[.II, .I, .V5, .V6, .V4, .III, .aVF, .aVL, .aVR, .V3, .V2, .V1]]
    case .pair: Self.single.slots + [[.V1, .V5, .V2, .V6, .V4, .V3, .I, .III, .aVF, .aVL, .aVR, .II]]
    case .standardTwelve: Lead.allCases.map { [$0] }
    }
  }

  public var channelCount: Int { slots.count }

  /// The index into `available` for each channel, or nil when the recording lacks a lead that the set needs.
  public func channels(from available: [Lead]) -> [Int]? {
    var chosen: [Int] = []
    for slot in slots {
      let candidate = slot.lazy.compactMap { available.firstIndex(of: $0) }.first { !chosen.contains($0) }
      guard let candidate else { return nil }
      chosen.append(candidate)
    }
    return chosen
  }
}
