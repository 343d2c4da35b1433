"""step(): planned -> sent -> mined -> final | failed | replaced. The outbox, and its way to the chain.

A transaction's signed bytes are on disk, with the nonce they use, before the chain sees them; whatever happens then,
the same bytes are sent again until a block has them. So an answer that was lost leads to no second transaction, and
a nonce that was taken leaves no gap. A nonce that another program used with the same key is noticed once it is final:
only then is the intent signed anew. Fees are raised where a transaction is stuck, within limits.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Update, case, func, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from ledger import losses, nonces
from ledger.chain import Chain, Prepared, Receipt
from ledger.database import reading, writing
from ledger.errors import ChainError, ChainReason
from ledger.finality import Finality, judge
from ledger.follower import NAME
from ledger.hexadecimal import to_address
from ledger.keystore import Signer
from ledger.progress import Progress
from ledger.tables import AttemptRow, BlockRow, PositionRow, TransactionRow, TransactionState
from ledger.transaction import Transaction, sign, transaction_hash

WORK_MAX = 256
"""Transactions looked at in one step."""
SEND_MAX = 64
"""Transactions sent for the first time in one step: no longer are blocks not followed and batches not closed."""
ROOTS = "anchor:"
"""How the intents of roots begin. They go first: few, waited for by all that was accepted, waiting for nothing."""
GWEI = 10**9

_PLANNED, _SENT, _MINED = (
    state.value for state in (TransactionState.PLANNED, TransactionState.SENT, TransactionState.MINED)
)
_log = logging.getLogger(__name__)
_Stored = tuple[TransactionRow, Sequence[AttemptRow]]
"""A transaction of the outbox with the attempts that use its present nonce, oldest first."""


@dataclass(frozen=True, slots=True)
class FeeSettings:
    """How patient the outbox is, and how much it pays.

    A transaction is handed in again after `resend_s`, and signed again with higher fees after `stuck_s`, at most
    `attempts_max` times in all and never for more than `max_fee_gwei` a gas.
    """

    max_fee_gwei: int = 500
    resend_s: float = 5.0
    stuck_s: float = 60.0
    attempts_max: int = 12

    @property
    def max_fee_wei(self) -> int:
        """The limit in wei a gas."""
        return self.max_fee_gwei * GWEI


def plan(session: Session, *, intent: str, sender: bytes, to: bytes, data: bytes, now_us: int) -> int:
    """Puts a transaction into the outbox, once for each intent, and returns its id.

    Assumes a session of `ledger.database.writing`: planned together with what it is planned for, or not at all.
    """
    is_it = select(TransactionRow).where(TransactionRow.intent == intent)
    found = session.exec(is_it).one_or_none()
    if found is not None:
        return _id(found)
    row = TransactionRow(intent=intent, sender=sender, to=to, data=data, planned_at_us=now_us)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        # Another process has planned it since we looked.
        row = session.exec(is_it).one()
    return _id(row)


def step(engine: Engine, chain: Chain, signers: Mapping[bytes, Signer], settings: FeeSettings, now_us: int) -> Progress:
    """Moves every open transaction on by what the chain knows of it, and sends what is planned.

    `signers` are the keys held, by account; what is planned for another waits. Costs nothing where nothing is open.
    Raises ChainError where the chain is out of reach; what was done by then stays done.
    """
    with reading(engine) as session:
        final_number = _final_number(session)
        rows = _open(session, signers, final_number)
    progress = Progress()
    if under_way := [stored for stored in rows if stored[0].state != _PLANNED]:
        settled = _settle(engine, chain, under_way, final_number)
        progress += Progress(len(settled), is_waiting=True)
        unmined = [(row, attempts) for row, attempts in under_way if row.id not in settled and row.state == _SENT]
        progress += _retry(engine, chain, signers, settings, unmined, now_us)
    planned = [row for row, _ in rows if row.state == _PLANNED]
    for row in planned[:SEND_MAX]:
        progress += _send_first(engine, chain, signers[row.sender], settings, row, now_us)
    return progress + Progress(is_waiting=len(planned) > SEND_MAX)


def _open(session: Session, signers: Mapping[bytes, Signer], final_number: int) -> list[_Stored]:
    """What is planned for a key that is held, and what the chain may have news of: roots, and the oldest.

    What is mined is asked for again once its block is final. Until then it is left out, or it would fill the step where
    that takes long.
    """
    state, sender = col(TransactionRow.state), col(TransactionRow.sender)
    is_ours = (state == _PLANNED) & sender.in_(list(signers))
    if (may_be_sent := losses.may_be_sent(session)) is not None:
        is_ours &= may_be_sent
    is_final = (state == _MINED) & (col(TransactionRow.block_number) <= final_number)
    is_root, number = col(TransactionRow.intent).startswith(ROOTS), col(TransactionRow.id)
    query = select(TransactionRow).where(is_ours | (state == _SENT) | is_final).order_by(is_root.desc(), number)
    rows = session.exec(query.limit(WORK_MAX)).all()
    if not rows:
        return []
    ids = [row.id for row in rows if row.state != _PLANNED]
    attempts = session.exec(
        select(AttemptRow).where(col(AttemptRow.transaction_id).in_(ids)).order_by(col(AttemptRow.id))
    ).all()
    return [(row, [a for a in attempts if (a.transaction_id, a.nonce) == (row.id, row.nonce)]) for row in rows]


# ---------------------------------------------------------------------------------------- what the chain has mined


def _settle(engine: Engine, chain: Chain, rows: Sequence[_Stored], final_number: int) -> set[int | None]:
    """Moves on what has a receipt, and back what has lost it. Returns the ids of what is in a block, or was moved."""
    receipts = _receipts(chain, rows)
    with reading(engine) as session:
        outcomes = [
            (row, attempts, receipt, _state_after(session, row, receipt, final_number))
            for (row, attempts), receipt in zip(rows, receipts, strict=True)
        ]
    changes = [outcome for outcome in outcomes if outcome[3] != outcome[0].state]
    if changes:
        # Not synced: the chain will say it again.
        with writing(engine, durable=False) as session:
            for change in changes:
                _record(session, *change)
    return {row.id for row, _, receipt, state in outcomes if receipt is not None or state != row.state}


def _receipts(chain: Chain, rows: Sequence[_Stored]) -> list[Receipt | None]:
    """For each transaction the receipt of whichever of its attempts was mined."""
    found = chain.receipts([attempt.transaction_hash for _, attempts in rows for attempt in attempts])
    by_hash = {receipt.transaction_hash: receipt for receipt in found if receipt is not None}
    return [
        next((by_hash[a.transaction_hash] for a in attempts if a.transaction_hash in by_hash), None)
        for _, attempts in rows
    ]


def _state_after(session: Session, row: TransactionRow, receipt: Receipt | None, final_number: int) -> str:
    if receipt is None:
        return _SENT
    block = session.get(BlockRow, receipt.block_number)
    canonical_hash = block.block_hash if block is not None else None
    match judge(receipt.block_number, receipt.block_hash, canonical_hash, final_number):
        case Finality.FORKED:
            # The node is ahead of the follower, or behind it: soon they agree again.
            return row.state
        case Finality.WAITING:
            return _MINED
        case Finality.FINAL:
            return TransactionState.FINAL.value if receipt.is_success else TransactionState.FAILED.value


def _record(
    session: Session, row: TransactionRow, attempts: Sequence[AttemptRow], receipt: Receipt | None, state: str
) -> None:
    """Writes a transaction's new state, unless another process has written one meanwhile."""
    if not _is_still(session, row):
        return
    change = update(TransactionRow).where(col(TransactionRow.id) == row.id)
    if receipt is None:
        _log.info("%s has fallen out of the chain", row.intent, extra={"intent": row.intent, "state": state})
        session.execute(change.values(state=state, block_number=None))
        session.execute(_attempts(attempts).values(outcome=None, tried_at_us=0))
        return
    _log.info("%s is %s", row.intent, state, extra={
        "intent": row.intent, "state": state, "transaction": receipt.transaction_hash, "block": receipt.block_number
    })  # fmt: skip
    error = "the contract refused it when it was mined" if state == TransactionState.FAILED.value else None
    session.execute(change.values(
        state=state, block_number=receipt.block_number, transaction_hash=receipt.transaction_hash, error=error
    ))  # fmt: skip
    # Also one that another process has signed since the attempts were read.
    is_its = (col(AttemptRow.transaction_id) == row.id) & (col(AttemptRow.nonce) == row.nonce)
    is_it = col(AttemptRow.transaction_hash) == receipt.transaction_hash
    session.execute(update(AttemptRow).where(is_its).values(outcome=case((is_it, "mined"), else_="replaced")))


