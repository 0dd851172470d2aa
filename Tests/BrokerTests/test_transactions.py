"""Transactions: what readers see, who is fenced, and which offsets count."""

import time
import unittest

from confluent_kafka import KafkaException, TopicPartition
from support import BrokerTestCase, batch, batches


class TransactionTests(BrokerTestCase):
    def write(self, producer, topic, *values):
        for value in values:
            producer.produce(topic, value, b"k", partition=0)
        producer.flush(10)

    def test_readers_lose_nothing_after_an_abort(self):
        self.create("t")
        producer = self.producer("writer")
        committed = []
        for index in range(12):
            producer.begin_transaction()
            values = [f"{index}.{part}" for part in range(3)]
            for value in values:
                self.write(producer, "t", value)
            if index % 3 == 1:
                producer.abort_transaction(10)
            else:
                producer.commit_transaction(10)
                committed += values
        everything = self.read("t")
        self.assertEqual([value for _, value in everything], committed)
        # Also for those that begin in the midst, at each place.
        for offset in range(0, everything[-1][0] + 1, 5):
            expected = [each for each in everything if each[0] >= offset]
            self.assertEqual(self.read("t", offset=offset, settle=0.7), expected)
        self.assertEqual(len(self.read("t", isolation="read_uncommitted")), 36)

    def test_only_aborted_transactions_within_the_range_are_reported(self):
        self.create("t")
        producer = self.producer("writer")
        for finish in (producer.abort_transaction, producer.commit_transaction, producer.abort_transaction):
            producer.begin_transaction()
            self.write(producer, "t", "a")
            finish(10)
        client = self.connect()

        def aborted(offset, **limits):
            return [each.first_offset for each in client.fetch("t", offset, **limits).aborted]

        self.assertEqual([aborted(offset) for offset in range(6)], [[0, 4], [0, 4], [4], [4], [4], [4]])
        self.assertEqual(aborted(0, max_bytes=1), [0])
        self.assertEqual(aborted(2, max_bytes=1), [])
        self.assertEqual(aborted(0, isolation=0), [])
        types = [each.is_control for each in batches(client.fetch("t", 0).records)]
        self.assertEqual(types, [False, True] * 3)

    def test_open_transactions_hold_readers_back_until_they_end(self):
        self.create("t")
        first, second = self.producer("first"), self.producer("second")
        first.begin_transaction()
        self.write(first, "t", "early")
        second.begin_transaction()
        self.write(second, "t", "late")
        second.commit_transaction(10)
        self.assertEqual(self.values("t"), [])
        self.assertEqual(self.connect().fetch("t", 0).stable, 0)
        first.abort_transaction(10)
        self.assertEqual(self.values("t"), ["late"])

    def test_orphaned_transaction_is_aborted_and_its_producer_fenced(self):
        self.create("t")
        # Longer than the second that librdkafka takes to learn of a topic.
        orphan = self.producer("orphan", timeout=2500)
        orphan.begin_transaction()
        self.write(orphan, "t", "orphaned")
        self.write(self.producer(), "t", "plain")
        self.assertEqual(self.values("t", settle=4), ["plain"])
        with self.assertRaises(KafkaException) as caught:
            orphan.commit_transaction(10)
        self.assertTrue(caught.exception.args[0].fatal())
        self.assertEqual(self.values("t"), ["plain"])

    def test_returning_transactional_id_aborts_at_once(self):
        self.create("t")
        old = self.producer("writer")
        old.begin_transaction()
        self.write(old, "t", "old")
        began = time.monotonic()
        new = self.producer("writer")
        new.begin_transaction()
        self.write(new, "t", "new")
        new.commit_transaction(10)
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(self.values("t"), ["new"])
        with self.assertRaises(KafkaException):
            self.write(old, "t", "old again")
            old.commit_transaction(10)
        self.assertEqual(self.values("t"), ["new"])

    def test_epochs_and_states_are_checked(self):
        self.create("t")
        client = self.connect()

        def initialize(**fields):
            return client("InitProducerId", 4, transactional_id="x", timeout=60000, **fields)

        one = initialize(producer_id=-1, epoch=-1)
        ids = {"transactional_id": "x", "producer_id": one.producer_id, "epoch": one.epoch}
        first = batch(producer=one.producer_id, epoch=one.epoch, sequence=0, transactional=True)
        self.assertEqual(client.produce("t", first).error, 48)
        self.assertEqual(client("EndTxn", 1, **ids, committed=True).error, 48)
        added = client("AddPartitionsToTxn", 1, **ids, topics=[{"name": "t", "partitions": [0]}])
        self.assertEqual(added.topics[0].partitions[0].error, 0)
        self.assertEqual(client.produce("t", first).error, 0)
        # The producer itself goes on with a new epoch: what it had left open is aborted; its repeated request is known.
        two = initialize(producer_id=one.producer_id, epoch=one.epoch)
        self.assertEqual((two.error, two.producer_id, two.epoch), (0, one.producer_id, one.epoch + 1))
        self.assertEqual(vars(initialize(producer_id=one.producer_id, epoch=one.epoch)), vars(two))
        self.assertEqual(client.fetch("t", 0).stable, 2)
        self.assertEqual(client.produce("t", first).error, 47)
        self.assertEqual(client("EndTxn", 1, **ids, committed=True).error, 47)
        self.assertEqual(client("EndTxn", 2, **ids, committed=True).error, 90)
        three = initialize(producer_id=-1, epoch=-1)
        self.assertEqual((three.producer_id, three.epoch), (one.producer_id, one.epoch + 2))
        self.assertEqual(initialize(producer_id=one.producer_id, epoch=one.epoch).error, 90)

    def test_epochs_that_run_out_give_a_new_producer_id(self):
        client = self.connect()
        last, seen = None, set()
        for _ in range(32769):
            last = client("InitProducerId", 1, transactional_id="x", timeout=60000)
            seen.add(last.producer_id)
        self.assertEqual((len(seen), last.epoch), (2, 1))

    def test_offsets_of_a_transaction_count_when_it_is_committed(self):
        self.create("in")
        self.create("out")
        place = [TopicPartition("in", 0, 5)]
        consumer = self.consumer("stage")
        consumer.subscribe(["in"])
        self.wait_until(lambda: consumer.poll(0.1) is None and consumer.assignment())
        client = self.connect()

        def fetch(stable=False):
            topics = [{"name": "in", "partitions": [0]}]
            answer = client("OffsetFetch", 7, group="stage", topics=topics, require_stable=stable)
            return answer.topics[0].partitions[0]

        producer = self.producer("writer")
        for end, expected in ((producer.abort_transaction, -1), (producer.commit_transaction, 5)):
            producer.begin_transaction()
            producer.send_offsets_to_transaction(place, consumer.consumer_group_metadata(), 10)
            self.assertEqual((fetch().offset, fetch(stable=True).error), (-1, 88))
            end(10)
            self.assertEqual((fetch().offset, fetch(stable=True).error), (expected, 0))

    def test_offsets_of_a_stale_generation_are_refused(self):
        self.create("in")
        self.create("out")
        stale = self.consumer("stage")
        stale.subscribe(["in"])
        self.wait_until(lambda: stale.poll(0.1) is None and stale.assignment())
        metadata = stale.consumer_group_metadata()
        stale.close()
        fresh = self.consumer("stage")
        fresh.subscribe(["in"])
        self.wait_until(lambda: fresh.poll(0.1) is None and fresh.assignment())
        producer = self.producer("writer")
        producer.begin_transaction()
        self.write(producer, "out", "stale")
        with self.assertRaises(KafkaException) as caught:
            producer.send_offsets_to_transaction([TopicPartition("in", 0, 1)], metadata, 10)
        self.assertTrue(caught.exception.args[0].txn_requires_abort())
        producer.abort_transaction(10)
        producer.begin_transaction()
        self.write(producer, "out", "fresh")
        producer.send_offsets_to_transaction([TopicPartition("in", 0, 2)], fresh.consumer_group_metadata(), 10)
        producer.commit_transaction(10)
        self.assertEqual(self.values("out"), ["fresh"])
        self.assertEqual(fresh.committed([TopicPartition("in", 0)], 10)[0].offset, 2)


if __name__ == "__main__":
    unittest.main()
