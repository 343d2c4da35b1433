"""A node of one party on an Anvil of its own, run as users run it: `tally serve` with its worker."""

from __future__ import annotations

import json
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from api.keyring import NODE_KEY, PASSWORD_FILE
from api.keys import create_api_key
from api.schema import make_ready
from api.settings import write_settings
from ledger.chain import Chain
from ledger.database import open_engine
from ledger.deployment import Deployment, bind, deploy
from ledger.devnet import find_anvil
from ledger.hexadecimal import to_address
from ledger.keystore import LocalSigner, store_key

CHAIN_ID = 9_520_001
PLANT = "plant"
PROCESSES = 2
START_S_MAX = 30.0


@dataclass(frozen=True)
class RunningChain:
    """An Anvil that mines each transaction at once, and a funded key on it."""

    url: str
    signer: LocalSigner
    process: subprocess.Popen[bytes]


@dataclass(frozen=True)
class RunningNode:
    """A node that answers: its address, and a client that may capture. The other processes are its process's own."""

    url: str
    client: httpx.Client
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_chain() -> Iterator[RunningChain]:
    """Anvil with automine, ended with the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    signer = LocalSigner(secrets.token_bytes(32))
    command = [str(find_anvil()), "--port", str(port), "--chain-id", str(CHAIN_ID), "--silent"]
    process = subprocess.Popen(command)
    with _ended(process):
        _await_answer(url)
        fund = {"method": "anvil_setBalance", "params": [to_address(signer.address), hex(10**24)]}
        httpx.post(url, json={"jsonrpc": "2.0", "id": 1} | fund).raise_for_status()
        yield RunningChain(url, signer, process)


def founded(chain: RunningChain) -> Deployment:
    """A consortium of one party, whose controller is the chain's funded key."""
    profile = ("9521234000006", "Bench Packing", 2, "", b"")
    deployment = deploy(
        Chain(chain.url, CHAIN_ID), chain.signer, [(chain.signer.address, profile)], wait=lambda: time.sleep(0.05)
    )
    # The founder stands from the second after the constructor's block, and this chain mines no empty ones by itself.
    time.sleep(2)
    httpx.post(chain.url, json={"jsonrpc": "2.0", "id": 1, "method": "evm_mine", "params": []}).raise_for_status()
    return deployment


@contextmanager
def running_node(folder: Path, chain: RunningChain, deployment: Deployment) -> Iterator[RunningNode]:
    """`tally serve` on a fresh data folder, ended with the block."""
    key = furnished(folder, chain, deployment)
    with serving(folder, key) as node:
        yield node


def furnished(folder: Path, chain: RunningChain, deployment: Deployment) -> str:
    """A fresh data folder with its keys and tables; an API key that may capture."""
    settings = write_settings(
        folder,
        rpc_url=chain.url,
        chain_id=deployment.chain_id,
        event_log=to_address(deployment.event_log),
        party_registry=to_address(deployment.party_registry),
    )
    password = secrets.token_hex(32)
    for name in (NODE_KEY, PLANT):
        store_key(settings.keys_folder, name, password, chain.signer.secret, scrypt_n=2**12)
    (settings.keys_folder / PASSWORD_FILE).write_text(password)
    engine = open_engine(settings.resolved_database_url)
    make_ready(engine)
    bind(engine, deployment)
    key = create_api_key(engine, chain.signer.address, "bench", time.time_ns() // 1000, secrets.token_bytes)
    engine.dispose()
    return key


@contextmanager
def serving(folder: Path, key: str, *options: str) -> Iterator[RunningNode]:
    """`tally serve` on that data folder, ended with the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "scripts.tally", "serve", "--port", str(port)]
    command += ["--processes", str(PROCESSES), "--data", str(folder), *options]
    # Its lines are written as a service's are, and don't run through the table.
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, stderr=log)
        with _ended(process), httpx.Client(base_url=url, timeout=60) as client:
            _await_answer(f"{url}/health")
            client.headers.update({"Authorization": f"Bearer {key}", "Content-Type": "application/ld+json"})
            yield RunningNode(url, client, process)


@contextmanager
def running_bare_api(database: Path) -> Iterator[httpx.Client]:
    """The plain route of bare.py under the same server, ended with the block."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "uvicorn", "scripts.bench.bare:app", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen([*command, "--no-access-log"], env={"BARE_DATABASE": str(database)})
    with _ended(process), httpx.Client(base_url=url, timeout=60) as client:
        _await_answer(f"{url}/openapi.json")
        yield client


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_answer(url: str) -> None:
    deadline = time.monotonic() + START_S_MAX
    probe = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})
    while True:
        try:
            httpx.get(url) if "/" in url.removeprefix("http://") else httpx.post(url, content=probe)
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
