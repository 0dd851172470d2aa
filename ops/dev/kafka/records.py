"""Record batches of message format 2: their headers, the control batches that end transactions, and keys."""

import struct
import zlib

import errors
from errors import KafkaError
from wire import Malformed, Reader, read_signed_varint

try:
    import lz4.frame as lz4
except ImportError:
    lz4 = None  # Then batches that lz4 has compressed are never compacted.

# Base offset, length, leader epoch, magic, CRC, attributes, last offset delta, first and last timestamp, producer id
# and epoch, first sequence number, record count.
_HEADER = struct.Struct(">qiibIhiqqqhii")
_AFTER_CRC = 21
_TRANSACTIONAL = 0x10
_CONTROL = 0x20
_LAST_SEQUENCE = 1 << 31


class Batch:
    """A batch as bytes with what the broker needs of its header."""

    __slots__ = (
        "data", "base", "last", "attributes", "first_timestamp", "last_timestamp", "producer_id", "epoch", "sequence",
        "count", "transaction",
    )  # fmt: skip

    def __init__(self, view):
        (
            self.base, _, _, _, _, self.attributes, delta, self.first_timestamp, self.last_timestamp, self.producer_id,
            self.epoch, self.sequence, self.count,
        ) = _HEADER.unpack_from(view)  # fmt: skip
        self.data = view
        self.last = self.base + delta
        self.transaction = None

    @property
    def is_transactional(self):
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def is_control(self):
        return bool(self.attributes & _CONTROL)

    @property
    def last_sequence(self):
        return (self.sequence + self.count - 1) % _LAST_SEQUENCE

    def place(self, base):
        """Gives the batch its offset and a copy of its bytes; the CRC does not cover what changes."""
        self.last += base - self.base
        self.base = base
        self.data = b"".join((base.to_bytes(8, "big"), self.data[8:12], bytes(4), self.data[16:]))


def split(view):
    """The batches of a produce request."""
    batches = []
    while len(view):
        if len(view) < 17:
            raise KafkaError(errors.CORRUPT_MESSAGE)
        if view[16] < 2:
            raise KafkaError(errors.UNSUPPORTED_FOR_MESSAGE_FORMAT)
        size = 12 + int.from_bytes(view[8:12], "big")
        if size < _HEADER.size or size > len(view) or view[16] > 2:
            raise KafkaError(errors.CORRUPT_MESSAGE)
        batch = Batch(view[:size])
        if batch.is_control or batch.count < 1 or batch.last - batch.base != batch.count - 1:
            raise KafkaError(errors.INVALID_RECORD)
        batches.append(batch)
        view = view[size:]
    if not batches:
        raise KafkaError(errors.INVALID_RECORD)
    return batches


def _crc32c_table():
    for index in range(256):
        for _ in range(8):
            index = index >> 1 ^ (0x82F63B78 if index & 1 else 0)
        yield index


_CRC32C = tuple(_crc32c_table())


def _crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def marker(base, producer_id, epoch, commits, timestamp):
    """The control batch that ends a transaction in one partition."""
    # Lengths inside of a record are zigzag numbers; all of these are below 64.
    key = struct.pack(">hh", 0, 1 if commits else 0)
    value = struct.pack(">hi", 0, 0)
    body = bytes((0, 0, 0, 2 * len(key))) + key + bytes((2 * len(value),)) + value + b"\0"
    record = bytes((2 * len(body),)) + body
    batch = bytearray(_HEADER.size) + record
    length = len(batch) - 12
    attributes = _TRANSACTIONAL | _CONTROL
    fields = (attributes, 0, timestamp, timestamp, producer_id, epoch, -1, 1)
    _HEADER.pack_into(batch, 0, base, length, 0, 2, 0, *fields)
    _HEADER.pack_into(batch, 0, base, length, 0, 2, _crc32c(batch[_AFTER_CRC:]), *fields)
    return Batch(bytes(batch))


def records(batch):
    """(offset, timestamp, key) of each record; None if this program can't decompress the batch."""
    codec = batch.attributes & 7
    body = memoryview(batch.data)[_HEADER.size :]
    try:
        if codec == 1:
            body = zlib.decompress(body, 31)
        elif codec == 3 and lz4:
            body = lz4.decompress(body)
        elif codec:
            return None
        return list(_read_records(batch, Reader(body)))
    except (Malformed, RuntimeError, zlib.error):
        return None


def _read_records(batch, reader):
    for _ in range(batch.count):
        length = read_signed_varint(reader)
        end = reader.position + length
        reader.take(1)
        timestamp = batch.first_timestamp + read_signed_varint(reader)
        offset = batch.base + read_signed_varint(reader)
        key_length = read_signed_varint(reader)
        yield offset, timestamp, None if key_length < 0 else bytes(reader.take(key_length))
        reader.take(end - reader.position)
