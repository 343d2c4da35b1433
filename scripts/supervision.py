"""A supervisor's two concerns: that it is asked to stop, and that its child runs for just as long as itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

STOP_S_MAX = 15.0
RESTART_PAUSE_S = 1.0


class Stopped(Exception):
    """Somebody asked us to end. No error: `finally` does the rest."""


class StopRequest:
    """Whether SIGINT, SIGTERM or SIGHUP has come. It is looked at between two pieces of work, never within one."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def listen(self) -> None:
        """From now on these signals are a request. A second one can't disturb the tidying up."""
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, lambda *_: self._event.set())

    def check(self, wait_s: float = 0.0) -> None:
        """Raises Stopped where the request has come, or comes within `wait_s` seconds."""
        if self._event.wait(wait_s) if wait_s else self._event.is_set():
            raise Stopped


class Child:
    """A `tally` command that runs beside us, and is started again where it dies. `say` gets a line then."""

    def __init__(self, command: Sequence[str], say: Callable[[str], None]) -> None:
        self._command, self._say = command, say
        self._restart_at_s: float | None = None
        self._process = self._start()

    @property
    def has_died(self) -> bool:
        """True where it is not running at this moment."""
        return self._process.poll() is not None

    def look_after(self, now_s: float) -> None:
        """Starts it again where it has died. Cheap; to be called often, with a clock that only goes forward."""
        if not self.has_died:
            return
        if self._restart_at_s is None:
            self._say(f"`tally {self._command[0]}` ended with code {self._process.returncode}: it is started again")
            self._restart_at_s = now_s + RESTART_PAUSE_S
        elif now_s >= self._restart_at_s:
            self._restart_at_s = None
            self._process = self._start()

    def stop(self) -> None:
        """Ends it: asked first, by force where that does not help."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops all in good order.
        return subprocess.Popen(
            [sys.executable, "-m", "scripts.leash", str(os.getpid()), *self._command],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
