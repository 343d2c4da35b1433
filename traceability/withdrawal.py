"""A party takes an event back: an error declaration as a record of its own, and the withdrawal on chain.

Nothing is deleted: the event stays in every history, marked as corrected, and nothing follows from it any more.
"""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
from sqlalchemy.engine import Engine

from ledger.database import reading
from ledger.errors import SignerNotAuthorised
from ledger.hexadecimal import to_address, to_hex
from ledger.keystore import Signer
from ledger.record import Domain
from traceability import repository
from traceability.capture import DEFAULTS, CaptureSettings, Randomness, capture
from traceability.errors import AmbiguousEvent, UnknownEvent
from traceability.jobs import CaptureJob
from traceability.prospects import may_withdraw, newest_reading
from traceability.repository import StoredEvent

REASON = "incorrect_data"
"""The error reason of CBV 2.0 (section 7.5) for an event whose facts are wrong; the other is did_not_occur."""


def withdraw(
    engine: Engine,
    *,
    domain: Domain,
    party: bytes,
    signer: Signer,
    name: str,
    now_us: int,
    randomness: Randomness,
    reason: str = REASON,
    settings: CaptureSettings = DEFAULTS,
    receipt_signer: Signer | None = None,
) -> CaptureJob:
    """Declares the party's event of that name (eventID, hash ID, or record hash) as in error, and withdraws its record.

    Raises UnknownEvent, AmbiguousEvent where several records match, SignerNotAuthorised where the event is another
    party's or the signer does not stand for withdrawing, and whatever `capture` raises.
    """
    with reading(engine) as session:
        stored = _meant(repository.load(session, repository.named(session, name)), name)
        registry = newest_reading(session).registry
        is_own = stored.record.party == party
        if not is_own or not may_withdraw(registry, party, signer.address, now_us // 1_000_000):
            raise SignerNotAuthorised(to_address(signer.address), to_address(stored.record.party))
    return capture(
        engine,
        domain=domain,
        party=party,
        signer=signer,
        document=_declaration(stored, now_us, reason),
        now_us=now_us,
        randomness=randomness,
        settings=settings,
        receipt_signer=receipt_signer,
    )


def _meant(found: dict[int, StoredEvent], name: str) -> StoredEvent:
    """The one record of that name that is no declaration itself: those can't be withdrawn."""
    matching = [stored for _, stored in sorted(found.items()) if not stored.is_declaration]
    if not matching:
        raise UnknownEvent(name)
    if len(matching) > 1:
        raise AmbiguousEvent(name, [to_hex(stored.record_hash) for stored in matching])
    return matching[0]


def _declaration(stored: StoredEvent, now_us: int, reason: str) -> bytes:
    """The event again, all of it, with the declaration: so that it has the same event hash."""
    now = datetime.fromtimestamp(now_us / 1_000_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = stored.event | {"errorDeclaration": {"declarationTime": now, "reason": reason}}
    return orjson.dumps(
        {
            "@context": stored.context,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": now,
            "epcisBody": {"eventList": [event]},
        }
    )
