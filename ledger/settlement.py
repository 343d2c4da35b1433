"""step(): what is due is settled, and what is owed is collected, without anybody's click and once.

Anyone may settle an item whose time has come. This node does so for orders in which a party or an account of its own
takes part: at once where one of them is paid by it, a little later where it is for others to do first. The same
transaction collects for everybody whom it pays. That another is quicker is a success, not an error.

Nothing is done on what is not final yet, nor by any other clock than the chain's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, SQLModel, col, select, update

from ledger import losses, submission
from ledger.book import Part
from ledger.database import reading, writing
from ledger.deployment import Deployment
from ledger.hexadecimal import to_hex
from ledger.ordering import Standpoint
from ledger.orders import collect_call, multicall, settle_call, settle_shares
from ledger.ordertables import CreditRow
from ledger.progress import Progress
from ledger.standing import LocalAnswers, registry_of
from ledger.tables import TransactionRow, TransactionState

SETTLE, COLLECT = "settle:", "collect:"
DUE_MAX = 1_000
"""Due items and credits looked at in one step."""
OPEN_MAX = 128
"""While so many of these transactions are on their way, no more are planned."""
PATIENCE_S = 30
"""So long whoever gains nothing by a settling leaves it to those who do."""
RETRY_AFTER_US = 30_000_000

_ITEMS = SQLModel.metadata.tables["order_items"].c
_ORDERS = SQLModel.metadata.tables["orders"].c
_PARTIES = SQLModel.metadata.tables["order_parties"].c
_PLANNED, _FAILED, _REPLACED = (
    state.value for state in (TransactionState.PLANNED, TransactionState.FAILED, TransactionState.REPLACED)
)
_UNDER_WAY = (_PLANNED, TransactionState.SENT.value, TransactionState.MINED.value)
_CREDITS = SQLModel.metadata.tables["credits"].c
_TRANSACTIONS = SQLModel.metadata.tables["transactions"].c
_IS_OURS = _TRANSACTIONS.intent.startswith(SETTLE) | _TRANSACTIONS.intent.startswith(COLLECT)
# Over columns, made once: it is asked with every pass, and mostly the answer is no.
_IS_ANYTHING = sa.select(sa.or_(
    sa.exists().where(_ITEMS.settleable_from <= sa.bindparam("at")),
    sa.exists().where(_CREDITS.changed_block >= 0),
    sa.exists().where(_TRANSACTIONS.state == _FAILED, _IS_OURS),
))  # fmt: skip
"""Whether anything is due or owed to anybody, or has failed."""


@dataclass(frozen=True, slots=True)
class _View:
    """What a step goes by: what is final, who is this node's own, and who sends."""

    standpoint: Standpoint
    final_number: int
    own: frozenset[bytes]
    sender: bytes

    @property
    def at(self) -> int:
        """The least time of the next block, in seconds."""
        return self.standpoint.at


class _Plan(NamedTuple):
    """A transaction to be: `bare` is what is left of it when not everybody can be paid."""

    intent: str
    sender: bytes
    data: bytes
    bare: bytes


