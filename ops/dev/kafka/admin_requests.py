"""Requests that create, change and delete topics."""

from data_requests import NODE
import errors
from errors import KafkaError
from topics import DEFAULTS, Topic, check_settings

_TOPIC_RESOURCE, _BROKER_RESOURCE = 2, 4
_SET_BY_TOPIC, _SET_BY_BROKER, _DEFAULT = 1, 4, 5
_SET, _DELETE = 0, 1
_DEFAULT_PARTITIONS = 1
_BROKER_SETTINGS = {"broker.id": str(NODE), "auto.create.topics.enable": "false", "num.partitions": "1"}


def _for_each(items, handle):
    """The answers of `handle(item)`, which may throw; each begins with the error and its message."""
    answers = []
    for item in items:
        answers.append({"name": item.name, "error": errors.NONE, "message": None})
        if hasattr(item, "type"):
            answers[-1]["type"] = item.type
        try:
            answers[-1].update(handle(item) or {})
        except KafkaError as error:
            answers[-1].update(error=error.code, message=error.message)
    return answers


class AdminRequests:
    """Part of the broker."""

    def _topic(self, name):
        if name not in self.topics:
            raise KafkaError(errors.UNKNOWN_TOPIC_OR_PARTITION)
        return self.topics[name]

    def create_topics(self, request, context):
        def create(item):
            if item.name in self.topics:
                raise KafkaError(errors.TOPIC_ALREADY_EXISTS, f"Topic '{item.name}' already exists.")
            if item.replication not in (-1, 1):
                raise KafkaError(errors.INVALID_REPLICATION_FACTOR, "There is only one broker.")
            count = len(item.assignments) or item.partitions
            if count == -1:
                count = _DEFAULT_PARTITIONS
            topic = Topic(item.name, count, {setting.name: setting.value for setting in item.configs})
            if not request.validate_only:
                self.topics[item.name] = topic

        return {"topics": _for_each(request.topics, create)}

    def delete_topics(self, request, context):
        def delete(name):
            if name not in self.topics:
                return errors.UNKNOWN_TOPIC_OR_PARTITION
            topic = self.topics.pop(name)
            self.transactions.forget_topic(name)
            for group in self.groups.values():
                group.forget_topic(name)
            for log in topic.partitions:
                log.wake_all()
            return errors.NONE

        return {"topics": [{"name": name, "error": delete(name)} for name in request.topics]}

    def create_partitions(self, request, context):
        def grow(item):
            topic = self._topic(item.name)
            if item.count <= len(topic.partitions):
                raise KafkaError(
                    errors.INVALID_PARTITIONS, f"Topic '{item.name}' has {len(topic.partitions)} partitions."
                )
            if not request.validate_only:
                topic.grow(item.count)

        return {"topics": _for_each(request.topics, grow)}

    def describe_configs(self, request, context):
        def describe(item):
            if item.type == _TOPIC_RESOURCE:
                own, defaults, source = self._topic(item.name).settings, DEFAULTS, _SET_BY_TOPIC
            elif item.type == _BROKER_RESOURCE:
                own, defaults, source = _BROKER_SETTINGS, {}, _SET_BY_BROKER
            else:
                raise KafkaError(errors.INVALID_REQUEST)
            configs = [
                {
                    "name": name, "value": value, "read_only": item.type == _BROKER_RESOURCE,
                    "default": name not in own, "source": source if name in own else _DEFAULT,
                }
                for name, value in {**defaults, **own}.items()
                if item.keys is None or name in item.keys
            ]  # fmt: skip
            return {"configs": configs}

        return {"resources": _for_each(request.resources, describe)}

    def alter_configs(self, request, context):
        return self._alter(request, lambda item: {setting.name: setting.value for setting in item.configs})

    def incremental_alter_configs(self, request, context):
        def merged(item):
            settings = dict(self._topic(item.name).settings)
            for setting in item.configs:
                if setting.operation == _SET:
                    settings[setting.name] = setting.value
                elif setting.operation == _DELETE:
                    settings.pop(setting.name, None)
                else:
                    raise KafkaError(errors.INVALID_CONFIG, "only SET and DELETE are supported")
            return settings

        return self._alter(request, merged)

    def _alter(self, request, new_settings):
        def alter(item):
            if item.type != _TOPIC_RESOURCE:
                raise KafkaError(errors.INVALID_REQUEST, "only topics have settings that can be changed")
            topic, settings = self._topic(item.name), new_settings(item)
            check_settings(settings)
            if not request.validate_only:
                topic.settings = settings

        return {"resources": _for_each(request.resources, alter)}
