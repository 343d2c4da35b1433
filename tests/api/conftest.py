"""A small consortium on a real embedded chain, and a node that serves it: grower, roaster and retailer.

One on each kind of database for all tests of this folder, for starting it takes seconds; a test that changes the
consortium names its own goods.
"""

from __future__ import annotations

import json
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from typing import Any

import httpx
import orjson
import pytest
import uvicorn

from api.app import create_app
from api.cli import main
from api.keyring import NODE_KEY
from api.keys import create_api_key
from api.node import Node, opened_node
from api.settings import write_rpc_url, write_settings
from api.worker import work
from ledger.abi import interface
from ledger.chain import Chain
from ledger.database import reading
from ledger.deployment import Deployment, deploy
from ledger.devnet import Devnet
from ledger.errors import ChainError
from ledger.hexadecimal import to_address
from ledger.keystore import LocalSigner, create_key
from ledger.standing import LocalAnswers, registry_of
from ledger.transaction import Transaction, sign
from tests.databases import Databases
from tests.postgresql import Server

CONTEXT = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"coffee": "https://coffee.example.org/ns/"},
]
LIGHT_SCRYPT_N = 2**4
PASSWORD = "correct horse"
PARTIES = {
    "grower": ("9521234500001", "Highland Growers", 1),
    "roaster": ("9521234500018", "Harbour Roasters", 2),
    "retailer": ("9521234500025", "Corner Coffee", 8),
    # The operator's own account is the node's key, so that it stands for anchoring from the first block on.
    NODE_KEY: ("9521234500032", "Harbour Node Operator", 128),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def bag(serial: str) -> str:
    """A bag of coffee, as EPC URN."""
    return f"urn:epc:id:sgtin:9521234.000101.{serial}"


def seen(epc: str, **members: Any) -> dict[str, Any]:
    """An event: somebody saw the thing a minute ago."""
    at = datetime.fromtimestamp(time.time() - 60, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "type": "ObjectEvent",
        "eventTime": at,
        "eventTimeZoneOffset": "+01:00",
        "epcList": [epc],
        "action": "OBSERVE",
        "bizStep": "shipping",
        **members,
    }


def document(*events: dict[str, Any], context: Any = None, **members: Any) -> bytes:
    """A capture document."""
    whole = {
        "@context": CONTEXT if context is None else context,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T00:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }
    return orjson.dumps(whole | members)


@dataclass
class Village:
    """The consortium, its chain, and one node that holds everybody's keys and serves at `url`."""

    data: Path
    deployment: Deployment
    keys: dict[str, LocalSigner]
    node: Node
    rpc_url: str
    url: str = ""
    api_keys: dict[str, str] = field(default_factory=dict)

    def client(self, party: str | None = None) -> httpx.Client:
        """A client of the node, with the party's API key where one is named."""
        headers = {"Authorization": f"Bearer {self.api_keys[party]}"} if party else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def capture(self, party: str, *events: dict[str, Any]) -> dict[str, Any]:
        """Captures over HTTP, and returns the job once all its records are final."""
        with self.client(party) as client:
            answer = client.post("/capture", content=document(*events), headers={"Content-Type": "application/json"})
            assert answer.status_code == 202, answer.text
            return self.settled(client, answer.headers["Location"])

    def settled(self, client: httpx.Client, location: str) -> dict[str, Any]:
        """The capture job at that address, once nothing of it is on its way any more."""
        for _ in range(300):
            job: dict[str, Any] = client.get(location).json()
            if all(event["status"] in {"final", "known", "refused"} for event in job["events"]):
                return job
            time.sleep(0.05)
        raise AssertionError(f"not final within 15 seconds: {job}")


@pytest.fixture
def village(databases: Databases, request: pytest.FixtureRequest) -> Village:
    """The consortium with its node, one on each kind of database; both live as long as the session."""
    village: Village = request.getfixturevalue(f"village_on_{databases.kind}")
    return village


@pytest.fixture(scope="session")
def village_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    with founded_village(tmp_path_factory.mktemp("village"), None) as village:
        yield village


@pytest.fixture(scope="session")
def village_on_postgresql(tmp_path_factory: pytest.TempPathFactory, postgresql: Server) -> Iterator[Village]:
    data = tmp_path_factory.mktemp("village")
    with Databases("postgresql", data, postgresql).empty() as url, founded_village(data, url) as village:
        yield village


@contextmanager
def founded_village(data: Path, database_url: str | None) -> Iterator[Village]:
    """Chain, worker and API run in threads of this process."""
    keys = {name: create_key(data / "keys", name, PASSWORD, scrypt_n=LIGHT_SCRYPT_N) for name in PARTIES}
    (data / "keys" / "password").write_text(PASSWORD + "\n")
    stop, founded = threading.Event(), Queue[tuple[str, Deployment]]()
    chain = threading.Thread(target=run_chain, args=(data / "chain", keys, founded, stop))
    chain.start()
    try:
        rpc_url, deployment = founded.get(timeout=60)
        settings = write_settings(
            data,
            embedded=True,
            chain_id=deployment.chain_id,
            event_log=to_address(deployment.event_log),
            party_registry=to_address(deployment.party_registry),
            delivery_escrow=to_address(deployment.require_escrow().address),
            tokens={to_address(token): "XTS" for token in deployment.require_escrow().tokens},
            batch_age_s_max=0.05,
            database_url=database_url,
        )
        write_rpc_url(settings, rpc_url)
        with opened_node(data) as node, serving(node) as url, working(node):
            await_follower(node)
            api_keys = {
                name: create_api_key(node.engine, keys[name].address, name, 1, secrets.token_bytes) for name in PARTIES
            }
            yield Village(data, deployment, keys, node, rpc_url, url, api_keys)
    finally:
        stop.set()
        chain.join()


def run_chain(
    folder: Path, keys: dict[str, LocalSigner], founded: Queue[tuple[str, Deployment]], stop: threading.Event
) -> None:
    """The embedded chain, which belongs to one thread. It founds the consortium an hour ago, then follows the clock."""
    devnet = Devnet.start(folder, port=free_port(), started_at=int(time.time()) - 3_600)
    try:
        founders = [(keys[name].address, (*profile, "", b"")) for name, profile in PARTIES.items()]
        chain = Chain(devnet.rpc_url, devnet.chain_id)
        deployment = deploy(
            chain, devnet.deployer, founders, wait=lambda: devnet.mine_at(devnet.head_at + 1), first_nonce=0,
            with_escrow=True, with_token=True,
        )  # fmt: skip
        give_money(chain, devnet, deployment, keys["roaster"].address)
        devnet.mine_at(devnet.head_at + 10)
        founded.put((devnet.rpc_url, deployment))
        while not stop.wait(0.01):
            devnet.step(int(time.time()))
    finally:
        devnet.stop()


def give_money(chain: Chain, devnet: Devnet, deployment: Deployment, account: bytes) -> None:
    """A million to whoever buys."""
    (token,) = deployment.require_escrow().tokens
    data = interface("SettlementToken").call("mint", account, 100_000_000)
    (nonce,) = chain.transaction_counts([devnet.deployer.address])
    chain.send(sign(Transaction(chain.chain_id, nonce, token, data, 500_000, 0, 0), devnet.deployer))
    devnet.mine_at(devnet.head_at + 1)


@contextmanager
def serving(node: Node) -> Iterator[str]:
    """The API under a real server. Its address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(node), port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@contextmanager
def working(node: Node) -> Iterator[None]:
    """The worker's loop in a thread."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(node, stop))
    thread.start()
    yield
    stop.set()
    thread.join()


def await_follower(node: Node) -> None:
    """Returns once the node knows the consortium."""
    for _ in range(300):
        with reading(node.engine) as session, suppress(ChainError):
            if registry_of(session, LocalAnswers.of(session).block_number).parties:
                return
        time.sleep(0.05)
    raise AssertionError("the follower does not get anywhere")


@dataclass(frozen=True)
class Run:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Tally = Callable[..., Run]


@pytest.fixture
def tally(village: Village, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tally:
    """`tally ARGUMENTS` on the village's data folder, in this process."""
    monkeypatch.setenv("TALLY_DATA", str(village.data))

    def run(*arguments: str | Path) -> Run:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["tally", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Run(int(str(ended.value.code)), printed.out, printed.err)

    return run
