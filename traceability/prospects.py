"""For whom a key signs now, how far a record has come, and whether it can still come to be verified.

A record whose signer does not stand yet waits; one whose signer has ceased to stand is anchored all the same, and
never verifies: an address that has ended stands for nobody ever again (contracts/README.md). All of this is read off
the follower's tables: no chain is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy.engine import Row
from sqlmodel import Session

from ledger.answers import Use
from ledger.consortium import PartyStatus, Registry
from ledger.errors import ChainError, SignerNotAuthorised, UnknownParty
from ledger.hexadecimal import to_address
from ledger.standing import LocalAnswers, newest_registry, registry_of
from ledger.tables import TransactionState
from traceability import repository


class Stage(StrEnum):
    """How far a record has come (ledger/README.md)."""

    ACCEPTED = "accepted"
    WAITING = "waiting"
    BATCHED = "batched"
    SUBMITTED = "submitted"
    FINAL = "final"


class Prospect(StrEnum):
    """What can still become of a record, as far as its signer goes."""

    OPEN = "open"
    WAITING = "waiting"
    LOST = "lost"
    DISOWNED = "disowned"


@dataclass(frozen=True, slots=True)
class RecordStanding:
    """A record today. `anchored_at` is its final anchor's block time in seconds, None before there is one."""

    record_hash: bytes
    event_hash: bytes
    stage: Stage
    prospect: Prospect
    anchored_at: int | None


class Reading(NamedTuple):
    """Who is who by all that the follower has read, also by what is not final yet.

    `contact_us` is when the chain was last reached, by this node's clock in microseconds. Either is None before that.
    """

    registry: Registry | None
    contact_us: int | None


def newest_reading(session: Session) -> Reading:
    """What the follower has read so far."""
    return Reading(*newest_registry(session))


def check_may_record(registry: Registry | None, party: bytes, signer: bytes, now_at: int) -> None:
    """Returns where the signer stands for recording for the party, or will once its time comes (then records wait).

    `now_at` is this node's clock in seconds. Raises UnknownParty, or SignerNotAuthorised: the key is unknown, another
    party's, not for recording, or has ended, or the party is suspended. Before the chain was first read nothing can be
    judged: everyone is let in, and anchoring decides.
    """
    if registry is None:
        return
    known = registry.parties.get(party)
    if known is None:
        raise UnknownParty(to_address(party))
    entry = registry.signers.get(signer)
    is_signer = entry is not None and entry.party == party and entry.uses & Use.RECORD and entry.until_at > now_at
    if not is_signer or known.status is not PartyStatus.ACTIVE:
        raise SignerNotAuthorised(to_address(signer), to_address(party))


def may_withdraw(registry: Registry | None, party: bytes, signer: bytes, now_at: int) -> bool:
    """True where EventLog takes the signer's Withdrawal of a record of the party, now.

    Before the chain was first read everyone may try.
    """
    if registry is None:
        return True
    entry = registry.signers.get(signer)
    if entry is None or entry.party != party or not entry.from_at <= now_at < entry.until_at:
        return False
    return registry.parties[party].controller == signer or bool(entry.uses & Use.WITHDRAW)


def hopeless(session: Session, record_ids: Iterable[int]) -> set[int]:
    """Those of the records that can't come to be verified any more, because of their signer."""
    standings = record_standings(session, record_ids)
    return {id for id, found in standings.items() if found.prospect in (Prospect.LOST, Prospect.DISOWNED)}


def record_standings(session: Session, record_ids: Iterable[int]) -> dict[int, RecordStanding]:
    """How far these records have come, by record id."""
    rows = repository.stages(session, record_ids)
    try:
        answers = LocalAnswers.of(session)
    except ChainError:
        return {row.id: _standing(row, _stage(row, None, Prospect.OPEN), Prospect.OPEN, None) for row in rows}
    registry = registry_of(session, answers.block_number)
    roots = list({row.root for row in rows if row.root is not None})
    anchors = dict(zip(roots, answers.anchored_at(roots), strict=True))
    found = {}
    for row in rows:
        anchored_at = anchors.get(row.root) or None
        prospect = _prospect(registry, row, anchored_at, answers.now_at)
        found[row.id] = _standing(row, _stage(row, anchored_at, prospect), prospect, anchored_at)
    return found


def _standing(row: Row[Any], stage: Stage, prospect: Prospect, anchored_at: int | None) -> RecordStanding:
    return RecordStanding(row.record_hash, row.event_hash, stage, prospect, anchored_at)


def _stage(row: Row[Any], anchored_at: int | None, prospect: Prospect) -> Stage:
    if anchored_at is not None:
        return Stage.FINAL
    if row.root is None:
        return Stage.WAITING if prospect is Prospect.WAITING else Stage.ACCEPTED
    is_sent = row.transaction_state not in (None, TransactionState.PLANNED.value, TransactionState.FAILED.value)
    return Stage.SUBMITTED if is_sent or row.is_foreign else Stage.BATCHED


def _prospect(registry: Registry, row: Row[Any], anchored_at: int | None, now_at: int) -> Prospect:
    at = now_at if anchored_at is None else anchored_at
    answer = registry.standing_of(row.signer, Use.RECORD, at, row.sequence)
    if answer.disowned:
        return Prospect.DISOWNED
    if answer.party == row.party:
        return Prospect.OPEN
    entry = registry.signers.get(row.signer)
    # Whom the party's suspension keeps from standing may stand again when it is reinstated.
    is_ended = entry is not None and (entry.party != row.party or entry.until_at <= now_at)
    return Prospect.LOST if anchored_at is not None or is_ended else Prospect.WAITING
