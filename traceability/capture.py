"""A document of events becomes signed records, durable before the answer goes out.

validate -> hash -> (outside the database, as it takes longest)
what is known already -> whom the signer stands for -> numbers, signatures -> events and records -> receipt
(in one transaction: all of it or nothing).

The chain is not asked: what is to be known of it stands in the follower's tables, so that a capture is accepted while
the chain can't be reached. Clock and randomness are arguments. This file touches the database.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.engine import Engine, Row
from sqlmodel import Session

from ledger.database import writing
from ledger.errors import SequenceTaken
from ledger.hexadecimal import to_address
from ledger.keystore import Signer
from ledger.numbering import check_known, pass_over
from ledger.record import Domain, Record, capture_receipt_digest, record_hash
from ledger.tables import RecordRow, SequenceRow
from traceability import declarations, repository
from traceability.declarations import withdrawals
from traceability.drafts import Draft, Mark, SignedDraft, drafts_of, signed_by_client, stale_problem
from traceability.epcis.canonical import canonical_json
from traceability.epcis.document import Partition, partition
from traceability.errors import FieldProblem, InvalidDocument
from traceability.jobs import (
    CaptureItem,
    CaptureJob,
    CaptureReceipt,
    ErrorBehaviour,
    Outcome,
    Status,
    job_columns,
    receipt_of,
)
from traceability.prospects import Reading, check_may_record, hopeless, may_withdraw, newest_reading
from traceability.repository import Counters, table
from traceability.strict_json import BYTES_MAX, Parsed, scan
from traceability.tables import CaptureJobRow

SIGNED_MEDIA_TYPE = "application/vnd.tallystick.capture+json"
"""A document with the records that the client has signed: {"document", "records": [{"record", "signature", …}]}."""

_sequences, _records = table(SequenceRow), table(RecordRow)
_NEWEST_NUMBER = (
    select(_records.c.sequence)
    .where(_records.c.signer == bindparam("account"))
    .order_by(_records.c.sequence.desc())
    .limit(1)
)
_PASS_NUMBERS = (
    update(_sequences).where(_sequences.c.signer == bindparam("account")).values(next_sequence=bindparam("next"))
)

Randomness = Callable[[int], bytes]
"""So many random bytes."""


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """What a node promises, and how strict it is.

    `anchor_by_s` is the receipt's promise in seconds, and how long the chain may be out of reach before the node gives
    none. With `refuses_stale_event_ids` an event with an `ni:` id that is not its hash is refused, else marked.
    """

    anchor_by_s: int = 86_400
    refuses_stale_event_ids: bool = False
    bytes_max: int = BYTES_MAX


DEFAULTS = CaptureSettings()


@dataclass(frozen=True, slots=True)
class Intake:
    """One capture as it was asked for. `receipt_signer` is the node's anchoring key; without it there is no receipt."""

    domain: Domain
    party: bytes
    now_us: int
    randomness: Randomness
    settings: CaptureSettings
    receipt_signer: Signer | None
    error_behaviour: ErrorBehaviour

    @property
    def now_at(self) -> int:
        """The present in seconds."""
        return self.now_us // 1_000_000


def capture(
    engine: Engine,
    *,
    domain: Domain,
    party: bytes,
    signer: Signer,
    document: bytes,
    now_us: int,
    randomness: Randomness,
    settings: CaptureSettings = DEFAULTS,
    receipt_signer: Signer | None = None,
    error_behaviour: ErrorBehaviour = ErrorBehaviour.ROLLBACK,
) -> CaptureJob:
    """Records a document's events for a party (20 bytes) with a key that this node holds; returns when all is durable.

    Raises MalformedJson, InvalidDocument (with `proceed` only for what concerns the whole document), UnknownParty,
    SignerNotAuthorised, or NumbersUnknown where the node was restored and the signer is held; then nothing is stored.
    """
    intake = Intake(domain, party, now_us, randomness, settings, receipt_signer, error_behaviour)
    read = _read(scan(document, bytes_max=settings.bytes_max), intake)
    with writing(engine) as session:
        chain = newest_reading(session)
        sorted_out = _sort_out(session, read.drafts, party, {})
        if sorted_out.new:
            check_may_record(chain.registry, party, signer.address, intake.now_at)
        counters = repository.counters(session, signer.address, read.context_digest)
        signed = _sign(session, intake, signer, sorted_out.new, counters)
        _take_back(session, intake, chain, signed, sorted_out.twins, signer)
        return _store(session, intake, chain, counters, read, sorted_out, signed)


