"""The API under uvicorn, in one process or several on one socket, with the worker as a child process beside it."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import uvicorn

from api.app import create_app
from api.children import Child
from api.errors import PortTaken
from api.metrics import let_go
from api.node import opened_node
from api.recording import receipt_signer

BACKLOG = 2048
GARBAGE_THRESHOLDS = (50_000, 20, 100)
"""A large document is some ten thousand objects that all go at once: looking through them earlier finds nothing."""

SWITCH_S = 0.0005
"""A thread that signs while it holds the database's lock gives way at each signature; with Python's 5 ms it would wait
that long, five hundred times a document, for a thread that only computes."""

_log = logging.getLogger("tally.serve")


class _Stopped(Exception):
    """SIGINT or SIGTERM has come. No error."""


def run_server(data: Path, host: str, port: int, *, with_worker: bool, processes: int = 1) -> None:
    """Serves until SIGINT or SIGTERM. Raises NoDataFolder, BadSettings, WrongDeployment, KeyLocked before it begins.

    Raises PortTaken where somebody else listens there.
    """
    with _listening(host, port) as listener:
        let_go(data)
        serve_socket(data, listener, with_worker=with_worker, more=processes - 1)


def serve_inherited(data: Path, number: int) -> None:
    """Serves the socket of that file number, which the process that started us has handed down. Raises as above."""
    with socket.socket(fileno=number) as listener:
        serve_socket(data, listener, with_worker=False, more=0)


def serve_socket(data: Path, listener: socket.socket, *, with_worker: bool, more: int) -> None:
    """Serves a socket that listens already, with `more` processes beside this one. Raises as `run_server` does."""
    # uvicorn hands the signal on once it has shut down; the default for SIGTERM would leave the children behind.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _stop)
    try:
        with opened_node(data, upgrades=True) as node, ExitStack() as children:
            # Asked for now, while somebody is there to type: later it would only fail.
            receipt_signer(node)
            config = uvicorn.Config(create_app(node), log_level="warning", access_log=False, log_config=None,
                                    timeout_graceful_shutdown=5)  # fmt: skip
            password = node.keyring.password()
            if with_worker:
                children.enter_context(Child(("worker", f"--data={data}"), password).kept())
            number = listener.fileno()
            serve = ("serve", f"--data={data}", f"--socket={number}")
            for _ in range(more):
                children.enter_context(Child(serve, password, (number,)).kept())
            _log.info("http://%s:%d", *listener.getsockname()[:2])
            # What is loaded by now stays: the collector need not look at it again.
            gc.freeze()
            gc.set_threshold(*GARBAGE_THRESHOLDS)
            sys.setswitchinterval(SWITCH_S)
            uvicorn.Server(config).run(sockets=[listener])
    except _Stopped:
        return


def _stop(*_: object) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise _Stopped


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise PortTaken(host, port, error.strerror or str(error)) from error
