"""A chain that nobody else moves on: no block comes unless we send something, and keys stand from after their block."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from ledger.abi import interface
from ledger.answers import Standing, StandingQuestion, Use
from ledger.chain import Call, Chain, ChainView
from ledger.deployment import deploy
from ledger.errors import ChainError
from ledger.keystore import LocalSigner
from ledger.worker import IDLE_S, run_once

GROWER, PLANT, STRANGER = LocalSigner(b"\x11" * 32), LocalSigner(b"\x33" * 32), LocalSigner(b"\x44" * 32)
LOG = interface("EventLog")
WAIT_S_MAX = 60


@pytest.fixture
def idle(start_anvil: Callable[..., Any], make_node: Callable[..., Any]) -> Any:
    """The founder's node on a plain Anvil that mines where there is something to mine, and else nothing, ever."""
    anvil = start_anvil(chain_id=952_002)
    anvil.rpc("anvil_setBalance", "0x" + GROWER.address.hex(), hex(10**21))
    chain = Chain(anvil.url, 952_002)
    founders = [(GROWER.address, ("9521234500001", "Highland Growers", 1, "", b""))]
    deployment = deploy(chain, GROWER, founders, wait=lambda: time.sleep(0.05))
    node = make_node(chain, deployment, lambda _: None)
    node.now_us = time.time_ns() // 1000
    return node


def work_until_anchored(node: Any, records: list[bytes]) -> None:
    """Passes of the worker, in real time, and nobody else's doing; ends when the records are anchored."""
    deadline_s = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < deadline_s:
        node.now_us = time.time_ns() // 1000
        run_once(node.worker, node.now_us)
        if all(node.anchored_at(records)):
            return
        time.sleep(IDLE_S)
    raise AssertionError("the records still wait")


def check_verifies(node: Any, record_hash: bytes, signer: LocalSigner) -> None:
    """The chain agrees with the proof, and the signer stood for the grower when the record was anchored."""
    signature, proof, root = node.proof(record_hash)
    deployment = node.worker.deployment
    view = ChainView.newest(node.worker.chain, deployment.event_log, deployment.party_registry)
    (anchored_at,) = view.anchored_at([root])
    call_ = Call(deployment.event_log, LOG.call("recordedAt", record_hash, signature, proof, root))
    (answer,) = node.worker.chain.call([call_], view.block_number)
    assert LOG.answer("recordedAt", answer) == (anchored_at, signer.address)
    (standing,) = view.standing_of([StandingQuestion(signer.address, Use.RECORD, anchored_at, 0)])
    assert standing == Standing(GROWER.address, disowned=False)


def test_a_founder_records_at_once_on_a_chain_without_another_block(idle: Any) -> None:
    records = idle.record(3)
    work_until_anchored(idle, records)
    check_verifies(idle, records[0], GROWER)
    assert [transaction.state for transaction in idle.transactions()] == ["final"]


def test_a_key_authorised_in_the_newest_block_records_without_another_block(idle: Any) -> None:
    work_until_anchored(idle, idle.record())
    idle.authorise(PLANT, uses=1)
    while idle.transactions()[-1].state != "final":
        run_once(idle.worker, idle.now_us)
    records = idle.record(signer=PLANT, party=GROWER.address)
    work_until_anchored(idle, records)
    check_verifies(idle, records[0], PLANT)


def test_what_passes_in_the_next_block_is_not_refused_for_the_newest(idle: Any) -> None:
    work_until_anchored(idle, idle.record())
    idle.authorise(PLANT, uses=4)
    run_once(idle.worker, idle.now_us)
    chain, log = idle.worker.chain, idle.worker.deployment.event_log
    data = LOG.call("anchor", b"\1" * 32, 1)
    while chain.tip().next_at <= chain.head().at:
        time.sleep(IDLE_S)
    assert chain.prepare(PLANT.address, log, data).gas > 21_000
    with pytest.raises(ChainError, match="NotAuthorised"):
        chain.prepare(STRANGER.address, log, data)
