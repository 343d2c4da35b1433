"""A client that does not know whether it was heard asks again, with the same Idempotency-Key, of real processes: a
hundred times at once, over kill -9 at the worst moments, after a restart. It is done once, and the answer is one.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import Engine

from api.answers import AnswerRow
from api.keys import create_api_key
from ledger.database import open_engine, reading
from ledger.tables import RecordRow
from tests.conftest import free_port
from tests.databases import Databases
from tests.scenarios.nodes import PASSWORD, TALLY, Company, Consortium, document, founded_consortium, happened
from tests.scenarios.processes import children_of, is_alive
from traceability.tables import CaptureJobRow

pytestmark = [pytest.mark.slow, pytest.mark.long]

EVENTS = 20
CLIENTS = 16
ROUNDS = 2
GIVE_UP_S = 60.0


@dataclass(frozen=True)
class OnDatabase(Company):
    """A company whose node keeps its data in that database."""

    database_url: str = ""

    @property
    def environment(self) -> dict[str, str | Path]:
        return {**super().environment, "TALLY_DATABASE_URL": self.database_url}


@dataclass
class Served:
    """`tally serve --processes 2`, which can be killed: all its processes, with no warning."""

    company: OnDatabase
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.company.folder / "serve.log"

    def start(self) -> None:
        command = [TALLY, "serve", "--port", str(self.port), "--processes", "2", "--no-worker"]
        environment = os.environ | {name: str(value) for name, value in self.company.environment.items()}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.company.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL to the server and to its children, who would be started again otherwise."""
        assert self.process is not None
        children = children_of(self.process.pid)
        self.process.kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self.process.wait()
        # Their socket is free only once they are gone.
        while any(is_alive(child) for child in children):
            time.sleep(0.01)

    def await_answering(self) -> None:
        for _ in range(600):
            assert self.process is not None and self.process.poll() is None, self.log.read_text()
            with suppress(httpx.TransportError):
                httpx.get(f"{self.url}/capture/none", timeout=10)
                return
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())


@dataclass(frozen=True)
class Client:
    """The grower's program: it asks until it is answered, however often the line is cut."""

    http: httpx.Client

    def ask(self, key: str, body: bytes) -> httpx.Response:
        deadline_s = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline_s:
            with suppress(httpx.TransportError):
                answer = self.http.post("/capture", content=body, headers={"Idempotency-Key": key})
                if answer.status_code < 500:
                    return answer
            time.sleep(0.05)
        raise AssertionError("never answered")


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    with founded_consortium(tmp_path_factory.mktemp("consortium"), chain_id=952_019) as founded:
        yield founded


@pytest.fixture(scope="module")
def served(consortium: Consortium, tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Served]:
    """The grower's node, not following the chain: capture lets everybody in, and asks no chain."""
    with databases.empty() as url:
        served = Served(_set_up(OnDatabase(tmp_path_factory.mktemp("grower"), "grower", consortium, url)))
        served.start()
        served.await_answering()
        yield served
        served.kill()


def _set_up(company: OnDatabase) -> OnDatabase:
    (company.folder / "password").write_text(PASSWORD + "\n")
    company.good("init", *company.consortium.trust)
    shutil.copy(company.consortium.safe / "grower.json", company.data / "keys")
    return company


@pytest.fixture
def client(served: Served, engine_of: Engine) -> Iterator[Client]:
    grower = served.company.consortium.founders["grower"].address
    key = create_api_key(engine_of, grower, "program", time.time_ns() // 1000, secrets.token_bytes)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with httpx.Client(base_url=served.url, headers=headers, timeout=30) as http:
        yield Client(http)


@pytest.fixture
def engine_of(served: Served) -> Iterator[Engine]:
    engine = open_engine(served.company.database_url)
    yield engine
    engine.dispose()


def count(engine: Engine, table: type) -> int:
    with reading(engine) as session:
        return session.execute(select(func.count()).select_from(table)).scalar_one()


def delivery(name: str) -> bytes:
    """A document of EVENTS events of its own."""
    epcs = (f"urn:epc:id:sgtin:9521234.000107.{name}{number}" for number in range(EVENTS))
    events = (happened(5, type="ObjectEvent", action="ADD", bizStep="commissioning", epcList=[epc]) for epc in epcs)
    return document(*events)


def test_a_hundred_at_once_over_several_processes_are_one(served: Served, engine_of: Engine, client: Client) -> None:
    body, jobs, records = delivery("A"), count(engine_of, CaptureJobRow), count(engine_of, RecordRow)
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: client.ask("a hundred", body), range(100)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert (count(engine_of, CaptureJobRow), count(engine_of, RecordRow)) == (jobs + 1, records + EVENTS)
    served.kill()
    served.start()
    after_restart = client.ask("a hundred", body)
    assert (after_restart.status_code, after_restart.content) == (202, answers[0].content)
    assert after_restart.headers["location"] == answers[0].headers["location"]
    assert client.ask("a hundred", delivery("B")).status_code == 422
    assert (count(engine_of, CaptureJobRow), count(engine_of, RecordRow)) == (jobs + 1, records + EVENTS)


def when_it_is_committed(engine: Engine, jobs: int) -> None:
    """Returns as soon as the change stands: before most have heard of it."""
    deadline_s = time.monotonic() + GIVE_UP_S
    while count(engine, CaptureJobRow) < jobs and time.monotonic() < deadline_s:
        pass


def at_random(_: Engine, jobs: int) -> None:
    time.sleep(random.Random(jobs).uniform(0.0, 0.1))


@pytest.mark.parametrize("moment", [when_it_is_committed, at_random])
def test_killed_in_between_it_is_done_once_and_the_answer_is_one(
    served: Served, engine_of: Engine, client: Client, moment: Callable[[Engine, int], None]
) -> None:
    for number in range(ROUNDS):
        key, body = f"{moment.__name__} {number}", delivery(f"{number}{moment.__name__[0]}")
        jobs, kept, records = (count(engine_of, table) for table in (CaptureJobRow, AnswerRow, RecordRow))
        begun = threading.Barrier(CLIENTS + 1)

        def ask(_: int, key: str = key, body: bytes = body, begun: threading.Barrier = begun) -> httpx.Response:
            begun.wait()
            return client.ask(key, body)

        with ThreadPoolExecutor(CLIENTS) as pool:
            asked = [pool.submit(ask, each) for each in range(CLIENTS)]
            begun.wait()
            moment(engine_of, jobs + 1)
            served.kill()
            served.start()
            answers = [each.result() for each in asked]
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.content for answer in answers}) == 1
        assert len({answer.headers["location"] for answer in answers}) == 1
        assert count(engine_of, CaptureJobRow) == jobs + 1
        assert count(engine_of, AnswerRow) == kept + 1
        assert count(engine_of, RecordRow) == records + EVENTS
