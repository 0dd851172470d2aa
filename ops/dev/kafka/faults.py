"""Faults on demand: answers that a client has to live with, given in place of the right ones or after the work is done.

Each line of standard input arms one for a client: `CLIENT REQUEST WHAT WHEN TIMES`. WHAT is the number of an error,
`hangup` (the connection ends without an answer) or `slow:MILLISECONDS`; WHEN is `instead` or `after` the request is
carried out; TIMES is a count, or -1 for ever. `CLIENT REQUEST -` withdraws it; `CLIENT REQUEST` does nothing. Each line
is answered on standard output by the number of faults that this client has met with this request so far. The end of
standard input ends the broker.
"""

import asyncio
from collections import Counter
import sys

from data_requests import for_each_partition
import errors
from errors import KafkaError

# What a request for offsets may be refused for one partition; all else is refused for the whole of them.
_OF_A_PARTITION = (errors.UNKNOWN_TOPIC_OR_PARTITION, errors.UNSTABLE_OFFSET_COMMIT)


class _Fault:
    def __init__(self, what, when, times):
        assert when in ("instead", "after"), when
        kind, _, milliseconds = what.partition(":")
        self.hangs_up = kind == "hangup"
        self.seconds = int(milliseconds) / 1000 if kind == "slow" else 0
        self.code = 0 if self.hangs_up or self.seconds else int(what)
        # What is merely late is done as well.
        self.is_carried_out = when == "after" or self.seconds
        self.times = int(times)


class FaultyBroker:
    """Stands before a broker and gives the answers that were ordered; all others are the broker's."""

    def __init__(self, broker):
        self._broker = broker
        self._armed = {}
        self._met = Counter()
        self.api_versions = broker.api_versions
        self.users = broker.users

    async def take_orders(self):
        """Returns at the end of standard input."""
        orders = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
        while line := (await orders.readline()).decode():
            client, request, *fault = line.split()
            if fault:
                self._armed[client, request] = _Fault(*fault) if len(fault) > 1 else None
            print(self._met[client, request], flush=True)

    def _take(self, client, name, request):
        if name == "FindCoordinator":
            name += "/transaction" if request.key_type else "/group"
        fault = self._armed.get((client, name))
        # Clients ask for metadata without topics to get to know the brokers.
        if not fault or not fault.times or name == "Metadata" and not request.topics:
            return None
        fault.times -= 1
        self._met[client, name] += 1
        return fault

    async def answer(self, name, request, context):
        fault = self._take(context.client_id, name, request)
        if fault is None:
            return await self._broker.answer(name, request, context)
        # Metadata name the brokers as well, whatever is wrong with a topic.
        carries_out = fault.is_carried_out or name == "Metadata"
        done = await self._broker.answer(name, request, context) if carries_out else {}
        await asyncio.sleep(fault.seconds)
        if fault.hangs_up:
            raise ConnectionResetError
        return {**done, **_refusal(name, request, fault.code)} if fault.code else done


def _refusal(name, request, code):
    """The fields of an answer that has the error where brokers put it: at each partition, at each topic, or once."""
    if name == "Metadata":
        return {"topics": [{"name": topic.name, "error": code} for topic in request.topics]}
    if name == "OffsetFetch" and code not in _OF_A_PARTITION or not hasattr(request, "topics"):
        return {"error": code}

    def refuse(topic, partition):
        raise KafkaError(code)

    return {"topics": for_each_partition(request, refuse)}
