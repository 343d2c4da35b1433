"""Databases for tests: a test that asks for one runs once on SQLite and once on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path

from sqlalchemy.engine import Engine

from api.schema import make_ready
from ledger.database import open_engine
from tests.postgresql import Server

KINDS = ("sqlite", "postgresql")
NO_SERVER = "no PostgreSQL server on this machine (apt install postgresql): what runs on both runs on SQLite only"


@dataclass(frozen=True)
class Databases:
    """Makes databases of one kind, each gone after its block."""

    kind: str
    folder: Path
    server: Server | None
    _numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database without any table."""
        with self._made("template0") as url:
            yield url

    @contextmanager
    def ready(self) -> Iterator[Engine]:
        """A database with all tables of the house, as a node finds it at its second start."""
        with self._made(self._template) as url:
            engine = open_engine(url)
            try:
                make_ready(engine)
                yield engine
            finally:
                engine.dispose()

    @contextmanager
    def _made(self, template: str) -> Iterator[str]:
        name = f"tally_{next(self._numbers)}"
        if self.server is None:
            yield f"sqlite:///{self.folder / name}.db"
            return
        self.server.create(name, template)
        try:
            yield self.server.url(name)
        finally:
            self.server.drop(name)

    @cached_property
    def _template(self) -> str:
        """A database with all tables: copying it is ten times as quick as making them."""
        if self.server is not None:
            self.server.create("template_tally")
            engine = open_engine(self.server.url("template_tally"))
            make_ready(engine)
            engine.dispose()
        return "template_tally"


MakeEngine = Callable[[], Engine]
"""Makes a database with all tables, which is gone after the test."""
