"""Processes of a run: started on a leash, killed without a warning, started again as a service manager would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.scenarios.processes import children_of, is_alive

LEASH = Path(__file__).with_name("leash.py")
STOP_S_MAX = 30.0


@dataclass
class Service:
    """A command that is kept running. Its output is in `log`. `user` is whom it runs as, None for whoever runs us.

    All its calls come from one thread, the one that lives as long as the run: the leash is held by that.
    """

    name: str
    command: Sequence[str | Path]
    folder: Path
    environment: Mapping[str, str]
    log: Path
    user: str | None = None
    process: subprocess.Popen[bytes] | None = None
    is_wanted: bool = False
    ended_by_itself: list[int] = field(default_factory=list)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-I", LEASH, str(os.getpid()), self.user or "", *self.command],
                cwd=self.folder, env=dict(self.environment), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
        self.is_wanted = True

    def look_after(self) -> None:
        """Starts it again where it has ended and nobody wanted that."""
        if self.is_wanted and self.process is not None and self.process.poll() is not None:
            self.ended_by_itself.append(self.process.returncode)
            self.start()

    def kill(self) -> None:
        """SIGKILL to it and to its children, who might hold its port."""
        self.is_wanted = False
        if self.process is None:
            return
        family = [self.process.pid, *children_of(self.process.pid)]
        for each in family:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self.process.wait()
        _await_end(family)

    def kill_child(self) -> None:
        """SIGKILL to what it has started, which it starts again itself."""
        assert self.process is not None
        for each in children_of(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit code. Raises TimeoutExpired where it does not end."""
        self.is_wanted = False
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S_MAX)


def _await_end(family: Sequence[int]) -> None:
    while any(is_alive(each) for each in family):
        time.sleep(0.01)
