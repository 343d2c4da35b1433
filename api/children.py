"""Processes of ours beside the one that serves: started, looked after, ended with it.

A child does not outlive its parent: it is told whose it is (`--leash`) and looks for itself whether that one is there.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

STOP_S_MAX = 8.0
LOOK_EVERY_S = 0.5
RESTART_PAUSE_S = 1.0

_log = logging.getLogger("tally.serve")


@dataclass(frozen=True)
class Child:
    """A `tally` command that runs beside us, and is started again where it dies. It inherits `sockets` by number."""

    command: Sequence[str]
    password: str
    sockets: Sequence[int] = ()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Runs for as long as the block does."""
        stopping = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(stopping,), name=f"{self.command[0]}-keeper")
        keeper.start()
        try:
            yield
        finally:
            stopping.set()
            keeper.join()

    def _keep(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            process = self._start()
            while process.poll() is None and not stopping.wait(LOOK_EVERY_S):
                pass
            if not stopping.is_set():
                _log.warning("%s ended with code %d: it is started again", self.command[0], process.returncode)
                stopping.wait(RESTART_PAUSE_S)
        process.terminate()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        """The password goes through a pipe that only the child reads, never through its command line or environment."""
        reader, writer = os.pipe()
        os.write(writer, self.password.encode() + b"\n")
        os.close(writer)
        try:
            return subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "api.cli", *self.command, f"--leash={os.getpid()}"],
                env={**os.environ, "TALLY_KEY_PASSWORD_FILE": f"/dev/fd/{reader}"},
                pass_fds=(reader, *self.sockets),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        finally:
            os.close(reader)
