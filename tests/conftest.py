"""What every test may ask for: GS1's vectors where they lie beside the checkout, a real Anvil, a real database."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy.engine import Engine

from tests.databases import KINDS, NO_SERVER, Databases, MakeEngine
from tests.postgresql import Server, binaries, running_server

CHECKOUT = Path(__file__).resolve().parent.parent
VECTORS = CHECKOUT.parent / "shared" / "vectors"


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of third-party golden data. A test that needs it is skipped where it is absent."""
    if not VECTORS.is_dir():
        pytest.skip("no ../shared/vectors beside the checkout")
    return VECTORS


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Anvil:
    """A running Anvil: its address and process."""

    url: str
    chain_id: int
    process: subprocess.Popen[bytes]

    def rpc(self, method: str, *params: object) -> object:
        """One JSON-RPC call; raises AssertionError with the node's own words when it refuses."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            reply = json.load(answer)
        assert "error" not in reply, reply["error"]
        return reply["result"]


@contextmanager
def running_anvil(*options: str, chain_id: int = 31_337) -> Iterator[Anvil]:
    """A real Anvil (the binary itself, so that ending it ends it), until the block is left."""
    (binary,) = (CHECKOUT / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil")
    port = free_port()
    command = [str(binary), "--port", str(port), "--chain-id", str(chain_id), "--silent", *options]
    with TemporaryDirectory() as home:  # it writes there
        process = subprocess.Popen(
            command, env={**os.environ, "HOME": home}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield _answering(Anvil(f"http://127.0.0.1:{port}", chain_id, process))
        finally:
            process.kill()
            process.wait()


def _answering(anvil: Anvil) -> Anvil:
    for _ in range(200):
        try:
            anvil.rpc("eth_chainId")
        except OSError:
            time.sleep(0.05)
        else:
            return anvil
    raise AssertionError("Anvil did not answer within ten seconds")


@pytest.fixture
def start_anvil() -> Iterator[Callable[..., Anvil]]:
    """Starts real Anvils; all are ended after the test."""
    with ExitStack() as running:
        yield lambda *options, **kinds: running.enter_context(running_anvil(*options, **kinds))


@pytest.fixture
def anvil(start_anvil: Callable[..., Anvil]) -> Anvil:
    """One Anvil with automine, as it comes."""
    return start_anvil()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server. A test that needs it is skipped where none is installed."""
    installed = binaries()
    if installed is None:
        pytest.skip(NO_SERVER)
    with running_server(installed) as server:
        yield server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-database", action="store_true", help="also what is long, on each kind of database")


@pytest.hookimpl(trylast=True)  # after pytest itself has put together what shares a database
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is slow comes first, so that no process is left with it alone at the end; what needs the village comes last,
    for its nodes never rest. What is long, and asks the same of each kind of database, runs on SQLite unless every kind
    is asked for.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    village = {item.path for item in items if "village" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: (item.path in village, item.path not in slow))
    if not config.getoption("--every-database"):
        spared = [item for item in items if _is_spared(item)]
        config.hook.pytest_deselected(items=spared)
        items[:] = [item for item in items if not _is_spared(item)]


def _is_spared(item: pytest.Item) -> bool:
    values = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return item.get_closest_marker("long") is not None and values.get("databases") == "postgresql"


@pytest.fixture(scope="session", params=KINDS)
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Databases of one kind. Whoever asks for them, or for anything made of them, runs once on each kind."""
    kind: str = request.param
    server = request.getfixturevalue("postgresql") if kind == "postgresql" else None
    return Databases(kind, tmp_path_factory.mktemp("databases"), server)


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A fresh database without any table."""
    with databases.empty() as url:
        yield url


@pytest.fixture
def make_engine(databases: Databases) -> Iterator[MakeEngine]:
    """Makes databases with all tables, one for each that asks."""
    with ExitStack() as made:
        yield lambda: made.enter_context(databases.ready())


@pytest.fixture
def engine(make_engine: MakeEngine) -> Engine:
    """A fresh database with all tables."""
    return make_engine()
