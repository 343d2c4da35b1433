"""The way of a record: accepted -> batched -> sent -> mined -> final, and everything that gets in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, update
from sqlmodel import select

from ledger import anchoring, follower, submission
from ledger.abi import interface
from ledger.batch import AnchoringSettings
from ledger.chain import Call, Chain
from ledger.consortium import FOREVER, call
from ledger.database import reading, writing
from ledger.deployment import Deployment, deploy
from ledger.devnet import Devnet
from ledger.errors import ChainError, ChainReason
from ledger.keystore import LocalSigner
from ledger.progress import Progress
from ledger.submission import FeeSettings
from ledger.tables import AnchorRow, RecordRow, TransactionRow
from ledger.transaction import Transaction, sign, transaction_hash
from ledger.worker import BUSY_S, IDLE_S, pause_s, run_once

GROWER, ROASTER = LocalSigner(b"\x11" * 32), LocalSigner(b"\x22" * 32)
PLANT, STRANGER = LocalSigner(b"\x33" * 32), LocalSigner(b"\x44" * 32)
LOG = interface("EventLog")


class Faulty(Chain):
    """A chain whose answers to a sending are lost: before it arrives (`is_lost`), or after (`is_unanswered`)."""

    is_lost = False
    is_unanswered = False
    sent: list[bytes]

    def send(self, raw: bytes) -> None:
        self.sent = [*getattr(self, "sent", []), raw]
        if not self.is_lost:
            super().send(raw)
        if self.is_lost or self.is_unanswered:
            raise ChainError(ChainReason.UNREACHABLE, "the answer was lost")


def start_script(script: str) -> subprocess.Popen[str]:
    """A Python of its own that runs the script; it has said `ready`."""
    command = [sys.executable, "-c", script]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    with process:
        process.kill()


def anchored_count(node: Any) -> int:
    chain, log = node.worker.chain, node.worker.deployment.event_log
    (answer,) = chain.call([Call(log, LOG.call("anchorCount"))], chain.head().number)
    return int(LOG.answer("anchorCount", answer)[0])


def with_faults(node: Any) -> Faulty:
    chain = Faulty(node.worker.chain.rpc_url, node.worker.chain.chain_id)
    node.worker = replace(node.worker, chain=chain)
    return chain


# ------------------------------------------------------------------------------------------------------ the journey


def test_a_record_is_anchored_once_and_the_chain_agrees_with_its_proof(node: Any) -> None:
    record_hash, *others = node.record(5)
    node.settle(seconds=2)
    assert node.anchored_at([record_hash, *others]) == [node.now] * 5
    signature, proof, root = node.proof(record_hash)
    chain, log = node.worker.chain, node.worker.deployment.event_log
    data = LOG.call("recordedAt", record_hash, signature, proof, root)
    (answer,) = chain.call([Call(log, data)], chain.head().number)
    assert LOG.answer("recordedAt", answer) == (node.now, GROWER.address)
    assert anchored_count(node) == 1


def test_a_batch_waits_until_its_oldest_record_is_old_enough(node: Any) -> None:
    records = node.record(3)
    node.settle(seconds=1.9)
    assert (node.batches(), node.anchored_at(records)) == ([], [0, 0, 0])
    records += node.record()
    node.settle(seconds=0.1)
    assert [batch.leaf_count for batch in node.batches()] == [4]
    assert all(node.anchored_at(records))


def test_a_full_batch_does_not_wait(node: Any) -> None:
    node.worker = replace(node.worker, anchoring=AnchoringSettings(batch_size_max=4))
    node.record(10)
    node.settle()
    assert [batch.leaf_count for batch in node.batches()] == [4, 4]


def test_after_an_outage_all_full_batches_close_at_once_up_to_so_many(node: Any) -> None:
    node.worker = replace(node.worker, anchoring=AnchoringSettings(batch_size_max=4))
    records = node.record(4 * anchoring.UNMINED_MAX + 5)
    node.pass_by()
    assert [batch.leaf_count for batch in node.batches()] == [4] * anchoring.UNMINED_MAX
    node.settle()
    node.settle(seconds=2)
    assert [batch.leaf_count for batch in node.batches()] == [4] * (anchoring.UNMINED_MAX + 1) + [1]
    assert all(node.anchored_at(records))


def test_an_idle_node_does_nothing(node: Any) -> None:
    head = node.worker.chain.head().number
    for _ in range(5):
        progress = node.pass_by(1)
        assert (progress.done, progress.is_waiting, progress.complaints) == (0, False, ())
    assert node.worker.chain.head().number == head


def test_a_pass_follows_soon_while_something_is_under_way_and_as_seldom_as_a_public_chain_wants(node: Any) -> None:
    busy, idle = Progress(1, is_waiting=True), Progress()
    assert [pause_s(node.worker, progress) for progress in (busy, idle)] == [BUSY_S, IDLE_S]
    polite = replace(node.worker, poll_s=3.0)
    assert [pause_s(polite, progress) for progress in (busy, idle)] == [3.0, 3.0]


# -------------------------------------------------------------------------------------------------- who stands when


def test_a_record_whose_signer_does_not_stand_yet_waits_and_holds_up_no_other(node: Any) -> None:
    node.worker = replace(node.worker, anchoring=AnchoringSettings(batch_size_max=4))
    early = node.record(6, signer=PLANT, party=GROWER.address)
    others = node.record(3)
    node.settle(seconds=2)
    assert all(node.anchored_at(others))
    assert node.anchored_at(early) == [0] * 6
    node.authorise(PLANT, uses=1)
    node.settle(seconds=1)
    node.settle(seconds=5)
    assert all(node.anchored_at(early))


def test_a_record_whose_signer_stands_from_a_later_time_on_waits_for_it(node: Any) -> None:
    node.authorise(PLANT, uses=1, from_at=node.now + 60)
    records = node.record(signer=PLANT, party=GROWER.address)
    node.settle(seconds=5)
    assert node.anchored_at(records) == [0]
    node.now_us += 60_000_000
    node.record()
    node.settle(seconds=2)  # a block after that time
    node.settle(seconds=5)
    assert node.anchored_at(records)[0] > 0


def test_a_record_whose_signer_has_ceased_to_stand_is_anchored_all_the_same(node: Any) -> None:
    node.authorise(PLANT, uses=1)
    node.settle(seconds=1)
    node.settle(seconds=5)
    records = node.record(signer=PLANT, party=GROWER.address)
    node.plan("revoke", node.worker.deployment.party_registry, call("revoke", PLANT.address, FOREVER))
    node.settle(seconds=1)
    node.settle(seconds=5)
    assert node.anchored_at(records)[0] > 0


def test_nothing_is_batched_before_the_nodes_key_stands_for_anchoring(
    node: Any, make_node: Callable[..., Any], devnet: Devnet, deployment: Deployment
) -> None:
    other = make_node(Chain(devnet.rpc_url, devnet.chain_id), deployment, devnet.step, signer=STRANGER)
    records = other.record()
    progress = [other.pass_by(1) for _ in range(4)][-1]
    assert "does not stand for anchoring" in progress.complaints[0]
    assert other.batches() == []
    node.authorise(STRANGER, uses=4)
    node.now_us = other.now_us
    node.settle(seconds=1)
    node.settle(seconds=5)
    other.now_us = node.now_us
    other.settle(seconds=2)
    assert other.anchored_at(records)[0] > 0


# ------------------------------------------------------------------------------------------- crashes and lost answers


def test_what_is_sent_is_on_disk_before(node: Any) -> None:
    chain = with_faults(node)
    chain.is_lost = True
    node.record()
    node.pass_by(2)
    (transaction,), (attempt,) = node.transactions(), node.attempts()
    assert chain.sent == [attempt.raw]
    assert (transaction.state, transaction.nonce) == ("sent", attempt.nonce)
    assert transaction.transaction_hash == attempt.transaction_hash == transaction_hash(attempt.raw)


@pytest.mark.parametrize("fault", ["is_lost", "is_unanswered"])
def test_after_a_lost_answer_the_same_bytes_are_sent_again(node: Any, fault: str) -> None:
    chain = with_faults(node)
    setattr(chain, fault, True)
    records = node.record(3)
    assert "records wait" in node.pass_by(2).complaints[0]
    setattr(chain, fault, False)
    node.pass_by(seconds=1)
    node.settle(seconds=6)
    assert all(node.anchored_at(records))
    assert len(set(chain.sent)) == 1
    assert [transaction.state for transaction in node.transactions()] == ["final"]
    assert anchored_count(node) == 1


def test_a_chain_that_is_down_is_a_complaint_and_nothing_is_lost(node: Any, devnet: Devnet) -> None:
    devnet.stop()
    records = node.record(4)
    for _ in range(3):
        progress = run_once(node.worker, node.now_us + 3_000_000)
        assert "the chain does not answer" in progress.complaints[0]
    again = Devnet.start(devnet._folder, port=devnet._port, started_at=0)
    node.mine = again.step
    node.settle(seconds=4)
    assert all(node.anchored_at(records))
    again.stop()


def test_what_anvil_forgot_in_a_crash_is_sent_again(node: Any, devnet: Devnet) -> None:
    records = node.record(2)
    node.now_us += 2_000_000
    run_once(node.worker, node.now_us)  # handed in, not mined
    os.kill(devnet.pid, signal.SIGKILL)
    node.settle()
    assert node.anchored_at(records) == [0, 0]
    node.settle(seconds=6)
    assert all(node.anchored_at(records))
    assert len(node.attempts()) == 1


@pytest.mark.long
def test_a_worker_killed_at_any_moment_anchors_every_record_exactly_once(
    node: Any, devnet: Devnet, tmp_path: Path
) -> None:
    deployment = node.worker.deployment
    script = f"""
