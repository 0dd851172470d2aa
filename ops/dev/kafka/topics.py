"""Topics: their settings, their partitions, and what is done to them in the background."""

import re

from compaction import Compactor
import errors
from errors import KafkaError
from log import PartitionLog

_MOST_PARTITIONS = 10_000
# The settings a topic may have. Those that are only stored have no meaning for a log in memory on one broker.
DEFAULTS = {
    "cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1", "max.message.bytes": "1048588",
    # Only stored:
    "compression.type": "producer", "delete.retention.ms": "86400000", "file.delete.delay.ms": "60000",
    "flush.messages": "9223372036854775807", "flush.ms": "9223372036854775807", "index.interval.bytes": "4096",
    "max.compaction.lag.ms": "9223372036854775807", "message.timestamp.type": "CreateTime",
    "min.cleanable.dirty.ratio": "0.5", "min.compaction.lag.ms": "0", "min.insync.replicas": "1", 
    "preallocate": "false", "segment.bytes": "1073741824", "segment.index.bytes": "10485760",
    "segment.jitter.ms": "0", "segment.ms": "604800000", "unclean.leader.election.enable": "false",
}  # fmt: skip


def check_settings(settings):
    """Throws unless these are settings of a topic with values this broker can keep to."""
    for name, value in settings.items():
        if name not in DEFAULTS or value is None:
            raise KafkaError(errors.INVALID_CONFIG, f"{name}={value} is not known")
        if name == "cleanup.policy":
            valid = set(re.split(r" *, *", value)) <= {"compact", "delete"}
        elif name == "message.timestamp.type":
            valid = value == "CreateTime"
        else:
            valid = not DEFAULTS[name].lstrip("-").isdigit() or re.fullmatch(r"-?\d{1,19}", value)
        if not valid:
            raise KafkaError(errors.INVALID_CONFIG, f"{name}={value} is not possible")


class Topic:
    """A topic with its partitions and the settings that differ from the defaults."""

    def __init__(self, name, partitions, settings):
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", name) or name in (".", ".."):
            raise KafkaError(errors.INVALID_TOPIC)
        check_settings(settings)
        self.settings = settings
        self.partitions = []
        self._compactors = []
        self.grow(partitions)

    def grow(self, count):
        if not len(self.partitions) < count <= _MOST_PARTITIONS:
            raise KafkaError(errors.INVALID_PARTITIONS)
        for _ in range(count - len(self.partitions)):
            self.partitions.append(PartitionLog())
            self._compactors.append(Compactor())

    def setting(self, name):
        return self.settings.get(name, DEFAULTS[name])

    @property
    def largest_batch(self):
        return int(self.setting("max.message.bytes"))

    def maintain(self):
        """Yields after each partition, so that others get their turn."""
        policy = self.setting("cleanup.policy")
        for log, compactor in zip(self.partitions, self._compactors):
            if "delete" in policy:
                log.apply_retention(int(self.setting("retention.bytes")), int(self.setting("retention.ms")))
            if "compact" in policy:
                compactor.run_if_worthwhile(log)
            log.expire_producers()
            yield
