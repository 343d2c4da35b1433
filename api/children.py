"""Processes of ours beside this one: started, looked after, ended with it.

A process that is killed can't end its children. So a child is told whose it is (`--leash`) and looks for itself whether
that one is still there, which works on every system.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

STOP_S_MAX = 8.0
LOOK_EVERY_S = 0.2
RESTART_PAUSE_S = 1.0
GRACE_S = 3.0

_log = logging.getLogger("tally.serve")


def end_with_parent(parent: int) -> None:
    """From now on this process ends soon after its parent, process `parent`: asked first, by force `GRACE_S` later.

    Whose child it is has to be told: by the time it looks, its parent may be gone already.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY_S)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)
        os._exit(1)

    threading.Thread(target=watch, name="leash", daemon=True).start()


@dataclass(frozen=True)
class Child:
    """A `tally` command that runs beside us, and is started again where it dies. It inherits `sockets` by number.

    Asked to end, it is given `stop_s_max`: longer than its own children get.
    """

    command: Sequence[str]
    password: str
    sockets: Sequence[int] = ()
    stop_s_max: float = STOP_S_MAX

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
            process.wait(self.stop_s_max)
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
