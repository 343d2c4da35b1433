"""What is said about a bundle: results, codes and words. How they come about is verification.py's business.

docs/proof-format.md, section 6. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ledger.hexadecimal import to_hex


class Result(StrEnum):
    """What becomes of a record or a bundle, worst first. Where no chain was asked the best is CONSISTENT."""

    FAILED = "failed"
    DISOWNED = "disowned"
    CORRECTED = "corrected"
    PENDING = "pending"
    CONSISTENT = "consistent"
    VERIFIED = "verified"


class Code(StrEnum):
    """The first step that failed."""

    MALFORMED = "malformed"
    WRONG_CHAIN = "wrong_chain"
    EVENT_ALTERED = "event_altered"
    BAD_SIGNATURE = "bad_signature"
    NOT_IN_BATCH = "not_in_batch"
    ROOT_NOT_ANCHORED = "root_not_anchored"
    SIGNER_NOT_AUTHORISED = "signer_not_authorised"
    POSTDATED = "postdated"
    EQUIVOCAL = "equivocal"
    UNRELATED = "unrelated"


@dataclass(frozen=True, slots=True)
class RecordVerdict:
    """What is to be said of one record; `reason` is a sentence.

    `anchored_at` is the block time of its anchor in seconds, None where there is none or no chain was asked.
    `seconds_to_anchor` is the time from the event's own time to it, below zero where the event's clock was ahead.
    """

    event_id: str
    record_hash: bytes
    result: Result
    code: Code | None
    reason: str
    anchored_at: int | None
    seconds_to_anchor: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of a bundle: the worst result of its records, and the code of the first that failed.

    `records` is empty for `malformed` and `wrong_chain`, which judge no single record. `withdrawal_claimed` are the
    indexes of records that another record of the bundle withdraws, where no chain was asked whether it may.
    """

    result: Result
    code: Code | None
    reason: str
    records: tuple[RecordVerdict, ...] = ()
    withdrawal_claimed: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The verdict as the command line and the API give it out."""
        return {
            "result": self.result.value,
            "code": self.code.value if self.code else None,
            "reason": self.reason,
            "records": [_record_verdict_json(record) for record in self.records],
            "withdrawalClaimed": list(self.withdrawal_claimed),
        }

    def words(self) -> list[str]:
        """The verdict for people: a sentence on the bundle, one on each record, and what all this does not mean."""
        sentences = [self.reason]
        sentences += [f"{number}. {record.event_id}: {_words(record)}" for number, record in enumerate(self.records, 1)]
        if self.records:
            sentences.append("Genuine records need not be all records: nothing shows that there are no others.")
        return sentences


def worst(results: Sequence[Result]) -> Result:
    """The worst of at least one result: failed, disowned, corrected, pending, consistent, verified."""
    return min(results, key=_WORST_FIRST.index)


def summary(result: Result, count: int, total: int) -> str:
    """A sentence on a bundle of `total` records of which `count` have its result."""
    whole = "the one record" if total == 1 else f"all {total} records"
    return _SUMMARY[result].format(count=count, total=total, whole=whole, are="is" if total == 1 else "are")


_WORST_FIRST = list(Result)

_SUMMARY = {
    Result.FAILED: "Don't rely on this bundle: {count} of {total} records failed.",
    Result.DISOWNED: "{count} of {total} records are disowned by the party in whose name they were signed.",
    Result.CORRECTED: "Genuine, but {count} of {total} records have been withdrawn as being in error.",
    Result.PENDING: "Nothing is wrong, but {count} of {total} records are not anchored yet: ask again later.",
    Result.CONSISTENT: "Consistent in itself: {whole}. The chain was not asked.",
    Result.VERIFIED: "Verified: {whole} {are} genuine.",
}


def _record_verdict_json(record: RecordVerdict) -> dict[str, Any]:
    return {
        "eventID": record.event_id,
        "recordHash": to_hex(record.record_hash),
        "result": record.result.value,
        "code": record.code.value if record.code else None,
        "reason": record.reason,
        "anchoredAt": record.anchored_at,
        "secondsToAnchor": record.seconds_to_anchor,
    }


def _words(record: RecordVerdict) -> str:
    """A record's sentence; a record made long after the fact can't be forbidden, only be seen."""
    sentence = f"{record.result.value}, {record.reason}"
    if record.seconds_to_anchor is None:
        return f"{sentence}."
    return f"{sentence}; anchored {_duration(record.seconds_to_anchor)} the event's own time."


def _duration(seconds: float) -> str:
    """A time span as `3.5 hours after`, in the largest unit of which there is one at least."""
    size = abs(seconds)
    unit, name = next(((unit, name) for unit, name in _UNITS if size >= unit), (1, "seconds"))
    return f"{size / unit:.1f} {name} {'before' if seconds < 0 else 'after'}"


_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))
