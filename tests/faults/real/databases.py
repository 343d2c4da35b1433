"""The node's database as those see it who disturb it: locked from outside, and, where it is a server, killed."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.real.processes import Service
from tests.postgresql import OPTIONS, USER, Server, binaries, server_user

Row = tuple[Any, ...]


class Database(ABC):
    """The node's database. `url` is for node.toml, None for the usual file in the data folder."""

    url: str | None = None
    services: tuple[Service, ...] = ()

    @abstractmethod
    def rows(self, query: str) -> list[Row]:
        """What the query finds; bytes as bytes."""

    @contextmanager
    @abstractmethod
    def locked(self) -> Iterator[None]:
        """Nobody else gets any further than the lock, until the block is left."""

    @abstractmethod
    def stop(self) -> None:
        """Ends what belongs to it."""


class SqliteFile(Database):
    """DATA/tally.db."""

    def __init__(self, data: Path) -> None:
        self._file = data / "tally.db"

    def rows(self, query: str) -> list[Row]:
        with sqlite3.connect(self._file) as connection:
            return connection.execute(query).fetchall()

    @contextmanager
    def locked(self) -> Iterator[None]:
        connection = sqlite3.connect(self._file, timeout=30, isolation_level=None)
        try:
            connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")
        finally:
            connection.close()

    def stop(self) -> None:
        """It goes with the folder."""


class PostgresqlServer(Database):
    """A server of the run's own, its cluster in `folder`. It syncs what it commits, for it is killed."""

    def __init__(self, folder: Path) -> None:
        found = binaries()
        if found is None:
            raise SystemExit("no PostgreSQL server on this machine (apt install postgresql)")
        who = server_user()
        self._sockets = Path(tempfile.mkdtemp(prefix="tally-faults-"))
        cluster = folder / "cluster"
        cluster.mkdir()
        for each in (self._sockets, cluster):
            if who is not None:
                shutil.chown(each, who)
        subprocess.run(
            [found / "initdb", "-D", cluster, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
             "--no-instructions"], user=who, cwd=self._sockets, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        options = OPTIONS | {"fsync": "on", "full_page_writes": "on"}
        told = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [found / "postgres", "-D", cluster, "-k", self._sockets, *told]
        self.service = Service("postgresql", command, self._sockets, {}, self._sockets / "log", who)
        self.services = (self.service,)
        self._server = Server(self._sockets)
        self.start()
        self._server.create("tally")
        self.url = self._server.url("tally")

    def start(self) -> None:
        self.service.start()
        for _ in range(600):
            with suppress(psycopg.OperationalError):
                psycopg.connect(self._server.url("postgres")).close()
                return
            self.service.look_after()
            time.sleep(0.05)
        raise AssertionError((self._sockets / "log").read_text())

    def rows(self, query: str) -> list[Row]:
        assert self.url is not None
        with psycopg.connect(self.url) as connection:
            return connection.execute(query).fetchall()

    @contextmanager
    def locked(self) -> Iterator[None]:
        assert self.url is not None
        with psycopg.connect(self.url) as connection:
            connection.execute("LOCK TABLE records, transactions, positions IN ACCESS EXCLUSIVE MODE")
            yield
            connection.rollback()

    def stop(self) -> None:
        self.service.kill()
        shutil.rmtree(self._sockets)
