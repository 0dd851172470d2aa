"""One partition: its batches, who wrote them, and which transactions are open or aborted."""

import time
from bisect import bisect_left
from collections import deque

import errors
from errors import KafkaError
from records import marker, records

READ_UNCOMMITTED, READ_COMMITTED = 0, 1
_PRODUCER_EXPIRES_AFTER = 24 * 3600
_LAST_SEQUENCE = 1 << 31


class PartitionTransaction:
    """What one transaction wrote to one partition: from its first batch to its marker."""

    __slots__ = ("producer_id", "first", "last", "aborted", "batches")

    def __init__(self, producer_id, first):
        self.producer_id = producer_id
        self.first = first
        self.last = None
        self.aborted = False
        # How many of its batches are still there, without the marker.
        self.batches = 0


class _Producer:
    """What is known of an idempotent producer: its epoch and its last five batches."""

    __slots__ = ("epoch", "recent", "seen")

    def __init__(self, epoch):
        self.epoch = epoch
        self.recent = deque(maxlen=5)
        self.seen = time.time()


class PartitionLog:
    """The batches in the order of their offsets; `lasts` holds the last offset of each, to search in."""

    def __init__(self):
        self.batches = []
        self.lasts = []
        self.start = 0
        self.end = 0
        self.size = 0
        self.open = {}
        self.aborted = []
        self._producers = {}
        self._waiters = (set(), set())

    def __getstate__(self):
        return {**self.__dict__, "_waiters": (set(), set())}

    @property
    def stable_end(self):
        """The last stable offset: all below it is committed or aborted."""
        # Transactions were opened in the order of their first offsets.
        return next(iter(self.open.values())).first if self.open else self.end

    def visible_end(self, isolation):
        return self.stable_end if isolation == READ_COMMITTED else self.end

    # Waiting readers

    def add_waiter(self, future, isolation):
        self._waiters[isolation].add(future)

    def remove_waiter(self, future, isolation):
        self._waiters[isolation].discard(future)

    def _wake(self, isolation):
        for future in self._waiters[isolation]:
            if not future.done():
                future.set_result(None)
        self._waiters[isolation].clear()

    def wake_all(self):
        self._wake(READ_UNCOMMITTED)
        self._wake(READ_COMMITTED)

    # Writing

    def append(self, batch):
        """Appends a batch unless it is there already; the offset of its first record."""
        if batch.producer_id < 0:
            self._append(batch)
            return batch.base
        producer = self._producers.get(batch.producer_id)
        if producer:
            if (offset := self._check_sequence(producer, batch)) is not None:
                return offset
        if not batch.is_transactional and batch.producer_id in self.open:
            raise KafkaError(errors.INVALID_TXN_STATE)
        if not producer or producer.epoch != batch.epoch:
            producer = self._producers[batch.producer_id] = _Producer(batch.epoch)
        self._append(batch)
        producer.recent.append((batch.sequence, batch.last_sequence, batch.base))
        producer.seen = time.time()
        return batch.base

    def _check_sequence(self, producer, batch):
        """The offset at which the batch is already; None if it comes next."""
        if batch.epoch < producer.epoch:
            raise KafkaError(errors.INVALID_PRODUCER_EPOCH)
        expected = 0
        if batch.epoch == producer.epoch:
            for first, last, offset in producer.recent:
                if (first, last) == (batch.sequence, batch.last_sequence):
                    return offset
            if producer.recent:
                expected = (producer.recent[-1][1] + 1) % _LAST_SEQUENCE
        if batch.sequence != expected:
            raise KafkaError(errors.OUT_OF_ORDER_SEQUENCE_NUMBER)
        return None

    def _append(self, batch):
        was_stable = self.stable_end
        batch.place(self.end)
        if batch.is_transactional and not batch.is_control:
            transaction = self.open.get(batch.producer_id)
            if transaction is None:
                transaction = self.open[batch.producer_id] = PartitionTransaction(batch.producer_id, batch.base)
            transaction.batches += 1
            batch.transaction = transaction
        self.batches.append(batch)
        self.lasts.append(batch.last)
        self.end = batch.last + 1
        self.size += len(batch.data)
        self._wake(READ_UNCOMMITTED)
        if self.stable_end != was_stable:
            self._wake(READ_COMMITTED)

    def end_transaction(self, producer_id, epoch, commits):
        """Writes the marker and settles what the producer wrote."""
        batch = marker(self.end, producer_id, epoch, commits, int(time.time() * 1000))
        transaction = batch.transaction = self.open.pop(producer_id, None)
        if transaction:
            transaction.last = batch.base
            transaction.aborted = not commits
            if transaction.aborted:
                self.aborted.append(transaction)
        self._append(batch)
        # The transaction may have been the one that held the stable end back, whatever that is now.
        self._wake(READ_COMMITTED)
        producer = self._producers.get(producer_id)
        if not producer or epoch > producer.epoch:
            self._producers[producer_id] = _Producer(epoch)

    # Reading

    def read(self, offset, isolation, max_bytes, first_max_bytes):
        """Whole batches from the one with the offset on: (pieces, bytes, offset after the last of them).

        The first may have `first_max_bytes`, any size if that is None.
        """
        if not self.start <= offset <= self.end:
            raise KafkaError(errors.OFFSET_OUT_OF_RANGE)
        visible_end = self.visible_end(isolation)
        pieces, size, end = [], 0, offset
        for index in range(bisect_left(self.lasts, offset), len(self.batches)):
            batch = self.batches[index]
            if batch.last >= visible_end:
                break
            limit = max_bytes if pieces else first_max_bytes
            if limit is not None and size + len(batch.data) > limit:
                break
            pieces.append(batch.data)
            size += len(batch.data)
            end = batch.last + 1
        return pieces, size, end

    def aborted_between(self, offset, end):
        """The aborted transactions that a reader of this range has to know, by first offset."""
        found = []
        for transaction in reversed(self.aborted):
            if transaction.last < offset:
                break
            if transaction.first < end:
                found.append(transaction)
        return sorted(found, key=lambda transaction: transaction.first)

    def find_timestamp(self, timestamp, isolation):
        """(offset, timestamp) of the first record at or after the time; (-1, -1) if there is none."""
        visible_end = self.visible_end(isolation)
        for batch in self.batches:
            if batch.last_timestamp < timestamp or batch.is_control:
                continue
            if batch.last >= visible_end:
                break
            for offset, time_of_record, _ in records(batch) or [(batch.base, batch.first_timestamp, None)]:
                if time_of_record >= timestamp and offset >= self.start:
                    return offset, time_of_record
        return -1, -1

    # Forgetting

    def delete_before(self, offset):
        """Moves the start of the log; batches that lie before it go."""
        self.start = max(self.start, offset)
        count = bisect_left(self.lasts, self.start)
        self.size -= sum(len(batch.data) for batch in self.batches[:count])
        del self.batches[:count], self.lasts[:count]
        self.aborted = [transaction for transaction in self.aborted if transaction.last >= self.start]

    def apply_retention(self, max_bytes, max_milliseconds):
        """Drops old batches, never those that an open transaction holds back."""
        oldest = time.time() * 1000 - max_milliseconds
        stable_end = self.stable_end
        size, start = self.size, self.start
        for batch in self.batches:
            too_many = max_bytes >= 0 and size - len(batch.data) >= max_bytes
            too_old = max_milliseconds >= 0 and batch.last_timestamp < oldest
            if batch.last >= stable_end or not (too_many or too_old):
                break
            size -= len(batch.data)
            start = batch.last + 1
        if start > self.start:
            self.delete_before(start)

    def replace_batches(self, kept):
        """What compaction has left; offsets stay as they are."""
        self.batches = kept
        self.lasts = [batch.last for batch in kept]
        self.size = sum(len(batch.data) for batch in kept)
        # Its marker may be gone with the last of its batches: a reader that began after that would never hear the end.
        self.aborted = [transaction for transaction in self.aborted if transaction.batches]

    def expire_producers(self):
        limit = time.time() - _PRODUCER_EXPIRES_AFTER
        for producer_id in [id for id, producer in self._producers.items() if producer.seen < limit]:
            if producer_id not in self.open:
                del self._producers[producer_id]