# ----------------------------------------------------------------------------------------------- sending it again


def _retry(
    engine: Engine, chain: Chain, signers: Mapping[bytes, Signer], settings: FeeSettings, rows: Sequence[_Stored],
    now_us: int,
) -> Progress:  # fmt: skip
    """Hands in again what no block has taken for a while, with higher fees where it is stuck."""
    progress = Progress()
    for row, attempts in rows:
        newest = attempts[-1]
        # What was tried later than now was tried by a clock that was ahead.
        is_just_tried = 0 <= now_us - newest.tried_at_us < settings.resend_s * 1_000_000
        if is_just_tried or not _is_first_to(engine, newest, now_us):
            continue
        if _is_stuck(chain, attempts, settings, now_us) and row.sender in signers:
            newest = _raise_fees(engine, chain, signers[row.sender], settings, row, newest, now_us) or newest
        reason = _hand_in(chain, newest.raw)
        if reason is ChainReason.NONCE_TOO_LOW:
            progress += _plan_anew_if_taken(engine, chain, row, attempts)
        else:
            progress += Progress(complaints=() if reason is None else (_complaint(row, reason),))
    return progress


def _is_first_to(engine: Engine, attempt: AttemptRow, now_us: int) -> bool:
    """Notes that the attempt is handed in again; False where another process does that already."""
    is_as_it_was = (col(AttemptRow.id) == attempt.id) & (col(AttemptRow.tried_at_us) == attempt.tried_at_us)
    with writing(engine, durable=False) as session:
        changed = session.connection().execute(update(AttemptRow).where(is_as_it_was).values(tried_at_us=now_us))
        return changed.rowcount == 1


