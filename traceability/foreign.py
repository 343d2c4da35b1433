"""Another node's proof bundle at the door: verified against the chain, then stored as part of every history here.

Taken whole or not at all, but for records that contradict a stored one (same signer and number): those are listed, with
the evidence. This file touches the database.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from ledger.answers import ChainAnswers
from ledger.database import writing
from ledger.numbering import pass_over
from ledger.record import Domain, record_hash, recover
from ledger.tables import ContradictionRow, RecordRow
from traceability import repository
from traceability.bundle import Anchor, Bundle, BundleRecord, bundle_json, parse
from traceability.drafts import Draft, Mark, SignedDraft, is_stale
from traceability.epcis.canonical import canonical_json
from traceability.epcis.document import read_document
from traceability.errors import BundleRefused, InvalidDocument
from traceability.repository import next_ids, table
from traceability.verification import Result, Trusted, Verdict, verify

_ANY_TIME_MS = 2**62
"""Whether an event lies in the future is verification's step 8, by the chain's time."""


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a bundle: the hashes of its records that are new here, known, or contradict a stored one."""

    verdict: Verdict
    taken: tuple[bytes, ...]
    known: tuple[bytes, ...]
    contradicting: tuple[bytes, ...]


def receive(engine: Engine, data: bytes, trusted: Trusted, answers: ChainAnswers, now_us: int) -> Received:
    """Stores another node's bundle. `trusted` are this node's chain and contracts, `answers` what that chain says.

    Raises BundleRefused where any record fails or is pending, or an event is not valid EPCIS; then nothing of it is
    stored. Raises ChainError where the chain gives no answer.
    """
    verdict = verify(data, trusted=trusted, answers=answers)
    if verdict.result is Result.FAILED:
        raise BundleRefused(f"{_first(verdict, Result.FAILED)} Nothing of it was stored.")
    if any(record.result is Result.PENDING for record in verdict.records):
        reason = _first(verdict, Result.PENDING)
        raise BundleRefused(f"{reason} Ask its sender for a new bundle once it is final. Nothing of it was stored.")
    bundle = parse(data)
    _check_events(bundle)
    arrivals = [_arrival(trusted, entry) for entry in bundle.records]
    with writing(engine) as session:
        return _store(session, bundle, verdict, arrivals, now_us)


def contradictions(session: Session) -> list[ContradictionRow]:
    """The records that were not taken, oldest first, each with its evidence: a bundle of it alone."""
    return list(session.exec(select(ContradictionRow).order_by(table(ContradictionRow).c.id)))


@dataclass(frozen=True, slots=True)
class _Arrival:
    signed: SignedDraft
    anchor: Anchor
    entry: BundleRecord
    context_json: bytes


def _arrival(trusted: Trusted, entry: BundleRecord) -> _Arrival:
    digest = record_hash(Domain(trusted.chain_id, trusted.event_log), entry.record)
    record = entry.record
    draft = Draft(0, entry.event, canonical_json(entry.event), record.event_hash, record.content_hash)
    if is_stale(draft):
        draft.marks.append(Mark.STALE_EVENT_ID)
    assert entry.anchor is not None  # else it were pending
    signed = SignedDraft(draft, record, digest, recover(digest, entry.signature), entry.signature)
    return _Arrival(signed, entry.anchor, entry, canonical_json(entry.context))


def _store(session: Session, bundle: Bundle, verdict: Verdict, arrivals: Sequence[_Arrival], now_us: int) -> Received:
    stored = _stored_hashes(session, arrivals)
    taken: dict[bytes, _Arrival] = {}
    known, contradicting = [], []
    for arrival in arrivals:
        digest, number = arrival.signed.record_hash, (arrival.signed.signer, arrival.signed.record.sequence)
        if stored.get(number) == digest:
            known.append(digest)
        elif number in stored:
            contradicting.append(digest)
            _note_contradiction(session, bundle, arrival, stored[number], now_us)
        else:
            stored[number] = digest
            taken[digest] = arrival
    _insert(session, list(taken.values()), now_us)
    return Received(verdict, tuple(taken), tuple(known), tuple(contradicting))


def _stored_hashes(session: Session, arrivals: Sequence[_Arrival]) -> dict[tuple[bytes, int], bytes]:
    """The stored record hashes by the signers and numbers that the bundle has too."""
    numbers: dict[bytes, list[int]] = defaultdict(list)
    for arrival in arrivals:
        numbers[arrival.signed.signer].append(arrival.signed.record.sequence)
    return {
        (signer, sequence): digest
        for signer, sequences in numbers.items()
        for sequence, digest in repository.with_numbers(session, signer, sequences).items()
    }


def _insert(session: Session, arrivals: Sequence[_Arrival], now_us: int) -> None:
    ids = next_ids(session, RecordRow, len(arrivals))
    contexts = {
        written: repository.context_id(session, hashlib.sha256(written).digest(), written)
        for written in dict.fromkeys(arrival.context_json for arrival in arrivals)
    }
    repository.insert_signed(
        session,
        [arrival.signed for arrival in arrivals],
        ids,
        [contexts[arrival.context_json] for arrival in arrivals],
        now_us,
        job_id=None,
        anchors=[(arrival.anchor.root, b"".join(arrival.anchor.proof)) for arrival in arrivals],
    )
    pass_over(session, ((each.signed.signer, each.signed.record.sequence) for each in arrivals))


def _note_contradiction(session: Session, bundle: Bundle, arrival: _Arrival, stored: bytes, now_us: int) -> None:
    signed = arrival.signed
    rows = table(ContradictionRow)
    if session.execute(select(rows.c.id).where(rows.c.record_hash == signed.record_hash)).first() is not None:
        return
    alone = Bundle(bundle.chain_id, bundle.event_log, bundle.party_registry, (arrival.entry,))
    session.add(
        ContradictionRow(
            record_hash=signed.record_hash,
            stored_record_hash=stored,
            party=signed.record.party,
            signer=signed.signer,
            sequence=signed.record.sequence,
            evidence=bundle_json(alone).decode(),
            noticed_at_us=now_us,
        )
    )


def _check_events(bundle: Bundle) -> None:
    """A bundle's verifier asks little of an event; what is stored here is valid EPCIS, so that all can read it."""
    by_context: dict[bytes, tuple[list[Any], list[dict[str, Any]]]] = {}
    for entry in bundle.records:
        by_context.setdefault(canonical_json(entry.context), (entry.context, []))[1].append(entry.event)
    for context, events in by_context.values():
        document = {
            "@context": context,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2000-01-01T00:00:00Z",
            "epcisBody": {"eventList": events},
        }
        try:
            read_document(document, now_ms=_ANY_TIME_MS)
        except InvalidDocument as error:
            raise BundleRefused(f"It holds an event that is not valid EPCIS 2.0: {error}") from error


def _first(verdict: Verdict, result: Result) -> str:
    """The bundle's sentence, and that of its first record of that result."""
    record = next((record for record in verdict.records if record.result is result), None)
    return verdict.reason if record is None else f"{verdict.reason} {record.event_id}: {record.reason}."
