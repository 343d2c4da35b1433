"""A demo as a user starts it: `tally demo` in a process of its own, in a folder of its own."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.conftest import free_port

READY_S_MAX = 120.0


class Demo:
    """A running `tally demo`. Its lines are collected; `port` is free at the moment it starts."""

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.folder, self.data = folder, folder / "data"
        self.port = port or free_port()
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        tally = Path(sys.executable).parent / "tally"
        self.process = subprocess.Popen(
            [str(tally), "demo", "--port", str(self.port), "--data", "data"],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._collect)
        self._reader.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def await_ready(self) -> dict[str, Any]:
        """Returns what demo.json says once the line `ready: URL` is printed."""
        deadline_s = time.monotonic() + READY_S_MAX
        while time.monotonic() < deadline_s:
            line = self._queue.get(timeout=READY_S_MAX)
            if line is None:
                break
            if line == f"ready: {self.url}":
                facts: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
                return facts
        raise AssertionError("the demo does not get ready:\n" + "\n".join(self.lines))

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)

    def kill(self) -> None:
        """SIGKILL to the supervisor alone: its children have to notice."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Ends it where it still runs, and lets go of its output."""
        if self.process.poll() is None:
            self.interrupt()
        self._reader.join(30)
        assert not self._reader.is_alive(), "something that outlived the demo still holds its output"

    def _collect(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip("\n"))
                self._queue.put(self.lines[-1])
        self._queue.put(None)


def processes_in(data: Path) -> dict[int, str]:
    """The command lines, by process id, of what runs on that data folder or has it as its home. Linux only."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            home = f"HOME={data}/chain".encode() in (folder / "environ").read_bytes()
            cwd = (folder / "cwd").readlink()
        except OSError:
            continue
        if home or (cwd == data.parent and "--data data" in command.replace("=", " ")):
            found[int(folder.name)] = command
    return found
