"""`tally demo` from outside, as `make demo` starts it.

demo
├── ready                       /health answers, every record is final, demo.json has what it promises, nothing else
├── Ctrl-C                      ends it cleanly, nothing is left running
├── a second start              finds everything: same chain, same keys, nothing played twice
├── SIGKILL to a part           it comes back by itself
├── SIGKILL while serving       the children end; the next start goes on
├── SIGKILL while founding, then while playing       the next start finishes the story, without doubling
└── a port that is taken        is said in a sentence, exit code 2
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import stat
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scripts.scenario import PARTIES
from tests.conftest import free_port
from tests.scenarios.demo_process import Demo, processes_in

EVENTS, CAPTURES = 530, 246

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")]


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    started: list[Demo] = []

    def start(**options: int) -> Demo:
        started.append(Demo(tmp_path, **options))
        return started[-1]

    yield start
    for demo in started:
        demo.end()


def get(url: str) -> tuple[int, Any]:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.status, json.load(answer)


def is_healthy(url: str) -> bool:
    try:
        status, health = get(f"{url}/health")
    except OSError:
        return False
    return bool(status == 200 and health["chainReachable"])


def kill_in(data: Path, part: str) -> None:
    """SIGKILL to the one process of the demo whose command line has that part."""
    (pid,) = [pid for pid, command in processes_in(data).items() if part in command]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in processes_in(data), f"{part} does not end")


def record_count(data: Path) -> int:
    """How many records are stored; 0 before there is a table for them."""
    with closing(sqlite3.connect(data / "tally.db", timeout=30)) as database:
        has_table = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'records'").fetchone()
        return int(database.execute("SELECT count(*) FROM records").fetchone()[0]) if has_table else 0


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.05)


def test_a_demo_gets_ready_stops_and_goes_on(start_demo: Callable[..., Demo]) -> None:
    demo = start_demo()
    facts = demo.await_ready()
    assert set(facts) == {
        "api", "rpcUrl", "chainId", "eventLog", "partyRegistry", "products", "lots", "parties", "apiKeys", "token",
        "escrow", "orders", "invoices", "invoicesParty",
    }  # fmt: skip
    assert facts["api"] == demo.url
    assert len(facts["products"]) == 20
    assert {party["name"] for party in facts["parties"]} == {party.name for party in PARTIES} == set(facts["apiKeys"])
    assert len(facts["orders"]) == len({order["id"] for order in facts["orders"]}) == 8
    assert Path(facts["invoices"]).read_text().startswith("invoice,order,seller,quantity,uom,amount,currency,date\n")
    assert facts["invoicesParty"] in facts["apiKeys"]
    assert stat.S_IMODE((demo.data / "demo.json").stat().st_mode) == 0o600

    status, health = get(f"{demo.url}/health")
    assert status == 200
    assert (health["chainId"], health["eventLog"]) == (facts["chainId"], facts["eventLog"])
    assert health["anchoring"] == {"unanchored": 0, "lagSeconds": 0.0}
    assert record_count(demo.data) == EVENTS

    assert demo.interrupt() == 0
    wait_until(lambda: processes_in(demo.data) == {}, "something is left running")

    again = start_demo()
    facts_again = again.await_ready()
    changing = {"api", "rpcUrl"}
    assert {name: value for name, value in facts_again.items() if name not in changing} == {
        name: value for name, value in facts.items() if name not in changing
    }
    assert record_count(again.data) == EVENTS

    for part in ("bin/anvil", "api.cli serve"):
        kill_in(again.data, part)
    wait_until(lambda: is_healthy(again.url), "what was killed does not come back")
    assert record_count(again.data) == EVENTS

    again.kill()
    wait_until(lambda: processes_in(again.data) == {}, "children outlive a killed supervisor")
    third = start_demo(port=again.port)
    assert third.await_ready()["chainId"] == facts["chainId"]
    assert third.interrupt() == 0
    wait_until(lambda: processes_in(third.data) == {}, "something is left running")


def test_a_founding_and_a_story_that_were_killed_are_finished_without_doubling(
    start_demo: Callable[..., Demo],
) -> None:
    founding = start_demo()
    wait_until((founding.data / "chain" / "blocks.journal").exists, "the chain does not begin")
    founding.kill()

    playing = start_demo()
    wait_until(lambda: record_count(playing.data) > 60, "the play does not begin")
    playing.kill()
    assert not (playing.data / "demo.json").exists()

    last = start_demo()
    assert len(last.await_ready()["parties"]) == len(PARTIES)
    assert record_count(last.data) == EVENTS
    with closing(sqlite3.connect(last.data / "tally.db")) as database:
        (jobs,) = database.execute("SELECT count(*) FROM capture_jobs").fetchone()
    assert jobs == CAPTURES


def test_a_port_that_is_taken_is_said_in_a_sentence(start_demo: Callable[..., Demo], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        demo = start_demo(port=taken.getsockname()[1])
        assert demo.process.wait(60) == 2
    wait_until(lambda: any("is taken by another program" in line for line in demo.lines), "no word of the port")
    assert list((tmp_path / "data").iterdir()) == []
