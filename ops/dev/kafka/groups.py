"""The group coordinator: members, rebalances and committed offsets of one consumer group."""

import asyncio
import time
import uuid

import errors
from errors import KafkaError

_LONGEST_SESSION = 1_800_000
EMPTY, PREPARING, COMPLETING, STABLE = "Empty", "PreparingRebalance", "CompletingRebalance", "Stable"


class Member:
    """One member; `joining` and `syncing` are the requests that wait for the others."""

    def __init__(self, id, request, client_id, host):
        self.id = id
        self.instance = request.instance
        self.client_id = client_id
        self.host = host
        self.assignment = b""
        self.has_synced = False
        self.joining = None
        self.syncing = None
        self.update(request)

    def __getstate__(self):
        return {**self.__dict__, "joining": None, "syncing": None}

    def update(self, request):
        self.session = request.session_timeout / 1000
        self.rebalance = (request.rebalance_timeout or request.session_timeout) / 1000
        self.protocols = [(protocol.name, protocol.metadata) for protocol in request.protocols]
        self.heard()

    def heard(self):
        self.expires = time.monotonic() + self.session

    def metadata(self, protocol):
        return dict(self.protocols).get(protocol, b"")

    def refuse(self, code):
        for future in (self.joining, self.syncing):
            if future and not future.done():
                future.set_exception(KafkaError(code))
        self.joining = self.syncing = None


