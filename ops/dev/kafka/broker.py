"""The broker: its state, its background work, and the snapshot of it all."""

import asyncio
import base64
import os
import pickle
import re
import time
import uuid

from admin_requests import AdminRequests
from data_requests import DataRequests
import errors
from errors import KafkaError
from group_requests import GroupRequests
from schemas import APIS
from security_requests import SecurityRequests
from transactions import TransactionCoordinator

_TICK = 0.2
_MAINTENANCE_EVERY = 1.0


class Broker(DataRequests, GroupRequests, AdminRequests, SecurityRequests):
    """Answers requests; each method of the parts is named after the request it handles."""

    def __init__(self, initial_delay, users=None):
        """With users (passwords by name), a client must say who it is before all else."""
        self.initial_delay = initial_delay
        self.users = users
        self.cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self.topics = {}
        self.groups = {}
        self.transactions = TransactionCoordinator(self.find_partition, self.groups.get)
        self._handlers = {name: getattr(self, re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()) for name in APIS}

    def find_partition(self, topic, index):
        partitions = self.topics[topic].partitions if topic in self.topics else ()
        return partitions[index] if 0 <= index < len(partitions) else None

    def partition(self, topic, index):
        if (log := self.find_partition(topic, index)) is None:
            raise KafkaError(errors.UNKNOWN_TOPIC_OR_PARTITION)
        return log

    async def answer(self, name, request, context):
        """The fields of the answer; None if the client wants none."""
        try:
            answer = self._handlers[name](request, context)
            return await answer if asyncio.iscoroutine(answer) else answer
        except KafkaError as error:
            return {"error": error.code}

    async def work_in_background(self):
        """Ends sessions and transactions whose time is over, and keeps logs within their limits."""
        last, maintain_at = time.monotonic(), 0
        while True:
            await asyncio.sleep(_TICK)
            now = time.monotonic()
            # Whatever came while this process did not run is still to be read: nobody was silent in that time.
            if (stopped := now - last - _TICK) > 1:
                self.transactions.postpone_timeouts(stopped)
                for group in self.groups.values():
                    group.postpone_timeouts(stopped)
            last = now
            self.transactions.abort_overdue(now)
            for group in list(self.groups.values()):
                group.expire(now)
            if now >= maintain_at:
                maintain_at = now + _MAINTENANCE_EVERY
                for topic in list(self.topics.values()):
                    for _ in topic.maintain():
                        await asyncio.sleep(0)

    # Snapshots

    def save(self, path):
        state = (self.cluster_id, self.topics, self.groups, self.transactions)
        with open(path + ".new", "wb") as file:
            pickle.dump(state, file, protocol=pickle.HIGHEST_PROTOCOL)
        os.replace(path + ".new", path)

    def load(self, path):
        with open(path, "rb") as file:
            self.cluster_id, self.topics, self.groups, self.transactions = pickle.load(file)
        self.transactions.connect(self.find_partition, self.groups.get)
        self.transactions.restart_clocks()
        for group in self.groups.values():
            group.restart_clocks()
