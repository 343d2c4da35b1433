"""A product's history: every event that concerns it, in order, each with what is to be said of its record.

The verdicts come from `traceability.verification` over the answers that the follower's tables give, the same code that
an auditor runs over the chain's own. Cost grows with the answer, not with the store.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from ledger.errors import ChainError
from ledger.hexadecimal import to_address, to_hex
from ledger.standing import LocalAnswers
from traceability import repository
from traceability.drafts import MEANINGS, Mark
from traceability.errors import UnknownEvent, UnknownProduct
from traceability.evidence import bundle_of, proof_bundle
from traceability.lineage import EVENTS_MAX, Direction, Link, Reason, Relation, Trace, trace
from traceability.packing import END_MS
from traceability.prospects import Prospect, RecordStanding, Stage, record_standings
from traceability.repository import StoredEvent
from traceability.store import StoreSource
from traceability.verification import Code, RecordVerdict, Result, Trusted, verify_bundle

ROUNDS_MAX = 4
"""How often the walk is repeated because a verdict has voided an event that it had followed, or the other way round."""

_HOPELESS = {Prospect.LOST: Mark.NEVER_VERIFIES, Prospect.DISOWNED: Mark.DISOWNED}


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of a history, or one that was asked for by name.

    `state` is the verdict's result, or where that is pending how far the record has come (Stage). `reason` is None
    where the event was asked for by name. `withdrawn_by` are the record hashes of the declarations that withdraw it.
    """

    stored: StoredEvent
    reason: Reason | None
    verdict: RecordVerdict
    state: str
    marks: tuple[Mark, ...]
    withdrawn_by: tuple[bytes, ...]

    @property
    def step(self) -> str | None:
        """The business step, as written."""
        return self.stored.event.get("bizStep")

    @property
    def place(self) -> str | None:
        """Where it happened: the read point, or else the business location, as written."""
        for name in ("readPoint", "bizLocation"):
            if name in self.stored.event:
                return str(self.stored.event[name]["id"])
        return None

    @property
    def order(self) -> tuple[int, float, int]:
        """Its place in a history: by the event's own time, then its anchor, then arrival."""
        anchored_at = self.verdict.anchored_at
        return self.stored.event_time_ms, float("inf") if anchored_at is None else anchored_at, self.stored.record_id

    def to_json(self) -> dict[str, Any]:
        """The entry as API and command line give it out."""
        stored, verdict = self.stored, self.verdict
        return {
            "eventID": stored.event_id,
            "state": self.state,
            "code": verdict.code.value if verdict.code else None,
            "meaning": verdict.reason,
            "recordHash": to_hex(stored.record_hash),
            "record": {
                "eventHash": to_hex(stored.record.event_hash),
                "contentHash": to_hex(stored.record.content_hash),
                "party": to_address(stored.record.party),
                "sequence": stored.record.sequence,
                "disclosureRoot": to_hex(stored.record.disclosure_root),
            },
            "signer": to_address(stored.signer),
            "signature": to_hex(stored.signature),
            "anchoredAt": verdict.anchored_at,
            "secondsToAnchor": verdict.seconds_to_anchor,
            "foreign": stored.is_foreign,
            "notes": [{"code": mark.value, "meaning": MEANINGS[mark]} for mark in self.marks],
            "withdrawnBy": [to_hex(each) for each in self.withdrawn_by],
            "because": None if self.reason is None else _reason_json(self.reason),
            "step": self.step,
            "place": self.place,
            "context": stored.context,
            "event": stored.event,
        }


@dataclass(frozen=True, slots=True)
class History:
    """All events that concern a product, in order, and the graph that joins them to it.

    `is_truncated` is true where there are more than the limit: then those farther away are missing.
    """

    product: str
    direction: Direction
    entries: tuple[Entry, ...]
    links: tuple[Link, ...]
    is_truncated: bool

    def to_json(self) -> dict[str, Any]:
        """The history as API and command line give it out."""
        return {
            "product": self.product,
            "direction": self.direction.value,
            "truncated": self.is_truncated,
            "events": [entry.to_json() for entry in self.entries],
            "links": [_link_json(link) for link in self.links],
        }


def history(
    session: Session,
    trusted: Trusted,
    identifier: str,
    direction: Direction = Direction.BACKWARD,
    limit: int = EVENTS_MAX,
) -> History:
    """What concerns the product of that identifier, in any form of it; `trusted` are this node's chain and contracts.

    Raises UnknownProduct where no event names it.
    """
    voided: dict[int, bool] = {}
    for _ in range(ROUNDS_MAX):
        walk = trace(StoreSource(session, voided), identifier, direction, limit)
        if not walk.steps:
            raise UnknownProduct(identifier)
        reasons = {step.occurrence.number: step.reason for step in walk.steps}
        entries = _entries(session, trusted, reasons)
        now_void = {entry.stored.record_id: _is_void(entry) for entry in entries}
        if all(step.occurrence.is_void == now_void[step.occurrence.number] for step in walk.steps):
            break
        voided |= now_void
    return _history(walk, entries)