def capture_signed(
    engine: Engine,
    *,
    domain: Domain,
    party: bytes,
    document: bytes,
    now_us: int,
    randomness: Randomness,
    settings: CaptureSettings = DEFAULTS,
    receipt_signer: Signer | None = None,
    error_behaviour: ErrorBehaviour = ErrorBehaviour.ROLLBACK,
) -> CaptureJob:
    """Records a document's events with the records that the client has signed and numbered (SIGNED_MEDIA_TYPE).

    Raises as `capture` does, InvalidDocument also for records that don't fit their events, and SequenceTaken where the
    signer has used a number before.
    """
    intake = Intake(domain, party, now_us, randomness, settings, receipt_signer, error_behaviour)
    parsed = scan(document, bytes_max=settings.bytes_max)
    envelope, records = _signed_envelope(parsed.value)
    read = _read(Parsed(envelope, parsed.depth), intake)
    event_count = len(read.drafts) + len(read.refused)
    if len(records) != event_count:
        reason = f"has {len(records)} records for {event_count} events: one for each, in the document's order"
        raise InvalidDocument([FieldProblem(None, "/records", "record_count", f"`records` {reason}")])
    by_client = {each.draft: each for each in signed_by_client(read.drafts, records, party, domain)}
    with writing(engine) as session:
        chain = newest_reading(session)
        sorted_out = _sort_out(
            session, read.drafts, party, {draft: each.record_hash for draft, each in by_client.items()}
        )
        signed = [by_client[draft] for draft in sorted_out.new]
        for account in {each.signer for each in signed}:
            check_may_record(chain.registry, party, account, intake.now_at)
        _check_numbers(session, signed)
        pass_over(session, ((each.signer, each.record.sequence) for each in signed))
        counters = repository.counters(session, None, read.context_digest)
        _take_back(session, intake, chain, signed, sorted_out.twins, None)
        return _store(session, intake, chain, counters, read, sorted_out, signed)


# ------------------------------------------------------------------------------------------ outside the database


@dataclass(frozen=True, slots=True)
class _Document:
    """A document as it was read: its good events, what is wrong with the others, and what came around them."""

    drafts: list[Draft]
    problems: list[FieldProblem]
    context_json: bytes
    envelope: bytes

    @property
    def context_digest(self) -> bytes:
        """What the context is looked up by."""
        return hashlib.sha256(self.context_json).digest()

    @property
    def refused(self) -> list[int]:
        """The places of the wrong events in the document."""
        return sorted({problem.event_index for problem in self.problems if problem.event_index is not None})


