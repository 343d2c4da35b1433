"""A database whose commits fail: before they are made, or after. One for all seeds, for SQL is compiled per engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from ledger.database import open_engine
from tests.faults.simulation.faults import COMMITS, Crash, Fault, Faults


@dataclass
class FailingDatabase:
    """`faults` draws what becomes of a commit; None where none fails."""

    engine: Engine
    faults: Faults | None = None
    _fault: Fault | None = None

    def before_commit(self, _: object) -> None:
        """Raises where the commit is not made."""
        self._fault = None if self.faults is None else self.faults.draw(COMMITS)
        if self._fault is Fault.CRASH_BEFORE_COMMIT:
            raise Crash
        if self._fault is Fault.COMMIT_FAILS:
            raise _disk_error()

    def after_commit(self, session: Session) -> None:
        """Raises where the commit was made, and nobody is to know."""
        if session.bind is not self.engine:
            return
        if self._fault is Fault.CRASH_AFTER_COMMIT:
            raise Crash
        if self._fault is Fault.COMMIT_UNANSWERED:
            raise _disk_error()

    def end_process(self) -> None:
        """Whatever was under way is gone, and who comes next opens the file anew."""
        self.engine.dispose()


@contextmanager
def failing_database(path: Path) -> Iterator[FailingDatabase]:
    """The SQLite file at that path, whichever lies there at the time, until the block is left."""
    database = FailingDatabase(open_engine(f"sqlite:///{path}"))
    hooks = [(database.engine, "commit", database.before_commit), (Session, "after_commit", database.after_commit)]
    for hook in hooks:
        event.listen(*hook)
    try:
        yield database
    finally:
        for hook in hooks:
            event.remove(*hook)
        database.engine.dispose()


def _disk_error() -> OperationalError:
    return OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))
