"""Companies on one chain, as outsiders would set them up: a plain Anvil, `tally` as a command, HTTP, and nothing else.

Each company has a folder with a data folder, a password and keys of its own; what it does, it does through the command
line in that folder, or over HTTP.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from ledger.chain import Chain
from ledger.deployment import Deployment, deploy
from ledger.hexadecimal import to_address, to_hex
from ledger.keystore import LocalSigner, create_key
from ledger.record import Domain, Record, record_hash
from tests.conftest import Anvil, free_port, running_anvil
from traceability.epcis.canonical import content_hash
from traceability.epcis.event_hash import event_hash

TALLY = Path(sys.executable).parent / "tally"
PASSWORD = "four beans make a quorum"
LIGHT_SCRYPT_N = 2**4
CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]
PROFILES = {"grower": ("9521234500001", "Highland Growers", 1), "roaster": ("9521234500018", "Harbour Roasters", 2)}
ENOUGH_WEI = 10**19
T = TypeVar("T")

ACCEPTED, FINAL = "accepted", "final"
JSON = "application/json"
SIGNED, BUNDLE = "application/vnd.tallystick.capture+json", "application/vnd.tallystick.proof+json"


# ------------------------------------------------------------------------------------------------------- the chain


@dataclass(frozen=True)
class Consortium:
    """The contracts on their chain, and the founders' keys in a folder of nobody's node."""

    anvil: Anvil
    deployment: Deployment
    safe: Path
    founders: dict[str, LocalSigner]

    @property
    def trust(self) -> list[str]:
        """The options by which anyone names chain and contracts."""
        contracts = self.deployment
        return ["--rpc-url", self.anvil.url, "--event-log", to_address(contracts.event_log),
                "--party-registry", to_address(contracts.party_registry)]  # fmt: skip

    def fund(self, account: str) -> None:
        self.anvil.rpc("anvil_setBalance", account, hex(ENOUGH_WEI))


@contextmanager
def founded_consortium(folder: Path, chain_id: int = 952_017) -> Iterator[Consortium]:
    """Grower and roaster found a consortium on an Anvil of its own."""
    with running_anvil(chain_id=chain_id) as anvil:
        founders = {name: create_key(folder / "safe", name, PASSWORD, scrypt_n=LIGHT_SCRYPT_N) for name in PROFILES}
        for key in founders.values():
            anvil.rpc("anvil_setBalance", to_address(key.address), hex(ENOUGH_WEI))
        members = [(key.address, (*PROFILES[name], "", b"")) for name, key in founders.items()]
        deployment = deploy(
            Chain(anvil.url, chain_id), founders["grower"], members, wait=lambda: time.sleep(0.05)
        )  # fmt: skip
        yield Consortium(anvil, deployment, folder / "safe", founders)


# --------------------------------------------------------------------------------------------------- the command


@dataclass(frozen=True)
class Run:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out, f"exit code {self.code}, nothing but: {self.err}"
        return json.loads(self.out)


def tally(folder: Path, *arguments: str | Path, **environment: str | Path) -> Run:
    """`tally ARGUMENTS` in a folder, in a process of its own that knows nothing of a node elsewhere."""
    done = subprocess.run(
        [TALLY, *arguments], cwd=folder, env=_environment(environment), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    return Run(done.returncode, done.stdout, done.stderr)


def at_once(*calls: Callable[[], T]) -> list[T]:
    """What the calls return, made at the same time: a command is mostly waiting for its libraries to be loaded."""
    with ThreadPoolExecutor() as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]


def _environment(changes: dict[str, str | Path]) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TALLY_")}
    return plain | {name: str(value) for name, value in changes.items()}


# ------------------------------------------------------------------------------------------------------ a company


@dataclass(frozen=True)
class Company:
    """One company's node, with its data in `folder/data`. `party` is the name of its key file.

    Its database is a SQLite file in there, unless `database_url` names another.
    """

    folder: Path
    party: str
    consortium: Consortium
    database_url: str | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def environment(self) -> dict[str, str | Path]:
        told: dict[str, str | Path] = {
            "TALLY_KEY_PASSWORD_FILE": self.folder / "password", "TALLY_BATCH_AGE_S_MAX": "0.1",
        }  # fmt: skip
        return told | ({"TALLY_DATABASE_URL": self.database_url} if self.database_url else {})

    def tally(self, *arguments: str | Path, **environment: str | Path) -> Run:
        return tally(self.folder, *arguments, **self.environment, **environment)

    def good(self, *arguments: str | Path) -> Any:
        """What the command answers in JSON, which must be good."""
        run = self.tally(*arguments, "--json")
        assert run.code == 0, (arguments, run)
        return run.json

    def capture(self, *events: dict[str, Any]) -> list[str]:
        """The record hashes of the events, captured by the command line."""
        (self.folder / "capture.json").write_bytes(document(*events))
        job = self.good("capture", "capture.json", "--party", self.party)
        return [event["recordHash"] for event in job["events"]]

    def proof(self, name: str, file: str) -> Path:
        self.good("proof", name, "-o", file)
        return self.folder / file

    def receive(self, bundle: Path, **environment: str | Path) -> Run:
        return self.tally("receive", bundle, "--json", **environment)

    @contextmanager
    def server(self, *options: str) -> Iterator[str]:
        """`tally serve`, worker included. Its address."""
        port = free_port()
        with self._running("serve", "--port", str(port), *options) as process:
            url = f"http://127.0.0.1:{port}"
            for _ in range(300):
                assert process.poll() is None, (self.folder / "serve.log").read_text()
                try:
                    httpx.get(f"{url}/health", timeout=10)
                except httpx.TransportError:
                    time.sleep(0.1)
                else:
                    break
            yield url

    @contextmanager
    def _running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / f"{arguments[0]}.log").open("wb") as log:
            process = subprocess.Popen([TALLY, *arguments], cwd=self.folder, env=_environment(self.environment),
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # fmt: skip
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, (self.folder / f"{arguments[0]}.log").read_text()
        finally:
            process.kill()
            process.wait()


def set_up(folder: Path, party: str, consortium: Consortium, database_url: str | None = None) -> Company:
    """`tally init`, and the founder's key put beside the node's."""
    folder.mkdir()
    (folder / "password").write_text(PASSWORD + "\n")
    company = Company(folder, party, consortium, database_url)
    keys = company.good("init", *consortium.trust)["keys"]
    shutil.copy(consortium.safe / f"{party}.json", company.data / "keys")
    consortium.fund(keys["node"])
    return company


def joined(folder: Path, party: str, consortium: Consortium, database_url: str | None = None) -> tuple[Company, str]:
    """A company whose node may anchor, for its party says so; and an API key of the party."""
    company = set_up(folder, party, consortium, database_url)
    company.good("party", "signer", "authorise", "node", "--party", party, "--use", "anchor")
    return company, company.good("party", "key", "create", party)["key"]


# ------------------------------------------------------------------------------------------------------ over HTTP


@dataclass(frozen=True)
class Served:
    """A node over HTTP, with an API key of a party where there is one."""

    url: str
    api_key: str | None = None

    def post(self, path: str, body: bytes, content_type: str = JSON) -> httpx.Response:
        key = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        return httpx.post(self.url + path, content=body, headers={"Content-Type": content_type} | key, timeout=30)

    def get(self, path: str) -> Any:
        answer = httpx.get(self.url + path, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def capture(self, *events: dict[str, Any]) -> list[str]:
        """The record hashes of the events, captured over HTTP and anchored in a final block."""
        return self.await_final(self.post("/capture", document(*events)))

    def await_final(self, captured: httpx.Response) -> list[str]:
        assert captured.status_code == 202, captured.text
        for _ in range(300):
            events = self.get(captured.headers["Location"])["events"]
            if {event["status"] for event in events} == {FINAL}:
                return [event["recordHash"] for event in events]
            time.sleep(0.05)
        raise AssertionError(f"not final in time: {events}")

    def history(self, product: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.get(f"/products/{quote(product, safe='')}/history")["events"]
        return events

    def proof(self, product: str) -> bytes:
        answer = httpx.get(f"{self.url}/products/{quote(product, safe='')}/proof", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.content


# --------------------------------------------------------------------------------------------------------- events


def happened(minutes_ago: int, **members: Any) -> dict[str, Any]:
    """An event of so many minutes ago."""
    at = datetime.fromtimestamp(time.time() - 60 * minutes_ago, UTC).isoformat(timespec="milliseconds")
    return {"eventTime": at, "eventTimeZoneOffset": "+00:00", **members}


def document(*events: dict[str, Any]) -> bytes:
    """A capture document."""
    return json.dumps({
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T00:00:00Z",
        "epcisBody": {"eventList": events},
    }).encode()  # fmt: skip


def signed_by_client(
    domain: Domain, party: bytes, signer: LocalSigner, first_sequence: int, *events: dict[str, Any]
) -> bytes:
    """A capture whose records the client has made and signed itself."""
    records = []
    for sequence, event in enumerate(events, first_sequence):
        record = Record(event_hash(event, CONTEXT), content_hash(CONTEXT, event), party, sequence,
                        secrets.token_bytes(32))  # fmt: skip
        records.append({
            "record": {
                "eventHash": to_hex(record.event_hash),
                "contentHash": to_hex(record.content_hash),
                "party": to_address(party),
                "sequence": sequence,
                "disclosureRoot": to_hex(record.disclosure_root),
            },
            "signature": to_hex(signer.sign(record_hash(domain, record))),
        })  # fmt: skip
    return json.dumps({"document": json.loads(document(*events)), "records": records}).encode()
