import Messages
import Store
import Streaming

extension Origin {
  /// Where a refused message came from, as its copy on `ecg.rejected` says; nil when it does not.
  public init?(ofRejected message: ConsumedMessage) {
    guard let topic = message.header(HeaderName.originTopic),
      let partition = message.header(HeaderName.originPartition).flatMap(Int32.init),
      let offset = message.header(HeaderName.originOffset).flatMap(Int64.init)
    else { return nil }
    self.init(topic: topic, partition: partition, offset: offset)
  }
}

extension OutgoingMessage {
  /// The refused message as it goes to `ecg.rejected`: original bytes, origin and reason. Bytes beyond the size limit are
  /// cut, and the header `cut-from-bytes` says so; headers longer than any valid one are left out.
  public static func rejected(
    _ message: ConsumedMessage, _ rejection: Rejection, service: String, recordingID: String? = nil
  ) -> OutgoingMessage {
    var headers = [
      MessageHeader(HeaderName.originTopic, message.topic),
      MessageHeader(HeaderName.originPartition, String(message.partition)),
      MessageHeader(HeaderName.originOffset, String(message.offset)),
      MessageHeader(HeaderName.service, service),
      MessageHeader(HeaderName.errorCode, rejection.code.rawValue),
      MessageHeader(HeaderName.errorText, rejection.text),
    ]
    // What a replay needs to send the message as it came.
    for name in [HeaderName.contentType, HeaderName.feedID, HeaderName.patientID] {
      if let value = message.header(name), value.utf8.count <= 1024 { headers.append(MessageHeader(name, value)) }
    }
    if let recordingID, recordingID.utf8.count <= 1024, !recordingID.utf8.contains(0) {
      headers.append(MessageHeader(HeaderName.recordingID, recordingID))
    }
    if message.value.count > maximumMessageBytes {
      headers.append(MessageHeader(HeaderName.cutFrom, String(message.value.count)))
    }
    let key = message.key.flatMap { $0.count <= 1024 ? $0 : nil }
    return OutgoingMessage(
      topic: Topic.rejected, key: key, value: Array(message.value.prefix(maximumMessageBytes)), headers: headers)
  }
}
