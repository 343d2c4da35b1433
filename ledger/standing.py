"""What the chain answers, read off the tables that the follower keeps: same questions, same answers, no network.

All answers stand at the newest block that the follower holds final. This file reads the derived tables.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy.engine import Row
from sqlmodel import Session, SQLModel, col, select

from ledger import consortium
from ledger.abi import interface
from ledger.answers import Standing, StandingQuestion
from ledger.consortium import Registry
from ledger.errors import ChainError, ChainReason
from ledger.follower import NAME
from ledger.tables import AnchorRow, RegistryLogRow, WithdrawalRow

ASKED_AT_ONCE = 500
"""Values in one query: SQLite takes 32,766, older ones 999."""
REPLAYS_KEPT = 4
PUBLISHED_S_MAX = 4
"""A block may come so long after the time that it states: a third of a slot, in Ethereum's fork choice."""

# Over columns, made once, run on the session's connection: a position is asked for with every request, and a statement
# through the ORM costs several times as much.
_positions = SQLModel.metadata.tables["positions"].c
_logs = SQLModel.metadata.tables["registry_logs"].c
_NEWEST_FIRST = (_logs.block_number.desc(), _logs.log_index.desc())
_POSITION = select(_positions.final_number, _positions.final_at, _positions.next_at).where(_positions.name == NAME)
_NEWEST_LOG = (
    select(_logs.block_hash, _logs.log_index)
    .where(_logs.block_number <= bindparam("block_number"))
    .order_by(*_NEWEST_FIRST)
    .limit(1)
)
_POSITION_AND_NEWEST_LOG = (
    select(_positions.block_number, _positions.contact_at_us, _logs.block_hash, _logs.log_index)
    .join_from(_positions.name.table, _logs.name.table, _logs.block_number <= _positions.block_number, isouter=True)
    .where(_positions.name == NAME)
    .order_by(*_NEWEST_FIRST)
    .limit(1)
)

_replays: dict[tuple[bytes, int], Registry] = {}
_replays_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class RegistryLog:
    """One log of PartyRegistry: its name, its arguments as `ledger.abi` reads them, its block's time in seconds."""

    name: str
    arguments: dict[str, Any]
    block_at: int


class LocalAnswers:
    """ledger.answers.ChainAnswers over one session. Made by `LocalAnswers.of`; lives as long as the session."""

    def __init__(self, session: Session, position: Row[Any]) -> None:
        self._session = session
        self._final_number: int = position.final_number
        self._final_at: int = position.final_at
        self._next_at: int = position.next_at

    @staticmethod
    def of(session: Session) -> LocalAnswers:
        """The answers as of the newest final block. Raises ChainError(unreachable) before the chain was first read."""
        position = session.connection().execute(_POSITION).first()
        if position is None:
            raise ChainError(
                ChainReason.UNREACHABLE, "the chain has not been read yet: start the worker, or wait for it"
            )
        return LocalAnswers(session, position)

    @property
    def now_at(self) -> int:
        """The time of the newest final block, in seconds."""
        return self._final_at

    @property
    def next_at(self) -> int:
        """The least time that the next block will have, in seconds, as far as is known; not before `now_at`."""
        return max(self._final_at, self._next_at - PUBLISHED_S_MAX)

    @property
    def block_number(self) -> int:
        """The newest final block."""
        return self._final_number

    def anchored_at(self, roots: Sequence[bytes]) -> list[int]:
        """For each root the time of its anchor in seconds, 0 for never."""
        found = {root: at for root, at, number in self._anchors(roots) if number <= self._final_number}
        return [found.get(root, 0) for root in roots]

    def anchored_later(self, roots: Sequence[bytes]) -> list[bool]:
        """For each root whether a block that is not final yet anchors it."""
        found = {root for root, _, number in self._anchors(roots) if number > self._final_number}
        return [root in found for root in roots]

    def standing_of(self, questions: Sequence[StandingQuestion]) -> list[Standing]:
        """For each question whom the signer stood for. Raises ChainError(reverted) for a time after `now_at`."""
        registry = registry_of(self._session, self._final_number)
        if any(question.at > self._final_at for question in questions):
            raise ChainError(ChainReason.REVERTED, "nobody knows yet who will stand for whom after the newest block")
        return [registry.standing_of(q.signer, q.use, q.at, q.sequence) for q in questions]

    def withdrawn_at(self, questions: Sequence[tuple[bytes, bytes]]) -> list[int]:
        """For each (party, record hash) the time of its withdrawal in seconds, 0 for never."""
        columns = (WithdrawalRow.party, WithdrawalRow.record_hash, WithdrawalRow.withdrawn_at)
        found: dict[tuple[bytes, bytes], int] = {}
        for hashes in _portions({record_hash for _, record_hash in questions}):
            query = select(*columns).where(
                col(WithdrawalRow.record_hash).in_(hashes), WithdrawalRow.block_number <= self._final_number
            )
            found |= {(party, record_hash): at for party, record_hash, at in self._session.exec(query)}
        return [found.get(question, 0) for question in questions]

    def _anchors(self, roots: Sequence[bytes]) -> Iterable[tuple[bytes, int, int]]:
        for portion in _portions(set(roots)):
            query = select(AnchorRow.root, AnchorRow.anchored_at, AnchorRow.block_number)
            yield from self._session.exec(query.where(col(AnchorRow.root).in_(portion)))


def registry_of(session: Session, block_number: int) -> Registry:
    """The consortium as the registry's logs up to that block make it."""
    newest = session.connection().execute(_NEWEST_LOG, {"block_number": block_number}).first()
    return _replayed(session, block_number, (b"", 0) if newest is None else (newest.block_hash, newest.log_index))


def newest_registry(session: Session) -> tuple[Registry | None, int | None]:
    """The consortium by all that the follower has read, also by what is not final yet; None before it has read.

    Beside it, when the chain was last reached, by this node's clock in microseconds; None before that.
    """
    newest = session.connection().execute(_POSITION_AND_NEWEST_LOG).first()
    if newest is None:
        return None, None
    if newest.block_hash is None:
        # A follower begins before the contracts' own block, which has the founders in it: nothing was read so far.
        return None, newest.contact_at_us
    return _replayed(session, newest.block_number, (newest.block_hash, newest.log_index)), newest.contact_at_us


def _replayed(session: Session, block_number: int, key: tuple[bytes, int]) -> Registry:
    """The logs up to that block, replayed once, then remembered.

    A replay goes by its last log, named by its block's hash, which stands for all that came before it.
    """
    with _replays_lock:
        if key in _replays:
            return _replays[key]
    is_before, order = RegistryLogRow.block_number <= block_number, (_logs.block_number, _logs.log_index)
    rows = session.exec(select(RegistryLogRow).where(is_before).order_by(*order)).all()
    face = interface("PartyRegistry")
    registry = consortium.replay(
        RegistryLog(row.name, face.arguments_from_json(row.name, row.arguments), row.block_at) for row in rows
    )
    with _replays_lock:
        _replays[key] = registry
        while len(_replays) > REPLAYS_KEPT:
            _replays.pop(next(iter(_replays)))
    return registry


def _portions(values: set[bytes]) -> Iterable[list[bytes]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), ASKED_AT_ONCE):
        yield ordered[start : start + ASKED_AT_ONCE]
