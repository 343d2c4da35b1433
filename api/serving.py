"""The API under uvicorn, with the worker as a child process beside it: started, looked after, ended together."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import uvicorn

from api.app import create_app
from api.node import Node, opened_node
from api.recording import receipt_signer

STOP_S_MAX = 8.0
LOOK_EVERY_S = 0.5
RESTART_PAUSE_S = 1.0

_log = logging.getLogger("tally.serve")


class _Stopped(Exception):
    """SIGINT or SIGTERM has come. No error."""


def run_server(data: Path, host: str, port: int, *, with_worker: bool) -> None:
    """Serves until SIGINT or SIGTERM. Raises NoDataFolder, BadSettings, WrongDeployment, KeyLocked before it begins."""
    # uvicorn hands the signal on once it has shut down; the default for SIGTERM would leave the worker behind.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _stop)
    try:
        with opened_node(data) as node:
            # Asked for now, while somebody is there to type: later it would only fail.
            receipt_signer(node)
            config = uvicorn.Config(create_app(node), host=host, port=port, log_level="warning", access_log=False,
                                    timeout_graceful_shutdown=5)  # fmt: skip
            with _worker_child(node, data) if with_worker else nullcontext():
                _log.info("http://%s:%d", host, port)
                uvicorn.Server(config).run()
    except _Stopped:
        return


def _stop(*_: object) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise _Stopped


@contextmanager
def _worker_child(node: Node, data: Path) -> Iterator[None]:
    """`tally worker` as a child, started again where it dies. It does not outlive us: see `--leash`."""
    stopping = threading.Event()
    password = node.keyring.password()
    keeper = threading.Thread(target=_keep, args=(data, password, stopping), name="worker-keeper")
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        keeper.join()


def _keep(data: Path, password: str, stopping: threading.Event) -> None:
    while not stopping.is_set():
        child = _start(data, password)
        while child.poll() is None and not stopping.wait(LOOK_EVERY_S):
            pass
        if not stopping.is_set():
            _log.warning("the worker ended with code %d: it is started again", child.returncode)
            stopping.wait(RESTART_PAUSE_S)
    child.terminate()
    try:
        child.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _start(data: Path, password: str) -> subprocess.Popen[bytes]:
    """The password goes through a pipe that only the child reads, never through its command line or environment."""
    reader, writer = os.pipe()
    os.write(writer, password.encode() + b"\n")
    os.close(writer)
    try:
        return subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "api.cli", "worker", f"--leash={os.getpid()}", f"--data={data}"],
            env={**os.environ, "TALLY_KEY_PASSWORD_FILE": f"/dev/fd/{reader}"},
            pass_fds=(reader,),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    finally:
        os.close(reader)
