"""The kinds of fault: how each begins, how it ends, and which of them come together."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from tests.faults.real import proxy
from tests.faults.real.databases import PostgresqlServer
from tests.faults.real.run import World
from tests.faults.real.setting import CONFIRMATIONS

REORG_MAX = 12
HIT_WAIT_S = 3.0


class NotDone(Exception):
    """The fault hit nothing: it does not count."""


Begin = Callable[[World, random.Random], AbstractContextManager[None]]


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `begin` starts it, and leaving its context ends it; it may raise NotDone there.

    Of one `group` only one happens at a time: two clocks can't be set, and a chain that has rolled back has no old
    head. `weight` is how often it is drawn; those in the `short` run are drawn once.
    """

    name: str
    begin: Begin
    group: str
    weight: int
    is_short: bool = False


def kinds_for(world: World) -> list[Kind]:
    """Those that this machine and this database have."""
    found = [
        Kind(each, partial(_on_the_line, each), _GROUPS.get(each, each), 3, each in _SHORT) for each in proxy.KINDS
    ]
    found += [
        Kind("server and its worker killed", _server_killed, "server", 3),
        Kind("server's worker killed", _child_killed, "server", 3),
        Kind("second worker killed", _worker_killed, "worker", 3),
        Kind("all processes killed", _all_killed, "server", 2, True),
        Kind("chain reorganised, 1 to 12 blocks", _reorganised, "chain", 5, True),
        Kind("chain rolled back, final blocks lost", _rolled_back, "chain", 2, True),
        Kind("database locked", _locked, "database", 4, True),
    ]
    if isinstance(world.database, PostgresqlServer):
        found.append(Kind("database killed, started again", _database_killed, "database", 3))
    if world.disk.is_there:
        found.append(Kind("disk full", _disk_full, "database", 3))
    if world.clock.is_there:
        found.append(Kind("clock ahead", partial(_clock_set, 1), "clock", 2, True))
        found.append(Kind("clock back", partial(_clock_set, -1), "clock", 2))
    return [replace(kind, weight=1) for kind in found if kind.is_short] if world.asked.is_short else found


_SHORT = {"request dropped", "answer lost", "answer garbage", "answer stale", "request sent twice"}
_GROUPS = {"answer stale": "chain"}


@contextmanager
def _on_the_line(kind: str, world: World, rng: random.Random) -> Iterator[None]:
    with world.proxy.doing(kind) as mischief:
        yield
        for _ in range(int(HIT_WAIT_S / 0.1)):
            if mischief.hits:
                return
            world.wait(0.1)
        raise NotDone(kind)


@contextmanager
def _server_killed(world: World, rng: random.Random) -> Iterator[None]:
    world.server.kill()
    yield
    world.server.start()


@contextmanager
def _child_killed(world: World, rng: random.Random) -> Iterator[None]:
    world.server.kill_child()
    yield


@contextmanager
def _worker_killed(world: World, rng: random.Random) -> Iterator[None]:
    world.worker.kill()
    yield
    world.worker.start()


@contextmanager
def _all_killed(world: World, rng: random.Random) -> Iterator[None]:
    world.server.kill()
    world.worker.kill()
    yield
    world.worker.start()
    world.server.start()


@contextmanager
def _reorganised(world: World, rng: random.Random) -> Iterator[None]:
    world.proxy.forget_heads()
    world.chain.reorganise(rng.randint(1, REORG_MAX))
    yield


@contextmanager
def _rolled_back(world: World, rng: random.Random) -> Iterator[None]:
    """More blocks than make one final are gone. Payments stop, until the operator has looked."""
    snapshot = world.chain.snapshot()
    wanted = world.chain.head() + CONFIRMATIONS + rng.randint(4, 12)
    while world.chain.head() < wanted:
        world.wait(0.1)
    yield
    world.proxy.forget_heads()
    world.chain.roll_back(snapshot)
    world.proxy.forget_heads()
    world.rollbacks += 1


@contextmanager
def _locked(world: World, rng: random.Random) -> Iterator[None]:
    with world.database.locked():
        yield


@contextmanager
def _database_killed(world: World, rng: random.Random) -> Iterator[None]:
    assert isinstance(world.database, PostgresqlServer)
    world.database.service.kill()
    yield
    world.database.start()


@contextmanager
def _disk_full(world: World, rng: random.Random) -> Iterator[None]:
    with world.disk.full():
        yield


@contextmanager
def _clock_set(direction: int, world: World, rng: random.Random) -> Iterator[None]:
    with world.clock.set_by(direction * rng.choice([5, 90, 3_700, 86_400])):
        yield
