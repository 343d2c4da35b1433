"""A second company sets up a node of its own on the same chain; goods and bundle go from one node to the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ledger.hexadecimal import to_address
from tests.api.conftest import Tally, Village, bag, document, free_port, seen
from tests.databases import Databases

JSON = {"Content-Type": "application/json"}


def trust(village: Village) -> list[str]:
    """The options that name the village's chain and contracts."""
    contracts = village.deployment
    return ["--rpc-url", village.rpc_url, "--event-log", to_address(contracts.event_log), "--party-registry",
            to_address(contracts.party_registry)]  # fmt: skip


@pytest.fixture
def database(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The second node's database, of the same kind as the village's."""
    with databases.empty() as url:
        monkeypatch.setenv("TALLY_DATABASE_URL", url)
        yield


def initialise(village: Village, tally: Tally, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tally init` on the village's chain, with keys that nobody else has."""
    folder.mkdir()
    (folder / "password").write_text("another password\n")
    monkeypatch.setenv("TALLY_KEY_PASSWORD_FILE", str(folder / "password"))
    made = tally("init", *trust(village), "--party", "importer", "--data", folder / "node")
    assert made.code == 0, made.err
    monkeypatch.setenv("TALLY_DATA", str(folder / "node"))


@pytest.mark.slow
def test_the_second_node_shows_the_products_whole_history_verified(
    village: Village, tally: Tally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    village.capture("grower", seen(bag("two-nodes")))
    bundle = tmp_path / "bundle.json"
    assert tally("proof", bag("two-nodes"), "-o", bundle).code == 0
    request.getfixturevalue("database")
    initialise(village, tally, tmp_path / "second", monkeypatch)
    assert [each["name"] for each in tally("party", "list", "--json").json][:2] == [
        "Highland Growers",
        "Harbour Roasters",
    ]
    received = tally("receive", bundle, "--json")
    assert (received.code, len(received.json["taken"])) == (0, 1), received.err
    history = tally("history", bag("two-nodes"), "--json").json
    assert [(each["state"], each["foreign"]) for each in history["events"]] == [("verified", True)]
    onward = tmp_path / "onward.json"
    assert tally("proof", bag("two-nodes"), "-o", onward).code == 0
    assert tally("verify", onward).code == 0


def test_a_folder_that_holds_a_node_is_not_made_another(village: Village, tally: Tally) -> None:
    again = tally("init", *trust(village))
    assert (again.code, "already holds a node" in again.err) == (2, True)


def test_init_refuses_contracts_that_are_not_there(village: Village, tally: Tally, tmp_path: Path) -> None:
    account = to_address(village.keys["grower"].address)
    run = tally("init", "--rpc-url", village.rpc_url, "--event-log", account, "--party-registry", account,
                "--data", tmp_path / "x")  # fmt: skip
    assert (run.code, "no EventLog at" in run.err, (tmp_path / "x").exists()) == (2, True, False)


def test_init_leaves_no_half_made_node_where_a_key_file_is_in_its_way(
    village: Village, tally: Tally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLY_KEY_PASSWORD_FILE", str(village.data / "keys" / "password"))
    (tmp_path / "x" / "keys").mkdir(parents=True)
    (tmp_path / "x" / "keys" / "node.json").write_text("{}")
    run = tally("init", *trust(village), "--data", tmp_path / "x")
    assert (run.code, (tmp_path / "x" / "node.toml").exists()) == (2, False)


def test_a_data_folder_of_another_deployment_is_refused(
    village: Village, tally: Tally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    text = (village.data / "node.toml").read_text()
    assert str(village.deployment.chain_id) in text
    (other / "node.toml").write_text(text.replace(str(village.deployment.chain_id), "77"))
    monkeypatch.setenv("TALLY_DATABASE_URL", village.node.settings.resolved_database_url)
    run = tally("status", "--data", other)
    assert (run.code, "belongs to the EventLog" in run.err) == (2, True)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_serve_takes_its_worker_with_it_however_it_ends(
    village: Village, tally: Tally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: signal.Signals
) -> None:
    initialise(village, tally, tmp_path / "served", monkeypatch)
    made = tally("party", "key", "create", "Highland Growers", "--json")
    assert made.code == 0, made.err
    key = made.json["key"]
    port = free_port()
    command = [sys.executable, "-m", "api.cli", "serve", f"--port={port}", f"--data={tmp_path / 'served' / 'node'}"]
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}, timeout=30)
    with client, ended(subprocess.Popen(command, start_new_session=True)) as server:
        await_health(client, server)
        answer = client.post("/capture", content=document(seen(bag("served"))), headers=JSON)
        assert answer.json()["code"] == "no_signing_key"
        (worker,) = children_of(server.pid)
        server.send_signal(ending)
        code = server.wait(20)
        assert code == (0 if ending is not signal.SIGKILL else -signal.SIGKILL)
        assert await_end(worker)


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which is gone afterwards whatever happens."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def await_health(client: httpx.Client, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None
        try:
            if client.get("/health").status_code == 200 and children_of(server.pid):
                return
        except httpx.ConnectError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if not listed.exists():
        pytest.skip("no /proc here")
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(each) for thread in threads for each in (thread / "children").read_text().split()]


def await_end(pid: int) -> bool:
    for _ in range(200):
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.1)
    return False
