"""Runs that die, and runs after them: forks of one process that has imported everything and holds nothing open.

A fork costs milliseconds where a start costs a second, and SIGKILL ends it as it ends any process: the database and the
chain's node see their client die.
"""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import alembic.command
import psycopg
import web3

import api.migrations.config
from tests.conftest import Anvil, running_anvil
from tests.faults.crash_points.checker import check, named
from tests.faults.crash_points.journey import run
from tests.faults.crash_points.points import DISK_FAULTS, Course, Fault, Point
from tests.faults.crash_points.stage import ANVIL, Stage, prepare
from tests.postgresql import Server

LOADED = (alembic.command, api.migrations.config, web3)
"""What the product imports only where it needs it. Imported here, it is not imported again in every fork."""
BEFORE_S = 3_600
"""So long ago stories begin."""
TRIES_MAX = 2


class RunFailed(Exception):
    """A fork ended by itself otherwise than it should have."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: with a result, with an error of its own, or killed."""

    result: Any = None
    error: str | None = None
    is_killed: bool = False


def forked(act: Callable[[], Any]) -> Ended:
    """Does it in a process of its own, to its end."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _answer(writing, act)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) != signal.SIGKILL:
            raise RunFailed(f"ended by signal {os.WTERMSIG(status)}")
        return Ended(is_killed=True)
    ended: Ended = pickle.loads(answer)
    return ended


def _answer(writing: int, act: Callable[[], Any]) -> None:
    """In the fork: no exit handler of the parent's runs, and nothing of the parent's is flushed a second time."""
    try:
        ended = Ended(act())
    except BaseException:  # noqa: BLE001 - whatever it is, the parent is told
        ended = Ended(error=traceback.format_exc())
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(pickle.dumps(ended))
    finally:
        os._exit(0)


@dataclass
class Theatre:
    """Sets a fresh stage for each run. `is_embedded` is the journey with a chain of its own."""

    folder: Path
    server: Server | None
    is_embedded: bool
    template: Stage
    anvil: Anvil | None = None
    snapshot: Any = None
    number: int = 0

    def stage(self) -> AbstractContextManager[Stage]:
        """A stage as it was prepared; gone afterwards."""
        return self.copied(self.template)

    @contextmanager
    def copied(self, template: Stage) -> Iterator[Stage]:
        """A stage like that one, whose chain is as it was at the snapshot; gone afterwards."""
        self.number += 1
        stage = replace(template, folder=self.folder / f"run-{self.number}")
        if self.anvil is not None:
            # Reverting uses a snapshot up.
            assert self.anvil.rpc("evm_revert", self.snapshot)
            self.snapshot = self.anvil.rpc("evm_snapshot")
        name = f"run_{self.number}"
        if self.server is not None:
            self._create(name)
            stage = replace(stage, database_url=self.server.url(name))
        shutil.copytree(template.folder, stage.folder)
        try:
            yield stage
        finally:
            shutil.rmtree(stage.folder)
            if self.server is not None:
                self.server.drop(name)

    def _create(self, name: str) -> None:
        assert self.server is not None
        with psycopg.connect(self.server.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template_of_runs")


@contextmanager
def open_theatre(server: Server | None, *, is_embedded: bool) -> Iterator[Theatre]:
    """Prepares what every run begins with."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tally-crash-points-")))
        at = int(time.time()) - BEFORE_S
        template = Stage(folder / "template", at)
        if server is not None:
            server.create("template_of_runs")
            stack.callback(server.drop, "template_of_runs")
            template = replace(template, database_url=server.url("template_of_runs"))
        (template.watched).mkdir(parents=True)
        theatre = Theatre(folder, server, is_embedded, template)
        if not is_embedded:
            theatre.anvil = stack.enter_context(running_anvil(*ANVIL, f"--timestamp={at - 3_600}"))
            theatre.template = replace(template, rpc_url=theatre.anvil.url)
            expect(forked(lambda: prepare(theatre.template)))
            theatre.snapshot = theatre.anvil.rpc("evm_snapshot")
        yield theatre


def expect(ended: Ended) -> Any:
    """The result. Raises RunFailed where there is none."""
    if ended.error is not None or ended.is_killed:
        raise RunFailed(ended.error or "killed")
    return ended.result


def traced(theatre: Theatre) -> list[Point]:
    """The points of one undisturbed run, which is checked too."""
    with theatre.stage() as stage:
        went = expect(forked(lambda: gone(stage, theatre)))
        problems = [went.error] if went.error else expect(forked(lambda: check(stage)))
    assert problems == [], "\n".join(problems)
    points: list[Point] = went.points
    return points


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one fault: `problems` is empty where nothing is lost, doubled or pending, and the doctor is content.

    `is_reached` is false where the run came to its end before that point; `said` is the error that a failing disk led
    to, None where the run went on past it, and `damage` what the doctor named after it.
    """

    point: Point
    fault: Fault
    problems: tuple[str, ...] = ()
    is_reached: bool = True
    said: str | None = None
    damage: tuple[str, ...] = ()


def broken(theatre: Theatre, point: Point, fault: Fault) -> Verdict:
    """A run with that fault at that point, one after it, and the check.

    A pass of the worker more or less, as the clock has it, and a run has no such point: then another one is made.
    """
    for _ in range(TRIES_MAX):
        verdict = _broken(theatre, point, fault)
        if verdict.is_reached:
            break
    return verdict


def _broken(theatre: Theatre, point: Point, fault: Fault) -> Verdict:
    with theatre.stage() as stage:
        first = forked(lambda: gone(stage, theatre, point, fault))
        if not first.is_killed:
            went: Went = expect(first)
            if fault not in DISK_FAULTS or not went.is_met:
                return Verdict(point, fault, (went.error,) if went.error else (), is_reached=False)
        said = None if first.is_killed else went.error
        second: Went = expect(forked(lambda: gone(stage, theatre)))
        problems = [second.error] if second.error else expect(forked(lambda: check(stage)))
        damage = expect(forked(lambda: named(stage))) if problems and fault in DISK_FAULTS else ()
    return Verdict(point, fault, () if damage else tuple(problems), said=said, damage=tuple(damage))


@dataclass(frozen=True, slots=True)
class Went:
    """How far a run came by itself."""

    points: list[Point]
    is_met: bool
    error: str | None = None


def gone(stage: Stage, theatre: Theatre, point: Point | None = None, fault: Fault | None = None) -> Went:
    """A run in this process, which is to be a fork."""
    # What the product says of its faults is thousands of lines in a long run.
    logging.disable(logging.CRITICAL)
    course = Course(stage.watched, point, fault)
    try:
        run(stage, course, is_embedded=theatre.is_embedded)
    except Exception:  # noqa: BLE001 - whatever the product makes of a fault is looked at
        return Went(course.points, course.is_met, traceback.format_exc())
    return Went(course.points, course.is_met)
