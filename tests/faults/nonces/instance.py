"""One instance of a node as a process: so many workers, each with a database engine and a line to the chain of its own.

    python -m tests.faults.nonces.instance JSON

Each worker plans its sends a few at a time and does what `tally worker` does, pass after pass, until all of its own are
final. They share one key and, but for the workers of another instance with a database of its own, one outbox.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

import orjson
from sqlalchemy import func
from sqlalchemy.engine import Engine
from sqlmodel import col, select

from ledger.chain import Chain
from ledger.database import open_engine, reading, writing
from ledger.deployment import Deployment
from ledger.keystore import LocalSigner
from ledger.record import keccak256
from ledger.submission import FeeSettings, plan
from ledger.tables import TransactionRow, TransactionState
from ledger.worker import Worker, pause_s, run_once

AT_ONCE = 16
"""Sends of one worker that are under way."""
RESEND_S, STUCK_S = 0.5, 4.0
"""Beside a block's time: how long a worker waits before it hands in again, and before it pays more."""
TARGET = b"\x77" * 20
"""Nobody's account: what is sent there says which intent it is, and does nothing."""


@dataclass(frozen=True)
class Instance:
    """What an instance is told. Bytes are hex digits."""

    name: str
    database_url: str
    rpc_url: str
    chain_id: int
    event_log: str
    party_registry: str
    secret: str
    workers: int
    sends: int
    block_s: int

    @property
    def command(self) -> list[str]:
        """The command line of its process."""
        return [sys.executable, "-m", "tests.faults.nonces.instance", orjson.dumps(asdict(self)).decode()]

    @property
    def fees(self) -> FeeSettings:
        """Those of somebody in a hurry."""
        return FeeSettings(resend_s=RESEND_S + self.block_s, stuck_s=STUCK_S + self.block_s)

    @property
    def intents(self) -> list[str]:
        """All that its workers send."""
        return [intent for worker in range(self.workers) for intent in self.intents_of(worker)]

    def intents_of(self, worker: int) -> list[str]:
        """What that worker sends."""
        return [f"{self.name}:{worker}:{number}" for number in range(self.sends)]


def data_of(intent: str) -> bytes:
    """What the intent's transaction carries: by it a transaction on chain is known for what it is."""
    return keccak256(intent.encode())


def run(instance: Instance) -> None:
    """All workers at once, until everything is final."""
    together = threading.Barrier(instance.workers)
    with ThreadPoolExecutor(instance.workers) as pool:
        for done in [pool.submit(_work, instance, number, together) for number in range(instance.workers)]:
            done.result()


def _work(instance: Instance, number: int, together: threading.Barrier) -> None:
    chain = Chain(instance.rpc_url, instance.chain_id)
    deployment = Deployment(
        instance.chain_id, bytes.fromhex(instance.event_log), bytes.fromhex(instance.party_registry)
    )
    signer = LocalSigner(bytes.fromhex(instance.secret))
    engine = open_engine(instance.database_url)
    worker = Worker(engine, chain, deployment, {signer.address: signer}, signer.address, fees=instance.fees)
    together.wait()
    waiting = instance.intents_of(number)
    open_count = 0
    while waiting or open_count:
        now_us = time.time_ns() // 1000
        portion, waiting = waiting[: AT_ONCE - open_count], waiting[AT_ONCE - open_count :]
        _plan(engine, signer.address, portion, now_us)
        time.sleep(pause_s(worker, run_once(worker, now_us)))
        open_count = _open_count(engine, instance.intents_of(number))
    engine.dispose()


def _plan(engine: Engine, sender: bytes, intents: Sequence[str], now_us: int) -> None:
    if intents:
        with writing(engine) as session:
            for intent in intents:
                plan(session, intent=intent, sender=sender, to=TARGET, data=data_of(intent), now_us=now_us)


def _open_count(engine: Engine, intents: Sequence[str]) -> int:
    """How many of them are planned and not final."""
    state = col(TransactionRow.state)
    is_open = state.not_in([TransactionState.FINAL.value, TransactionState.FAILED.value])
    with reading(engine) as session:
        return session.exec(select(func.count()).where(is_open, col(TransactionRow.intent).in_(intents))).one()


if __name__ == "__main__":
    # That something is stuck is what this is about: it need not be said a thousand times.
    logging.getLogger("ledger").setLevel(logging.ERROR)
    run(Instance(**orjson.loads(sys.argv[1])))
