import Foundation

/// The broker for the suites that need a real one.
package let testBrokers = ProcessInfo.processInfo.environment["KAFKA_BOOTSTRAP_SERVERS"]