import itertools, time
from ledger.batch import AnchoringSettings
from ledger.chain import Chain
from ledger.database import open_engine
from ledger.deployment import Deployment
from ledger.keystore import LocalSigner
from ledger.progress import Progress
from ledger.submission import FeeSettings
from ledger.worker import Worker, run_once
grower = LocalSigner(bytes.fromhex("{GROWER.secret.hex()}"))
deployment = Deployment({deployment.chain_id}, {deployment.event_log!r}, {deployment.party_registry!r})
worker = Worker(open_engine({str(node.engine.url)!r}), Chain({devnet.rpc_url!r}, {deployment.chain_id}), deployment,
    {{grower.address: grower}}, grower.address, AnchoringSettings(batch_size_max=8, batch_age_s_max=0.01),
    FeeSettings(resend_s=0.2))
worker.chain.check_id()
print("ready", flush=True)
for _ in itertools.count():
    run_once(worker, {node.now_us} + time.monotonic_ns() // 1000 - {time.monotonic_ns() // 1000})
"""
    stop = threading.Event()
    records: list[bytes] = []

    def record() -> None:
        while not stop.wait(0.03):
            records.extend(node.record(5))

    recorder = threading.Thread(target=record)
    recorder.start()
    for round_ in range(6):
        process = start_script(script)
        ends_at = time.monotonic() + 0.3 + 0.137 * round_
        while time.monotonic() < ends_at:
            devnet.step(devnet.head_at + 1)
            time.sleep(0.01)
        kill(process)
    stop.set()
    recorder.join()
    node.now_us += 60_000_000
    node.settle()
    node.settle(seconds=10)
    assert all(node.anchored_at(records))
    assert sum(batch.leaf_count for batch in node.batches()) == len(records) > 100
    assert anchored_count(node) == len(node.batches())
    nonces = sorted(transaction.nonce for transaction in node.transactions())
    assert nonces == list(range(len(nonces)))
    assert {transaction.state for transaction in node.transactions()} == {"final"}


@pytest.mark.long
def test_chain_and_worker_killed_together_at_any_moment_lose_nothing(
    node: Any, devnet: Devnet, deployment: Deployment
) -> None:
    devnet.stop()
    script = f"""
import itertools, pathlib, time
from ledger.batch import AnchoringSettings
from ledger.chain import Chain
from ledger.database import open_engine
from ledger.deployment import Deployment
from ledger.devnet import Devnet
from ledger.keystore import LocalSigner
from ledger.progress import Progress
from ledger.submission import FeeSettings
from ledger.worker import Worker, run_once
grower = LocalSigner(bytes.fromhex("{GROWER.secret.hex()}"))
deployment = Deployment({deployment.chain_id}, {deployment.event_log!r}, {deployment.party_registry!r})
devnet = Devnet.start(pathlib.Path({str(devnet._folder)!r}), port={devnet._port}, started_at=0)
worker = Worker(open_engine({str(node.engine.url)!r}), Chain(devnet.rpc_url, devnet.chain_id), deployment,
    {{grower.address: grower}}, grower.address, AnchoringSettings(batch_size_max=8, batch_age_s_max=0.01),
    FeeSettings(resend_s=0.2))
worker.chain.check_id()
print("ready", flush=True)
for number in itertools.count():
    run_once(worker, {node.now_us} + time.monotonic_ns() // 1000 - {time.monotonic_ns() // 1000})
    devnet.step(devnet.head_at + number % 2)
"""
    records: list[bytes] = []
    for round_ in range(5):
        process = start_script(script)
        ends_at = time.monotonic() + 0.5 + 0.113 * round_
        while time.monotonic() < ends_at:
            records += node.record(5)
            time.sleep(0.03)
        kill(process)
    again = Devnet.start(devnet._folder, port=devnet._port, started_at=0)
    node.mine, node.now_us = again.step, again.head_at * 1_000_000 + 60_000_000
    node.settle()
    node.settle(seconds=10)
    assert all(node.anchored_at(records))
    assert sum(batch.leaf_count for batch in node.batches()) == len(records) > 100
    assert anchored_count(node) == len(node.batches())
    assert {transaction.state for transaction in node.transactions()} == {"final"}
    again.stop()


def test_two_workers_on_one_database_never_do_a_thing_twice(
    node: Any, make_node: Callable[..., Any], devnet: Devnet, deployment: Deployment
) -> None:
    node.worker = replace(node.worker, anchoring=AnchoringSettings(batch_size_max=16, batch_age_s_max=0))
    other = make_node(Chain(devnet.rpc_url, devnet.chain_id), deployment, devnet.step, engine=node.engine)
    other.worker = replace(other.worker, anchoring=node.worker.anchoring)
    records = node.record(400)
    errors: list[BaseException] = []

    def work(worker: Any) -> None:
        try:
            for _ in range(40):
                run_once(worker, node.now_us)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(one.worker,)) for one in (node, other)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        devnet.step(node.now)
        time.sleep(0.01)
    assert errors == []
    node.settle(seconds=6)
    assert all(node.anchored_at(records))
    assert sum(batch.leaf_count for batch in node.batches()) == 400
    assert len(node.attempts()) == len(node.transactions()) == len(node.batches()) == anchored_count(node)


# ----------------------------------------------------------------------------------------------- others on the chain


def anchor_directly(devnet: Devnet, deployment: Deployment, root: bytes) -> None:
    chain = Chain(devnet.rpc_url, devnet.chain_id)
    (count,) = chain.transaction_counts([ROASTER.address])
    data = LOG.call("anchor", root, 1)
    chain.send(sign(Transaction(devnet.chain_id, count, deployment.event_log, data, 300_000, 0, 0), ROASTER))
    devnet.step(devnet.head_at)


def test_a_root_that_another_anchors_while_ours_is_on_its_way_counts_as_success(
    node: Any, devnet: Devnet, deployment: Deployment
) -> None:
    chain = with_faults(node)
    chain.is_lost = True
    records = node.record()
    node.now_us += 2_000_000
    run_once(node.worker, node.now_us)
    anchor_directly(devnet, deployment, node.batches()[0].root)
    chain.is_lost = False
    node.settle(seconds=6)
    assert node.anchored_at(records)[0] > 0
    assert [transaction.state for transaction in node.transactions()] == ["final"]
    assert anchored_count(node) == 1


def test_a_root_that_another_anchored_before_ours_was_sent_needs_no_transaction(
    node: Any, devnet: Devnet, deployment: Deployment
) -> None:
    records = node.record()
    node.now_us += 2_000_000
    anchoring.step(node.engine, deployment, GROWER.address, node.worker.anchoring, node.now_us)
    anchor_directly(devnet, deployment, node.batches()[0].root)
    node.settle()
    assert node.anchored_at(records)[0] > 0
    assert [transaction.state for transaction in node.transactions()] == ["replaced"]
    assert node.attempts() == []


def test_a_nonce_that_another_program_used_delays_and_loses_nothing(node: Any, devnet: Devnet) -> None:
    chain = with_faults(node)
    chain.is_lost = True
    records = node.record()
    node.pass_by(2)
    foreign = Transaction(devnet.chain_id, node.transactions()[0].nonce, ROASTER.address, b"", 50_000, 0, 0)
    Chain(devnet.rpc_url, devnet.chain_id).send(sign(foreign, GROWER))
    devnet.step(node.now)
    chain.is_lost = False
    node.settle(seconds=6)
    node.settle(seconds=6)
    assert node.anchored_at(records)[0] > 0
    assert [attempt.outcome for attempt in node.attempts()] == ["nonce taken", "mined"]
    assert [transaction.nonce for transaction in node.transactions()] == [foreign.nonce + 1]


# ------------------------------------------------------------------------------------------------------- the outbox


def test_one_intent_is_planned_once(node: Any) -> None:
    log = node.worker.deployment.event_log
    assert node.plan("withdraw:0x01", log, b"one") == node.plan("withdraw:0x01", log, b"two")
    assert [transaction.data for transaction in node.transactions()] == [b"one"]


def test_what_the_contract_would_refuse_takes_no_nonce_and_says_why(node: Any) -> None:
    node.plan("anchor-nothing", node.worker.deployment.event_log, LOG.call("anchor", bytes(32), 1))
    progress = node.pass_by()
    (transaction,) = node.transactions()
    assert (transaction.state, transaction.error, transaction.nonce) == ("failed", "ZeroRoot()", None)
    assert "ZeroRoot" in progress.complaints[0]
    records = node.record()
    node.settle(seconds=2)
    assert all(node.anchored_at(records))


def test_an_anchor_that_failed_is_planned_again(node: Any) -> None:
    records = node.record()
    node.now_us += 2_000_000
    anchoring.step(node.engine, node.worker.deployment, GROWER.address, node.worker.anchoring, node.now_us)
    with writing(node.engine) as session:
        session.execute(update(TransactionRow).values(state="failed", error="the key had been suspended"))
    node.settle(seconds=29)
    assert node.anchored_at(records) == [0]
    node.settle(seconds=2)
    assert all(node.anchored_at(records))


def test_what_is_planned_for_a_key_that_is_not_held_waits(node: Any) -> None:
    with writing(node.engine) as session:
        submission.plan(
            session, intent="leave", sender=ROASTER.address, to=node.worker.deployment.party_registry,
            data=call("leave"), now_us=node.now_us,
        )  # fmt: skip
    node.settle()
    assert [transaction.state for transaction in node.transactions()] == ["planned"]


# ---------------------------------------------------------------------------------------------- a chain that we share


@pytest.fixture
def public(start_anvil: Callable[..., Any], make_node: Callable[..., Any]) -> Callable[..., Any]:
    """A node on an Anvil of somebody else, with its fees and its habits; grower and roaster have coins."""

    def start(*options: str, settings: AnchoringSettings) -> Any:
        anvil = start_anvil(*options, chain_id=952_001)
        for signer in (GROWER, ROASTER):
            anvil.rpc("anvil_setBalance", "0x" + signer.address.hex(), hex(10**21))
        chain = Chain(anvil.url, 952_001)
        founders = [(GROWER.address, ("9521234500001", "Highland Growers", 1, "", b""))]
        deployment = deploy(chain, ROASTER, founders, wait=lambda: anvil.rpc("evm_mine"))
        for _ in range(settings.confirmations):
            anvil.rpc("evm_increaseTime", 2)
            anvil.rpc("evm_mine")
        node = make_node(chain, deployment, lambda _: None, settings=settings)
        node.anvil = anvil
        node.now_us = time.time_ns() // 1000
        node.settle()
        return node

    return start


def test_a_chain_that_mines_by_itself_and_asks_for_fees_will_do(public: Callable[..., Any]) -> None:
    node = public(settings=AnchoringSettings())
    records = node.record(20)
    node.settle(seconds=3)
    assert all(node.anchored_at(records))
    (attempt,) = node.attempts()
    assert attempt.max_fee_wei > attempt.tip_wei > 0


def test_final_means_so_many_blocks(public: Callable[..., Any]) -> None:
    node = public(settings=AnchoringSettings(confirmations=3))
    records = node.record()
    node.settle(seconds=3)
    states = []
    for _ in range(3):
        node.settle(seconds=0.1)
        states.append((node.anchored_at(records)[0] > 0, node.transactions()[0].state))
        node.anvil.rpc("evm_mine")
    assert states == [(False, "mined"), (False, "mined"), (True, "final")]


@pytest.mark.parametrize(
    ("depth", "is_kept"),
    [(2, True), (2, False), (4, True)],
    ids=["another block takes it", "no block takes it", "another block takes it before its key stands"],
)
def test_an_anchor_that_a_fork_undoes_is_anchored_again(public: Callable[..., Any], depth: int, is_kept: bool) -> None:
    node = public(settings=AnchoringSettings(confirmations=2))
    records = node.record(3)
    node.settle(seconds=3)
    node.anvil.rpc("evm_mine")
    node.settle(seconds=0.1)
    (first_at, *_) = node.anchored_at(records)
    assert first_at > 0
    # Anvil gives all blocks of a new branch the time of the block where it begins.
    node.anvil.rpc("anvil_reorg", depth, [["0x" + node.attempts()[0].raw.hex(), 1]] if is_kept else [])
    for _ in range(3):
        node.anvil.rpc("evm_increaseTime", 2)
        node.anvil.rpc("evm_mine")
        node.settle(seconds=0.1)
    node.settle(seconds=31)
    node.anvil.rpc("evm_mine")
    node.settle(seconds=0.1)
    assert all(node.anchored_at(records))
    assert [transaction.state for transaction in node.transactions()] == ["final"]
    # On a busy machine Anvil's clock has gone on far enough for the key to stand in the new branch: then one will do.
    assert len(node.attempts()) <= (2 if depth == 4 else 1)
    with reading(node.engine) as session:
        assert session.exec(select(func.count()).select_from(AnchorRow)).one() == 1
    assert anchored_count(node) == 1


def test_between_fork_and_new_anchor_a_record_is_not_final(public: Callable[..., Any]) -> None:
    node = public("--no-mining", settings=AnchoringSettings())
    records = node.record()
    node.pass_by(3)
    node.anvil.rpc("evm_mine")
    node.settle(seconds=0.1)
    assert all(node.anchored_at(records))
    node.anvil.rpc("anvil_reorg", 1, [])
    node.pass_by(0.1)
    assert node.anchored_at(records) == [0]
    assert node.transactions()[0].state == "sent"
    for _ in range(3):
        node.pass_by(0.1)
        node.anvil.rpc("evm_mine")
    node.settle(seconds=0.1)
    assert all(node.anchored_at(records))


@pytest.mark.long
def test_a_stuck_transaction_is_sent_again_for_more(public: Callable[..., Any]) -> None:
    node = public("--no-mining", settings=AnchoringSettings())
    records = node.record()
    node.pass_by(3)
    node.anvil.rpc("anvil_dropAllTransactions")
    node.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(50 * 10**9))
    node.anvil.rpc("evm_mine")
    node.now_us += 120_000_000
    node.anvil.rpc("evm_setNextBlockTimestamp", node.now)
    node.anvil.rpc("evm_mine")
    for _ in range(3):
        node.pass_by(1)
        node.anvil.rpc("evm_mine")
    node.settle(seconds=1)
    assert all(node.anchored_at(records))
    first, second = node.attempts()
    assert second.max_fee_wei >= first.max_fee_wei * 9 // 8
    assert (first.nonce, first.outcome, second.outcome) == (second.nonce, "replaced", "mined")


def until_it_is_stuck(node: Any) -> None:
    """What the node sends is lost, and two minutes later blocks go by without it."""
    node.pass_by(3)
    node.anvil.rpc("anvil_dropAllTransactions")
    node.now_us += 120_000_000
    node.anvil.rpc("evm_setNextBlockTimestamp", node.now)
    node.anvil.rpc("evm_mine")
    node.now_us += 1_000_000


def test_two_workers_that_find_a_transaction_stuck_sign_it_anew_once(public: Callable[..., Any]) -> None:
    node = public("--no-mining", settings=AnchoringSettings())
    chain = with_faults(node)
    records = node.record()
    until_it_is_stuck(node)
    worker = node.worker
    with ThreadPoolExecutor(2) as pool:
        with writing(node.engine):
            # Both have seen the same attempt before either can write.
            step = submission.step, node.engine, worker.chain, worker.signers, worker.fees, node.now_us
            steps = [pool.submit(*step) for _ in range(2)]
            assert wait(steps, 1.0).not_done == set(steps)
        for done in steps:
            done.result()
    assert len(chain.sent) == 2
    assert [attempt.outcome for attempt in node.attempts()] == [None, None]
    node.anvil.rpc("evm_mine")
    node.settle(seconds=1)
    assert all(node.anchored_at(records))


class Slow(Chain):
    """A chain that is so slow with a sending that something happens before it arrives."""

    meanwhile: Callable[[], None]

    def send(self, raw: bytes) -> None:
        self.meanwhile()
        super().send(raw)


def test_a_number_that_another_worker_has_used_for_the_same_intent_is_not_taken_by_a_stranger(
    public: Callable[..., Any],
) -> None:
    node = public("--no-mining", settings=AnchoringSettings())
    records = node.record()
    until_it_is_stuck(node)
    worker, now_us = node.worker, node.now_us

    def another_is_quicker() -> None:
        later_us = now_us + 10_000_000
        submission.step(node.engine, worker.chain, worker.signers, worker.fees, later_us)
        node.anvil.rpc("evm_mine")
        follower.step(node.engine, worker.chain, worker.deployment, worker.anchoring, later_us)

    slow = Slow(worker.chain.rpc_url, worker.chain.chain_id)
    slow.meanwhile = another_is_quicker
    submission.step(node.engine, slow, worker.signers, FeeSettings(attempts_max=1), now_us)
    node.now_us += 20_000_000
    node.settle()
    assert all(node.anchored_at(records))
    assert [attempt.outcome for attempt in node.attempts()] == ["replaced", "mined"]
    assert [transaction.state for transaction in node.transactions()] == ["final"]


def test_no_more_is_paid_than_the_limit(public: Callable[..., Any]) -> None:
    node = public("--no-mining", settings=AnchoringSettings())
    node.worker = replace(node.worker, fees=FeeSettings(max_fee_gwei=20))
    node.anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(50 * 10**9))
    node.anvil.rpc("evm_mine")
    node.record()
    progress = node.pass_by(3)
    assert "max_fee_gwei" in progress.complaints[0]
    assert node.attempts() == []


def test_a_key_without_coins_is_named(public: Callable[..., Any]) -> None:
    node = public(settings=AnchoringSettings())
    node.anvil.rpc("anvil_setBalance", "0x" + GROWER.address.hex(), "0x0")
    records = node.record()
    assert any("can't pay" in complaint for complaint in node.pass_by(3).complaints)
    node.anvil.rpc("anvil_setBalance", "0x" + GROWER.address.hex(), hex(10**21))
    node.settle(seconds=6)
    node.settle(seconds=6)
    assert all(node.anchored_at(records))


def test_another_chain_at_the_same_address_stops_the_worker_and_deletes_nothing(
    node: Any, devnet: Devnet, tmp_path: Path
) -> None:
    records = node.record()
    node.settle(seconds=2)
    devnet.stop()
    other = Devnet.start(tmp_path / "other", port=devnet._port, started_at=node.now)
    with pytest.raises(ChainError) as caught:
        run_once(node.worker, node.now_us)
    other.stop()
    assert caught.value.reason is ChainReason.WRONG_CHAIN
    assert all(node.anchored_at(records))


def test_foreign_records_are_never_batched(node: Any) -> None:
    node.record(3)
    with writing(node.engine) as session:
        session.execute(update(RecordRow).values(is_foreign=True))
    node.settle(seconds=3)
    assert node.batches() == []
