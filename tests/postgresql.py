"""A PostgreSQL server of a test session's own: in a folder that goes with it, reached through a socket in that folder.

Run as a program (`postgresql.py BINARIES FOLDER`) it is the server's keeper: it ends the server as soon as its own
standard input ends, which also happens where the test session is killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg

USER = "tally"
NOBODY_S = ("postgres", "nobody")
"""Whom the server runs as where the tests run as root: it refuses to be root."""
OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    # No test cuts the power.
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
}

_numbers = count()


def binaries() -> Path | None:
    """Where initdb and postgres are; None where there is no server."""
    asked = shutil.which("pg_config")
    told = [subprocess.check_output([asked, "--bindir"], text=True).strip()] if asked else []
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    on_path = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    for folder in [*map(Path, told), *newest_first, *on_path]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


@dataclass(frozen=True)
class Server:
    """A running server. Its databases belong to `tally`, who needs no password."""

    folder: Path
    free: list[str] = field(default_factory=list)

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={quote(str(self.folder), safe='')}"

    def create(self, database: str) -> None:
        self._do(f"CREATE DATABASE {database}")

    def drop(self, database: str) -> None:
        """Also where somebody is still connected."""
        self._do(f"DROP DATABASE {database} WITH (FORCE)")

    @contextmanager
    def lent(self, furnish: Callable[[str], None]) -> Iterator[str]:
        """The URL of a database with tables but without rows. It is used again: making one takes ten times as long."""
        if not self.free:
            self.free.append(f"lent_{next(_numbers)}")
            self.create(self.free[-1])
            furnish(self.url(self.free[-1]))
        database = self.free.pop()
        try:
            yield self.url(database)
        finally:
            self._clear(database)
            self.free.append(database)

    def _clear(self, database: str) -> None:
        """Nobody is connected any more, no table has a row, and numbers begin with 1; the revision stays."""
        self._do(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            for (table,) in tables:
                if table != "alembic_version":
                    connection.execute(f"DELETE FROM {table}")  # type: ignore[arg-type]  # its own names
            connection.execute("SELECT setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences")

    def _do(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]  # of our own making


@contextmanager
def running_server(folder_of_binaries: Path) -> Iterator[Server]:
    """A server until the block is left."""
    # Not pytest's own temporary folder: nobody but its owner may look into that.
    folder = Path(tempfile.mkdtemp(prefix="tally-postgresql-"))
    keeper = subprocess.Popen(
        [sys.executable, __file__, folder_of_binaries, folder], stdin=subprocess.PIPE,
        start_new_session=True,  # a signal to all of the test session must not keep it from clearing up behind it
    )  # fmt: skip
    try:
        yield _answering(Server(folder), keeper)
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()
        keeper.wait()


def _answering(server: Server, keeper: subprocess.Popen[bytes]) -> Server:
    for _ in range(600):
        assert keeper.poll() is None, "the PostgreSQL server has ended: look above for what it said"
        try:
            psycopg.connect(server.url("postgres")).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return server
    raise AssertionError("PostgreSQL did not answer within thirty seconds")


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())


# -------------------------------------------------------------------------------------------------------- keeping it


def keep(folder_of_binaries: Path, folder: Path) -> None:
    """Runs the server in that folder until standard input ends; then the folder is gone."""
    who = server_user()
    if who is not None:
        shutil.chown(folder, who)
    data = folder / "data"
    setup = [folder_of_binaries / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C",
             "--no-sync", "--no-instructions"]  # fmt: skip
    options = [part for name, value in OPTIONS.items() for part in ("-c", f"{name}={value}")]
    log = folder / "log"
    try:
        with log.open("wb") as out:
            subprocess.run(setup, user=who, cwd=folder, stdout=out, stderr=out, check=True)
            server = subprocess.Popen(
                [folder_of_binaries / "postgres", "-D", data, "-k", folder, *options],
                user=who, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
            while sys.stdin.buffer.read(1):
                pass
            server.send_signal(signal.SIGQUIT)  # nothing of it is needed any more
            server.wait()
    except subprocess.CalledProcessError:
        sys.stderr.write(log.read_text())
        raise
    finally:
        shutil.rmtree(folder)


def server_user() -> str | None:
    """Whom a server is to run as; None for whoever runs us."""
    if os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 - not there on every system

    names = {each.pw_name for each in pwd.getpwall()}
    return next(name for name in NOBODY_S if name in names)


if __name__ == "__main__":
    keep(Path(sys.argv[1]), Path(sys.argv[2]))
