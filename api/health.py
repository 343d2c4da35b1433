"""How a node is: its chain, how far behind anchoring lies, what waits, and what needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, SQLModel, col

from api.node import Node
from api.trust import chain_of
from ledger.database import reading
from ledger.deployment import check
from ledger.errors import KeyNotFound, LedgerError
from ledger.follower import NAME
from ledger.hexadecimal import to_address, to_hex
from ledger.outlook import outlook_of
from ledger.tables import BatchRow, ContradictionRow, PositionRow, RecordRow, TransactionRow, TransactionState

CHAIN_TIMEOUT_S = 2.0
SHOWN_MAX = 20
OPEN = (TransactionState.PLANNED.value, TransactionState.SENT.value, TransactionState.MINED.value)

_records = SQLModel.metadata.tables[str(RecordRow.__tablename__)].c
_OLDEST_US = func.coalesce(col(BatchRow.oldest_us), col(BatchRow.closed_at_us))


@dataclass(frozen=True, slots=True)
class ChainHealth:
    """Whether the chain answers as the one meant; `reason` says why not."""

    is_reachable: bool
    reason: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is recorded and not anchored in a final block yet. `lag_s` is its oldest record's age, 0 without any."""

    record_count: int
    lag_s: float


@dataclass(frozen=True, slots=True)
class Health:
    """A node's state in one value. `followed` is None before the chain was first read.

    `expected_final_s` is how long it takes until what is handed in now is final; None where nobody knows.
    """

    chain_id: int
    event_log: bytes
    party_registry: bytes
    anchoring_key: bytes | None
    chain: ChainHealth
    followed: PositionRow | None
    record_count: int
    backlog: Backlog
    open_transactions: int
    failed: tuple[tuple[str, str], ...]
    finality: str
    expected_final_s: float | None
    contradictions: tuple[ContradictionRow, ...]

    def to_json(self) -> dict[str, Any]:
        """As GET /health and `tally status --json` give it out."""
        return {
            "status": "ok" if self.chain.is_reachable else "degraded",
            "chainId": self.chain_id,
            "chain": f"eip155:{self.chain_id}",
            "eventLog": to_address(self.event_log),
            "partyRegistry": to_address(self.party_registry),
            "anchoringKey": to_address(self.anchoring_key) if self.anchoring_key else None,
            "chainReachable": self.chain.is_reachable,
            "chainReason": self.chain.reason,
            "followed": _followed_json(self.followed),
            "finality": {"rule": self.finality, "expectedInS": self.expected_final_s},
            "records": self.record_count,
            "anchoring": {"unanchored": self.backlog.record_count, "lagSeconds": round(self.backlog.lag_s, 3)},
            "outbox": {
                "open": self.open_transactions,
                "failed": [{"intent": intent, "reason": reason} for intent, reason in self.failed],
            },
            "contradictions": [_contradiction_json(row) for row in self.contradictions],
        }


def health_of(node: Node, now_us: int) -> Health:
    """The node's health. Asks the chain, for CHAIN_TIMEOUT_S at most."""
    chain = _chain_health(node)
    with reading(node.engine) as session:
        followed = session.get(PositionRow, NAME)
        failed_state = col(TransactionRow.state) == TransactionState.FAILED.value
        failed = session.execute(
            select(TransactionRow.intent, TransactionRow.error)  # type: ignore[call-overload]  # sqlmodel's columns
            .where(failed_state).order_by(col(TransactionRow.id).desc()).limit(SHOWN_MAX)
        )  # fmt: skip
        outlook = outlook_of(session, node.settings.anchoring, now_us)
        newest_first = select(ContradictionRow).order_by(col(ContradictionRow.id).desc()).limit(SHOWN_MAX)
        health = Health(
            chain_id=node.deployment.chain_id,
            event_log=node.deployment.event_log,
            party_registry=node.deployment.party_registry,
            anchoring_key=_anchoring_key(node),
            chain=chain,
            followed=followed,
            record_count=session.execute(select(func.max(_records.id))).scalar() or 0,
            backlog=backlog_of(session, now_us),
            open_transactions=_count(session, col(TransactionRow.state).in_(OPEN)),
            failed=tuple((row.intent, row.error or "") for row in failed),
            contradictions=tuple(session.execute(newest_first).scalars()),
            finality=_finality(node),
            expected_final_s=None if outlook is None else round(outlook.from_capture_s, 1),
        )
        session.expunge_all()
    return health


def _finality(node: Node) -> str:
    """The rule in words, as the settings have it."""
    if node.settings.is_by_tag:
        return "finalized"
    count = node.settings.confirmations
    return "1 confirmation" if count == 1 else f"{count} confirmations"


def _chain_health(node: Node) -> ChainHealth:
    try:
        check(chain_of(node.settings, timeout_s=CHAIN_TIMEOUT_S), node.deployment)
    except LedgerError as error:
        return ChainHealth(False, str(error), error.code)
    return ChainHealth(True, None, None)


def _anchoring_key(node: Node) -> bytes | None:
    try:
        return node.keyring.node_file().address
    except KeyNotFound:
        return None


def backlog_of(session: Session, now_us: int) -> Backlog:
    """Records in no batch, and those in batches whose transaction is not final."""
    is_unbatched = _records.batch_id.is_(None) & _records.is_foreign.is_(False)
    unbatched = session.execute(select(func.count(), func.min(_records.received_at_us)).where(is_unbatched)).one()
    batched = session.execute(
        select(func.coalesce(func.sum(BatchRow.leaf_count), 0), func.min(_OLDEST_US))
        .join(TransactionRow, col(TransactionRow.id) == col(BatchRow.transaction_id))
        .where(col(TransactionRow.state).in_(OPEN))
    ).one()
    oldest_us = min((oldest for _, oldest in (unbatched, batched) if oldest is not None), default=now_us)
    return Backlog(unbatched[0] + int(batched[0]), max(0.0, (now_us - oldest_us) / 1_000_000))


def _count(session: Session, condition: Any) -> int:
    return session.execute(select(func.count()).select_from(TransactionRow).where(condition)).scalar() or 0


def _followed_json(position: PositionRow | None) -> dict[str, Any] | None:
    if position is None:
        return None
    final_at = datetime.fromtimestamp(position.final_at, UTC).isoformat().replace("+00:00", "Z")
    return {"block": position.block_number, "finalBlock": position.final_number, "finalAt": final_at}


def _contradiction_json(row: ContradictionRow) -> dict[str, Any]:
    return {
        "recordHash": to_hex(row.record_hash),
        "storedRecordHash": to_hex(row.stored_record_hash),
        "party": to_address(row.party),
        "signer": to_address(row.signer),
        "sequence": row.sequence,
    }