def _is_stuck(chain: Chain, attempts: Sequence[AttemptRow], settings: FeeSettings, now_us: int) -> bool:
    """True where blocks went by without it. A chain that stands still takes nothing, whatever one pays."""
    signed_at_us = attempts[-1].signed_at_us
    is_old = now_us - signed_at_us >= settings.stuck_s * 1_000_000
    return is_old and len(attempts) < settings.attempts_max and chain.head().at * 1_000_000 > signed_at_us


def _raise_fees(
    engine: Engine, chain: Chain, signer: Signer, settings: FeeSettings, row: TransactionRow, last: AttemptRow,
    now_us: int,
) -> AttemptRow | None:  # fmt: skip
    """The same transaction for an eighth more, or what is usual now if that is more; None at the limit.

    Nodes replace a waiting transaction for at least a tenth more, of both fees.
    """
    usual = chain.fees()
    tip_wei = max(usual.tip_wei, _eighth_more(last.tip_wei))
    max_fee_wei = min(settings.max_fee_wei, max(usual.max_fee_wei, _eighth_more(last.max_fee_wei)))
    tip_wei = min(tip_wei, max_fee_wei)
    if max_fee_wei < _eighth_more(last.max_fee_wei) or max_fee_wei == last.max_fee_wei or row.nonce is None:
        return None
    _log.warning("transaction %s is stuck: signed again for %d wei a gas", row.intent, max_fee_wei)
    raw = sign(Transaction(
        chain_id=chain.chain_id, nonce=row.nonce, to=row.to, data=row.data, gas=last.gas, tip_wei=tip_wei,
        max_fee_wei=max_fee_wei, value_wei=row.value_wei,
    ), signer)  # fmt: skip
    with writing(engine) as session:
        if not _is_still(session, row) or not _is_newest(session, last):
            return None
        return _store_attempt(session, _id(row), raw, row.nonce, last.gas, tip_wei, max_fee_wei, now_us)


