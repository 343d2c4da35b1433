"""An outbox with much in it: what is urgent does not wait for what is not.

an outbox
├── where much only waits to be final       sends what is planned
├── where much was planned earlier          sends roots first
└── where more is planned than a step sends is worked off step by step
"""

from __future__ import annotations

from typing import Any

from ledger.abi import interface
from ledger.database import writing
from ledger.submission import SEND_MAX, WORK_MAX
from ledger.tables import TransactionRow, TransactionState
from tests.ledger.conftest import GROWER


def test_however_much_waits_to_be_final_what_is_planned_is_sent(node: Any) -> None:
    far = 10**9
    with writing(node.engine) as session:
        for number in range(WORK_MAX):
            session.add(TransactionRow(
                intent=f"mined {number}", sender=GROWER.address, to=GROWER.address, data=b"", nonce=far + number,
                state=TransactionState.MINED.value, block_number=far, planned_at_us=node.now_us,
            ))  # fmt: skip
    data = interface("EventLog").call("anchor", b"\x02" * 32, 1)
    node.plan("the newest", node.worker.deployment.event_log, data)
    node.pass_by()
    assert node.transactions()[-1].state == TransactionState.SENT


def test_a_root_goes_before_what_was_planned_earlier(node: Any) -> None:
    plan_early(node, 2)
    node.record()
    node.pass_by(3)
    nonces = {row.intent.partition(":")[0]: row.nonce for row in node.transactions()}
    assert nonces["anchor"] < min(nonces["early 0"], nonces["early 1"])


def test_however_much_is_planned_blocks_are_followed_meanwhile(node: Any) -> None:
    plan_early(node, SEND_MAX + 1)
    assert node.pass_by().is_waiting
    assert [row.state for row in node.transactions()] == [TransactionState.SENT] * SEND_MAX + [TransactionState.PLANNED]
    node.settle()
    assert {row.state for row in node.transactions()} == {TransactionState.FINAL}


def plan_early(node: Any, count: int) -> None:
    """Plans so many transactions that have nothing to do with each other, nor with records of this node."""
    for number in range(count):
        data = interface("EventLog").call("anchor", (number + 1).to_bytes(32, "big"), 1)
        node.plan(f"early {number}", node.worker.deployment.event_log, data)
