"""What a run works with: everything started, looked after as an operator would, used, and ended."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.conftest import free_port
from tests.faults.real.chain import RealChain
from tests.faults.real.clients import CaptureLoad, Client, Deal, Journal, Probe, Trader
from tests.faults.real.databases import Database, PostgresqlServer, SqliteFile
from tests.faults.real.machine import Clock, Disk
from tests.faults.real.processes import Service
from tests.faults.real.proxy import Proxy
from tests.faults.real.setting import CONFIRMATIONS, Setting, founded
from tests.scenarios.nodes import TALLY, tally

LOOK_EVERY_S = 0.2
START_S_MAX = 60.0


@dataclass(frozen=True)
class Asked:
    """What kind of run is wanted."""

    seed: int
    events_per_s: float
    orders_per_s: float
    capture_size: int = 25
    database: str = "sqlite"
    is_short: bool = False

    @property
    def block_s(self) -> float:
        """Seconds from block to block."""
        return 0.1 if self.is_short else 0.25


@dataclass
class World:
    """All that takes part in a run, running."""

    asked: Asked
    rng: random.Random
    folder: Path
    disk: Disk
    clock: Clock
    chain: RealChain
    proxy: Proxy
    database: Database
    setting: Setting
    server: Service
    worker: Service
    journal: Journal
    probe: Probe
    rollbacks: int = 0
    resumed: int = 0

    @property
    def data(self) -> Path:
        return self.disk.folder / "data"

    @property
    def services(self) -> tuple[Service, ...]:
        return (*self.database.services, self.server, self.worker)

    def look_after(self) -> None:
        """What a service manager and an operator do: start what has ended, resume what a loss has stopped."""
        for service in self.services:
            service.look_after()
        if self.rollbacks and self.rollbacks > self.resumed and self._is_stopped():
            done = tally(self.folder, "resume", "--data", self.data)
            self.resumed += done.code == 0

    def wait(self, seconds: float) -> None:
        """Lets time go by, and looks after everything meanwhile."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            self.look_after()
            time.sleep(min(LOOK_EVERY_S, left_s))

    def await_answering(self) -> None:
        deadline_s = time.monotonic() + START_S_MAX
        while self.probe.client.look("/health") is None:
            if time.monotonic() > deadline_s:
                raise AssertionError(f"the node does not answer: see {self.server.log}")
            self.wait(LOOK_EVERY_S)

    def _is_stopped(self) -> bool:
        """Whether payments stand still, as the node's metrics say it to whoever watches it."""
        try:
            answer = httpx.get(f"{self.probe.client.url}/metrics", timeout=5)
        except httpx.TransportError:
            return False
        open_losses = [line for line in answer.text.splitlines() if line.startswith("tally_chain_losses_open ")]
        return bool(open_losses) and float(open_losses[0].split()[1]) > 0


@contextmanager
def world(asked: Asked, folder: Path) -> Iterator[World]:
    """Everything running, and ended with the block."""
    rng = random.Random(asked.seed)
    with ExitStack() as stack:
        disk, clock = Disk(folder / "disk"), Clock(folder)
        (disk.folder / "data").mkdir()
        disk.folder.chmod(0o755)
        chain = RealChain(folder, asked.block_s)
        stack.callback(chain.stop)
        chain.start()
        proxy = Proxy(chain.port, random.Random(rng.random()))
        stack.callback(proxy.stop)
        proxy.start()
        data = disk.folder / "data"
        database = PostgresqlServer(disk.folder) if asked.database == "postgresql" else SqliteFile(data)
        stack.callback(database.stop)
        setting = founded(chain, data, proxy.url, database.url)
        journal, stop = Journal(folder / "journal.jsonl"), threading.Event()
        stack.callback(stop.set)
        port = free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TALLY_")}
        environment |= clock.environment
        server, worker = (
            Service(name, [TALLY, *command, f"--data={data}"], folder, environment, folder / f"{name}.log")
            for name, command in (("server", ["serve", "--port", str(port)]), ("worker", ["worker"]))
        )
        client = Client(f"http://127.0.0.1:{port}", setting.api_keys["grower"], journal, stop)
        found = World(asked, rng, folder, disk, clock, chain, proxy, database, setting, server, worker, journal,
                      Probe(client))  # fmt: skip
        for service in (server, worker):
            service.start()
            stack.callback(service.kill)
        found.await_answering()
        yield found


@dataclass
class Load:
    """Those who use the node all along."""

    captures: CaptureLoad
    trader: Trader
    begun_s: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    @staticmethod
    def on(found: World) -> Load:
        grower = found.probe.client
        roaster = Client(grower.url, found.setting.api_keys["roaster"], found.journal, grower.stop)
        load = Load(
            CaptureLoad(grower, found.asked.events_per_s, found.asked.capture_size),
            Trader(roaster, grower, found.asked.orders_per_s, final_s=CONFIRMATIONS * found.asked.block_s),
        )
        load.captures.start()
        load.trader.start()
        return load

    def end(self, found: World, within_s: float) -> list[Deal]:
        """Nothing new begins; returns what has not ended within that time, of orders."""
        self.seconds = time.monotonic() - self.begun_s
        # A loss that was noticed late is still resumed.
        found.resumed = min(found.resumed, found.rollbacks - 1)
        self._beside(found, self.captures.end)
        return self._beside(found, lambda: self.trader.end(within_s))

    @staticmethod
    def _beside(found: World, wait: Callable[[], list[Deal] | None]) -> list[Deal]:
        """What `wait` returns, in a thread: this one starts again what ends meanwhile."""
        answers: list[list[Deal]] = []
        thread = threading.Thread(target=lambda: answers.append(wait() or []), daemon=True)
        thread.start()
        while thread.is_alive():
            found.wait(LOOK_EVERY_S)
        return answers[0]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a run of half an hour tells how far it is
