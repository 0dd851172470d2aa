import Messages
import Streaming

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
    if let recordingID { headers.append(MessageHeader(HeaderName.recordingID, recordingID)) }
    if message.value.count > maximumMessageBytes {
      headers.append(MessageHeader(HeaderName.cutFrom, String(message.value.count)))
    }
    let key = message.key.flatMap { $0.count <= 1024 ? $0 : nil }
    return OutgoingMessage(
      topic: Topic.rejected, key: key, value: Array(message.value.prefix(maximumMessageBytes)), headers: headers)
  }
}
