"""Requests that write and read records, and those that tell clients where everything is."""

import asyncio

import errors
from errors import KafkaError
from log import READ_COMMITTED
from records import split
from schemas import APIS

NODE = 1
_LATEST, _EARLIEST = -1, -2
_FIRST_FETCH_OF_FORMAT_2 = 4


def for_each_partition(request, handle):
    """The usual answer: `handle(topic name, partition)` of each, or the error code it throws."""

    def answer(topic, partition):
        index = partition if isinstance(partition, int) else partition.index
        try:
            return {"index": index, "error": errors.NONE, **(handle(topic.name, partition) or {})}
        except KafkaError as error:
            return {"index": index, "error": error.code}

    return [
        {"name": topic.name, "partitions": [answer(topic, partition) for partition in topic.partitions]}
        for topic in request.topics or ()
    ]


class DataRequests:
    """Part of the broker."""

    def api_versions(self, request, context):
        return {"apis": [{"key": api[0], "first": api[1], "last": api[2]} for api in APIS.values()]}

    def metadata(self, request, context):
        # An empty list meant all topics in version 0; since then null does.
        everything = request.topics is None or context.version == 0 and not request.topics
        names = list(self.topics) if everything else [topic.name for topic in request.topics]
        host, port = context.address
        return {
            "brokers": [{"node": NODE, "host": host, "port": port}], "cluster_id": self.cluster_id, "controller": NODE,
            "topics": [self._topic_metadata(name) for name in names],
        }  # fmt: skip

    def _topic_metadata(self, name):
        topic = self.topics.get(name)
        if topic is None:
            return {"error": errors.UNKNOWN_TOPIC_OR_PARTITION, "name": name}
        partitions = [
            {"index": index, "leader": NODE, "replicas": [NODE], "isr": [NODE]}
            for index in range(len(topic.partitions))
        ]
        return {"name": name, "partitions": partitions}

    def produce(self, request, context):
        topics = for_each_partition(request, self._append)
        return {"topics": topics} if request.acks else None

    def _append(self, name, partition):
        log = self.partition(name, partition.index)
        batches = split(partition.records or b"")
        if any(len(batch.data) > self.topics[name].largest_batch for batch in batches):
            raise KafkaError(errors.MESSAGE_TOO_LARGE)
        for batch in batches:
            self.transactions.check_batch(batch, name, partition.index)
        offsets = [log.append(batch) for batch in batches]
        return {"base_offset": offsets[0], "log_start": log.start}

    async def fetch(self, request, context):
        if context.version < _FIRST_FETCH_OF_FORMAT_2:
            refuse = {"error": errors.UNSUPPORTED_FOR_MESSAGE_FORMAT}
            return {"topics": for_each_partition(request, lambda name, partition: refuse)}
        if request.session and request.epoch > 0:
            # No session is ever given out; a client that names one begins anew with the full list.
            return {"error": errors.FETCH_SESSION_ID_NOT_FOUND}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + request.max_wait / 1000
        while True:
            answer, size, urgent = self._read_all(request)
            seconds = deadline - loop.time()
            if urgent or size >= request.min_bytes or seconds <= 0:
                return answer
            await self._wait_for_records(request, seconds)

    def _read_all(self, request):
        """The answer, the bytes of records in it, and whether something is wrong that must be told at once."""
        size = 0

        def read(name, partition):
            nonlocal size
            log = self.partition(name, partition.index)
            # The first batch of all is sent however large it is; the first of a partition if it fits into the whole.
            space = request.max_bytes - size
            pieces, read_bytes, end = log.read(
                partition.offset, request.isolation, min(partition.max_bytes, space), space if size else None
            )
            size += read_bytes
            aborted = log.aborted_between(partition.offset, end) if request.isolation == READ_COMMITTED else ()
            return {
                "high_watermark": log.end, "stable": log.stable_end, "log_start": log.start, "records": pieces,
                "aborted": [{"producer_id": each.producer_id, "first_offset": each.first} for each in aborted],
            }  # fmt: skip

        topics = for_each_partition(request, read)
        urgent = any(partition["error"] for topic in topics for partition in topic["partitions"])
        return {"topics": topics}, size, urgent or not topics

    async def _wait_for_records(self, request, seconds):
        future = asyncio.get_running_loop().create_future()
        logs = [self.partition(topic.name, each.index) for topic in request.topics for each in topic.partitions]
        for log in logs:
            log.add_waiter(future, request.isolation)
        try:
            await asyncio.wait((future,), timeout=seconds)
        finally:
            for log in logs:
                log.remove_waiter(future, request.isolation)

    def list_offsets(self, request, context):
        def find(name, partition):
            log = self.partition(name, partition.index)
            timestamp = -1
            if partition.timestamp == _LATEST:
                offset = log.visible_end(request.isolation)
            elif partition.timestamp == _EARLIEST:
                offset = log.start
            else:
                offset, timestamp = log.find_timestamp(partition.timestamp, request.isolation)
            return {"offset": offset, "timestamp": timestamp, "leader_epoch": 0 if offset >= 0 else -1}

        return {"topics": for_each_partition(request, find)}

    def delete_records(self, request, context):
        def delete(name, partition):
            log = self.partition(name, partition.index)
            offset = log.end if partition.offset == _LATEST else partition.offset
            if not log.start <= offset <= log.end:
                raise KafkaError(errors.OFFSET_OUT_OF_RANGE)
            log.delete_before(offset)
            return {"log_start": log.start}

        return {"topics": for_each_partition(request, delete)}

    def find_coordinator(self, request, context):
        host, port = context.address
        return {"node": NODE, "host": host, "port": port}