def _read(parsed: Parsed, intake: Intake) -> _Document:
    """Raises InvalidDocument for a wrong document, and without `proceed` for any wrong event."""
    parts: Partition = partition(parsed.value, now_ms=intake.now_us // 1000, depth=parsed.depth)
    context_json = canonical_json(parts.document.context)
    drafts, problems = drafts_of(parts, context_json), list(parts.problems)
    if intake.settings.refuses_stale_event_ids:
        problems += [stale_problem(draft) for draft in drafts if Mark.STALE_EVENT_ID in draft.marks]
        drafts = [draft for draft in drafts if Mark.STALE_EVENT_ID not in draft.marks]
    if problems and intake.error_behaviour is ErrorBehaviour.ROLLBACK:
        raise InvalidDocument(problems)
    return _Document(drafts, problems, context_json, canonical_json(parts.document.header))


def _signed_envelope(value: Any) -> tuple[Any, list[Any]]:
    if not isinstance(value, dict) or value.keys() != {"document", "records"} or not isinstance(value["records"], list):
        reason = 'is not {"document": …, "records": […]} with these two members'
        raise InvalidDocument([FieldProblem(None, "", "malformed_capture", f"the body {reason}")])
    return value["document"], value["records"]


# --------------------------------------------------------------------------------------------- in the transaction


@dataclass(slots=True)
class _SortedOut:
    """The drafts that become records, and for each of the others what it repeats: a record, or a draft before it."""

    new: list[Draft] = field(default_factory=list)
    known: dict[Draft, Row[Any]] = field(default_factory=dict)
    repeated: dict[Draft, Draft] = field(default_factory=dict)
    twins: dict[bytes, list[Row[Any]]] = field(default_factory=dict)
    """All stored records by event hash."""


def _sort_out(session: Session, drafts: Sequence[Draft], party: bytes, brought: Mapping[Draft, bytes]) -> _SortedOut:
    """What is new. Equal are events of equal event hash and content hash of the same party.

    `brought` are the hashes of the records that a client has signed: the very same record is known in any case.
    """
    found = _SortedOut()
    by_hash: dict[bytes, list[Row[Any]]] = defaultdict(list)
    rows = repository.with_event_hashes(session, dict.fromkeys(draft.event_hash for draft in drafts))
    for row in rows:
        by_hash[row.event_hash].append(row)
    found.twins, lost = by_hash, hopeless(session, [row.id for row in rows]) if rows else set()
    first: dict[tuple[bytes, bytes], Draft] = {}
    contents: dict[bytes, set[bytes]] = defaultdict(set)
    for draft in drafts:
        twins = by_hash.get(draft.event_hash, [])
        same = [row for row in twins if row.content_hash == draft.content_hash and row.party == party]
        own = brought.get(draft)
        known = next((row for row in same if row.record_hash == own or row.id not in lost), None)
        if known is not None:
            found.known[draft] = known
        elif draft.content in first:
            found.repeated[draft] = first[draft.content]
        else:
            first[draft.content] = draft
            found.new.append(draft)
            if not draft.is_declaration:
                others = {row.content_hash for row in twins if not row.is_declaration} | contents[draft.event_hash]
                contents[draft.event_hash].add(draft.content_hash)
                if others - {draft.content_hash}:
                    draft.marks.append(Mark.OTHER_CONTENT)
    return found


def _sign(
    session: Session, intake: Intake, signer: Signer, drafts: Sequence[Draft], counters: Counters
) -> list[SignedDraft]:
    """Records with the signer's next numbers."""
    if not drafts:
        return []
    check_known(session, signer.address)
    first = _take_numbers(session, signer.address, counters.next_sequence, len(drafts))
    roots = intake.randomness(32 * len(drafts))
    signed = []
    for place, draft in enumerate(drafts):
        disclosure_root = roots[32 * place : 32 * place + 32]
        record = Record(draft.event_hash, draft.content_hash, intake.party, first + place, disclosure_root)
        digest = record_hash(intake.domain, record)
        signed.append(SignedDraft(draft, record, digest, signer.address, signer.sign(digest)))
    return signed


def _take_numbers(session: Session, signer: bytes, first: int | None, count: int) -> int:
    """The first of the signer's next `count` numbers; `first`, where it has numbers already."""
    connection = session.connection()
    if first is not None:
        connection.execute(_PASS_NUMBERS, {"account": signer, "next": first + count})
        return first
    # A key may have signed elsewhere before this node held it, and its records have come as foreign ones.
    newest: int | None = connection.execute(_NEWEST_NUMBER, {"account": signer}).scalar()
    first = 0 if newest is None else newest + 1
    connection.execute(insert(_sequences).values(signer=signer, next_sequence=first + count))
    return first


def _check_numbers(session: Session, signed: Sequence[SignedDraft]) -> None:
    """Raises SequenceTaken where a signer's number stands for another record already, here or in the document."""
    by_signer: dict[bytes, list[SignedDraft]] = defaultdict(list)
    for each in signed:
        by_signer[each.signer].append(each)
    for signer, listed in by_signer.items():
        taken = repository.with_numbers(session, signer, [each.record.sequence for each in listed])
        for each in listed:
            if each.record.sequence in taken:
                raise SequenceTaken(to_address(signer), each.record.sequence)
            taken[each.record.sequence] = each.record_hash


class _Place(NamedTuple):
    """Where an event's record is. `job_id` is the capture that a known one came with."""

    record_hash: bytes
    record_id: int
    job_id: int | None = None


def _store(
    session: Session,
    intake: Intake,
    chain: Reading,
    counters: Counters,
    document: _Document,
    sorted_out: _SortedOut,
    signed: Sequence[SignedDraft],
) -> CaptureJob:
    """Everything that the capture leaves behind, and the job that it is answered with."""
    ids = range(counters.record_id, counters.record_id + len(signed))
    if signed:
        context_id = counters.context_id
        if context_id is None:
            context_id = repository.add_context(session, document.context_digest, document.context_json)
        contexts = [context_id] * len(signed)
        repository.insert_signed(session, signed, ids, contexts, intake.now_us, job_id=counters.job_id)
    places = {each.draft: _Place(each.record_hash, record_id) for each, record_id in zip(signed, ids, strict=True)}
    places |= {draft: _Place(row.record_hash, row.id, row.job_id) for draft, row in sorted_out.known.items()}
    new = places.keys() - sorted_out.known.keys()
    places |= {draft: places[first] for draft, first in sorted_out.repeated.items()}
    outcomes = [Outcome(index, None, None) for index in document.refused]
    items = [CaptureItem(index, None, None, Status.REFUSED) for index in document.refused]
    for draft in document.drafts:
        place, status = places[draft], Status.ACCEPTED if draft in new else Status.KNOWN
        marks = tuple(draft.marks)
        outcomes.append(Outcome(draft.index, draft.given_event_id, place.record_id, status is Status.KNOWN, marks))
        items.append(CaptureItem(draft.index, draft.event_id, place.record_hash, status, marks))
    job = CaptureJob(
        capture_id=intake.randomness(16).hex(),
        party=intake.party,
        created_at_us=intake.now_us,
        finished_at_us=intake.now_us,
        error_behaviour=intake.error_behaviour,
        errors=tuple(document.problems),
        items=tuple(sorted(items, key=lambda item: item.index)),
        receipt=_receipt(session, intake, chain, [places[draft] for draft in document.drafts]),
    )
    outcomes.sort(key=lambda outcome: outcome.place)
    repository.insert_job(session, job_columns(counters.job_id, job, outcomes, document.envelope))
    return job


def _take_back(
    session: Session,
    intake: Intake,
    chain: Reading,
    signed: Sequence[SignedDraft],
    twins: Mapping[bytes, Sequence[Row[Any]]],
    signer: Signer | None,
) -> None:
    """Plans what the declarations among the drafts withdraw on chain. The node's own key sends it, if it has one."""
    if not any(each.draft.is_declaration for each in signed):
        return
    allowed = partial(may_withdraw, chain.registry, intake.party, now_at=intake.now_at)
    taken_back = list(withdrawals(intake.domain, signed, twins, signer, allowed))
    node = intake.receipt_signer or signer
    if node is not None:
        declarations.plan(session, intake.domain, taken_back, node.address, intake.now_us)


def _receipt(session: Session, intake: Intake, chain: Reading, places: Sequence[_Place]) -> CaptureReceipt | None:
    """The node's promise; what was known already keeps the first one. None where it can't be given."""
    if not places:
        return None
    jobs = {place.job_id for place in places}
    if None not in jobs and len(jobs) == 1:
        first = session.get(CaptureJobRow, jobs.pop())
        if first is not None and first.receipt_signature is not None:
            return receipt_of(first)
    contact_us = chain.contact_us
    patience_us = intake.settings.anchor_by_s * 1_000_000
    if intake.receipt_signer is None or contact_us is None or intake.now_us - contact_us > patience_us:
        return None
    hashes = tuple(dict.fromkeys(place.record_hash for place in places))
    anchor_by = intake.now_at + intake.settings.anchor_by_s
    digest = capture_receipt_digest(intake.domain, hashes, intake.now_at, anchor_by)
    return CaptureReceipt(hashes, intake.now_at, anchor_by, intake.receipt_signer.sign(digest))
