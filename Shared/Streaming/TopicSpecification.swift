/// What a topic should be.
public struct TopicSpecification: Hashable, Sendable, Codable {
  /// Without the configured prefix.
  public var name: String
  public var partitions: Int
  /// Topic properties of the broker, such as `cleanup.policy`.
  public var configuration: [String: String]

  public init(name: String, partitions: Int, configuration: [String: String] = [:]) {
    self.name = name
    self.partitions = partitions
    self.configuration = configuration
  }
}

/// A topic as the broker has it.
public struct TopicDescription: Hashable, Sendable {
  /// Without the configured prefix.
  public var name: String
  public var partitions: Int
  public var configuration: [String: String]

  public init(name: String, partitions: Int, configuration: [String: String]) {
    self.name = name
    self.partitions = partitions
    self.configuration = configuration
  }

  /// How this topic departs from what it should be, one sentence each; empty when it does not.
  public func differences(from specification: TopicSpecification) -> [String] {
    var differences: [String] = []
    if partitions != specification.partitions {
      differences.append("\(name) has \(partitions) partitions; expected \(specification.partitions)")
    }
    for (property, expected) in specification.configuration.sorted(by: { $0.key < $1.key })
    where configuration[property] != expected {
      differences.append("\(name) has \(property)=\(configuration[property] ?? "(unset)"); expected \(expected)")
    }
    return differences
  }
}

/// The first and the next offset of a partition.
public struct Watermarks: Hashable, Sendable {
  public var low: Int64
  public var high: Int64

  public init(low: Int64, high: Int64) {
    self.low = low
    self.high = high
  }
}
