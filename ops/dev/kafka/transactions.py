"""The transaction coordinator: producer ids, epochs, and the transactions that are open."""

import time

import errors
from errors import KafkaError

_LONGEST_TIMEOUT = 900_000
_LAST_EPOCH = 32767
_EMPTY, _ONGOING, _COMMITTED, _ABORTED = "Empty", "Ongoing", "CompleteCommit", "CompleteAbort"


class Transaction:
    """The state of one transactional id."""

    def __init__(self, producer_id):
        self.producer_id = producer_id
        self.epoch = -1
        # The epoch before the producer itself asked for a new one: its repeated request is answered alike.
        self.previous_epoch = -1
        self.timeout = 0
        self.state = _EMPTY
        self.started = 0
        self.partitions = set()
        self.groups = set()

    def begin(self):
        if self.state != _ONGOING:
            self.state = _ONGOING
            self.started = time.monotonic()


class TransactionCoordinator:
    """No method awaits anything: each transaction ends in one step for all who look."""

    def __init__(self, find_partition, find_group):
        """`find_partition(topic, index)` and `find_group(name)` give None for what does not exist."""
        self.connect(find_partition, find_group)
        self._next_producer_id = 1000
        self._by_id = {}
        self._by_producer = {}

    def connect(self, find_partition, find_group):
        self._find_partition = find_partition
        self._find_group = find_group

    def __getstate__(self):
        return {**self.__dict__, "_find_partition": None, "_find_group": None}

    def restart_clocks(self):
        """After a restart: the time in which the broker did not run does not count."""
        for transaction in self._by_id.values():
            transaction.started = time.monotonic()

    def _new_producer_id(self):
        self._next_producer_id += 1
        return self._next_producer_id

    def initialize(self, transactional_id, timeout, producer_id, epoch):
        """(producer id, epoch) for a producer that starts, or that goes on after an error (then with its old ones)."""
        if transactional_id is None:
            return self._new_producer_id(), 0
        if not transactional_id:
            raise KafkaError(errors.INVALID_REQUEST)
        if not 0 < timeout <= _LONGEST_TIMEOUT:
            raise KafkaError(errors.INVALID_TRANSACTION_TIMEOUT)
        transaction = self._by_id.get(transactional_id)
        if transaction is None:
            transaction = self._by_id[transactional_id] = Transaction(self._new_producer_id())
            self._by_producer[transaction.producer_id] = transaction
        elif producer_id >= 0:
            if producer_id != transaction.producer_id or epoch not in (transaction.epoch, transaction.previous_epoch):
                raise KafkaError(errors.PRODUCER_FENCED)
            if epoch != transaction.epoch:
                return producer_id, transaction.epoch
        transaction.timeout = timeout
        self._fence(transaction)
        transaction.state = _EMPTY
        transaction.previous_epoch = epoch
        if transaction.epoch == _LAST_EPOCH:
            del self._by_producer[transaction.producer_id]
            transaction.producer_id, transaction.epoch, transaction.previous_epoch = self._new_producer_id(), 0, -1
            self._by_producer[transaction.producer_id] = transaction
        return transaction.producer_id, transaction.epoch

    def _fence(self, transaction):
        """Makes the epoch of whoever has it now too old, and aborts what they left open."""
        transaction.epoch = min(transaction.epoch + 1, _LAST_EPOCH)
        transaction.previous_epoch = -1
        if transaction.state == _ONGOING:
            self._finish(transaction, False)

    def abort_overdue(self, now):
        for transaction in self._by_id.values():
            if transaction.state == _ONGOING and (now - transaction.started) * 1000 > transaction.timeout:
                self._fence(transaction)

    def postpone_timeouts(self, seconds):
        for transaction in self._by_id.values():
            transaction.started += seconds

    def _find(self, transactional_id, producer_id, epoch):
        transaction = self._by_id.get(transactional_id)
        if transaction is None or transaction.producer_id != producer_id:
            raise KafkaError(errors.INVALID_PRODUCER_ID_MAPPING)
        if transaction.epoch != epoch:
            raise KafkaError(errors.PRODUCER_FENCED)
        return transaction

    def add_partitions(self, transactional_id, producer_id, epoch, partitions):
        transaction = self._find(transactional_id, producer_id, epoch)
        transaction.begin()
        transaction.partitions.update(partitions)

    def add_group(self, transactional_id, producer_id, epoch, group):
        transaction = self._find(transactional_id, producer_id, epoch)
        transaction.begin()
        transaction.groups.add(group)

    def check_offsets(self, transactional_id, producer_id, epoch, group):
        """Throws unless the transaction is open and includes the group."""
        transaction = self._find(transactional_id, producer_id, epoch)
        if transaction.state != _ONGOING or group not in transaction.groups:
            raise KafkaError(errors.INVALID_TXN_STATE)

    def check_batch(self, batch, topic, index):
        """Throws unless the producer of the batch may write it now."""
        transaction = self._by_producer.get(batch.producer_id)
        if transaction and batch.epoch != transaction.epoch:
            raise KafkaError(errors.INVALID_PRODUCER_EPOCH)
        if batch.is_transactional:
            if not transaction:
                raise KafkaError(errors.INVALID_PRODUCER_ID_MAPPING)
            if transaction.state != _ONGOING or (topic, index) not in transaction.partitions:
                raise KafkaError(errors.INVALID_TXN_STATE)

    def end(self, transactional_id, producer_id, epoch, commits):
        transaction = self._find(transactional_id, producer_id, epoch)
        if transaction.state == _ONGOING:
            self._finish(transaction, commits)
        elif transaction.state != (_COMMITTED if commits else _ABORTED):
            raise KafkaError(errors.INVALID_TXN_STATE)

    def _finish(self, transaction, commits):
        for topic, index in sorted(transaction.partitions):
            if log := self._find_partition(topic, index):
                log.end_transaction(transaction.producer_id, transaction.epoch, commits)
        for name in transaction.groups:
            if group := self._find_group(name):
                group.end_transaction(transaction.producer_id, commits)
        transaction.partitions.clear()
        transaction.groups.clear()
        transaction.state = _COMMITTED if commits else _ABORTED

    def forget_topic(self, topic):
        """A later topic of the same name has no part in what was open."""
        for transaction in self._by_id.values():
            transaction.partitions = {partition for partition in transaction.partitions if partition[0] != topic}
