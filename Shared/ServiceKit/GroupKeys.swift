import Streaming

/// How a replica belongs to its consumer group.
public enum MembershipKind: String, CaseIterable, Sendable {
  /// Known to the group by its instance name: goes on at once after a restart; its partitions wait for the session
  /// timeout when it is stopped for good.
  case `static`
  /// Leaves the group when it is stopped and joins it anew.
  case dynamic
}

/// Keys of services that share partitions with their replicas.
public enum GroupKeys: ConfigurationKeySet {
  public static let membership = ConfigurationKey<MembershipKind>.choice(
    "membership", default: .static,
    help: """
      static: a restart under the same instance name goes on at once, but the partitions of a replica that is stopped \
      for good idle for the session timeout; dynamic: replicas hand over when they stop, and wait when they crash.
      """)
  public static let sessionTimeout = ConfigurationKey.integer(
    "session-timeout-ms", default: 10_000, range: 1000...300_000,
    help: "After this long without a sign of life, others take the partitions; open transactions end by then too.")

  public static let keys: [any AnyConfigurationKey] = [membership, sessionTimeout]
}

extension ServiceContext {
  /// This replica's membership in its service's group; only for services with `GroupKeys` in their table.
  public var membership: GroupMembership {
    GroupMembership(
      group: common.serviceName, instance: settings[GroupKeys.membership] == .static ? common.instance : nil,
      sessionTimeoutMilliseconds: settings[GroupKeys.sessionTimeout])
  }
}
