"""How a process that runs others is asked to stop: between two pieces of work, never within one."""

from __future__ import annotations

import signal
import threading


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
