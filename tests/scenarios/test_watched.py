"""A node as an operator sees it: `tally serve --processes 2` and its worker, by lines, GET /metrics and /ready."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.scenarios.nodes import PASSWORD, Company, Served, document, founded_consortium, happened, joined
from tests.scenarios.processes import children_of, command_of

pytestmark = pytest.mark.slow

DOCUMENTS = 12


def delivery(number: int) -> bytes:
    epcs = [f"urn:epc:id:sgtin:9521234.000108.W{number}"]
    return document(happened(5, type="ObjectEvent", action="ADD", bizStep="commissioning", epcList=epcs))


def metrics(url: str) -> dict[str, float]:
    """Every sample by its name with its labels, asked over a connection of its own: any process may answer."""
    answer = httpx.get(f"{url}/metrics", timeout=30)
    assert answer.status_code == 200, answer.text
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for each in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(each.labels.items()))
            found[f"{each.name}{{{labels}}}" if labels else each.name] = each.value
    return found


ACCEPTED = "tally_capture_events_total{outcome=accepted}"


@contextmanager
def grower(folder: Path) -> Iterator[tuple[Company, str]]:
    with founded_consortium(folder, chain_id=952_020) as consortium:
        yield joined(folder / "grower", "grower", consortium)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Company, Served, list[str], int]]:
    """The grower's node after some captures, all final: its company, how to reach it, request ids, the server's pid."""
    with grower(tmp_path_factory.mktemp("watched")) as (company, key), company.server("--processes", "2") as url:
        served = Served(url, key)
        await_ready(url)
        answers = [served.post("/capture", delivery(number)) for number in range(DOCUMENTS)]
        for answer in answers:
            served.await_final(answer)
        server = next(pid for pid in children_of(os.getpid()) if f" serve --port {url.rpartition(':')[2]}" in
                      command_of(pid))  # fmt: skip
        yield company, served, [answer.headers["x-request-id"] for answer in answers], server


def await_ready(url: str) -> None:
    for _ in range(300):
        answer = httpx.get(f"{url}/ready", timeout=30)
        if answer.status_code == 200:
            return
        time.sleep(0.1)
    raise AssertionError(answer.text)


def lines_of(company: Company) -> list[dict[str, Any]]:
    """What the node's processes have said: each line a JSON object."""
    return [json.loads(line) for line in (company.folder / "serve.log").read_text().splitlines()]


def test_all_processes_are_counted_whichever_answers(watched: Any) -> None:
    company, served, _, _ = watched
    asked = [metrics(served.url) for _ in range(8)]
    assert {found[ACCEPTED] for found in asked} == {DOCUMENTS}
    assert {found["tally_capture_seconds_count"] for found in asked} == {DOCUMENTS}
    # Only the worker asks the chain for the count of transactions: what it counts is there, too.
    assert asked[0]["tally_rpc_seconds_count{method=eth_getBlockByNumber}"] > 0
    assert asked[0]["tally_records_total"] == DOCUMENTS
    assert asked[0]["tally_unanchored_records"] == 0
    files = {file.stem.partition("_")[0] for file in (company.data / "metrics").glob("*.db")}
    assert files == {"counter", "histogram"}


def test_what_a_process_has_counted_outlives_it(watched: Any) -> None:
    _, served, _, server = watched
    other = next(pid for pid in children_of(server) if "--socket" in command_of(pid))
    before = metrics(served.url)[ACCEPTED]
    os.kill(other, signal.SIGKILL)
    assert metrics(served.url)[ACCEPTED] == before
    for _ in range(200):
        if any("--socket" in command_of(pid) for pid in children_of(server) if pid != other):
            break
        time.sleep(0.05)
    served.await_final(served.post("/capture", delivery(DOCUMENTS)))
    assert {metrics(served.url)[ACCEPTED] for _ in range(4)} == {before + 1}


def test_each_request_has_a_line_and_each_transaction_too(watched: Any) -> None:
    company, _, request_ids, _ = watched
    lines = lines_of(company)
    captures = {line["request_id"]: line for line in lines if line["message"] == "POST /capture 202"}
    assert set(request_ids) <= captures.keys()
    assert all(len(captures[each]["event_ids"]) == 1 for each in request_ids)
    closed = [line for line in lines if line["message"].startswith("a batch of")]
    assert sum(line["records"] for line in closed) >= DOCUMENTS
    for line in closed:
        said = {each["message"].rpartition(" ")[2]: each for each in lines if each.get("intent") == line["intent"]}
        assert {"sent", "final"} <= said.keys()
        assert said["final"]["transaction"] == said["sent"]["transaction"]
        assert len(said["final"]["transaction"]) == 66


def test_no_line_tells_a_secret(watched: Any) -> None:
    company, served, _, _ = watched
    said = (company.folder / "serve.log").read_text()
    secrets = [PASSWORD, served.api_key, *(key.secret.hex() for key in company.consortium.founders.values())]
    assert not [secret for secret in secrets if secret in said]


def test_who_starts_anew_does_not_count_the_dead(watched: Any, tmp_path: Path) -> None:
    company, served, _, _ = watched
    stale = company.data / "metrics" / "counter_4194305.db"  # no process has such an id
    stale.write_bytes(b"")
    with company.server() as url:
        assert not stale.exists()
        assert metrics(url)[ACCEPTED] == metrics(served.url)[ACCEPTED]
