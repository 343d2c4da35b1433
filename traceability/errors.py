"""What can go wrong on the floor of events. Every error has a stable `code`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class TraceabilityError(Exception):
    """Base of every error of this floor."""

    code = "traceability_error"


class InvalidIdentifier(TraceabilityError):
    """The text is no GS1 identifier of a form that is known here."""

    code = "invalid_identifier"

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"{text[:200]!r} is no valid GS1 identifier: {reason}")
        self.text, self.reason = text, reason


class MalformedJson(TraceabilityError):
    """The bytes are not JSON as docs/proof-format.md, section 2, takes it."""

    code = "malformed_json"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MalformedBundle(TraceabilityError):
    """The file is JSON, but no proof bundle as docs/proof-format.md, section 5, describes it."""

    code = "malformed"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path, self.reason = path, reason


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing that is wrong with a document: where, and why.

    `event_index` counts from 0 in document order, None where the document itself is meant; `path` is an RFC 6901
    JSON pointer from the event (or from the document); `code` is stable; `reason` is a sentence.
    """

    event_index: int | None
    path: str
    code: str
    reason: str


class InvalidDocument(TraceabilityError):
    """A document, or events of it, break the standard or our rules. `problems` is never empty."""

    code = "invalid_document"

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        first = problems[0]
        where = "document" if first.event_index is None else f"event {first.event_index}"
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{where}{' at ' + first.path if first.path else ''}: {first.reason}{more}")
        self.problems = tuple(problems)


class UnknownEvent(TraceabilityError):
    """No event or record of this name is in the store."""

    code = "unknown_event"

    def __init__(self, name: str) -> None:
        super().__init__(f"no event or record {name!r} in this store")
        self.name = name


class UnknownProduct(TraceabilityError):
    """No event in the store concerns this identifier."""

    code = "unknown_product"

    def __init__(self, identifier: str) -> None:
        super().__init__(f"no event in this store concerns {identifier!r}")
        self.identifier = identifier


class AmbiguousEvent(TraceabilityError):
    """Several records match; name the one meant by its record hash."""

    code = "ambiguous_event"

    def __init__(self, name: str, record_hashes: Sequence[str]) -> None:
        super().__init__(
            f"{name!r} names {len(record_hashes)} records, give one record hash: {', '.join(record_hashes)}"
        )
        self.name, self.record_hashes = name, tuple(record_hashes)


class BundleRefused(TraceabilityError):
    """A proof bundle of another node that is not taken: nothing of it was stored."""

    code = "bundle_refused"


class BundleTooLarge(TraceabilityError):
    """More records, or more bytes, than a proof bundle may have: ask for a part of them."""

    code = "bundle_too_large"

    def __init__(self, record_count: int, byte_count: int) -> None:
        super().__init__(
            f"{record_count:,} records of {byte_count:,} bytes are more than a proof bundle may have: "
            "ask for a single event's, or for a product farther down"
        )
        self.record_count, self.byte_count = record_count, byte_count


class BadTermsDocument(TraceabilityError):
    """The file is no terms document of docs/terms-document.md. `field` is the path of what is wrong, by slashes."""

    code = "bad_terms_document"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field or 'the terms document'} {reason}")
        self.field, self.reason = field, reason


@dataclass(frozen=True, slots=True)
class OrderProblem:
    """One thing that is wrong with a purchase order file.

    `row` is the line of a CSV file and `column` its header as it stands, None in JSON and where the whole file is
    meant; `field` is the field's own name, a path in JSON; `reason` goes on from it.
    """

    row: int | None
    column: str | None
    field: str
    reason: str

    def __str__(self) -> str:
        places = [f"row {self.row}" if self.row else "", f"column {self.column!r}" if self.column else self.field]
        return f"{', '.join(place for place in places if place) or 'the file'}: {self.reason}"


class BadPurchaseOrder(TraceabilityError):
    """The file is no purchase order that an order can be made of. `problems` is never empty; nothing was made."""

    code = "bad_purchase_order"

    def __init__(self, problems: Sequence[OrderProblem]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = tuple(problems)


class TermsOfNoOrder(TraceabilityError):
    """No order on chain bears the hash of this terms document."""

    code = "terms_of_no_order"

    def __init__(self, document_hash: bytes) -> None:
        super().__init__(
            f"no order on chain has the terms document 0x{document_hash.hex()}: ask for the file that was agreed, "
            "unchanged, or wait until the order has been read"
        )
        self.document_hash = document_hash


class TermsOfOtherOrder(TraceabilityError):
    """The order on chain bears the document's hash, and its terms do not fit it: nothing can be judged by it."""

    code = "terms_of_other_order"

    def __init__(self, order: bytes, described: int, ordered: int) -> None:
        super().__init__(
            f"the terms document describes {described} milestones, the order 0x{order.hex()} has {ordered}: "
            "its buyer proposed it with the wrong document"
        )
        self.order, self.described, self.ordered = order, described, ordered


class TermsNotImported(TraceabilityError):
    """This node has no terms document of the order."""

    code = "terms_not_imported"

    def __init__(self, order: bytes) -> None:
        super().__init__(f"no terms document of order 0x{order.hex()} is here: `tally order import FILE` takes it")
        self.order = order


class NotAttestable(TraceabilityError):
    """What a person wants to attest can't be. `reason` says why, and goes on from "the event"."""

    code = "not_attestable"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
