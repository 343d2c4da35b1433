"""Databases for tests: a test that asks for one runs once on SQLite and once on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from sqlalchemy.engine import Engine

from api.schema import make_ready
from ledger.database import open_engine
from tests.postgresql import Server

KINDS = ("sqlite", "postgresql")
NO_SERVER = "no PostgreSQL server on this machine (apt install postgresql): what runs on both runs on SQLite only"

_numbers = count()


@dataclass(frozen=True)
class Databases:
    """Makes databases of one kind, each gone after its block."""

    kind: str
    folder: Path
    server: Server | None

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database without any table."""
        name = f"tally_{next(_numbers)}"
        if self.server is None:
            yield f"sqlite:///{self.folder / name}.db"
            return
        self.server.create(name)
        try:
            yield self.server.url(name)
        finally:
            self.server.drop(name)

    @contextmanager
    def ready(self) -> Iterator[Engine]:
        """A database with all tables of the house, as a node finds it at its second start."""
        with ExitStack() as stack:
            url = stack.enter_context(self.empty() if self.server is None else self.server.lent(_make_tables))
            engine = open_engine(url)
            stack.callback(engine.dispose)
            if self.server is None:
                make_ready(engine)
            yield engine


def _make_tables(url: str) -> None:
    engine = open_engine(url)
    make_ready(engine)
    engine.dispose()


MakeEngine = Callable[[], Engine]
"""Makes a database with all tables, which is gone after the test."""
