"""Requests of consumer groups and of transactions."""

from contextlib import contextmanager
from types import SimpleNamespace

from data_requests import for_each_partition
import errors
from errors import KafkaError
from groups import EMPTY, Group

_FIRST_JOIN_THAT_NEEDS_ID = 4


@contextmanager
def _fencing_as_in(version, since=2):
    """Older versions of the requests of a transaction have another error for a producer that was replaced."""
    try:
        yield
    except KafkaError as error:
        if error.code == errors.PRODUCER_FENCED and version < since:
            raise KafkaError(errors.INVALID_PRODUCER_EPOCH) from error
        raise


class GroupRequests:
    """Part of the broker."""

    def _known_group(self, name):
        """For requests that only a member can send."""
        if name not in self.groups:
            raise KafkaError(errors.UNKNOWN_MEMBER_ID)
        return self.groups[name]

    def _group(self, name):
        if not name:
            raise KafkaError(errors.INVALID_GROUP_ID)
        if name not in self.groups:
            self.groups[name] = Group(name, self.initial_delay)
        return self.groups[name]

    async def join_group(self, request, context):
        if request.member:
            group = self._known_group(request.group)
        else:
            group = self._group(request.group)
        needs_id = context.version >= _FIRST_JOIN_THAT_NEEDS_ID
        return await group.join(request, context.client_id, context.peer, needs_id)

    async def sync_group(self, request, context):
        return {"assignment": await self._known_group(request.group).sync(request)}

    def heartbeat(self, request, context):
        self._known_group(request.group).heartbeat(request)
        return {}

    def leave_group(self, request, context):
        group = self._known_group(request.group)
        if context.version < 3:
            group.leave(request.member, None)
            return {}
        answers = []
        for each in request.members:
            answers.append({"member": each.member, "instance": each.instance, "error": errors.NONE})
            try:
                group.leave(each.member, each.instance)
            except KafkaError as error:
                answers[-1]["error"] = error.code
        return {"members": answers}

    def offset_commit(self, request, context):
        def commit(name, partition):
            group = self._group_to_commit_to(request, in_transaction=False)
            self.partition(name, partition.index)
            group.offsets[name, partition.index] = (partition.offset, partition.leader_epoch, partition.metadata)

        return {"topics": for_each_partition(request, commit)}

    def _group_to_commit_to(self, request, in_transaction):
        if request.group not in self.groups and request.generation >= 0:
            raise KafkaError(errors.ILLEGAL_GENERATION)
        group = self._group(request.group)
        group.check_commit(request, in_transaction)
        return group

    def offset_fetch(self, request, context):
        group = self.groups.get(request.group) or Group(request.group, 0)
        wanted = request
        if request.topics is None:
            topics = {}
            for name, index in sorted(group.offsets):
                topics.setdefault(name, SimpleNamespace(name=name, partitions=[])).partitions.append(index)
            wanted = SimpleNamespace(topics=topics.values())

        def find(name, index):
            if request.require_stable and group.is_unstable((name, index)):
                raise KafkaError(errors.UNSTABLE_OFFSET_COMMIT)
            if (name, index) not in group.offsets:
                return {}
            offset, leader_epoch, metadata = group.offsets[name, index]
            return {"offset": offset, "leader_epoch": leader_epoch, "metadata": metadata or ""}

        return {"topics": for_each_partition(wanted, find)}

    def offset_delete(self, request, context):
        group = self._existing_group(request.group)

        def delete(name, partition):
            if group.state != EMPTY:
                raise KafkaError(errors.NON_EMPTY_GROUP)
            group.offsets.pop((name, partition.index), None)

        return {"topics": for_each_partition(request, delete)}

    def _existing_group(self, name):
        if name not in self.groups:
            raise KafkaError(errors.GROUP_ID_NOT_FOUND)
        return self.groups[name]

    def list_groups(self, request, context):
        groups = [
            {"group": group.name, "protocol_type": group.protocol_type, "state": group.state}
            for group in self.groups.values()
            if not request.states or group.state in request.states
        ]
        return {"groups": groups}

    def describe_groups(self, request, context):
        return {"groups": [self._described(name) for name in request.groups]}

    def _described(self, name):
        group = self.groups.get(name)
        if group is None:
            return {"group": name, "state": "Dead"}
        members = [
            {
                "member": member.id, "instance": member.instance, "client_id": member.client_id, "host": member.host,
                "metadata": member.metadata(group.protocol), "assignment": member.assignment,
            }
            for member in group.members.values()
        ]  # fmt: skip
        return {
            "group": name, "state": group.state, "protocol_type": group.protocol_type, "protocol": group.protocol,
            "members": members,
        }  # fmt: skip

    def delete_groups(self, request, context):
        def delete(name):
            if name not in self.groups:
                return errors.GROUP_ID_NOT_FOUND
            if self.groups[name].state != EMPTY:
                return errors.NON_EMPTY_GROUP
            del self.groups[name]
            return errors.NONE

        return {"groups": [{"group": name, "error": delete(name)} for name in request.groups]}

    # Transactions

    def init_producer_id(self, request, context):
        with _fencing_as_in(context.version, since=4):
            producer_id, epoch = self.transactions.initialize(
                request.transactional_id, request.timeout, request.producer_id, request.epoch
            )
        return {"producer_id": producer_id, "epoch": epoch}

    def add_partitions_to_txn(self, request, context):
        wanted = [(topic.name, index) for topic in request.topics for index in topic.partitions]
        missing = {each for each in wanted if self.find_partition(*each) is None}

        def answer(name, index):
            if missing:
                unknown = (name, index) in missing
                raise KafkaError(errors.UNKNOWN_TOPIC_OR_PARTITION if unknown else errors.OPERATION_NOT_ATTEMPTED)
            with _fencing_as_in(context.version):
                self.transactions.add_partitions(
                    request.transactional_id, request.producer_id, request.epoch, [(name, index)]
                )

        return {"topics": for_each_partition(request, answer)}

    def add_offsets_to_txn(self, request, context):
        with _fencing_as_in(context.version):
            self.transactions.add_group(request.transactional_id, request.producer_id, request.epoch, request.group)
        return {}

    def txn_offset_commit(self, request, context):
        def commit(name, partition):
            with _fencing_as_in(0):
                self.transactions.check_offsets(
                    request.transactional_id, request.producer_id, request.epoch, request.group
                )
            group = self._group_to_commit_to(request, in_transaction=True)
            self.partition(name, partition.index)
            offset = (partition.offset, partition.leader_epoch, partition.metadata)
            group.commit_in_transaction(request.producer_id, (name, partition.index), offset)

        return {"topics": for_each_partition(request, commit)}

    def end_txn(self, request, context):
        with _fencing_as_in(context.version):
            self.transactions.end(request.transactional_id, request.producer_id, request.epoch, request.committed)
        return {}
