"""Partitions: duplicates, limits, waiting readers, retention, compaction, and what a restart keeps."""

import os
import random
import socket
import struct
import threading
import time
import unittest

from confluent_kafka import TopicPartition
from support import BrokerTestCase, batch, batches


class LogTests(BrokerTestCase):
    def test_duplicates_of_the_last_batches_are_not_appended(self):
        self.create("t")
        client = self.connect()
        producer = client("InitProducerId", 1, transactional_id=None, timeout=1000)

        def send(sequence, epoch=0, count=2):
            records = batch(producer=producer.producer_id, epoch=epoch, sequence=sequence, count=count)
            answer = client.produce("t", records)
            return answer.error, answer.base_offset

        self.assertEqual([send(sequence) for sequence in range(0, 14, 2)], [(0, offset) for offset in range(0, 14, 2)])
        self.assertEqual([send(sequence) for sequence in (12, 8, 4)], [(0, 12), (0, 8), (0, 4)])
        self.assertEqual([send(2)[0], send(20)[0], send(12, count=1)[0]], [45, 45, 45])
        self.assertEqual([send(14, epoch=1)[0], send(0, epoch=1)], [45, (0, 14)])
        self.assertEqual(send(14)[0], 47)
        self.assertEqual(client.fetch("t", 0).high_watermark, 16)

    def test_several_batches_in_one_request(self):
        self.create("t", max_message_bytes=200)
        client = self.connect()
        answer = client.produce("t", batch(count=3) + batch(count=2))
        self.assertEqual((answer.error, answer.base_offset), (0, 0))
        self.assertEqual([(each.base, each.last) for each in batches(client.fetch("t", 4).records)], [(3, 4)])
        self.assertEqual(client.produce("t", batch(value=b"x" * 200)).error, 10)
        self.assertEqual(client.produce("t", batch()[:-1]).error, 2)
        self.assertEqual(client.produce("none", batch()).error, 3)

    def test_limits_of_a_fetch(self):
        self.create("t")
        client = self.connect()
        for _ in range(10):
            client.produce("t", batch(value=b"x" * 1000))

        def count(**limits):
            return len(list(batches(client.fetch("t", 0, **limits).records)))

        self.assertEqual([count(), count(max_bytes=1), count(partition_bytes=1), count(max_bytes=3500)], [10, 1, 1, 3])
        self.assertEqual([client.fetch("t", offset).error for offset in (10, 11, -1)], [0, 1, 1])
        self.assertEqual([client.fetch("t", 10).error, client.fetch("none", 0).error], [0, 3])

    def test_fetch_at_the_end_waits_for_records(self):
        self.create("t")
        client, other = self.connect(), self.connect()

        def timed(max_wait=5000, isolation=1):
            began = time.monotonic()
            answer = client.fetch("t", end, max_wait=max_wait, isolation=isolation)
            return time.monotonic() - began, len(answer.records), answer.error

        end = 0
        self.assertGreater(timed(300)[0], 0.29)
        threading.Timer(0.3, other.produce, ("t", batch())).start()
        seconds, size, _ = timed()
        self.assertTrue(0.2 < seconds < 1 and size)
        # A reader of committed records wakes up at the end of the transaction, another one at its first batch.
        producer = other("InitProducerId", 1, transactional_id="x", timeout=5000)
        ids = {"transactional_id": "x", "producer_id": producer.producer_id, "epoch": producer.epoch}
        other("AddPartitionsToTxn", 1, **ids, topics=[{"name": "t", "partitions": [0]}])
        records = batch(producer=producer.producer_id, epoch=0, sequence=0, transactional=True)
        other.produce("t", records)
        end = 1
        self.assertLess(timed(isolation=0)[0], 0.1)
        threading.Timer(0.3, lambda: other("EndTxn", 1, **ids, committed=True)).start()
        seconds, size, _ = timed()
        self.assertTrue(0.2 < seconds < 1 and size)
        end = 3
        threading.Timer(0.3, lambda: other("DeleteTopics", 3, topics=["t"], timeout=1000)).start()
        seconds, _, error = timed()
        self.assertTrue(0.2 < seconds < 1 and error == 3)

    def start_of(self, topic):
        """(first offset, end) of the log."""
        client = self.connect()

        def find(timestamp):
            topics = [{"name": topic, "partitions": [{"index": 0, "leader_epoch": -1, "timestamp": timestamp}]}]
            answer = client("ListOffsets", 5, replica=-1, isolation=0, topics=topics)
            return answer.topics[0].partitions[0].offset

        return find(-2), find(-1)

    def test_retention_moves_the_start(self):
        self.create("bytes", retention_bytes=5000)
        self.create("time", retention_ms=1500)
        client = self.connect()
        for _ in range(10):
            client.produce("bytes", batch(value=b"x" * 1000))
            client.produce("time", batch())
        self.assertEqual(self.start_of("time"), (0, 10))
        self.wait_until(lambda: self.start_of("bytes") == (5, 10), 3)
        self.wait_until(lambda: self.start_of("time") == (10, 10), 4)
        self.assertEqual(client.fetch("bytes", 4).error, 1)
        # Not past an open transaction.
        producer = self.producer("x")
        producer.begin_transaction()
        producer.produce("time", b"open", partition=0)
        producer.flush(10)
        time.sleep(3)
        self.assertEqual(self.start_of("time"), (10, 11))
        producer.commit_transaction(10)
        self.wait_until(lambda: self.start_of("time") == (12, 12), 5)

    def test_compaction_keeps_the_last_committed_value_of_each_key(self):
        self.create("t", cleanup_policy="compact")
        random.seed(1)
        producer = self.producer("writer", **{"compression.codec": "lz4"})
        plain = self.producer(**{"compression.codec": "gzip"})
        expected, written = {}, 0
        for number in range(150):
            commits = random.random() < 0.7
            if commits and random.random() < 0.3:
                changes = {f"plain{random.randrange(6)}": f"{number}" for _ in range(2)}
                for key, value in changes.items():
                    plain.produce("t", value + os.urandom(10000).hex(), key, partition=0)
                plain.flush(10)
            else:
                changes = {f"key{random.randrange(8)}": f"{number}" for _ in range(random.randrange(1, 4))}
                producer.begin_transaction()
                for key, value in changes.items():
                    producer.produce("t", value + os.urandom(10000).hex(), key, partition=0)
                    producer.flush(10)
                (producer.commit_transaction if commits else producer.abort_transaction)(10)
            if commits:
                expected.update(changes)
            written += len(changes)

        def state(offset=0):
            consumer = self.consumer()
            consumer.assign([TopicPartition("t", 0, offset)])
            found, count, until = {}, 0, time.monotonic() + 1
            while time.monotonic() < until:
                message = consumer.poll(0.1)
                if message is not None and message.error() is None:
                    found[message.key().decode()] = message.value().decode()[:-20000]
                    count += 1
            return found, count

        time.sleep(2.5)
        found, count = state()
        self.assertEqual(found, expected)
        self.assertLess(count, written / 2)
        producer.begin_transaction()
        producer.produce("t", "aborted" + "0" * 20000, "key1", partition=0)
        producer.abort_transaction(10)
        producer.begin_transaction()
        producer.produce("t", "last" + "0" * 20000, "key0", partition=0)
        producer.commit_transaction(10)
        expected["key0"] = "last"
        self.assertEqual(state()[0], expected)
        low, high = self.start_of("t")
        self.assertEqual(low, 0)
        for offset in random.sample(range(high), 5):
            self.assertTrue(state(offset)[0].items() <= expected.items())

    def test_restart_keeps_everything(self):
        self.create("t", 2, retention_ms=123456789)
        producer, plain = self.producer("writer"), self.producer()
        for finish in (producer.abort_transaction, producer.commit_transaction):
            producer.begin_transaction()
            producer.produce("t", finish.__name__, partition=0)
            finish(10)
        producer.begin_transaction()
        producer.produce("t", b"open", partition=0)
        producer.flush(10)
        plain.produce("t", b"after", partition=0)
        plain.flush(10)
        consumer = self.consumer("group")
        consumer.commit(offsets=[TopicPartition("t", 1, 7)], asynchronous=False)
        client = self.connect()
        cluster, fetched = client("Metadata", 4).cluster_id, client.fetch("t", 0, isolation=0)
        host, port = self.broker.address.split(":")
        self.stop()
        self.broker = type(self.broker)("--data-dir", os.path.join(self.folder.name, "data"), "--port", port)
        client = self.connect()
        self.assertEqual(client("Metadata", 4).cluster_id, cluster)
        self.assertEqual(client.fetch("t", 0, isolation=0), fetched)
        self.assertEqual(self.values("t"), ["commit_transaction"])
        self.assertEqual(consumer.committed([TopicPartition("t", 1)], 10)[0].offset, 7)
        # The clients go on where they were.
        producer.produce("t", b"rest", partition=0)
        producer.commit_transaction(10)
        self.assertEqual(self.values("t"), ["commit_transaction", "open", "after", "rest"])

    def test_garbage_harms_nobody(self):
        self.create("t")
        host, port = self.broker.address.split(":")
        random.seed(2)
        for number in range(200):
            with socket.create_connection((host, int(port))) as connection:
                body = struct.pack(">hhih", random.randrange(50), random.randrange(9), 1, -1) + random.randbytes(number)
                size = len(body) if number % 3 else random.getrandbits(31)
                connection.sendall(struct.pack(">i", size) + body)
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            self.assertEqual(connection.recv(100), b"")
        self.assertEqual(self.connect().produce("t", batch()).error, 0)


if __name__ == "__main__":
    unittest.main()
