import Messages
import Streaming

extension OutgoingMessage {
  /// The refused message as it goes to `ecg.rejected`: original bytes, origin and reason.
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
      if let value = message.header(name) { headers.append(MessageHeader(name, value)) }
    }
    if let recordingID { headers.append(MessageHeader(HeaderName.recordingID, recordingID)) }
    return OutgoingMessage(topic: Topic.rejected, key: message.key, value: message.value, headers: headers)
  }
}
