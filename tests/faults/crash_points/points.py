"""The places at which a process may die: each commit, each change of a file, each request that changes a chain.

Loaded only in the process that is to die. Between the product and what it calls (the driver's commit, `os` and `io`,
the node) stands a count; at the number asked for the process ends itself with SIGKILL, before or after, or in the
middle of a write; or the disk fails there, once. Nothing is answered in the place of database, disk or chain.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine.default import DefaultDialect

from ledger.rpc import Question, Rpc
from tests.faults.crash_points.disk import without_room, without_sync

CHECKOUT = Path(__file__).resolve().parents[3]
FLOORS = tuple(str(CHECKOUT / floor) + os.sep for floor in ("ledger", "traceability", "api"))
NOT_WHO = (str(CHECKOUT / "ledger" / "database.py"), str(CHECKOUT / "ledger" / "rpc.py"))
"""Everybody goes through these two; who it was stands above them."""
CHANGING = frozenset({
    "eth_sendRawTransaction", "evm_mine_detailed", "evm_setNextBlockTimestamp", "anvil_loadState",
    "anvil_setBlockTimestampInterval",
})  # fmt: skip
DRAFT = re.compile(r"\.([0-9]+|[a-z0-9_]{8})\.(?=tmp|restoring)")
_T = TypeVar("_T")


class Fault(StrEnum):
    """What happens at a point."""

    BEFORE = "before"
    AFTER = "after"
    TORN = "torn"
    """Half of what was to be written is there, then the process dies. Writes alone can be torn."""
    ENOSPC = "ENOSPC"
    EIO = "EIO"


KILLS = (Fault.BEFORE, Fault.AFTER)
DISK_FAULTS = (Fault.ENOSPC, Fault.EIO)


class Kind(StrEnum):
    """What a point does."""

    COMMIT = "commit"
    CLOSE = "close"
    """A database connection ends; with its last one SQLite brings its log into the file."""
    CREATE = "create"
    WRITE = "write"
    SYNC = "fsync"
    NAME = "rename"
    REMOVE = "remove"
    SEND = "send"


FAILING = {
    Fault.ENOSPC: frozenset({Kind.COMMIT, Kind.CLOSE, Kind.CREATE, Kind.WRITE, Kind.NAME}),
    Fault.EIO: frozenset({Kind.COMMIT, Kind.CLOSE, Kind.WRITE, Kind.SYNC, Kind.NAME}),
}
"""What a full disk refuses, and what a broken one does."""
IN_C = frozenset({Kind.COMMIT, Kind.CLOSE})
"""What SQLite writes and syncs by itself. A server's disk is the server's."""


@dataclass(frozen=True, slots=True)
class Point:
    """One place of a run: its number from 1 on, what is done there to what, who does it, and for the umpteenth time.

    Two runs meet on their last three: a pass of the worker more or less moves all numbers after it.
    """

    number: int
    kind: Kind
    what: str
    who: str
    nth: int

    def __str__(self) -> str:
        return f"#{self.number} {self.kind} {self.what} in {self.who}, {self.nth}"

    def is_met_by(self, other: Point) -> bool:
        """True where another run has come to the same place."""
        return (self.kind, self.what, self.who, self.nth) == (other.kind, other.what, other.who, other.nth)

    def faults(self, asked: Sequence[Fault]) -> list[Fault]:
        """Those of the faults that can happen here."""
        if self.kind in IN_C and self.what != "sqlite":
            asked = [fault for fault in asked if fault not in FAILING]
        fits = {Fault.TORN: self.kind is Kind.WRITE} | {fault: self.kind in kinds for fault, kinds in FAILING.items()}
        return [fault for fault in asked if fits.get(fault, True)]


@dataclass
class Course:
    """One run's way past its points. `at` and `fault` say where it ends; without them it is only traced."""

    watched: Path
    at: Point | None = None
    fault: Fault | None = None
    points: list[Point] = field(default_factory=list)
    is_met: bool = False
    _times: Counter[tuple[Kind, str, str]] = field(default_factory=Counter)

    def passing(self, kind: Kind, what: str, act: Callable[[], _T], *, half: Callable[[], object] | None = None) -> _T:
        """Does it, unless the process dies here, or the disk fails."""
        name = kind, what, _who()
        self._times[name] += 1
        self.points.append(Point(len(self.points) + 1, *name, self._times[name]))
        if self.at is None or not self.at.is_met_by(self.points[-1]):
            return act()
        self.is_met = True
        match self.fault:
            case Fault.BEFORE:
                _die()
            case Fault.TORN:
                assert half is not None
                half()
                _die()
            case Fault.ENOSPC if kind in IN_C:
                return without_room(act)
            case Fault.EIO if kind in IN_C:
                return without_sync(act)
            case Fault.ENOSPC:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), what)
            case Fault.EIO:
                raise OSError(errno.EIO, os.strerror(errno.EIO), what)
        try:
            return act()
        finally:
            _die()

    def name_of(self, path: Any, folder: int | None = None) -> str | None:
        """The path below the folder that is watched; None elsewhere, and where only reading is meant."""
        if isinstance(path, int):
            path = _path_of(path)
        path = Path(os.fsdecode(path))
        if folder is not None:
            path = _path_of(folder) / path
        path = path.absolute()
        if not path.is_relative_to(self.watched):
            return None
        # Two runs are two processes: what is named after one, or drawn, has one name here.
        return DRAFT.sub(".DRAFT.", str(path.relative_to(self.watched)))