def step(
    engine: Engine, deployment: Deployment, sender: bytes, accounts: Collection[bytes], now_us: int
) -> Progress:  # fmt: skip
    """Plans the transactions that settle what is due and collect what is owed, sent by `sender`.

    `accounts` are those whose keys this node holds: its parties are the ones that they stand for. Costs nothing without
    an escrow. Raises ChainError before the chain was first read.
    """
    if deployment.escrow is None:
        return Progress()
    with reading(engine) as session:
        if (alarm := losses.alarm(session)) is not None:
            return Progress(complaints=(alarm,))
        answers = LocalAnswers.of(session)
        if not session.connection().execute(_IS_ANYTHING, {"at": answers.next_at}).scalar_one():
            return Progress()
        registry = registry_of(session, answers.block_number)
        own = frozenset(accounts) | {registry.signers[a].party for a in accounts if a in registry.signers}
        standpoint = Standpoint(deployment.escrow_domain, deployment.escrow.receivable, registry, answers.next_at)
        view = _View(standpoint, answers.block_number, own, sender)
        wanted = [*_settlings(session, view), *_collectings(session, view)]
        rows = _known(session, [plan.intent for plan in wanted])
        open_count = _open_count(session)
        done_by_others = _done_by_others(session, view, {plan.intent for plan in wanted})
    new = [plan for plan in wanted if plan.intent not in rows][: max(0, OPEN_MAX - open_count)]
    again = [plan for plan in wanted if plan.intent in rows and _is_to_be_retried(rows[plan.intent], now_us)]
    if not (new or again or done_by_others):
        return Progress()
    with writing(engine) as session:
        for plan in new:
            submission.plan(
                session, intent=plan.intent, sender=plan.sender, to=deployment.escrow.address, data=plan.data,
                now_us=now_us,
            )  # fmt: skip
        for plan in again:
            _plan_again(session, plan, now_us)
        _note_done(session, done_by_others)
    return Progress(len(new) + len(again), is_waiting=bool(new or again))


def settle_intent(order: bytes, milestone: int, delivery: bytes, version: int) -> str:
    """The outbox's name for the settling of an item in that version: there is one, whatever happens."""
    return f"{SETTLE}{to_hex(order)}:{milestone}:{to_hex(delivery)}:{version}"


# ------------------------------------------------------------------------------------------------------ what is due


def _settlings(session: Session, view: _View) -> Iterable[_Plan]:
    """A transaction for each due item of the orders that concern this node, those that wait longest first."""
    takes_part = sa.exists().where(_PARTIES.order_id == _ITEMS.order_id, _PARTIES.party.in_(view.own))
    columns = (
        _ITEMS.order_id, _ITEMS.milestone, _ITEMS.delivery, _ITEMS.held, _ITEMS.reduction, _ITEMS.settleable_from,
        _ITEMS.version, _ORDERS.token, _ORDERS.payee, _ORDERS.buyer,
    )  # fmt: skip
    query = (
        sa.select(*columns)
        .join_from(_ITEMS.order_id.table, _ORDERS.order_id.table, _ITEMS.order_id == _ORDERS.order_id)
        .where(_ITEMS.settleable_from <= view.at, _ITEMS.changed_block <= view.final_number, takes_part)
        .order_by(_ITEMS.settleable_from)
        .limit(DUE_MAX)
    )
    due = session.connection().execute(query).all()
    splits = _splits(session, {row.order_id for row in due})
    for row in due:
        paid = _paid_by(row, splits.get(row.order_id, []))
        if view.own.isdisjoint(paid) and view.at < row.settleable_from + PATIENCE_S:
            continue
        settle = settle_call(row.order_id, row.milestone, row.delivery)
        collects = [collect_call(row.token, each) for each in paid if view.standpoint.is_payable(each, view.sender)]
        intent = settle_intent(row.order_id, row.milestone, row.delivery, row.version)
        yield _Plan(intent, view.sender, multicall([settle, *collects]), settle)


def _paid_by(item: Any, splits: Sequence[bytes]) -> list[bytes]:
    """Whom the settling of an item credits, each once."""
    to_payee, to_buyer = settle_shares(item.held, item.reduction)
    paid = [item.payee, *splits] if to_payee else []
    return list(dict.fromkeys([*paid, *([item.buyer] if to_buyer else [])]))


def _splits(session: Session, orders: set[bytes]) -> dict[bytes, list[bytes]]:
    """Who receives a share, by order."""
    found: dict[bytes, list[bytes]] = {}
    ordered = sorted(orders)
    for start in range(0, len(ordered), 500):
        query = sa.select(_PARTIES.order_id, _PARTIES.party, _PARTIES.parts)
        for order, party, parts in session.connection().execute(
            query.where(_PARTIES.order_id.in_(ordered[start : start + 500])).order_by(_PARTIES.party)
        ):
            if parts & Part.SPLIT:
                found.setdefault(order, []).append(party)
    return found


