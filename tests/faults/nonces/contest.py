"""Instances that send with one key at the same time, and what the chain itself has of it in the end."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlmodel import select

from ledger.chain import Chain
from ledger.database import open_engine, reading
from ledger.deployment import Deployment, bind, deploy
from ledger.hexadecimal import from_hex, to_address
from ledger.keystore import LocalSigner
from ledger.tables import AttemptRow, NonceRow, TransactionRow
from tests.conftest import CHECKOUT, Anvil, running_anvil
from tests.faults.nonces.instance import TARGET, Instance, data_of
from tests.faults.nonces.line import Fate, losing_line

KEY = LocalSigner(b"\x0e" * 32)
WORK_S_MAX = 3_600.0
ENOUGH_WEI = 10**24


@dataclass(frozen=True)
class Outcome:
    """What a contest came to; `fates` are those of all transactions that were handed in, again and again."""

    intents: int
    mined: int
    attempts: int
    nonces_lost: int
    fates: Counter[Fate]
    seconds: float


@contextmanager
def founded_chain(block_s: int) -> Iterator[tuple[Anvil, Deployment]]:
    """A real Anvil with the contracts of one member, whose key all send with. `block_s` 0: a block a transaction."""
    options = ("--block-time", str(block_s)) if block_s else ()
    with running_anvil(*options) as anvil:
        anvil.rpc("anvil_setBalance", to_address(KEY.address), hex(ENOUGH_WEI))
        founder = (KEY.address, ("9521234500001", "Highland Growers", 1, "", b""))
        yield anvil, deploy(Chain(anvil.url, anvil.chain_id), KEY, [founder], wait=lambda: time.sleep(0.05))


def contest(database_urls: Sequence[str], *, workers: int, sends: int, seed: int, block_s: int = 0) -> Outcome:
    """An instance on each of the databases (the same, mostly), so many workers in each, so many sends of each worker.

    Raises AssertionError where the chain or an outbox has anything but one transaction for each intent.
    """
    with founded_chain(block_s) as (anvil, deployment), losing_line(anvil.url, seed) as line:
        first_nonce = _count(anvil, "latest")
        for url in set(database_urls):
            engine = open_engine(url)
            bind(engine, deployment)
            engine.dispose()
        instances = [
            Instance(
                f"send:{number}", url, line.url, anvil.chain_id, deployment.event_log.hex(),
                deployment.party_registry.hex(), KEY.secret.hex(), workers, sends, block_s,
            )
            for number, url in enumerate(database_urls)
        ]  # fmt: skip
        begun = time.perf_counter()
        _run_all(instances)
        seconds = time.perf_counter() - begun
        intents = [intent for instance in instances for intent in instance.intents]
        mined = check_chain(anvil, intents, first_nonce)
        attempts, lost = check_outboxes(set(database_urls), intents, mined)
        return Outcome(len(intents), len(mined), attempts, lost, line.fates, seconds)


def _run_all(instances: Sequence[Instance]) -> None:
    processes = [subprocess.Popen(instance.command, cwd=CHECKOUT) for instance in instances]
    try:
        for process in processes:
            assert process.wait(WORK_S_MAX) == 0, "an instance has ended: look above for what it said"
    finally:
        for process in processes:
            process.kill()
            process.wait()


def check_chain(anvil: Anvil, intents: Sequence[str], first_nonce: int) -> dict[str, dict[str, Any]]:
    """By intent its one transaction, read off the blocks. Raises AssertionError: doubled, missing, a gap, a rest."""
    intent_of = {data_of(intent): intent for intent in intents}
    sender, target = to_address(KEY.address).lower(), to_address(TARGET).lower()
    found: dict[str, dict[str, Any]] = {}
    nonces = []
    for number in range(int(str(anvil.rpc("eth_blockNumber")), 16) + 1):
        block: Any = anvil.rpc("eth_getBlockByNumber", hex(number), True)
        for sent in block["transactions"]:
            if sent["from"] == sender and sent["to"] == target:
                intent = intent_of[from_hex(sent["input"], 32)]
                assert intent not in found, f"{intent} is mined twice: {found[intent]['hash']} and {sent['hash']}"
                found[intent] = sent
                nonces.append(int(sent["nonce"], 16))
    missing = set(intents) - found.keys()
    assert not missing, f"{len(missing)} intents are in no block, {min(missing)} for one"
    assert nonces == list(range(first_nonce, first_nonce + len(intents))), "numbers have a gap"
    assert _count(anvil, "pending") == _count(anvil, "latest") == first_nonce + len(intents)
    pool: Any = anvil.rpc("txpool_status")
    assert {kind: int(str(count), 16) for kind, count in pool.items()} == {"pending": 0, "queued": 0}
    return found


def check_outboxes(urls: set[str], intents: Sequence[str], mined: dict[str, dict[str, Any]]) -> tuple[int, int]:
    """How many attempts were signed, and how many of them lost their number to another program.

    Raises AssertionError where an outbox has anything open, or names another transaction than the chain has.
    """
    attempts, lost = 0, 0
    seen: list[str] = []
    for url in urls:
        engine = open_engine(url)
        with reading(engine) as session:
            for row in session.exec(select(TransactionRow)):
                assert (row.state, row.error) == ("final", None), row
                assert row.transaction_hash == from_hex(mined[row.intent]["hash"], 32)
                assert row.nonce == int(mined[row.intent]["nonce"], 16)
                seen.append(row.intent)
            rows = session.exec(select(AttemptRow)).all()
            last = session.exec(select(NonceRow)).one()
        engine.dispose()
        outcomes = Counter(row.transaction_id for row in rows if row.outcome == "mined")
        assert set(outcomes.values()) == {1}
        assert {row.outcome for row in rows} <= {"mined", "replaced", "nonce taken"}
        attempts, lost = attempts + len(rows), lost + sum(row.outcome == "nonce taken" for row in rows)
        assert last.next_nonce <= max(int(sent["nonce"], 16) for sent in mined.values()) + 1
    assert sorted(seen) == sorted(intents)
    return attempts, lost


def _count(anvil: Anvil, tag: str) -> int:
    return int(str(anvil.rpc("eth_getTransactionCount", to_address(KEY.address), tag)), 16)
