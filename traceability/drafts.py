"""Events on their way into the store: hashed, read for the index of keys, not yet signed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ledger.errors import BadChecksum, BadSignature, InvalidHex
from ledger.hexadecimal import address_from_text, from_hex
from ledger.record import SIGNATURE_SIZE, Domain, Record, check_signature_form, record_hash, recover
from traceability.epcis.canonical import canonical_json, content_hash_of
from traceability.epcis.document import Partition
from traceability.epcis.event_hash import event_hash, hash_id
from traceability.epcis.times import epoch_ms
from traceability.errors import FieldProblem, InvalidDocument, MalformedJson


class Mark(StrEnum):
    """What capture has to say of an event that it took. The words stand in the store, separated by spaces."""

    STALE_EVENT_ID = "stale_event_id"
    OTHER_CONTENT = "other_content"
    WITHDRAWS_NOTHING = "withdraws_nothing"
    NEVER_VERIFIES = "never_verifies"
    DISOWNED = "disowned"
    FOREIGN = "foreign"


MEANINGS = {
    Mark.STALE_EVENT_ID: "the event brought an event hash ID that is not its own",
    Mark.OTHER_CONTENT: "another event with the same event hash and other content is stored",
    Mark.WITHDRAWS_NOTHING: "its signer does not stand for withdrawing: what it declares wrong stands as it was",
    Mark.NEVER_VERIFIES: "its signer had ceased to stand for the party before it was anchored: capture the event again",
    Mark.DISOWNED: "the party has declared the record's number as not its own: capture the event again if it is",
    Mark.FOREIGN: "another node captured it: it came here in a proof bundle",
}


@dataclass(slots=True, eq=False)
class Draft:
    """A good event of a document. `index` is its place there; `event_json` is canonical."""

    index: int
    event: Mapping[str, Any]
    event_json: bytes
    event_hash: bytes
    content_hash: bytes
    marks: list[Mark] = field(default_factory=list)

    @property
    def given_event_id(self) -> str | None:
        """The eventID that the event brought."""
        return self.event.get("eventID")

    @property
    def event_id(self) -> str:
        """The eventID that the event brought, or its hash ID."""
        return self.given_event_id or hash_id(self.event_hash)

    @property
    def event_time_ms(self) -> int:
        """When the event says that it happened."""
        return epoch_ms(self.event["eventTime"])

    @property
    def is_declaration(self) -> bool:
        """True where the event declares an error: it withdraws the event of the same hash."""
        return "errorDeclaration" in self.event

    @property
    def content(self) -> tuple[bytes, bytes]:
        """What two drafts of one party share if they are of the same event."""
        return self.event_hash, self.content_hash


@dataclass(frozen=True, slots=True)
class SignedDraft:
    """A draft with its record. `withdrawal` is the client's signature of a Withdrawal that comes with a declaration."""

    draft: Draft
    record: Record
    record_hash: bytes
    signer: bytes
    signature: bytes
    withdrawal: bytes | None = None


def drafts_of(parts: Partition, context_json: bytes) -> list[Draft]:
    """The drafts of a document's good events, in its order. `context_json` is its context in canonical JSON.

    Raises InvalidDocument for an event that has no event hash: its names, written out, are out of all proportion.
    """
    context = parts.document.context
    drafts = []
    for index, event in zip(parts.indexes, parts.document.events, strict=True):
        event_json = canonical_json(event)
        try:
            name = event_hash(event, context)
        except MalformedJson as error:
            raise InvalidDocument([FieldProblem(index, "", "no_event_hash", error.reason)]) from None
        draft = Draft(index, event, event_json, name, content_hash_of(context_json, event_json))
        if is_stale(draft):
            draft.marks.append(Mark.STALE_EVENT_ID)
        drafts.append(draft)
    return drafts


def is_stale(draft: Draft) -> bool:
    """True where the event brought an `ni:` id that is not its hash (RFC 6920)."""
    given = draft.given_event_id
    return given is not None and given.startswith("ni:") and given.lower() != hash_id(draft.event_hash).lower()


def stale_problem(draft: Draft) -> FieldProblem:
    """What is wrong with a stale event where the node takes none."""
    reason = f"is not the event's hash ID, which is {hash_id(draft.event_hash)}: leave it out, or give that"
    return FieldProblem(draft.index, "/eventID", Mark.STALE_EVENT_ID.value, reason)