class Group:
    """As in Kafka: Empty, then for each generation PreparingRebalance, CompletingRebalance and Stable."""

    def __init__(self, name, initial_delay):
        self.name = name
        self.initial_delay = initial_delay
        self.state = EMPTY
        self.generation = 0
        self.protocol_type = ""
        self.protocol = ""
        self.leader = ""
        self.members = {}
        # By partition: (offset, leader epoch, metadata); the uncommitted ones by producer id before that.
        self.offsets = {}
        self.uncommitted = {}
        self._instances = {}
        # Ids given to members that have yet to join with them: until when.
        self._expected = {}
        self._first_members_until = None
        self._sync_until = None
        self._timer = None

    def __getstate__(self):
        return {**self.__dict__, "_timer": None}

    def restart_clocks(self):
        """After a restart of the broker: nobody has been silent, and an unfinished rebalance begins again."""
        self._expected.clear()
        self._first_members_until = self._sync_until = None
        for member in self.members.values():
            member.heard()
        if self.state in (PREPARING, COMPLETING):
            self.state = STABLE
            self._rebalance()

    # Members

    async def join(self, request, client_id, host, needs_id):
        if not 0 < request.session_timeout <= _LONGEST_SESSION:
            raise KafkaError(errors.INVALID_SESSION_TIMEOUT)
        names = {protocol.name for protocol in request.protocols}
        others = [member for member in self.members.values() if member.id != request.member]
        if not names or any(not names & set(dict(member.protocols)) for member in others):
            raise KafkaError(errors.INCONSISTENT_GROUP_PROTOCOL)
        if self.members and request.protocol_type != self.protocol_type:
            raise KafkaError(errors.INCONSISTENT_GROUP_PROTOCOL)
        if not request.member:
            id = f"{request.instance or client_id}-{uuid.uuid4()}"
            if request.instance in self._instances:
                return await self._replace(id, request, client_id, host)
            if needs_id and request.instance is None:
                self._expected[id] = time.monotonic() + request.session_timeout / 1000
                return {"error": errors.MEMBER_ID_REQUIRED, "member": id}
            member = self._add(Member(id, request, client_id, host), request.protocol_type)
        elif self._expected.pop(request.member, None):
            member = self._add(Member(request.member, request, client_id, host), request.protocol_type)
        else:
            member = self._find(request.member, request.instance)
            unchanged = member.protocols == [(protocol.name, protocol.metadata) for protocol in request.protocols]
            member.update(request)
            if unchanged and (self.state == COMPLETING or self.state == STABLE and member.id != self.leader):
                return self._joined(member)
        return await self._wait_to_join(member)

    def _add(self, member, protocol_type):
        self.protocol_type = protocol_type
        self.members[member.id] = member
        if member.instance is not None:
            self._instances[member.instance] = member.id
        if self._first_members_until:
            # Another one in the first moments: more may come.
            self._wait_for_first_members()
        return member

    async def _wait_to_join(self, member):
        member.refuse(errors.REBALANCE_IN_PROGRESS)
        future = member.joining = asyncio.get_running_loop().create_future()
        self._rebalance()
        return await future

    async def _replace(self, id, request, client_id, host):
        """A static member has come back without its id: it gets a new one and keeps its place."""
        member = self.members.pop(self._instances[request.instance])
        former = member.id
        member.refuse(errors.FENCED_INSTANCE_ID)
        member.id, member.client_id, member.host = id, client_id, host
        member.update(request)
        self.members[id] = member
        self._instances[member.instance] = id
        leader = self.leader
        if leader == former:
            self.leader = id
        if self.state == STABLE and self._choose_protocol() == self.protocol:
            # The former id as leader: the member shall not assign anew, only fetch its assignment.
            return {**self._joined(member), "leader": leader, "members": ()}
        return await self._wait_to_join(member)

    def _find(self, id, instance):
        if instance is not None and instance in self._instances and self._instances[instance] != id:
            raise KafkaError(errors.FENCED_INSTANCE_ID)
        member = self.members.get(id)
        if member is None or instance is not None and member.instance != instance:
            raise KafkaError(errors.UNKNOWN_MEMBER_ID)
        return member

    def _find_current(self, id, instance, generation):
        member = self._find(id, instance)
        if generation != self.generation:
            raise KafkaError(errors.ILLEGAL_GENERATION)
        return member

    def leave(self, id, instance):
        if self._expected.pop(id, None):
            self._complete_join_if_all_did()
            return
        if not id and instance in self._instances:
            id = self._instances[instance]
        self._remove([self._find(id, instance)])

    def _remove(self, members):
        for member in members:
            member.refuse(errors.UNKNOWN_MEMBER_ID)
            del self.members[member.id]
            if member.instance is not None:
                del self._instances[member.instance]
        self._rebalance()

    # Rebalances

    def _rebalance(self):
        if self.state == PREPARING:
            self._complete_join_if_all_did()
            return
        for member in self.members.values():
            if self.state == COMPLETING:
                member.assignment = b""
            if member.syncing:
                member.refuse(errors.REBALANCE_IN_PROGRESS)
        starts = self.state == EMPTY
        self.state = PREPARING
        self._sync_until = None
        if starts:
            self._first_members_until = time.monotonic() + self._longest_rebalance()
            self._wait_for_first_members()
        else:
            self._complete_after(self._longest_rebalance())
            self._complete_join_if_all_did()

    def _longest_rebalance(self):
        return max((member.rebalance for member in self.members.values()), default=0)

    def _wait_for_first_members(self):
        self._complete_after(min(self.initial_delay, self._first_members_until - time.monotonic()))

    def _complete_after(self, seconds):
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(max(0, seconds), self._complete_join)

    def _complete_join_if_all_did(self):
        if self.state == PREPARING and not self._first_members_until and not self._expected:
            if all(member.joining for member in self.members.values()):
                self._complete_join()

    def _complete_join(self):
        self._timer.cancel()
        self._first_members_until = None
        # A static member keeps its place until its session is over, even if it did not join again.
        for member in [each for each in self.members.values() if not each.joining and each.instance is None]:
            del self.members[member.id]
        joined = [member for member in self.members.values() if member.joining]
        if self.members and not joined:
            self._complete_after(self._longest_rebalance())
            return
        self.generation += 1
        if not self.members:
            self.state, self.leader, self.protocol = EMPTY, "", ""
            return
        if self.leader not in (member.id for member in joined):
            self.leader = joined[0].id
        self.protocol = self._choose_protocol()
        self.state = COMPLETING
        self._sync_until = time.monotonic() + self._longest_rebalance()
        for member in self.members.values():
            member.has_synced = False
        for member in joined:
            member.heard()
            if not member.joining.done():
                member.joining.set_result(self._joined(member))
            member.joining = None

    def _choose_protocol(self):
        """The one that most members prefer of those that all know."""
        members = self.members.values()
        known = set.intersection(*(set(dict(member.protocols)) for member in members))
        votes = [next(name for name, _ in member.protocols if name in known) for member in members]
        return max(votes, key=votes.count)

    def _joined(self, member):
        everyone = self.members.values() if member.id == self.leader else ()
        return {
            "generation": self.generation, "protocol": self.protocol, "leader": self.leader, "member": member.id,
            "members": [
                {"member": each.id, "instance": each.instance, "metadata": each.metadata(self.protocol)}
                for each in everyone
            ],
        }  # fmt: skip

    async def sync(self, request):
        member = self._find_current(request.member, request.instance, request.generation)
        if self.state == PREPARING:
            raise KafkaError(errors.REBALANCE_IN_PROGRESS)
        member.heard()
        member.has_synced = True
        if self.state == COMPLETING and member.id != self.leader:
            member.syncing = asyncio.get_running_loop().create_future()
            return await member.syncing
        if self.state == COMPLETING:
            self._assign({each.member: each.assignment for each in request.assignments})
        return member.assignment

    def _assign(self, assignments):
        self.state = STABLE
        for member in self.members.values():
            member.assignment = assignments.get(member.id, b"")
            if member.syncing:
                member.heard()
                if not member.syncing.done():
                    member.syncing.set_result(member.assignment)
                member.syncing = None

    def heartbeat(self, request):
        self._find_current(request.member, request.instance, request.generation).heard()
        if self.state == PREPARING:
            raise KafkaError(errors.REBALANCE_IN_PROGRESS)

    def expire(self, now):
        """Removes members that were silent for too long, and those that never fetched their assignment."""
        for id in [id for id, until in self._expected.items() if until < now]:
            del self._expected[id]
            self._complete_join_if_all_did()
        members = self.members.values()
        silent = [each for each in members if each.expires < now and not each.joining and not each.syncing]
        if self._sync_until and self._sync_until < now:
            self._sync_until = None
            silent += [each for each in members if not each.has_synced and each not in silent]
        if silent:
            self._remove(silent)

    def postpone_timeouts(self, seconds):
        for member in self.members.values():
            member.expires += seconds

    # Offsets

    def check_commit(self, request, in_transaction):
        """Throws unless the sender may commit: as a member of this generation, or to a group without members."""
        if request.generation < 0 and self.state == EMPTY:
            return
        if request.generation >= 0 or request.member or request.instance is not None:
            member = self._find_current(request.member, request.instance, request.generation)
            if not in_transaction:
                if self.state == COMPLETING:
                    raise KafkaError(errors.REBALANCE_IN_PROGRESS)
                member.heard()
        elif not in_transaction:
            raise KafkaError(errors.UNKNOWN_MEMBER_ID)

    def commit_in_transaction(self, producer_id, partition, offset):
        self.uncommitted.setdefault(producer_id, {})[partition] = offset

    def end_transaction(self, producer_id, commits):
        offsets = self.uncommitted.pop(producer_id, {})
        if commits:
            self.offsets.update(offsets)

    def is_unstable(self, partition):
        return any(partition in offsets for offsets in self.uncommitted.values())

    def forget_topic(self, topic):
        for offsets in (self.offsets, *self.uncommitted.values()):
            for partition in [partition for partition in offsets if partition[0] == topic]:
                del offsets[partition]
