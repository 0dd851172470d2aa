"""A broker of its own for each test, librdkafka clients, and a client that sends single requests.

`python3 -m unittest discover -s Tests/BrokerTests` runs all tests; it needs Debian's python3-confluent-kafka.
"""

import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

PROGRAM = Path(__file__).resolve().parents[2] / "ops" / "dev" / "kafka"
sys.path.insert(0, str(PROGRAM))

from records import Batch  # noqa: E402
from schemas import APIS  # noqa: E402
from wire import Reader, compile_schema  # noqa: E402


class BrokerProcess:
    """The broker as a process."""

    def __init__(self, *options):
        command = [sys.executable, str(PROGRAM), "--port", "0", "--initial-rebalance-delay", "100", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line + self.process.stderr.read()
        self.address = line.split()[-1]

    def stop(self):
        """Ends it in good order; gives the seconds it took and what it wrote to stderr."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=10)
        return time.monotonic() - began, errors


class BrokerTestCase(unittest.TestCase):
    """Starts the broker, stops it, and sees to it that it had nothing to complain about."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.start()
        self.addCleanup(lambda: self.stop())

    def start(self):
        self.broker = BrokerProcess("--data-dir", os.path.join(self.folder.name, "data"), *self.options())

    def options(self):
        """Further options of the broker."""
        return ()

    def stop(self):
        seconds, errors = self.broker.stop()
        self.assertLess(seconds, 2)
        self.assertEqual(errors, "stopped\n")

    def create(self, topic, partitions=1, **settings):
        admin = AdminClient({"bootstrap.servers": self.broker.address})
        settings = {name.replace("_", "."): str(value) for name, value in settings.items()}
        admin.create_topics([NewTopic(topic, partitions, 1, config=settings)])[topic].result()

    def producer(self, transactional_id=None, timeout=60000, **settings):
        properties = {"bootstrap.servers": self.broker.address, "enable.idempotence": True, "linger.ms": 1}
        if transactional_id:
            properties.update({"transactional.id": transactional_id, "transaction.timeout.ms": timeout})
        producer = Producer({**properties, **settings})
        if transactional_id:
            producer.init_transactions(20)
        return producer

    def consumer(self, group="readers", isolation="read_committed", **settings):
        properties = {
            "bootstrap.servers": self.broker.address, "group.id": group, "isolation.level": isolation,
            "enable.auto.commit": False, "auto.offset.reset": "earliest", "session.timeout.ms": 2000,
            "heartbeat.interval.ms": 300, "topic.metadata.refresh.interval.ms": 2000,
        }  # fmt: skip
        consumer = Consumer({**properties, **{name.replace("_", "."): value for name, value in settings.items()}})
        self.addCleanup(consumer.close)
        return consumer

    def read(self, topic, isolation="read_committed", offset=0, partition=0, settle=1.5):
        """All (offset, value) from an offset on, until nothing has come for a while."""
        consumer = self.consumer(isolation=isolation)
        consumer.assign([TopicPartition(topic, partition, offset)])
        found, until = [], time.monotonic() + settle
        while time.monotonic() < until:
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                found.append((message.offset(), message.value().decode()))
                until = time.monotonic() + settle
        return found

    def values(self, topic, **options):
        return [value for _, value in self.read(topic, **options)]

    def wait_until(self, condition, seconds=15):
        until = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), until, "waited in vain")

    def connect(self):
        client = RawClient(self.broker.address)
        self.addCleanup(client.close)
        return client


class RawClient:
    """Sends single requests, in any order and with any content."""

    def __init__(self, address):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=30)

    def close(self):
        self.socket.close()

    def __call__(self, name, version, **fields):
        self.send(name, version, **fields)
        return self.receive(name, version)

    def send(self, name, version, **fields):
        key, _, _, flexible_from, request, _ = APIS[name]
        flexible = version >= flexible_from
        parts = [struct.pack(">hhih", key, version, 7, -1), b"\0" if flexible else b""]
        compile_schema(request, version)[1](parts, fields, flexible)
        frame = b"".join(parts)
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)

    def receive(self, name, version):
        answer = Reader(self._read(int.from_bytes(self._read(4), "big")))
        flexible = version >= APIS[name][3]
        assert answer.take(4 + flexible)[3] == 7
        return compile_schema(APIS[name][5], version)[0](answer, flexible)

    def _read(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("the broker has closed the connection")
            data += piece
        return data

    # Shorter forms for requests with one topic and one partition

    def produce(self, topic, batch, partition=0):
        topics = [{"name": topic, "partitions": [{"index": partition, "records": [batch]}]}]
        return self("Produce", 7, transactional_id=None, acks=-1, timeout=1000, topics=topics).topics[0].partitions[0]

    def fetch(self, topic, offset, isolation=1, max_wait=0, max_bytes=1 << 20, partition_bytes=1 << 20, version=11):
        partition = {"index": 0, "leader_epoch": -1, "offset": offset, "max_bytes": partition_bytes}
        topics = [{"name": topic, "partitions": [partition]}]
        answer = self(
            "Fetch", version, replica=-1, max_wait=max_wait, min_bytes=1, max_bytes=max_bytes, isolation=isolation,
            epoch=-1, topics=topics,
        )  # fmt: skip
        return answer.topics[0].partitions[0]


def record(key, value):
    """One record at the first place of its batch."""

    def number(value):
        value, encoded = value << 1 ^ value >> 63, bytearray()
        while value > 127:
            encoded.append(value & 127 | 128)
            value >>= 7
        return bytes(encoded) + bytes((value,))

    body = b"\0\0\0" + number(len(key)) + key + number(len(value)) + value + b"\0"
    return number(len(body)) + body


def batch(key=b"k", value=b"v", producer=-1, epoch=-1, sequence=-1, transactional=False, timestamp=None, count=1):
    """A batch of `count` equal records, whose checksum is not set."""
    milliseconds = int(time.time() * 1000) if timestamp is None else timestamp
    body = record(key, value) * count
    attributes = 0x10 if transactional else 0
    header = struct.pack(
        ">qiibIhiqqqhii", 0, 49 + len(body), 0, 2, 0, attributes, count - 1, milliseconds, milliseconds, producer,
        epoch, sequence, count,
    )  # fmt: skip
    return header + body


def batches(records):
    """The batches of a fetched piece."""
    while len(records):
        size = 12 + int.from_bytes(records[8:12], "big")
        yield Batch(records[:size])
        records = records[size:]
