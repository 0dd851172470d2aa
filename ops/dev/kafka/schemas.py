"""The requests this broker serves: numbers, versions and layouts (see wire.py for the notation)."""

from functools import cache

from wire import Reader, compile_schema

_TOPIC_ERRORS = "throttle:i32@{} topics[ name:str partitions[ index:i32 error:i16 ] ]"

# Name: (number, first and last version, first flexible version, request, answer). Where fields of a first version are
# missing, clients only want to see it in the list: librdkafka derives from it what a broker can do.
APIS = {
    "Produce": (0, 0, 7, 9,
        "transactional_id:nstr@3 acks:i16 timeout:i32 topics[ name:str partitions[ index:i32 records:records ] ]",
        "topics[ name:str partitions[ index:i32 error:i16 base_offset:i64=-1 append_time:i64@2=-1"
        " log_start:i64@5=-1 ] ] throttle:i32@1"),
    "Fetch": (1, 0, 11, 12,
        "replica:i32 max_wait:i32 min_bytes:i32 max_bytes:i32@3=2147483647 isolation:i8@4 session:i32@7 epoch:i32@7=-1"
        " topics[ name:str partitions[ index:i32 leader_epoch:i32@9 offset:i64 log_start:i64@5 max_bytes:i32 ] ]"
        " forgotten[ name:str partitions:i32[] ]@7 rack:str@11",
        "throttle:i32@1 error:i16@7 session:i32@7 topics[ name:str partitions[ index:i32 error:i16"
        " high_watermark:i64=-1 stable:i64@4=-1 log_start:i64@5=-1 aborted[ producer_id:i64 first_offset:i64 ]@4"
        " replica:i32@11=-1 records:records ] ]"),
    "ListOffsets": (2, 1, 5, 6,
        "replica:i32 isolation:i8@2 topics[ name:str partitions[ index:i32 leader_epoch:i32@4 timestamp:i64 ] ]",
        "throttle:i32@2 topics[ name:str partitions[ index:i32 error:i16 timestamp:i64=-1 offset:i64=-1"
        " leader_epoch:i32@4=-1 ] ]"),
    "Metadata": (3, 0, 8, 9,
        "topics?[ name:str ] auto_create:bool@4 cluster_operations:bool@8 topic_operations:bool@8",
        "throttle:i32@3 brokers[ node:i32 host:str port:i32 rack:nstr@1 ] cluster_id:nstr@2 controller:i32@1"
        " topics[ error:i16 name:str internal:bool@1 partitions[ error:i16 index:i32 leader:i32 leader_epoch:i32@7"
        " replicas:i32[] isr:i32[] offline:i32[]@5 ] operations:i32@8=-2147483648 ]"
        " operations:i32@8=-2147483648"),
    "OffsetCommit": (8, 1, 7, 8,
        "group:str generation:i32 member:str instance:nstr@7 retention:i64@2-4 topics[ name:str partitions[ index:i32"
        " offset:i64 leader_epoch:i32@6=-1 timestamp:i64@1-1 metadata:nstr ] ]", _TOPIC_ERRORS.format(3)),
    "OffsetFetch": (9, 1, 7, 6,
        "group:str topics?[ name:str partitions:i32[] ] require_stable:bool@7",
        "throttle:i32@3 topics[ name:str partitions[ index:i32 offset:i64=-1 leader_epoch:i32@5=-1 metadata:nstr"
        " error:i16 ] ] error:i16@2"),
    "FindCoordinator": (10, 0, 2, 3,
        "key:str key_type:i8@1", "throttle:i32@1 error:i16 message:nstr@1 node:i32 host:str port:i32"),
    "JoinGroup": (11, 0, 5, 6,
        "group:str session_timeout:i32 rebalance_timeout:i32@1 member:str instance:nstr@5 protocol_type:str"
        " protocols[ name:str metadata:blob ]",
        "throttle:i32@2 error:i16 generation:i32=-1 protocol:str leader:str member:str"
        " members[ member:str instance:nstr@5 metadata:blob ]"),
    "Heartbeat": (12, 0, 3, 4, "group:str generation:i32 member:str instance:nstr@3", "throttle:i32@1 error:i16"),
    "LeaveGroup": (13, 0, 3, 4,
        "group:str member:str@0-2 members[ member:str instance:nstr ]@3",
        "throttle:i32@1 error:i16 members[ member:str instance:nstr error:i16 ]@3"),
    "SyncGroup": (14, 0, 3, 4,
        "group:str generation:i32 member:str instance:nstr@3 assignments[ member:str assignment:blob ]",
        "throttle:i32@1 error:i16 assignment:blob"),
    "DescribeGroups": (15, 0, 4, 5,
        "groups:str[] operations:bool@3",
        "throttle:i32@1 groups[ error:i16 group:str state:str protocol_type:str protocol:str members[ member:str"
        " instance:nstr@4 client_id:str host:str metadata:blob assignment:blob ] operations:i32@3=-2147483648 ]"),
    "ListGroups": (16, 0, 4, 3,
        "states:str[]@4", "throttle:i32@1 error:i16 groups[ group:str protocol_type:str state:str@4 ]"),
    "SaslHandshake": (17, 0, 1, 2, "mechanism:str", "error:i16 mechanisms:str[]"),
    "ApiVersions": (18, 0, 3, 3,
        "software:str@3 software_version:str@3", "error:i16 apis[ key:i16 first:i16 last:i16 ] throttle:i32@1"),
    "CreateTopics": (19, 0, 4, 5,
        "topics[ name:str partitions:i32 replication:i16 assignments[ partition:i32 brokers:i32[] ]"
        " configs[ name:str value:nstr ] ] timeout:i32 validate_only:bool@1",
        "throttle:i32@2 topics[ name:str error:i16 message:nstr@1 ]"),
    "DeleteTopics": (20, 0, 3, 4, "topics:str[] timeout:i32", "throttle:i32@1 topics[ name:str error:i16 ]"),
    "DeleteRecords": (21, 0, 1, 2,
        "topics[ name:str partitions[ index:i32 offset:i64 ] ] timeout:i32",
        "throttle:i32 topics[ name:str partitions[ index:i32 log_start:i64=-1 error:i16 ] ]"),
    "InitProducerId": (22, 0, 4, 2,
        "transactional_id:nstr timeout:i32 producer_id:i64@3=-1 epoch:i16@3=-1",
        "throttle:i32 error:i16 producer_id:i64=-1 epoch:i16=-1"),
    "AddPartitionsToTxn": (24, 0, 2, 3,
        "transactional_id:str producer_id:i64 epoch:i16 topics[ name:str partitions:i32[] ]", _TOPIC_ERRORS.format(0)),
    "AddOffsetsToTxn": (25, 0, 2, 3,
        "transactional_id:str producer_id:i64 epoch:i16 group:str", "throttle:i32 error:i16"),
    "EndTxn": (26, 0, 2, 3,
        "transactional_id:str producer_id:i64 epoch:i16 committed:bool", "throttle:i32 error:i16"),
    "TxnOffsetCommit": (28, 0, 3, 3,
        "transactional_id:str group:str producer_id:i64 epoch:i16 generation:i32@3=-1 member:str@3 instance:nstr@3"
        " topics[ name:str partitions[ index:i32 offset:i64 leader_epoch:i32@2=-1 metadata:nstr ] ]",
        _TOPIC_ERRORS.format(0)),
    "DescribeConfigs": (32, 0, 3, 4,
        "resources[ type:i8 name:str keys?:str[] ] synonyms:bool@1 documentation:bool@3",
        "throttle:i32 resources[ error:i16 message:nstr type:i8 name:str configs[ name:str value:nstr read_only:bool"
        " default:bool@0-0 source:i8@1 sensitive:bool synonyms[ name:str value:nstr source:i8 ]@1 type:i8@3"
        " documentation:nstr@3 ] ]"),
    "AlterConfigs": (33, 0, 1, 2,
        "resources[ type:i8 name:str configs[ name:str value:nstr ] ] validate_only:bool",
        "throttle:i32 resources[ error:i16 message:nstr type:i8 name:str ]"),
    "SaslAuthenticate": (36, 0, 1, 2, "token:blob", "error:i16 message:nstr token:blob lifetime:i64@1"),
    "CreatePartitions": (37, 0, 1, 2,
        "topics[ name:str count:i32 assignments[ brokers:i32[] ] ] timeout:i32 validate_only:bool",
        "throttle:i32 topics[ name:str error:i16 message:nstr ]"),
    "DeleteGroups": (42, 0, 1, 2, "groups:str[]", "throttle:i32 groups[ group:str error:i16 ]"),
    "IncrementalAlterConfigs": (44, 0, 0, 1,
        "resources[ type:i8 name:str configs[ name:str operation:i8 value:nstr ] ] validate_only:bool",
        "throttle:i32 resources[ error:i16 message:nstr type:i8 name:str ]"),
    "OffsetDelete": (47, 0, 0, 1,
        "group:str topics[ name:str partitions[ index:i32 ] ]",
        "error:i16 throttle:i32 topics[ name:str partitions[ index:i32 error:i16 ] ]"),
}  # fmt: skip

