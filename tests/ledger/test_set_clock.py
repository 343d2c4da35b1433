"""A node whose clock was wrong for a while and is right again."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from sqlalchemy import update

from ledger import anchoring
from ledger.abi import interface
from ledger.database import writing
from ledger.devnet import Devnet
from ledger.tables import TransactionRow, TransactionState
from ledger.worker import run_once

DAY_US = 86_400_000_000


def test_what_was_received_by_a_clock_that_was_ahead_does_not_wait_for_that_time(node: Any) -> None:
    node.now_us += DAY_US
    ahead = node.record()
    node.now_us -= DAY_US
    behind = node.record()
    node.settle(seconds=3)
    assert all(node.anchored_at(ahead + behind))


def test_what_was_sent_by_a_clock_that_was_ahead_is_sent_again_where_no_block_takes_it(
    node: Any, devnet: Devnet
) -> None:  # fmt: skip
    data = interface("EventLog").call("anchor", b"\x01" * 32, 1)
    node.plan("anchor by hand", node.worker.deployment.event_log, data)
    run_once(node.worker, node.now_us + DAY_US)
    assert node.transactions()[-1].state == TransactionState.SENT
    forget_all_that_waits(devnet)
    node.settle(seconds=6)
    assert node.transactions()[-1].state == TransactionState.FINAL


def test_an_anchor_that_failed_by_a_clock_that_was_ahead_is_planned_again(node: Any) -> None:
    (record,), worker = node.record(), node.worker
    ahead_us = node.now_us + DAY_US
    anchoring.step(worker.engine, worker.deployment, worker.anchoring_key, worker.anchoring, ahead_us)
    with writing(node.engine) as session:
        session.execute(update(TransactionRow).values(state=TransactionState.FAILED.value))
    node.settle(seconds=3)
    assert all(node.anchored_at([record]))


def forget_all_that_waits(devnet: Devnet) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "anvil_dropAllTransactions", "params": []}).encode()
    request = urllib.request.Request(devnet.rpc_url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert "error" not in json.load(answer)
