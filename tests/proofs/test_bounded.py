"""A hostile bundle gets its verdict, whatever it is full of, and no more memory than 256 MB.

All kinds at 10 MB, with seconds: `python -m tests.proofs --bounded`. No time is asserted here: machines differ. One
kind takes more memory: a million objects with one member each, of a name of its own. Python needs 250 bytes for such an
object, and section 2 takes a million of them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ledger.record import record_hash
from scripts.bench.bounded import PEAK_BYTES_MAX, judged
from scripts.bench.hostile import KINDS, made
from scripts.evidence import CONTEXT, DOMAIN, anchor, bundle_of, key, seal
from tests.outsider.event_hash import prehash as outsiders_prehash
from tests.outsider.verifier import verdict as outsiders_verdict
from traceability.bundle import BundleRecord, bundle_json
from traceability.epcis.canonical import canonical_json, content_hash
from traceability.verification import verify

COSTLIEST = ["a million members of the event", "one web address"]
"""The one takes the most memory of those that stay within it, the other took ten times as much before it was found."""
GROWER = key("grower")
EVENT: dict[str, Any] = {
    "type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+01:00", "action": "OBSERVE",
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_hostile_bundle_of_any_kind_gets_its_verdict(name: str) -> None:
    data = made(name, 60_000)
    assert verify(data, identifier=KINDS[name].identifier).code == KINDS[name].code


@pytest.mark.parametrize("name", COSTLIEST)
def test_ten_megabytes_are_judged_within_256(name: str) -> None:
    found = judged(name)
    assert found.code == KINDS[name].code
    assert found.peak_bytes < PEAK_BYTES_MAX


# A name is written out in the pre-hash for every item of its list. How long that may become is settled on the page.


def with_prehash_of(length: int) -> tuple[BundleRecord, int]:
    """A record whose pre-hash has about so many bytes, its hash being right; and how many it has."""
    event = EVENT | {"x" * 1000: [1] * ((length - len(outsiders_prehash(CONTEXT, EVENT))) // 1002)}
    text = outsiders_prehash(CONTEXT, event).encode()
    honest = seal(GROWER, GROWER.address, 0, CONTEXT, EVENT)
    fields = {"event_hash": hashlib.sha256(text).digest(), "content_hash": content_hash(CONTEXT, event)}
    record = type(honest.record)(**{name: getattr(honest.record, name) for name in honest.record.__slots__} | fields)
    entry = BundleRecord(CONTEXT, event, record, GROWER.sign(record_hash(DOMAIN, record)), None)
    return anchor([entry])[0], len(text)


def test_an_event_whose_names_written_out_are_out_of_all_proportion_has_no_event_hash() -> None:
    entry, _ = with_prehash_of(100_000)
    limit = 65_536 + 16 * len(canonical_json(entry.event))
    for length, code in ((limit - 2_000, None), (limit + 2_000, "event_altered"), (2_000_000, "event_altered")):
        entry, actual = with_prehash_of(length)
        assert (actual > 65_536 + 16 * len(canonical_json(entry.event))) is (code is not None)
        data = bundle_json(bundle_of([entry]))
        assert verify(data).code == outsiders_verdict(data)["code"] == code


def test_a_few_bytes_that_ask_for_terabytes_get_none_of_them() -> None:
    event = EVENT | {"x" * 1_000_000: [1] * 900_000}
    honest = seal(GROWER, GROWER.address, 0, CONTEXT, EVENT)
    record = type(honest.record)(honest.record.event_hash, content_hash(CONTEXT, event), GROWER.address, 0, b"\1" * 32)
    data = bundle_json(bundle_of([BundleRecord(CONTEXT, event, record, honest.signature, None)]))
    verdict = verify(data)
    assert (verdict.code, verdict.records[0].reason) == (
        "event_altered", "the event has no event hash: written out, its names and values are too long")  # fmt: skip