def _eighth_more(fee_wei: int) -> int:
    return fee_wei + -(-fee_wei // 8)


def _plan_anew_if_taken(engine: Engine, chain: Chain, row: TransactionRow, attempts: Sequence[AttemptRow]) -> Progress:
    """Frees an intent from a nonce that another transaction has used, once that is final. Until then it waits.

    The count is read at a final block, and the receipts after it: an own transaction among the counted has one.
    """
    with reading(engine) as session:
        final_number = _final_number(session)
    (count,) = chain.transaction_counts([row.sender], final_number)
    if row.nonce is None or count <= row.nonce or _receipts(chain, [(row, attempts)]) != [None]:
        return Progress(is_waiting=True)
    _log.warning(
        "nonce %d of %s was used by another program: %s is signed anew", row.nonce, to_address(row.sender), row.intent
    )
    with writing(engine) as session:
        # One that another process has signed meanwhile may be what has used it.
        if _is_still(session, row) and _is_newest(session, attempts[-1]):
            session.execute(_attempts(attempts).values(outcome="nonce taken"))
            session.execute(update(TransactionRow).where(col(TransactionRow.id) == row.id).values(
                state=_PLANNED, nonce=None, transaction_hash=None
            ))  # fmt: skip
    return Progress(1, is_waiting=True)


# ------------------------------------------------------------------------------------------------ sending it first


def _send_first(
    engine: Engine, chain: Chain, signer: Signer, settings: FeeSettings, row: TransactionRow, now_us: int
) -> Progress:
    """Takes a nonce, signs, stores, sends, in this order. What would fail takes no nonce."""
    with reading(engine) as session:
        if not _is_still(session, row, is_to_change=False):
            # Another process has sent it meanwhile: the chain's node need not be asked.
            return Progress()
    try:
        prepared = chain.prepare(row.sender, row.to, row.data)
    except ChainError as error:
        if error.reason is ChainReason.REVERTED:
            return _refuse(engine, row, error.detail)
        if error.reason is ChainReason.INSUFFICIENT_FUNDS:
            return Progress(complaints=(_complaint(row, error.reason),))
        raise
    max_fee_wei = min(settings.max_fee_wei, prepared.fees.max_fee_wei)
    if max_fee_wei < prepared.fees.base_fee_wei:
        return Progress(complaints=(
            f"{row.intent} waits: the chain asks {prepared.fees.base_fee_wei // GWEI} gwei a gas, max_fee_gwei is less",
        ))  # fmt: skip
    attempt = _take_nonce_and_sign(engine, chain, signer, row, prepared, max_fee_wei, now_us)
    if attempt is None:
        return Progress()
    reason = _hand_in(chain, attempt.raw)
    _log.info("%s is sent", row.intent, extra={
        "intent": row.intent, "transaction": attempt.transaction_hash, "nonce": attempt.nonce
    })  # fmt: skip
    complaints = () if reason in (None, ChainReason.NONCE_TOO_LOW) else (_complaint(row, reason),)
    return Progress(1, is_waiting=True, complaints=complaints)


def _take_nonce_and_sign(
    engine: Engine, chain: Chain, signer: Signer, row: TransactionRow, prepared: Prepared, max_fee_wei: int,
    now_us: int,
) -> AttemptRow | None:  # fmt: skip
    """The attempt, on disk; None where another process was quicker."""
    gas, tip_wei = prepared.gas + prepared.gas // 4, min(prepared.fees.tip_wei, max_fee_wei)
    with writing(engine) as session:
        if not _is_still(session, row):
            return None
        # One that fills a gap has brought its own.
        nonce = nonces.take(session, row.sender, prepared.sender_count) if row.nonce is None else row.nonce
        raw = sign(Transaction(
            chain_id=chain.chain_id, nonce=nonce, to=row.to, data=row.data, gas=gas, tip_wei=tip_wei,
            max_fee_wei=max_fee_wei, value_wei=row.value_wei,
        ), signer)  # fmt: skip
        session.execute(update(TransactionRow).where(col(TransactionRow.id) == row.id).values(
            state=_SENT, nonce=nonce, transaction_hash=transaction_hash(raw), error=None
        ))  # fmt: skip
        return _store_attempt(session, _id(row), raw, nonce, gas, tip_wei, max_fee_wei, now_us)


def _refuse(engine: Engine, row: TransactionRow, detail: str) -> Progress:
    """Marks a transaction that the contract would refuse, unless an earlier one of its sender may change that."""
    with writing(engine) as session:
        is_another_open = session.exec(select(TransactionRow.id).where(
            TransactionRow.sender == row.sender,
            col(TransactionRow.state).in_((_SENT, _MINED)),
        ).limit(1)).one_or_none()  # fmt: skip
        if is_another_open is not None or not _is_still(session, row):
            return Progress(is_waiting=True)
        session.execute(update(TransactionRow).where(col(TransactionRow.id) == row.id).values(
            state=TransactionState.FAILED.value, error=detail
        ))  # fmt: skip
    return Progress(1, complaints=(f"{row.intent} was not sent, for the contract refuses it: {detail}",))


# -------------------------------------------------------------------------------------------------------- inside


def _hand_in(chain: Chain, raw: bytes) -> ChainReason | None:
    """None where the node has it; else why not. Raises ChainError where the node can't be asked."""
    try:
        chain.send(raw)
    except ChainError as error:
        if error.is_retryable:
            raise
        return error.reason
    return None


def _complaint(row: TransactionRow, reason: ChainReason | None) -> str:
    if reason is ChainReason.INSUFFICIENT_FUNDS:
        return f"{row.intent} waits: {to_address(row.sender)} can't pay for it, send it some of the chain's coin"
    return f"{row.intent} waits: the chain's node refuses it ({reason})"


def _attempts(attempts: Sequence[AttemptRow]) -> Update:
    return update(AttemptRow).where(col(AttemptRow.id).in_([attempt.id for attempt in attempts]))


def _id(row: TransactionRow) -> int:
    assert row.id is not None  # it comes from the database
    return row.id


def _final_number(session: Session) -> int:
    position = session.get(PositionRow, NAME)
    return position.final_number if position is not None else -1


def _is_still(session: Session, row: TransactionRow, *, is_to_change: bool = True) -> bool:
    """False where another process has moved the transaction on since it was read."""
    query = select(TransactionRow.state, TransactionRow.nonce).where(TransactionRow.id == row.id)
    return session.exec(query.with_for_update() if is_to_change else query).one() == (row.state, row.nonce)


def _is_newest(session: Session, attempt: AttemptRow) -> bool:
    """False where another process has signed the transaction again since it was read."""
    is_its = col(AttemptRow.transaction_id) == attempt.transaction_id
    return session.exec(select(func.max(col(AttemptRow.id))).where(is_its)).one() == attempt.id


def _store_attempt(
    session: Session, transaction_id: int, raw: bytes, nonce: int, gas: int, tip_wei: int, max_fee_wei: int, now_us: int
) -> AttemptRow:
    attempt = AttemptRow(
        transaction_id=transaction_id, transaction_hash=transaction_hash(raw), raw=raw, nonce=nonce, gas=gas,
        tip_wei=tip_wei, max_fee_wei=max_fee_wei, signed_at_us=now_us, tried_at_us=now_us,
    )  # fmt: skip
    session.add(attempt)
    session.flush()
    session.expunge(attempt)
    return attempt