def _collectings(session: Session, view: _View) -> Iterable[_Plan]:
    """A transaction for each credit of a party or account of this node that no settling has collected."""
    is_due = col(CreditRow.creditor).in_(view.own) & (col(CreditRow.changed_block) <= view.final_number)
    for credit in session.exec(select(CreditRow).where(is_due).limit(DUE_MAX)):
        sender = view.sender
        if not view.standpoint.is_payable(credit.creditor, sender):
            sender = view.standpoint.actor_of(credit.creditor)
            if sender not in view.own:
                continue
        data = collect_call(credit.token, credit.creditor)
        intent = f"{COLLECT}{to_hex(credit.token)}:{to_hex(credit.creditor)}:{credit.changed_block}"
        yield _Plan(intent, sender, data, data)


# --------------------------------------------------------------------------------------------- what was planned before


def _known(session: Session, intents: Sequence[str]) -> dict[str, TransactionRow]:
    found: dict[str, TransactionRow] = {}
    for start in range(0, len(intents), 500):
        is_one = col(TransactionRow.intent).in_(intents[start : start + 500])
        found |= {row.intent: row for row in session.exec(select(TransactionRow).where(is_one))}
    session.expunge_all()
    return found


def _open_count(session: Session) -> int:
    is_open = col(TransactionRow.state).in_(_UNDER_WAY) & _IS_OURS
    some = sa.select(col(TransactionRow.id)).where(is_open).limit(OPEN_MAX).subquery()
    return session.connection().execute(sa.select(sa.func.count()).select_from(some)).scalar_one()


def _is_to_be_retried(row: TransactionRow, now_us: int) -> bool:
    """True where it has failed, or was not needed once and is now, and that is a while ago, or was by a clock ahead."""
    return row.state in (_FAILED, _REPLACED) and not 0 <= now_us - row.planned_at_us < RETRY_AFTER_US


def _plan_again(session: Session, plan: _Plan, now_us: int) -> None:
    """The bare transaction: one who can't be paid must not keep the others from what is theirs."""
    is_idle = (col(TransactionRow.intent) == plan.intent) & col(TransactionRow.state).in_((_FAILED, _REPLACED))
    session.execute(update(TransactionRow).where(is_idle).values(
        state=_PLANNED, sender=plan.sender, data=plan.bare, nonce=None, transaction_hash=None, block_number=None,
        error=None, planned_at_us=now_us,
    ))  # fmt: skip


def _done_by_others(session: Session, view: _View, wanted: set[str]) -> list[str]:
    """Failed transactions for which there is nothing to do any more: another has done it."""
    has_failed = (col(TransactionRow.state) == _FAILED) & _IS_OURS
    failed = session.exec(select(TransactionRow.intent).where(has_failed).limit(DUE_MAX)).all()
    return [intent for intent in failed if intent not in wanted and not _is_left(session, intent)]


def _is_left(session: Session, intent: str) -> bool:
    """Whether the item or the credit is still there, if only for a later time."""
    name = intent.split(":")
    if intent.startswith(SETTLE):
        order, delivery = bytes.fromhex(name[1][2:]), bytes.fromhex(name[3][2:])
        is_it = (_ITEMS.order_id == order) & (_ITEMS.milestone == int(name[2])) & (_ITEMS.delivery == delivery)
        query = sa.select(_ITEMS.version).where(is_it, _ITEMS.version == int(name[4]))
        return session.connection().execute(query).first() is not None
    credit = session.get(CreditRow, (bytes.fromhex(name[1][2:]), bytes.fromhex(name[2][2:])))
    return credit is not None and credit.changed_block == int(name[3])


def _note_done(session: Session, intents: Sequence[str]) -> None:
    is_it = col(TransactionRow.intent).in_(intents) & (col(TransactionRow.state) == _FAILED)
    session.execute(update(TransactionRow).where(is_it).values(state=_REPLACED, error="another has done it"))