def watch(course: Course) -> None:
    """From now on whatever this process commits, writes and sends is a point of the course."""
    _watch_database(course)
    _watch_names(course)
    _watch_writing(course)
    _watch_chain(course)


def _watch_database(course: Course) -> None:
    commit: Callable[[DefaultDialect, Any], None] = DefaultDialect.do_commit
    close: Callable[[DefaultDialect, Any], None] = DefaultDialect.do_close

    def do_commit(self: DefaultDialect, connection: Any) -> None:
        course.passing(Kind.COMMIT, self.name, lambda: commit(self, connection))

    def do_close(self: DefaultDialect, connection: Any) -> None:
        course.passing(Kind.CLOSE, self.name, lambda: close(self, connection))

    DefaultDialect.do_commit, DefaultDialect.do_close = do_commit, do_close  # type: ignore[method-assign]


def _watch_names(course: Course) -> None:
    """Whatever gives a name in the folder, takes one away, or syncs."""
    kinds = {
        "fsync": Kind.SYNC, "rename": Kind.NAME, "replace": Kind.NAME, "link": Kind.NAME, "mkdir": Kind.CREATE,
        "unlink": Kind.REMOVE, "remove": Kind.REMOVE, "rmdir": Kind.REMOVE,
    }  # fmt: skip
    for function, kind in kinds.items():
        setattr(os, function, _watched(course, function, kind, getattr(os, function)))
    os_open = os.open

    def open_(path: Any, flags: int, *args: Any, **kinds: Any) -> int:
        name = course.name_of(path, kinds.get("dir_fd")) if flags & os.O_CREAT else None
        if name is None:
            return os_open(path, flags, *args, **kinds)
        return course.passing(Kind.CREATE, name, lambda: os_open(path, flags, *args, **kinds))

    os.open = open_


def _watched(course: Course, function: str, kind: Kind, act: Callable[..., Any]) -> Callable[..., Any]:
    is_renaming = kind is Kind.NAME

    def passed(path: Any, *args: Any, **kinds: Any) -> Any:
        name = course.name_of(path, kinds.get("dir_fd"))
        if name is None or (function == "mkdir" and Path(path).is_dir()):
            return act(path, *args, **kinds)
        what = f"{name} to {course.name_of(args[0])}" if is_renaming else name
        return course.passing(kind, what, lambda: act(path, *args, **kinds))

    passed.__name__ = function
    # shutil.rmtree asks whether the functions that it finds take a folder's descriptor.
    for supported in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
        if act in supported:
            supported.add(passed)
    return passed


def _watch_writing(course: Course) -> None:
    """Files that Python writes. Each write that reaches the system is a point, not what waits in a buffer."""
    io_open = io.open

    class File(io.FileIO):
        def write(self, data: Any) -> int:
            name = course.name_of(self.fileno())
            if name is None:
                return super().write(data)
            content = bytes(data)
            whole, half = super().write, content[: len(content) // 2]
            return course.passing(Kind.WRITE, name, lambda: whole(content), half=lambda: whole(half))

    def open_(file: Any, mode: str = "r", buffering: int = -1, encoding: str | None = None, errors: str | None = None,
              newline: str | None = None, closefd: bool = True, opener: Any = None) -> Any:  # fmt: skip
        name = course.name_of(file) if set(mode) & set("wax+") else None
        if name is None:
            return io_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw_mode = mode.replace("b", "").replace("t", "")
        if isinstance(file, int):
            raw = File(file, raw_mode, closefd, opener)
        else:
            raw = course.passing(Kind.CREATE, name, lambda: File(file, raw_mode, closefd, opener))
        if buffering == 0:
            return raw
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

    io.open = builtins.open = open_


def _watch_chain(course: Course) -> None:
    exchange = Rpc._exchange

    def watched(self: Rpc, questions: Sequence[Question]) -> list[Any]:
        changing = [method for method, _ in questions if method in CHANGING]
        if not changing:
            return exchange(self, questions)
        return course.passing(Kind.SEND, " ".join(changing), lambda: exchange(self, questions))

    Rpc._exchange = watched  # type: ignore[method-assign]


def _path_of(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _who() -> str:
    """The nearest function of the product that is on its way here; else the one that called it."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(FLOORS) and file not in NOT_WHO:
            return f"{file[len(str(CHECKOUT)) + 1 :]}:{frame.f_code.co_name}"
        frame = frame.f_back  # type: ignore[assignment]
    return "the journey"
