"""A Kafka broker in memory, for trying out and for tests: one node, one process.

SIGTERM and SIGINT end it; with --data-dir it then writes all it holds to a file there, which the next start reads.
After SIGKILL that file is what it was before: all since the start is lost.

Without --certificate and --users anybody who reaches the port may do all.
"""

import argparse
import asyncio
import os
import signal
import ssl
import sys

from broker import Broker
from faults import FaultyBroker
from security_requests import read_users
from server import READ_BUFFER, Server


def parse_arguments():
    parser = argparse.ArgumentParser(prog="kafka", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=9092, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--data-dir", help="folder for the snapshot; without it nothing is kept")
    parser.add_argument(
        "--initial-rebalance-delay", type=int, default=200, metavar="MS",
        help="how long a new group waits for further members (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--faults", action="store_true", help="take orders for faults from standard input, and end with it: see faults.py"
    )
    parser.add_argument("--certificate", metavar="FILE", help="PEM of key and certificate: clients must use TLS")
    parser.add_argument("--users", metavar="FILE", help="lines `name:password`: clients must use SASL PLAIN")
    return parser.parse_args()


async def run(arguments):
    broker = Broker(arguments.initial_rebalance_delay / 1000, arguments.users and read_users(arguments.users))
    tls = None
    if arguments.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.certificate)
    snapshot = arguments.data_dir and os.path.join(arguments.data_dir, "broker.snapshot")
    if snapshot:
        os.makedirs(arguments.data_dir, exist_ok=True)
        if os.path.exists(snapshot):
            broker.load(snapshot)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    faulty = FaultyBroker(broker) if arguments.faults else None
    server = await asyncio.start_server(
        Server(faulty or broker).serve, arguments.host, arguments.port, ssl=tls, limit=READ_BUFFER, backlog=1024
    )
    background = asyncio.create_task(broker.work_in_background())
    host, port = server.sockets[0].getsockname()[:2]
    print(f"listening on {host}:{port}", flush=True)
    waiting = [background, asyncio.create_task(stopped.wait())]
    if faulty:
        waiting.append(asyncio.create_task(faulty.take_orders()))
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    server.close()
    if snapshot:
        broker.save(snapshot)
    for task in done:
        task.result()
    print("stopped", file=sys.stderr, flush=True)
    # The rest are requests that wait; nobody needs their answers, and freeing the memory bit by bit would take long.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(run(parse_arguments()))
