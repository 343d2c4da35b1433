"""The loop around ledger.worker: passes with a pause between them, until it is asked to stop."""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.answers import FORGOTTEN_AT_ONCE, forget
from api.node import Node
from api.recording import now_us
from ledger.deployment import check
from ledger.errors import ChainError
from ledger.progress import Progress
from ledger.worker import BUSY_S, IDLE_S, Worker, run_once
from traceability import attesting

COMPLAIN_EVERY_US = 30_000_000
"""A complaint that stays the same is repeated after so long."""
REFUSED_S = 1.0
"""How long a database that is full, locked or out of reach is left alone."""
FORGET_EVERY_US = 60_000_000
"""How often it is looked for answers that are older than the setting `idempotency_keep_s`."""

_log = logging.getLogger("tally.worker")


def worker_of(node: Node) -> Worker:
    """What the ledger's steps work with. Raises KeyNotFound without the node's own key, ChainError without a chain."""
    return Worker(
        engine=node.engine,
        chain=node.chain,
        deployment=node.deployment,
        signers=node.keyring.by_account(),
        anchoring_key=node.keyring.node_file().address,
        anchoring=node.settings.anchoring,
        fees=node.settings.fees,
    )


def work(node: Node, stop: threading.Event) -> None:
    """Brings records to the chain until `stop` is set. Where chain or database are away it complains, and goes on.

    Raises what only a person can put right: a locked key, a wrong chain, contracts that are not there.
    """
    worker = worker_of(node)
    complaints = _Complaints()
    forget_at_us = 0
    while not stop.is_set():
        try:
            progress = run_pass(worker, now_us())
            complaints.say(progress.complaints, now_us())
            if now_us() >= forget_at_us:
                forget_at_us = _forget(node, now_us())
        except (OperationalError, PoolTimeout) as error:
            # Nothing was done, and another time it may go better: the same as clients of the API are told.
            reason = str(getattr(error, "orig", None) or "no connection is free").splitlines()[0]
            complaints.say((f"the database refuses, all waits for it: {reason}",), now_us())
            stop.wait(REFUSED_S)
        else:
            stop.wait(BUSY_S if progress.is_waiting else IDLE_S)


def run_pass(worker: Worker, at_us: int) -> Progress:
    """One pass of all that a node does by itself: what it owes the chain, then what its events attest under orders.

    What is attested is sent in the next pass. Raises as `work` does.
    """
    progress = run_once(worker, at_us)
    try:
        return progress + attesting.step(
            worker.engine, worker.deployment, worker.signers, worker.anchoring_key, at_us
        )  # fmt: skip
    except ChainError as error:
        # Before the chain was first read; the pass above has complained of it.
        if not error.is_retryable:
            raise
        return progress


def _forget(node: Node, at_us: int) -> int:
    """Forgets some of the answers that are no longer kept. Returns when to come again."""
    count = forget(node.engine, at_us - node.settings.idempotency_keep_s * 1_000_000)
    return at_us + (0 if count == FORGOTTEN_AT_ONCE else FORGET_EVERY_US)


def await_chain(node: Node, stop: threading.Event) -> None:
    """Returns once chain and contracts are found to be the ones meant, or `stop` is set.

    A chain that does not answer is waited for. Raises ChainError(wrong_chain | no_contract), WrongDeployment.
    """
    complaints = _Complaints()
    while not stop.is_set():
        try:
            check(node.chain, node.deployment)
        except ChainError as error:
            if not error.is_retryable:
                raise
            complaints.say((f"waiting for the chain: {error.detail}",), now_us())
            stop.wait(1.0)
        else:
            return


class _Complaints:
    """What the steps complain of, said once and then now and then."""

    def __init__(self) -> None:
        self._said_at_us: dict[str, int] = {}

    def say(self, complaints: tuple[str, ...], at_us: int) -> None:
        for each in complaints:
            if at_us - self._said_at_us.get(each, -COMPLAIN_EVERY_US) >= COMPLAIN_EVERY_US:
                _log.warning(each)
                self._said_at_us[each] = at_us
        self._said_at_us = {each: at for each, at in self._said_at_us.items() if each in complaints}
