"""The machine that a run is on, as far as it can be made to fail: a disk of its own, and a clock that can be set."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CLONE_NEWNS = 0x20000
LARGE_MIB = 6_144


class Disk:
    """A file system of the run's own, in memory, that can be made full. Gone with the process, for nobody else sees it.

    `is_there` is False where the system does not let us have one; then `folder` is just a folder.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.is_there = folder, False
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS) == 0:
            options = ["tmpfs", "-o", f"size={LARGE_MIB}m", "tmpfs", str(folder)]
            mounted = subprocess.run(["mount", "--make-rprivate", "/"], check=False, capture_output=True)
            mounted = mounted if mounted.returncode else _mount("-t", *options)
            self.is_there = mounted.returncode == 0

    @contextmanager
    def full(self) -> Iterator[None]:
        """No byte more, until the block is left."""
        found = os.statvfs(self.folder)
        used_kib = (found.f_blocks - found.f_bfree) * found.f_frsize // 1024
        # What is written meanwhile may have taken it already.
        while _mount("-o", f"remount,size={used_kib}k", str(self.folder)).returncode:
            used_kib += 64
        try:
            yield
        finally:
            _mount("-o", f"remount,size={LARGE_MIB}m", str(self.folder)).check_returncode()


def _mount(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["mount", *arguments], check=False, capture_output=True)


class Clock:
    """The time of day as the processes see it that are started with `environment`.

    `is_there` is False where there is no C compiler; then it can't be set.
    """

    def __init__(self, folder: Path) -> None:
        self._file, library = folder / "clock-offset", folder / "clock.so"
        self._file.write_bytes(bytes(8))
        compiler = shutil.which("cc") or shutil.which("gcc")
        source = Path(__file__).with_name("clock.c")
        command = [compiler or "", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
        self.is_there = compiler is not None and subprocess.run(command, check=False).returncode == 0
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_OFFSET_FILE": str(self._file)} if self.is_there else {}

    @contextmanager
    def set_by(self, seconds: int) -> Iterator[None]:
        """It goes so many seconds ahead, or back, until the block is left."""
        self._write(seconds * 10**9)
        try:
            yield
        finally:
            self._write(0)

    def _write(self, offset_ns: int) -> None:
        # In place: the processes look at these very bytes.
        with self._file.open("r+b", buffering=0) as file:
            file.write(offset_ns.to_bytes(8, "little", signed=True))
