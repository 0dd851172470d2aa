"""Consumer groups: who has which partitions, and which offsets are taken."""

import threading
import time
import unittest

from confluent_kafka import KafkaException, TopicPartition
from support import BrokerTestCase


class Reader:
    """A consumer on a thread of its own; counts how often it was given partitions."""

    def __init__(self, test, topic, **settings):
        self.consumer = test.consumer("group", **settings)
        self.assignments = 0
        self.partitions = set()
        self._stopped = threading.Event()
        self.consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        test.addCleanup(self.stop)

    def _assigned(self, consumer, partitions):
        self.assignments += 1
        self.partitions = {partition.partition for partition in partitions}

    def _revoked(self, consumer, partitions):
        self.partitions = set()

    def _run(self):
        while not self._stopped.is_set():
            self.consumer.poll(0.05)

    def stop(self):
        self._stopped.set()
        self._thread.join()
        self.consumer.close()


class GroupTests(BrokerTestCase):
    def test_members_share_partitions_and_take_over_those_of_one_that_leaves(self):
        self.create("t", 4)
        readers = [Reader(self, "t") for _ in range(3)]
        self.wait_until(lambda: sorted(sum((list(each.partitions) for each in readers), [])) == [0, 1, 2, 3])
        self.wait_until(lambda: all(each.partitions for each in readers))
        readers[0].stop()
        self.wait_until(lambda: readers[1].partitions | readers[2].partitions == {0, 1, 2, 3}, seconds=5)

    def join(self, client, member="", instance=None, session=1000, metadata=b"m", version=5):
        client.send(
            "JoinGroup", version, group="group", session_timeout=session, rebalance_timeout=3000, member=member,
            instance=instance, protocol_type="consumer", protocols=[{"name": "range", "metadata": metadata}],
        )  # fmt: skip

    def joined(self, client, version=5):
        return client.receive("JoinGroup", version)

    def sync(self, client, joined, assignments=(), instance=None):
        return client(
            "SyncGroup", 3, group="group", generation=joined.generation, member=joined.member, instance=instance,
            assignments=[{"member": member, "assignment": value} for member, value in assignments],
        )  # fmt: skip

    def heartbeat(self, client, joined, instance=None, **changes):
        fields = {"generation": joined.generation, "member": joined.member, **changes}
        return client("Heartbeat", 3, group="group", instance=instance, **fields).error

    def test_silent_dynamic_member_expires(self):
        self.create("t", 4)
        silent, client = self.connect(), self.connect()
        self.join(silent, version=3)
        first = self.joined(silent, version=3)
        self.assertEqual(first.leader, first.member)
        self.sync(silent, first, [(first.member, b"all")])
        began = time.monotonic()
        self.join(client, version=3)
        # The silent one holds the rebalance up until its session is over.
        second = self.joined(client, version=3)
        self.assertTrue(0.7 < time.monotonic() - began < 2, time.monotonic() - began)
        self.assertEqual((second.leader, len(second.members)), (second.member, 1))
        self.assertEqual(self.heartbeat(silent, first), 25)
        self.assertEqual(self.sync(client, second, [(second.member, b"all")]).assignment, b"all")

    def test_partitions_of_a_static_member_move_once_its_session_is_over(self):
        self.create("t", 4)
        silent = self.consumer("group", group_instance_id="a")
        silent.subscribe(["t"])
        self.wait_until(lambda: silent.poll(0.1) is None and len(silent.assignment()) == 4)
        # A static member says nothing when it goes.
        silent.close()
        reader = Reader(self, "t")
        self.wait_until(lambda: reader.partitions == {0, 1, 2, 3}, seconds=10)

    def test_static_member_that_returns_in_time_keeps_its_partitions(self):
        self.create("t", 4)
        settings = {"session.timeout.ms": 6000}
        readers = [Reader(self, "t", group_instance_id=name, **settings) for name in "ab"]
        self.wait_until(lambda: all(len(each.partitions) == 2 for each in readers))
        for place in (0, 1):
            kept, assignments = readers[place].partitions, readers[1 - place].assignments
            readers[place].stop()
            time.sleep(0.5)
            readers[place] = Reader(self, "t", group_instance_id="ab"[place], **settings)
            self.wait_until(lambda: readers[place].partitions, seconds=5)
            time.sleep(1)
            self.assertEqual(readers[place].partitions, kept)
            self.assertEqual(readers[1 - place].assignments, assignments)

    def test_second_owner_of_a_static_name_fences_the_first(self):
        old, new = self.connect(), self.connect()
        self.join(old, instance="a", session=5000)
        first = self.joined(old)
        self.assertEqual(self.sync(old, first, [(first.member, b"mine")], instance="a").assignment, b"mine")
        self.join(new, instance="a", session=5000)
        second = self.joined(new)
        self.assertEqual((second.error, second.generation, second.leader), (0, first.generation, first.member))
        self.assertEqual(self.sync(new, second, instance="a").assignment, b"mine")
        self.assertEqual(self.heartbeat(old, first, "a"), 82)
        self.assertEqual(self.heartbeat(new, second, "a"), 0)

    def test_generations_and_states_are_checked(self):
        self.create("t", 1)
        one, two = self.connect(), self.connect()
        self.join(one)
        refused = self.joined(one)
        self.assertEqual(refused.error, 79)
        self.join(one, member=refused.member)
        first = self.joined(one)
        self.assertEqual((first.error, first.generation), (0, 1))

        def commit(generation, member, instance=None):
            partition = {"index": 0, "offset": 3, "leader_epoch": -1, "metadata": ""}
            answer = one(
                "OffsetCommit", 7, group="group", generation=generation, member=member, instance=instance,
                topics=[{"name": "t", "partitions": [partition]}],
            )  # fmt: skip
            return answer.topics[0].partitions[0].error

        self.assertEqual(commit(1, first.member), 27)
        self.sync(one, first, [(first.member, b"all")])
        self.assertEqual(self.heartbeat(one, first), 0)
        self.assertEqual(self.heartbeat(one, first, generation=0), 22)
        self.assertEqual(self.heartbeat(one, first, member="other"), 25)
        self.assertEqual([commit(1, first.member), commit(0, first.member), commit(1, "other")], [0, 22, 25])
        self.assertEqual(commit(-1, ""), 25)
        self.join(two, version=3)
        time.sleep(0.2)
        self.assertEqual(self.heartbeat(one, first), 27)
        self.join(one, member=first.member)
        first, second = self.joined(one), self.joined(two, version=3)
        self.assertEqual((first.generation, second.generation, second.leader), (2, 2, first.member))
        # The follower's request waits for the leader's.
        two.send("SyncGroup", 3, group="group", generation=2, member=second.member, instance=None, assignments=[])
        self.sync(one, first, [(first.member, b"1"), (second.member, b"2")])
        self.assertEqual(two.receive("SyncGroup", 3).assignment, b"2")
        for client, joined in ((one, first), (two, second)):
            left = client("LeaveGroup", 3, group="group", members=[{"member": joined.member, "instance": None}])
            self.assertEqual(left.members[0].error, 0)
        self.assertEqual(commit(-1, ""), 0)

    def test_member_that_never_fetches_its_assignment_is_removed(self):
        client = self.connect()
        self.join(client, version=3, session=60000)
        first = self.joined(client, version=3)
        time.sleep(3.5)
        self.assertEqual(self.heartbeat(client, first), 25)

    def test_deleted_topic_takes_its_offsets_along(self):
        self.create("t")
        consumer = self.consumer("group")
        place = TopicPartition("t", 0, 3)
        consumer.commit(offsets=[place], asynchronous=False)
        self.assertEqual(consumer.committed([place], 10)[0].offset, 3)
        self.connect()("DeleteTopics", 3, topics=["t"], timeout=1000)
        self.create("t")
        self.assertLess(consumer.committed([place], 10)[0].offset, 0)
        with self.assertRaises(KafkaException):
            consumer.commit(offsets=[TopicPartition("t", 7, 3)], asynchronous=False)


if __name__ == "__main__":
    unittest.main()
