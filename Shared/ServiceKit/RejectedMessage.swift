import Messages
import Streaming

extension OutgoingMessage {
  /// The refused message as it goes to `ecg.rejected`: original bytes, origin and reason.
  public static func rejected(
    _ message: ConsumedMessage, _ rejection: Rejection, service: String, recordingID: String? = nil
  ) -> OutgoingMessage {
    var headers = [
      (HeaderName.originTopic, message.topic),
      (HeaderName.originPartition, String(message.partition)),
      (HeaderName.originOffset, String(message.offset)),
      (HeaderName.service, service),
      (HeaderName.errorCode, rejection.code.rawValue),
      (HeaderName.errorText, rejection.text),
    ]
    if let type = message.header(HeaderName.contentType) { headers.append((HeaderName.originContentType, type)) }
    // A WFDB bundle's feed and patient stand in its headers; a replay needs them back.
    for name in [HeaderName.feedID, HeaderName.patientID] {
      if let value = message.header(name) { headers.append((name, value)) }
    }
    if let recordingID { headers.append((HeaderName.recordingID, recordingID)) }
    return OutgoingMessage(
      topic: Topic.rejected, key: message.key, value: message.value,
      headers: headers.map { MessageHeader(name: $0.0, value: $0.1) })
  }
}

extension ConsumedMessage {
  /// The last header of this name as text.
  public func header(_ name: String) -> String? {
    headers.last { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
  }

  public var keyText: String? { key.map { String(decoding: $0, as: UTF8.self) } }
}
