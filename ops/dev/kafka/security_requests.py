"""Requests that say who a client is: SASL PLAIN, where the broker knows users."""

import hmac

import errors
from errors import KafkaError

_MECHANISM = "PLAIN"
# What a client may ask before it has said who it is.
OPEN_REQUESTS = {"ApiVersions", "SaslHandshake", "SaslAuthenticate"}


def read_users(path):
    """The passwords of a file of lines `name:password`, by name."""
    with open(path, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":", 1) for line in file if line.strip())


class SecurityRequests:
    """Part of the broker."""

    def sasl_handshake(self, request, context):
        # After version 0 a client goes on without Kafka's frames; librdkafka wants to see it in the list only.
        if context.version == 0 or request.mechanism != _MECHANISM:
            return {"error": errors.UNSUPPORTED_SASL_MECHANISM, "mechanisms": [_MECHANISM]}
        return {"mechanisms": [_MECHANISM]}

    def sasl_authenticate(self, request, context):
        if self.users is None:
            raise KafkaError(errors.ILLEGAL_SASL_STATE)
        _, name, password = (*request.token.split(b"\0"), b"", b"")[:3]
        expected = self.users.get(name.decode("utf-8", "replace"))
        if expected is None or not hmac.compare_digest(expected.encode(), password):
            message = "Authentication failed: Invalid username or password"
            return {"error": errors.SASL_AUTHENTICATION_FAILED, "message": message}
        context.connection.is_open = True
        return {}
