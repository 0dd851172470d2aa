"""Reads and writes Kafka's binary protocol as schemas describe it.

A schema is a text of fields `name:type@from-to=default`; the versions and the default may be left out. Types are i8,
i16, i32, i64, bool, str, nstr (null by default), blob (a copy), records (a view when read; a list of pieces when
written) and any of them with [] for an array. `name[ … ]@from-to` is an array of structures. Where null is read, nstr,
blob, records and arrays whose name ends with ? give None, the others something empty.
"""

import re
import struct
from types import SimpleNamespace

_FIELD = re.compile(
    r"(?P<name>\w+)(?P<nullable>\?)?(?:(?P<open>\[)(?!\])|:(?P<type>\w+(?:\[\])?))|(?P<close>\])|(?P<bad>\S)"
)
_SUFFIX = re.compile(r"(?:@(\d+)(?:-(\d+))?)?(?:=(-?\d+))?(?=\s|$)")
_LAST_VERSION = 1 << 15


class Malformed(Exception):
    """A request that does not follow its schema."""


class Reader:
    """A position in a request."""

    __slots__ = ("data", "position")

    def __init__(self, data):
        self.data = memoryview(data)
        self.position = 0

    def take(self, count):
        end = self.position + count
        if count < 0 or end > len(self.data):
            raise Malformed("a field goes past the end")
        taken = self.data[self.position : end]
        self.position = end
        return taken


def _fixed(code):
    packer = struct.Struct(">" + code)

    def read(reader, flexible):
        return packer.unpack(reader.take(packer.size))[0]

    def write(parts, value, flexible):
        parts.append(packer.pack(value))

    return read, write


_read_i16, _write_i16 = _fixed("h")
_read_i32, _write_i32 = _fixed("i")


def _read_varint(reader):
    value = shift = 0
    while True:
        byte = reader.take(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value
        shift += 7
        if shift > 63:
            raise Malformed("a number is too long")


def _varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def read_signed_varint(reader):
    """The zigzag numbers inside of records."""
    value = _read_varint(reader)
    return (value >> 1) ^ -(value & 1)


def _read_length(reader, flexible, short=False):
    if flexible:
        return _read_varint(reader) - 1
    return (_read_i16 if short else _read_i32)(reader, False)


def _write_length(parts, length, flexible, short=False):
    if flexible:
        parts.append(_varint(length + 1))
    else:
        (_write_i16 if short else _write_i32)(parts, length, False)


def _read_str(reader, flexible):
    length = _read_length(reader, flexible, short=True)
    return None if length < 0 else str(reader.take(length), "utf-8")


def _read_text(reader, flexible):
    return _read_str(reader, flexible) or ""


def _write_str(parts, value, flexible):
    encoded = None if value is None else value.encode()
    _write_length(parts, -1 if encoded is None else len(encoded), flexible, short=True)
    parts.append(encoded or b"")


def _read_records(reader, flexible):
    length = _read_length(reader, flexible)
    return None if length < 0 else reader.take(length)


def _write_records(parts, pieces, flexible):
    _write_length(parts, sum(map(len, pieces)), flexible)
    parts.extend(pieces)


def _read_blob(reader, flexible):
    view = _read_records(reader, flexible)
    return None if view is None else bytes(view)


def _write_blob(parts, value, flexible):
    _write_length(parts, -1 if value is None else len(value), flexible)
    parts.append(value or b"")


# Name: reading function, writing function, default.
_TYPES = {
    "i8": (*_fixed("b"), 0), "i16": (_read_i16, _write_i16, 0), "i32": (_read_i32, _write_i32, 0),
    "i64": (*_fixed("q"), 0), "bool": (*_fixed("?"), False), "str": (_read_text, _write_str, ""),
    "nstr": (_read_str, _write_str, None), "blob": (_read_blob, _write_blob, b""),
    "records": (_read_records, _write_records, ()),
}  # fmt: skip


def _array(read_one, write_one, nullable):
    def read(reader, flexible):
        length = _read_length(reader, flexible)
        if length > len(reader.data) - reader.position:
            raise Malformed("an array goes past the end")
        return None if length < 0 and nullable else [read_one(reader, flexible) for _ in range(length)]

    def write(parts, values, flexible):
        _write_length(parts, -1 if values is None else len(values), flexible)
        for value in values or ():
            write_one(parts, value, flexible)

    return read, write


def _structure(fields):
    """The reading and the writing function for (name, present, read, write, default)."""

    def read(reader, flexible):
        values = {
            name: read_one(reader, flexible) if present else default for name, present, read_one, _, default in fields
        }
        if flexible:
            for _ in range(_read_varint(reader)):
                _read_varint(reader)
                reader.take(_read_varint(reader))
        return SimpleNamespace(**values)

    def write(parts, values, flexible):
        for name, present, _, write_one, default in fields:
            if present:
                write_one(parts, values.get(name, default), flexible)
        if flexible:
            parts.append(b"\0")

    return read, write


def compile_schema(text, version):
    """The reading and the writing function of a schema in one version; both take whether it is a flexible one."""
    stack = [[]]
    position = 0
    while match := _FIELD.search(text, position):
        if match["bad"]:
            raise ValueError(f"bad schema: {text[position:]}")
        position = match.end()
        if match["open"]:
            stack.append([match["name"], match["nullable"]])
            continue
        suffix = _SUFFIX.match(text, position)
        position = suffix.end()
        present = int(suffix[1] or 0) <= version <= int(suffix[2] or _LAST_VERSION)
        if match["close"]:
            name, nullable, *fields = stack.pop()
            stack[-1].append((name, present, *_array(*_structure(fields), nullable), ()))
            continue
        kind = match["type"]
        read, write, default = _TYPES[kind.replace("[]", "")]
        if kind.endswith("[]"):
            read, write, default = *_array(read, write, match["nullable"]), ()
        elif suffix[3]:
            default = int(suffix[3])
        stack[-1].append((match["name"], present, read, write, default))
    return _structure(stack[0])
