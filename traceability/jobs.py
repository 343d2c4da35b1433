"""The capture job: what became of a document, as the answer to a capture and whoever asks later get it.

EPCIS 2.0, section 12.6.3 (the REST binding's CaptureJob), with what became of each event and the node's promise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from sqlmodel import Session

from ledger.hexadecimal import to_hex
from traceability import repository
from traceability.drafts import MEANINGS, Mark
from traceability.epcis.event_hash import hash_id
from traceability.errors import FieldProblem
from traceability.prospects import Prospect, RecordStanding, record_standings
from traceability.tables import CaptureJobRow

VALIDATION_PROBLEM = "epcisException:ValidationException"
_HOPELESS = {Prospect.LOST: Mark.NEVER_VERIFIES, Prospect.DISOWNED: Mark.DISOWNED}


class ErrorBehaviour(StrEnum):
    """What happens to a document of which some events are wrong (GS1-Capture-Error-Behaviour)."""

    ROLLBACK = "rollback"
    PROCEED = "proceed"


class Status(StrEnum):
    """What became of one event of a capture; how far its record has come since (ledger/README.md)."""

    REFUSED = "refused"
    KNOWN = "known"
    ACCEPTED = "accepted"
    WAITING = "waiting"
    BATCHED = "batched"
    SUBMITTED = "submitted"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class CaptureItem:
    """One event of a capture: its place in the document, its name, its record, and what is to be said of it."""

    index: int
    event_id: str | None
    record_hash: bytes | None
    status: Status
    marks: tuple[Mark, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As API and command line give it out. `notes` says in words what the marks mean, and is left out without."""
        members: dict[str, Any] = {
            "index": self.index,
            "eventID": self.event_id,
            "recordHash": None if self.record_hash is None else to_hex(self.record_hash),
            "status": self.status.value,
        }
        if self.marks:
            members["notes"] = [{"code": mark.value, "meaning": MEANINGS[mark]} for mark in self.marks]
        return members


@dataclass(frozen=True, slots=True)
class CaptureReceipt:
    """The node's signed promise to bring these records under a root (docs/proof-format.md, section 7). Seconds."""

    record_hashes: tuple[bytes, ...]
    received_at: int
    anchor_by: int
    signature: bytes

    def to_json(self) -> dict[str, Any]:
        """As it may be held against the node: all that was signed, and the signature."""
        return {
            "recordHashes": [to_hex(each) for each in self.record_hashes],
            "receivedAt": self.received_at,
            "anchorBy": self.anchor_by,
            "signature": to_hex(self.signature),
        }


@dataclass(frozen=True, slots=True)
class CaptureJob:
    """A finished capture. `receipt` is None where the node has not reached its chain for too long to promise more."""

    capture_id: str
    party: bytes
    created_at_us: int
    finished_at_us: int
    error_behaviour: ErrorBehaviour
    errors: tuple[FieldProblem, ...]
    items: tuple[CaptureItem, ...]
    receipt: CaptureReceipt | None

    @property
    def is_success(self) -> bool:
        """True where no event was refused."""
        return not self.errors

    def to_json(self) -> dict[str, Any]:
        """The members of an EPCIS capture job, `events` and `receipt`."""
        return {
            "captureID": self.capture_id,
            "createdAt": _date_time(self.created_at_us),
            "finishedAt": _date_time(self.finished_at_us),
            "running": False,
            "success": self.is_success,
            "captureErrorBehaviour": self.error_behaviour.value,
            "errors": [_error_json(error) for error in self.errors],
            "events": [item.to_json() for item in self.items],
            "receipt": None if self.receipt is None else self.receipt.to_json(),
        }


class Outcome(NamedTuple):
    """What a capture stores of one event, by its place in the document. A refused one has no record."""

    place: int
    event_id: str | None
    record_id: int | None
    is_known: bool = False
    marks: tuple[Mark, ...] = ()


def job_columns(job_id: int, job: CaptureJob, outcomes: Sequence[Outcome], envelope: bytes) -> dict[str, Any]:
    """A capture as the store keeps it: the columns of CaptureJobRow."""
    receipt = job.receipt
    return {
        "id": job_id,
        "capture_id": job.capture_id,
        "party": job.party,
        "error_behaviour": job.error_behaviour.value,
        "received_at_us": job.created_at_us,
        "finished_at_us": job.finished_at_us,
        "items": orjson.dumps([tuple(outcome) for outcome in outcomes]),
        "errors": orjson.dumps([(e.event_index, e.path, e.code, e.reason) for e in job.errors]),
        "envelope": envelope,
        "receipt_hashes": b"".join(receipt.record_hashes) if receipt else None,
        "receipt_received_at": receipt.received_at if receipt else None,
        "receipt_anchor_by": receipt.anchor_by if receipt else None,
        "receipt_signature": receipt.signature if receipt else None,
    }


def capture_job(session: Session, capture_id: str) -> CaptureJob | None:
    """A capture as it stands today, None where there is none of that id."""
    row = repository.job_by_capture_id(session, capture_id)
    if row is None:
        return None
    outcomes = [Outcome(*stored) for stored in orjson.loads(row.items)]
    ids = [outcome.record_id for outcome in outcomes if outcome.record_id is not None]
    standings = record_standings(session, ids)
    items = tuple(_item(outcome, standings) for outcome in outcomes)
    errors = tuple(FieldProblem(*stored) for stored in orjson.loads(row.errors))
    return CaptureJob(
        capture_id=row.capture_id,
        party=row.party,
        created_at_us=row.received_at_us,
        finished_at_us=row.finished_at_us,
        error_behaviour=ErrorBehaviour(row.error_behaviour),
        errors=errors,
        items=items,
        receipt=receipt_of(row),
    )


def receipt_of(row: CaptureJobRow) -> CaptureReceipt | None:
    """The receipt that a stored capture was answered with."""
    if row.receipt_signature is None:
        return None
    assert row.receipt_hashes is not None and row.receipt_received_at is not None and row.receipt_anchor_by is not None
    hashes = tuple(row.receipt_hashes[start : start + 32] for start in range(0, len(row.receipt_hashes), 32))
    return CaptureReceipt(hashes, row.receipt_received_at, row.receipt_anchor_by, row.receipt_signature)


def _item(outcome: Outcome, standings: Mapping[int, RecordStanding]) -> CaptureItem:
    if outcome.record_id is None:
        return CaptureItem(outcome.place, outcome.event_id, None, Status.REFUSED)
    standing = standings[outcome.record_id]
    event_id = outcome.event_id or hash_id(standing.event_hash)
    status = Status.KNOWN if outcome.is_known else Status(standing.stage.value)
    marks = tuple(Mark(mark) for mark in outcome.marks)
    if standing.prospect in _HOPELESS:
        marks = (*marks, _HOPELESS[standing.prospect])
    return CaptureItem(outcome.place, event_id, standing.record_hash, status, marks)


def _error_json(error: FieldProblem) -> dict[str, Any]:
    return {
        "type": VALIDATION_PROBLEM,
        "title": "The event is not valid EPCIS 2.0",
        "status": 400,
        "detail": error.reason,
        "eventIndex": error.event_index,
        "path": error.path,
        "code": error.code,
    }


def _date_time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
