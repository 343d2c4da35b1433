"""A forger with every means but two: no key of the grower's, and no way to change what the chain has said.

Whatever a check has found is mended, so that the next one has to find it: one rung for each numbered check of
docs/proof-format.md, section 6. Then the other side: the same genuine bundle, and every answer of the chain another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.answers import Use
from ledger.keystore import LocalSigner
from ledger.record import record_hash
from scripts.evidence import CONTEXT, DOMAIN, TRUSTED, RecordedAnswers, Stand, anchor, bundle_of, key, seal
from tests.outsider.verifier import verdict as outsiders_verdict
from traceability.bundle import Bundle, BundleRecord, bundle_json
from traceability.epcis.canonical import content_hash
from traceability.epcis.event_hash import event_hash
from traceability.epcis.times import epoch_ms
from traceability.verification import verify

GROWER, FORGER = key("grower"), key("forger")
BAG, OTHER_BAG = "urn:epc:id:sgtin:9521234.012345.1", "urn:epc:id:sgtin:9521234.012345.2"
EVENT: dict[str, Any] = {
    "type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+01:00", "action": "OBSERVE",
    "bizStep": "inspecting", "disposition": "non_sellable_other", "epcList": [BAG],
}  # fmt: skip
FORGED = EVENT | {"disposition": "sellable_accessible"}
ANCHORED_AT, NOW = epoch_ms("2026-03-01T08:01:00Z") // 1000, epoch_ms("2026-06-01T00:00:00Z") // 1000
(GENUINE,) = anchor([seal(GROWER, GROWER.address, 0, CONTEXT, EVENT)])


def chain(*anchored: BundleRecord, **stands: Stand) -> RecordedAnswers:
    return RecordedAnswers(
        NOW,
        {entry.anchor.root: ANCHORED_AT for entry in anchored if entry.anchor},
        stands={GROWER.address: Stand(GROWER.address, uses=15)} | {key(name).address: s for name, s in stands.items()},
    )


def outcome(bundle: Bundle, answers: RecordedAnswers, identifier: str = BAG) -> list[str]:
    """What both verifiers say of each record, or of the whole."""
    data = bundle_json(bundle)
    ours = verify(data, trusted=TRUSTED, answers=answers, identifier=identifier)
    trust = (TRUSTED.chain_id, "0x" + TRUSTED.event_log.hex(), "0x" + TRUSTED.party_registry.hex())
    theirs = outsiders_verdict(data, trust, answers.to_json(), identifier)
    said = [str(record.code or record.result) for record in ours.records] or [str(ours.code)]
    assert said == (theirs["records"] or [theirs["code"]])
    return said


def with_content_hash(entry: BundleRecord) -> BundleRecord:
    return replace(entry, record=replace(entry.record, content_hash=content_hash(entry.context, entry.event)))


def with_event_hash(entry: BundleRecord) -> BundleRecord:
    return replace(entry, record=replace(entry.record, event_hash=event_hash(entry.event, entry.context)))


def signed_by(entry: BundleRecord, signer: LocalSigner) -> BundleRecord:
    return replace(entry, signature=signer.sign(record_hash(DOMAIN, entry.record)))


def test_a_forger_who_mends_what_was_found_is_found_out_by_the_next_check() -> None:
    standing = Stand(FORGER.address, uses=15)
    assert outcome(bundle_of([GENUINE]), chain(GENUINE)) == ["verified"]

    forged = replace(GENUINE, event=FORGED | {"eventTime": "2026-03-01"})
    assert outcome(bundle_of([forged]), chain(GENUINE)) == ["malformed"]
    forged = replace(GENUINE, event=FORGED)
    elsewhere = replace(bundle_of([forged]), chain_id=1)
    assert outcome(elsewhere, chain(GENUINE)) == ["wrong_chain"]
    assert outcome(bundle_of([forged]), chain(GENUINE)) == ["event_altered"]
    forged = with_content_hash(forged)
    assert outcome(bundle_of([forged]), chain(GENUINE)) == ["event_altered"]
    forged = replace(with_event_hash(forged), signature=bytes(65))
    assert outcome(bundle_of([forged]), chain(GENUINE)) == ["bad_signature"]
    forged = signed_by(forged, FORGER)
    assert outcome(bundle_of([forged]), chain(GENUINE)) == ["not_in_batch"]
    (forged,) = anchor([forged])
    assert outcome(bundle_of([forged]), chain(GENUINE)) == ["root_not_anchored"]
    # Any member anchors for anyone.
    assert outcome(bundle_of([forged]), chain(GENUINE, forged)) == ["signer_not_authorised"]
    assert outcome(bundle_of([forged]), chain(GENUINE, forged, forger=standing)) == ["signer_not_authorised"]
    # In its own name it says what it likes, but not of a time to come, nor two things under one number.
    early = FORGED | {"eventTime": "2026-03-01T08:06:01Z"}
    (forged,) = anchor([seal(FORGER, FORGER.address, 0, CONTEXT, early)])
    assert outcome(bundle_of([forged]), chain(forged, forger=standing)) == ["postdated"]
    one, other = (anchor([seal(FORGER, FORGER.address, 0, CONTEXT, event)])[0] for event in (EVENT, FORGED))
    assert outcome(bundle_of([one, other]), chain(one, other, forger=standing)) == ["equivocal", "equivocal"]
    (aside,) = anchor([seal(FORGER, FORGER.address, 1, CONTEXT, FORGED | {"epcList": [OTHER_BAG]})])
    assert outcome(bundle_of([GENUINE, aside]), chain(GENUINE, aside, forger=standing)) == ["verified", "unrelated"]
    # What is left is no forgery: a record under the forger's own name, beside which the grower's stands.
    assert outcome(bundle_of([GENUINE, other]), chain(GENUINE, other, forger=standing)) == ["verified", "verified"]


Change = Callable[[RecordedAnswers], RecordedAnswers]


def standing(**change: Any) -> Change:
    stand = replace(Stand(GROWER.address, uses=15), **change)
    return lambda answers: replace(answers, stands={GROWER.address: stand})


def anchored(at: int) -> Change:
    return lambda answers: replace(answers, anchors=dict.fromkeys(answers.anchors, at))


def withdrawn(party: bytes, name: bytes) -> Change:
    return lambda answers: replace(answers, withdrawals={(party, name): NOW})


NAME = record_hash(DOMAIN, GENUINE.record)
ALL_BUT_RECORDING = Use.ATTEST | Use.ANCHOR | Use.WITHDRAW


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda answers: replace(answers, anchors={}), "root_not_anchored"),
        (lambda answers: replace(answers, anchors={}, later=set(answers.anchors)), "pending"),
        (lambda answers: replace(answers, anchors={bytes(32): ANCHORED_AT}), "root_not_anchored"),
        (anchored(0), "root_not_anchored"),
        (anchored(ANCHORED_AT - 61), "verified"),
        (anchored(ANCHORED_AT - 361), "postdated"),
        (anchored(NOW), "verified"),
        (lambda answers: replace(answers, stands={}), "signer_not_authorised"),
        (standing(party=FORGER.address), "signer_not_authorised"),
        (standing(uses=ALL_BUT_RECORDING), "signer_not_authorised"),
        (standing(uses=Use.RECORD), "verified"),
        (standing(from_at=ANCHORED_AT), "verified"),
        (standing(from_at=ANCHORED_AT + 1), "signer_not_authorised"),
        (standing(until_at=ANCHORED_AT + 1), "verified"),
        (standing(until_at=ANCHORED_AT), "signer_not_authorised"),
        (standing(first_disowned=1), "verified"),
        (standing(first_disowned=0), "disowned"),
        (withdrawn(GROWER.address, NAME), "corrected"),
        (withdrawn(FORGER.address, NAME), "verified"),
        (withdrawn(GROWER.address, bytes(32)), "verified"),
    ],
)
def test_another_answer_of_the_chain_is_another_verdict(change: Change, expected: str) -> None:
    assert outcome(bundle_of([GENUINE]), change(chain(GENUINE))) == [expected]
