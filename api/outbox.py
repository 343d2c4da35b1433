"""Transactions of the consortium's affairs: put into the ledger's outbox, and waited for until they are final.

The steps that bring them there are the worker's own; they are taken here too, so that a command also works while no
worker runs. The rows of the outbox decide who does what.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from api.consortium import catch_up
from api.errors import NotFinalYet, TransactionRefused
from api.node import Node
from api.recording import now_us
from ledger import submission
from ledger.database import reading, writing
from ledger.keystore import Signer
from ledger.tables import TransactionRow, TransactionState

WAIT_S_MAX = 90.0
PAUSE_S = 0.1


def send(node: Node, signer: Signer, to: bytes, data: bytes, what: str) -> None:
    """Has `signer` send calldata to a contract, and returns once that is final.

    Raises TransactionRefused with the contract's reason, NotFinalYet (the worker goes on with it), or ChainError.
    """
    asked_at_us = now_us()
    intent = f"{what}:{asked_at_us}"
    # What the contract would refuse is refused before it stands in the outbox.
    node.chain.prepare(signer.address, to, data)
    with writing(node.engine) as session:
        submission.plan(session, intent=intent, sender=signer.address, to=to, data=data, now_us=asked_at_us)
    await_transactions(node, [intent], {signer.address: signer})


def await_transactions(node: Node, intents: Sequence[str], signers: Mapping[bytes, Signer]) -> None:
    """Returns once all of these are final. Raises as `send` does."""
    _await(node, col(TransactionRow.intent).in_(intents), signers)


def await_ids(node: Node, ids: Sequence[int], signers: Mapping[bytes, Signer]) -> None:
    """Returns once all transactions of these ids are final. Raises as `send` does."""
    _await(node, col(TransactionRow.id).in_(ids), signers)


def _await(node: Node, which: ColumnElement[bool], signers: Mapping[bytes, Signer]) -> None:
    deadline_s = time.monotonic() + WAIT_S_MAX
    while True:
        catch_up(node)
        submission.step(node.engine, node.chain, signers, node.settings.fees, now_us())
        waiting = [row for row in _rows(node, which) if row.state != TransactionState.FINAL.value]
        for row in waiting:
            if row.state == TransactionState.FAILED.value:
                raise TransactionRefused(row.intent, row.error or "no reason is known")
        if not waiting:
            return
        if time.monotonic() > deadline_s:
            raise NotFinalYet(waiting[0].intent, waiting[0].state)
        time.sleep(PAUSE_S)


def _rows(node: Node, which: ColumnElement[bool]) -> list[TransactionRow]:
    with reading(node.engine) as session:
        rows = list(session.exec(select(TransactionRow).where(which)))
        session.expunge_all()
    return rows