_NAMES = {api[0]: name for name, api in APIS.items()}
_read_header, _ = compile_schema("key:i16 version:i16 correlation:i32 client_id:str", 0)
_read_tags, _ = compile_schema("", 0)


@cache
def _codecs(name, version):
    _, _, _, flexible_from, request, answer = APIS[name]
    return compile_schema(request, version), compile_schema(answer, version), version >= flexible_from


def read_request(frame):
    """(name, header, reader of the rest); the name is None for what is not served, in this version or at all."""
    reader = Reader(frame)
    header = _read_header(reader, False)
    name = _NAMES.get(header.key)
    if name and not APIS[name][1] <= header.version <= APIS[name][2]:
        name = None
    return name, header, reader


def read_body(name, version, reader):
    """The fields of a request; those that its version lacks have their defaults."""
    (read, _), _, flexible = _codecs(name, version)
    if flexible:
        _read_tags(reader, True)
    return read(reader, flexible)


def write_answer(name, version, correlation, answer):
    """The pieces of an answer without its length; fields it does not set get their defaults."""
    _, (_, write), flexible = _codecs(name, version)
    parts = [correlation.to_bytes(4, "big", signed=True)]
    # The answer to ApiVersions has the oldest header: a client cannot know yet which one to expect.
    if flexible and name != "ApiVersions":
        parts.append(b"\0")
    write(parts, answer, flexible)
    return parts