def signed_by_client(
    drafts: Sequence[Draft], records: Sequence[Any], party: bytes, domain: Domain
) -> list[SignedDraft]:
    """The drafts with the records that their client has signed, `records[i]` for the i-th event of the document.

    A record must be in the form of a bundle's, hold the hashes that we compute and the client's own party.
    Raises InvalidDocument with every record that is wrong, and where.
    """
    signed, problems = [], []
    for draft in drafts:
        try:
            signed.append(_signed(draft, records[draft.index], party, domain))
        except _RecordProblem as wrong:
            reason = f"of the record {wrong.reason}"
            problems.append(FieldProblem(draft.index, f"/records/{draft.index}{wrong.path}", wrong.code, reason))
    if problems:
        raise InvalidDocument(problems)
    return signed


class _RecordProblem(Exception):
    def __init__(self, path: str, code: str, reason: str) -> None:
        super().__init__(reason)
        self.path, self.code, self.reason = path, code, reason


def _signed(draft: Draft, entry: Any, party: bytes, domain: Domain) -> SignedDraft:
    _has_members(entry, "", {"record", "signature"}, {"withdrawalSignature"})
    fields = entry["record"]
    _has_members(fields, "/record", {"eventHash", "contentHash", "party", "sequence", "disclosureRoot"}, set())
    record = Record(
        event_hash=_bytes(fields["eventHash"], 32, "/record/eventHash"),
        content_hash=_bytes(fields["contentHash"], 32, "/record/contentHash"),
        party=_address(fields["party"], "/record/party"),
        sequence=_sequence(fields["sequence"]),
        disclosure_root=_bytes(fields["disclosureRoot"], 32, "/record/disclosureRoot"),
    )
    _check(record.event_hash == draft.event_hash, "/record/eventHash", "event_hash_differs", "is not the event's hash")
    text = "is not that of the context and event that were sent"
    _check(record.content_hash == draft.content_hash, "/record/contentHash", "content_hash_differs", text)
    _check(record.party == party, "/record/party", "other_party", "is not the party whose API key was used")
    _check(any(record.disclosure_root), "/record/disclosureRoot", "malformed_record", "is zero: draw 32 random bytes")
    signature = _bytes(entry["signature"], SIGNATURE_SIZE, "/signature")
    withdrawal = None
    if "withdrawalSignature" in entry:
        withdrawal = _bytes(entry["withdrawalSignature"], SIGNATURE_SIZE, "/withdrawalSignature")
        text = "comes with an event that declares no error"
        _check(draft.is_declaration, "/withdrawalSignature", "withdraws_nothing", text)
    digest = record_hash(domain, record)
    try:
        signer = recover(digest, signature)
    except BadSignature as error:
        raise _RecordProblem("/signature", error.code, f"is not good: {error}") from error
    try:
        if withdrawal is not None:
            check_signature_form(withdrawal)
    except BadSignature as error:
        raise _RecordProblem("/withdrawalSignature", error.code, f"is not good: {error}") from error
    return SignedDraft(draft, record, digest, signer, signature, withdrawal)


def _check(is_good: bool, path: str, code: str, reason: str) -> None:
    if not is_good:
        raise _RecordProblem(path, code, f"{path.rpartition('/')[2]} {reason}")


def _has_members(value: Any, path: str, names: set[str], optional: set[str]) -> None:
    if not isinstance(value, dict) or not names <= value.keys() <= names | optional:
        reason = f"the members are not {', '.join(sorted(names))} and no other"
        raise _RecordProblem(path, "malformed_record", reason)


def _bytes(value: Any, size: int, path: str) -> bytes:
    try:
        return from_hex(value, size)
    except InvalidHex as error:
        raise _RecordProblem(path, "malformed_record", f"{path.rpartition('/')[2]} is malformed: {error}") from error


def _address(value: Any, path: str) -> bytes:
    try:
        return address_from_text(value)
    except (InvalidHex, BadChecksum) as error:
        raise _RecordProblem(path, "malformed_record", f"{path.rpartition('/')[2]} is malformed: {error}") from error


def _sequence(value: Any) -> int:
    # JSON as it is taken here has no number above 2^53-1, the most that a bundle can carry.
    if type(value) is not int or value < 0:
        reason = "sequence is not a whole number from 0 to 2^53-1"
        raise _RecordProblem("/record/sequence", "malformed_record", reason)
    return value
