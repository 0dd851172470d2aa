import CLibrdkafka

/// librdkafka's broker inside this process, for tests without a broker and for errors on demand. It knows no
/// `read_committed`, forgets offsets that a transaction commits and drops what exceeds 5 MB a partition.
package final class MockCluster {
  /// Numbers of requests in Kafka's protocol.
  package enum Request: Int16 {
    case produce = 0
    case commitOffsets = 8
    case initializeProducer = 22
    case addPartitionsToTransaction = 24
    case addOffsetsToTransaction = 25
    case endTransaction = 26
    case commitOffsetsInTransaction = 28
  }

  /// Numbers of errors in Kafka's protocol.
  package enum Answer: Int32 {
    case notLeader = 6
    case requestTimedOut = 7
    case messageTooLarge = 10
    case coordinatorLoading = 14
    case notCoordinator = 16
    case illegalGeneration = 22
    case topicAuthorizationFailed = 29
    case groupAuthorizationFailed = 30
    case invalidProducerEpoch = 47
    case concurrentTransactions = 51
    case producerFenced = 90
  }

  // The cluster lives inside a client, which must be destroyed after it.
  private let client: OpaquePointer
  private let cluster: OpaquePointer

  package init(brokers: Int32 = 1) throws(StreamingError) {
    let settings = rd_kafka_conf_new()
    // Without this it warns that it has no bootstrap servers, which it does not need.
    rd_kafka_conf_set(settings, "log_level", "4", nil, 0)
    guard let client = rd_kafka_new(RD_KAFKA_PRODUCER, settings, nil, 0),
      let cluster = rd_kafka_mock_cluster_new(client, brokers)
    else { throw StreamingError(.configurationInvalid, "librdkafka's mock cluster did not start") }
    self.client = client
    self.cluster = cluster
  }

  deinit {
    rd_kafka_mock_cluster_destroy(cluster)
    rd_kafka_destroy(client)
  }

  package var bootstrapServers: String { String(cString: rd_kafka_mock_cluster_bootstraps(cluster)) }

  package func createTopic(_ fullName: String, partitions: Int32) throws(StreamingError) {
    try StreamingError.check(rd_kafka_mock_topic_create(cluster, fullName, partitions, 1), doing: "create mock topic")
  }

  /// The next requests of this kind get these answers, one each.
  package func answer(_ request: Request, with answers: [Answer]) {
    let errors = answers.map { rd_kafka_resp_err_t($0.rawValue) }
    rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, errors.count, errors)
  }

  package func setDown(_ isDown: Bool) {
    if isDown {
      rd_kafka_mock_broker_set_down(cluster, 1)
    } else {
      rd_kafka_mock_broker_set_up(cluster, 1)
    }
  }
}
