"""Connections: frames in, frames out, in order."""

import asyncio
import sys
import traceback
from types import SimpleNamespace

import errors
from schemas import APIS, read_body, read_request, write_answer
from security_requests import OPEN_REQUESTS
from wire import Malformed

_LARGEST_REQUEST = 64 << 20
READ_BUFFER = 1 << 20


class Server:
    """Serves one broker. Like Kafka, it takes up a connection's next request when the one before is answered."""

    def __init__(self, broker):
        self._broker = broker

    async def serve(self, reader, writer):
        connection = SimpleNamespace(is_open=self._broker.users is None)
        try:
            while frame := await _read_frame(reader):
                pieces = await self._answer(frame, writer, connection)
                del frame
                if pieces is not None:
                    writer.write(b"".join((sum(map(len, pieces)).to_bytes(4, "big"), *pieces)))
                    del pieces
                    await writer.drain()
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, Malformed, UnicodeDecodeError):
            pass
        except Exception:
            traceback.print_exc(file=sys.stderr)
        finally:
            writer.close()

    async def _answer(self, frame, writer, connection):
        name, header, rest = read_request(frame)
        if name is None and header.key == APIS["ApiVersions"][0]:
            # The client learns from the list, in the oldest layout, which version it may use.
            answer = {**self._broker.api_versions(None, None), "error": errors.UNSUPPORTED_VERSION}
            return write_answer("ApiVersions", 0, header.correlation, answer)
        if name is None:
            raise Malformed(f"request {header.key} version {header.version} is not served")
        if not connection.is_open and name not in OPEN_REQUESTS:
            raise Malformed("a request before the client has said who it is")
        request = read_body(name, header.version, rest)
        context = SimpleNamespace(
            connection=connection,
            version=header.version,
            client_id=header.client_id or "",
            # There is no name when the client has gone already.
            peer="/" + (writer.get_extra_info("peername") or ("",))[0],
            address=writer.get_extra_info("sockname")[:2],
        )
        answer = await self._broker.answer(name, request, context)
        return None if answer is None else write_answer(name, header.version, header.correlation, answer)


async def _read_frame(reader):
    """The next request; nothing when the client is gone or sends something that is none."""
    try:
        size = int.from_bytes(await reader.readexactly(4), "big")
        return await reader.readexactly(size) if 8 <= size <= _LARGEST_REQUEST else None
    except asyncio.IncompleteReadError:
        return None
