"""The processes of a node under one roof: started, looked after, started again when they die, stopped together."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

STOP_S_MAX = 8.0
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


@dataclass
class Children:
    """`tally` commands that run beside us. `say` gets a line where one died and is started again."""

    environment: Mapping[str, str]
    say: Callable[[str], None]
    _commands: dict[str, Sequence[str]] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _not_before_s: dict[str, float] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> None:
        """Starts `tally COMMAND` under that name."""
        self._commands[name] = command
        # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops all in good order.
        self._running[name] = subprocess.Popen(
            [sys.executable, "-m", "scripts.leash", *command],
            stdin=subprocess.DEVNULL, start_new_session=True, env=dict(self.environment),
        )  # fmt: skip

    def has_died(self, name: str) -> bool:
        """True where the child of that name is not running at this moment."""
        return self._running[name].poll() is not None

    def look_after(self, now_s: float) -> None:
        """Starts again what has died. Cheap; to be called often, with a clock that only goes forward."""
        for name, process in list(self._running.items()):
            if process.poll() is None:
                continue
            if name not in self._not_before_s:
                self.say(f"the {name} process ended with code {process.returncode}: it is started again")
                self._not_before_s[name] = now_s + RESTART_PAUSE_S
            elif now_s >= self._not_before_s[name]:
                del self._not_before_s[name]
                self.start(name, *self._commands[name])

    def stop(self) -> None:
        """Ends all of them: asked first, by force where that does not help."""
        for process in self._running.values():
            process.terminate()
        deadline_s = time.monotonic() + STOP_S_MAX
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
