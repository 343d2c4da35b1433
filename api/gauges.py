"""What Prometheus is told of the node's database at the moment it asks: how far things have come, and what waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlmodel import Session, SQLModel, col

from api.health import OPEN, backlog_of
from api.metrics import Meters
from ledger.database import reading
from ledger.follower import NAME
from ledger.losses import open_losses
from ledger.orders import State
from ledger.settlement import COLLECT, SETTLE
from ledger.tables import (
    AnchorRow,
    BatchRow,
    ContradictionRow,
    PositionRow,
    StrangeLogRow,
    TransactionRow,
    TransactionState,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

_records = SQLModel.metadata.tables["records"].c
_orders = SQLModel.metadata.tables["orders"].c
_items = SQLModel.metadata.tables["order_items"].c


def exposition(meters: Meters, engine: Engine, accept: str, now_us: int) -> tuple[bytes, str]:
    """All metrics as the Accept header wants them, and the media type that they are in."""
    registry = CollectorRegistry()
    if meters.folder is not None:
        MultiProcessCollector(registry, meters.folder)  # type: ignore[no-untyped-call]  # it says no types
    else:
        registry.register(_Counted(meters.registry))
    registry.register(_FromDatabase(engine, now_us))
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


class _Counted(Collector):
    """What this process alone has counted."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        """As prometheus_client asks for it."""
        return self._registry.collect()


class _FromDatabase(Collector):
    def __init__(self, engine: Engine, now_us: int) -> None:
        self._engine, self._now_us = engine, now_us

    def describe(self) -> Iterable[Metric]:
        """Nothing: without it the registry would ask the database once more."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """As prometheus_client asks for it."""
        with reading(self._engine) as session:
            return [
                *_anchoring(session, self._now_us),
                *_outbox(session, self._now_us),
                *_follower(session, self._now_us),
                *_settlements(session, self._now_us),
                *_set_aside(session),
            ]


def _anchoring(session: Session, now_us: int) -> Iterator[Metric]:
    newest = session.execute(select(func.max(_records.id))).scalar() or 0
    yield CounterMetricFamily("tally_records", "Records stored, foreign ones too.", newest)
    backlog = backlog_of(session, now_us)
    yield _gauge("tally_unanchored_records", "Own records whose anchor is not final.", backlog.record_count)
    yield _gauge("tally_unanchored_oldest_seconds", "Age of the oldest of them, 0 without any.", backlog.lag_s)
    lag = session.execute(
        select(col(AnchorRow.anchored_at), col(BatchRow.oldest_us), col(BatchRow.closed_at_us))
        .join(BatchRow, col(BatchRow.root) == col(AnchorRow.root))
        .order_by(col(BatchRow.id).desc())
        .limit(1)
    ).first()
    if lag is not None:
        begun_us = lag.closed_at_us if lag.oldest_us is None else lag.oldest_us
        seconds = max(0.0, lag.anchored_at - begun_us / 1_000_000)
        yield _gauge(
            "tally_anchoring_lag_seconds", "From a record to its anchor's block, in the newest batch.", seconds
        )


def _outbox(session: Session, now_us: int) -> Iterator[Metric]:
    states = dict.fromkeys((state.value for state in TransactionState), 0) | _counts(session, col(TransactionRow.state))
    yield _by_label("tally_outbox_transactions", "Transactions of the outbox.", "state", states)
    oldest_us = session.execute(
        select(func.min(col(TransactionRow.planned_at_us))).where(col(TransactionRow.state).in_(OPEN))
    ).scalar()
    age_s = 0.0 if oldest_us is None else max(0.0, (now_us - oldest_us) / 1_000_000)
    yield _gauge("tally_outbox_oldest_seconds", "Age of the oldest that is not final, 0 without any.", age_s)


def _follower(session: Session, now_us: int) -> Iterator[Metric]:
    position = session.get(PositionRow, NAME)
    if position is None:
        return
    contact_s = max(0.0, (now_us - position.contact_at_us) / 1_000_000)
    lag = max(0, (position.head_number or position.block_number) - position.block_number)
    # Level with the chain, the node knows it as of its last contact; behind, as of the block that it has come to.
    lag_s = contact_s if lag == 0 else max(contact_s, now_us / 1_000_000 - position.block_at)
    yield _gauge(
        "tally_chain_head_block", "The chain's newest block when it was last asked.", position.head_number or 0
    )
    yield _gauge("tally_follower_block", "The newest block that the follower has applied.", position.block_number)
    yield _gauge("tally_follower_final_block", "The newest block that is final.", position.final_number)
    yield _gauge("tally_follower_lag_blocks", "Blocks of the chain that are not applied yet.", lag)
    yield _gauge("tally_follower_lag_seconds", "Age of what the node knows of the chain.", lag_s)
    yield _gauge("tally_chain_contact_seconds", "Since the chain was last reached.", contact_s)


def _settlements(session: Session, now_us: int) -> Iterator[Metric]:
    names = {state.value: state.name.lower() for state in State if state is not State.NONE}
    orders = {names[state]: count for state, count in _counts(session, _orders.state).items() if state in names}
    yield _by_label("tally_orders", "Orders of the escrow.", "state", dict.fromkeys(names.values(), 0) | orders)
    for name, prefix in (("tally_settlements", SETTLE), ("tally_collections", COLLECT)):
        # A range, not LIKE: so that the index on the intents serves on both databases.
        is_it = (col(TransactionRow.intent) >= prefix) & (col(TransactionRow.intent) < prefix[:-1] + ";")
        states = dict.fromkeys((state.value for state in TransactionState), 0)
        states |= _counts(session, col(TransactionRow.state), is_it)
        yield _by_label(name, f"Transactions of this node: {prefix[:-1]}.", "state", states)
    is_due = _items.settleable_from <= now_us // 1_000_000
    due, oldest_at = session.execute(select(func.count(), func.min(_items.settleable_from)).where(is_due)).one()
    age_s = 0.0 if oldest_at is None else now_us / 1_000_000 - oldest_at
    yield _gauge("tally_order_items_due", "Items of orders that may be settled and are not.", due)
    yield _gauge("tally_order_items_due_oldest_seconds", "For how long the oldest of them, 0 without any.", age_s)


def _set_aside(session: Session) -> Iterator[Metric]:
    for name, meaning, model in (
        ("tally_contradictions", "Foreign records that contradict one stored here.", ContradictionRow),
        ("tally_strange_logs", "Logs of our contracts that were set aside, for nothing explains them.", StrangeLogRow),
    ):
        yield _gauge(name, meaning, session.execute(select(func.count()).select_from(model)).scalar() or 0)
    losses = len(open_losses(session))
    yield _gauge("tally_chain_losses_open", "Times the chain lost what was final, while payments stand still.", losses)


def _counts(session: Session, column: Any, *conditions: Any) -> dict[Any, int]:
    query = select(column, func.count()).where(*conditions).group_by(column)
    return {row[0]: row[1] for row in session.execute(query)}


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value)


def _by_label(name: str, meaning: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family