def events_named(session: Session, trusted: Trusted, name: str) -> list[Entry]:
    """The events of an eventID, a hash ID or a record hash (0x and 64 digits), oldest first.

    Raises UnknownEvent where there is none.
    """
    record_ids = repository.named(session, name)
    if not record_ids:
        raise UnknownEvent(name)
    return _entries(session, trusted, dict.fromkeys(record_ids))


def product_proof(session: Session, trusted: Trusted, identifier: str) -> bytes:
    """The proof bundle of a product's whole history. Raises UnknownProduct, BundleTooLarge."""
    found = history(session, trusted, identifier)
    return proof_bundle(session, trusted, [entry.stored.record_id for entry in found.entries])


def event_proof(session: Session, trusted: Trusted, name: str) -> bytes:
    """The proof bundle of the events of a name. Raises UnknownEvent, BundleTooLarge."""
    return proof_bundle(session, trusted, [entry.stored.record_id for entry in events_named(session, trusted, name)])


def _history(walk: Trace, entries: Sequence[Entry]) -> History:
    ordered = sorted(entries, key=lambda entry: entry.order)
    return History(walk.thing, walk.direction, tuple(ordered), walk.links, walk.is_truncated)


def _entries(session: Session, trusted: Trusted, reasons: Mapping[int, Reason | None]) -> list[Entry]:
    """The events of these records, each judged together with all the others."""
    stored = repository.load(session, reasons)
    standings = record_standings(session, reasons)
    events = [stored[record_id] for record_id in reasons]
    bundle = bundle_of(session, trusted, events)
    try:
        answers = LocalAnswers.of(session)
    except ChainError:
        # Before the chain was first read a record has no anchor: the verdict is then that it is pending.
        answers = None
    verdict = verify_bundle(bundle, trusted=trusted, answers=answers)
    contents, declarations = _twins(events)
    found = []
    for event, judged in zip(events, verdict.records, strict=True):
        standing = standings[event.record_id]
        has_other = not event.is_declaration and len(contents[event.record.event_hash]) > 1
        withdrawing = declarations[event.record.event_hash, event.record.party]
        found.append(
            Entry(
                stored=event,
                reason=reasons[event.record_id],
                verdict=judged,
                state=_state(judged, standing),
                marks=_marks(event, standing, has_other),
                withdrawn_by=tuple(withdrawing) if judged.result is Result.CORRECTED else (),
            )
        )
    return found


def _twins(events: Sequence[StoredEvent]) -> tuple[dict[bytes, set[bytes]], dict[tuple[bytes, bytes], list[bytes]]]:
    """The contents that share an event hash, and the declarations by event hash and party."""
    contents: dict[bytes, set[bytes]] = defaultdict(set)
    declarations: dict[tuple[bytes, bytes], list[bytes]] = defaultdict(list)
    for event in events:
        if event.is_declaration:
            declarations[event.record.event_hash, event.record.party].append(event.record_hash)
        else:
            contents[event.record.event_hash].add(event.record.content_hash)
    return contents, declarations


def _state(verdict: RecordVerdict, standing: RecordStanding) -> str:
    if verdict.result is Result.PENDING and standing.stage is not Stage.FINAL:
        return standing.stage.value
    # By the letter of the checks a record fails while its signer does not stand yet; its time may come.
    is_early = verdict.code is Code.SIGNER_NOT_AUTHORISED and standing.stage is Stage.WAITING
    return Stage.WAITING.value if is_early else verdict.result.value


def _marks(event: StoredEvent, standing: RecordStanding, has_other: bool) -> tuple[Mark, ...]:
    marks = [Mark(mark) for mark in event.marks]
    if has_other and Mark.OTHER_CONTENT not in marks:
        marks.append(Mark.OTHER_CONTENT)
    if event.is_foreign:
        marks.append(Mark.FOREIGN)
    if standing.prospect in _HOPELESS:
        marks.append(_HOPELESS[standing.prospect])
    return tuple(marks)


def _is_void(entry: Entry) -> bool:
    """True where nothing follows from the event: it is in error, or not its party's word."""
    is_bad = entry.verdict.result in (Result.FAILED, Result.DISOWNED, Result.CORRECTED)
    return entry.stored.is_declaration or (is_bad and entry.state != Stage.WAITING.value)


def _reason_json(reason: Reason) -> dict[str, Any]:
    return {"relation": reason.relation.value, "thing": reason.thing, "of": reason.of}


def _link_json(link: Link) -> dict[str, Any]:
    is_stay = link.relation in (Relation.TRAVELLED_IN, Relation.ATTACHED_TO)
    until_ms = None if link.until_ms == END_MS or not is_stay else link.until_ms
    return {
        "relation": link.relation.value,
        "thing": link.thing,
        "of": link.of,
        "since": link.since_ms,
        "until": until_ms,
    }
