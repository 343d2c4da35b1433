"""Every failure code and result of docs/proof-format.md, section 6, provoked by a real alteration.

The grower commissions two bags and packs them on a pallet; the roaster receives the pallet. Three records in one
batch, anchored a minute later. Keys, signatures, trees and hashes are real; the chain's answers are a recording.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.answers import Use
from ledger.hexadecimal import to_address
from ledger.merkle import leaf
from ledger.record import CURVE_ORDER, record_hash
from scripts.evidence import CONTEXT, DOMAIN, TRUSTED, RecordedAnswers, Stand, anchor, bundle_of, key, seal
from traceability.bundle import Bundle, BundleRecord, bundle_json
from traceability.epcis.times import epoch_ms
from traceability.verification import Code, Result, Verdict, verify, verify_bundle

GROWER, ROASTER, SCANNER, STRANGER = key("grower"), key("roaster"), key("grower's scanner"), key("stranger")
HARVEST, PALLET = "2026-03-01T08:00:00.000Z", "urn:epc:id:sscc:9521234.0000000001"
BAGS = ["urn:epc:id:sgtin:9521234.012345.1", "urn:epc:id:sgtin:9521234.012345.2"]
ANCHORED_AT = epoch_ms("2026-03-01T08:01:00Z") // 1000
NOW = epoch_ms("2026-06-01T00:00:00Z") // 1000


def event(kind: str, step: str, **members: Any) -> dict[str, Any]:
    return {"type": kind, "eventTime": HARVEST, "eventTimeZoneOffset": "+00:00", "bizStep": step, **members}


COMMISSIONING = event("ObjectEvent", "commissioning", action="ADD", epcList=BAGS)
PACKING = event("AggregationEvent", "packing", action="ADD", parentID=PALLET, childEPCs=BAGS)
RECEIVING = event("ObjectEvent", "receiving", action="OBSERVE", epcList=[PALLET])


def declared_wrong(wrong: dict[str, Any]) -> dict[str, Any]:
    """The event with an error declaration: EPCIS 2.0, section 7.3.7."""
    return wrong | {"errorDeclaration": {"declarationTime": "2026-03-02T00:00:00Z", "reason": "incorrect_data"}}


def story() -> list[BundleRecord]:
    return anchor(
        [
            seal(GROWER, GROWER.address, 0, CONTEXT, COMMISSIONING),
            seal(SCANNER, GROWER.address, 0, CONTEXT, PACKING),
            seal(ROASTER, ROASTER.address, 0, CONTEXT, RECEIVING),
        ]
    )


def answers_for(*batches: list[BundleRecord], **changes: Any) -> RecordedAnswers:
    """A chain that has anchored these batches, and on which all characters but the stranger stand."""
    anchors = {entry.anchor.root: ANCHORED_AT for entries in batches for entry in entries if entry.anchor}
    stands = {
        GROWER.address: Stand(GROWER.address, uses=15),
        ROASTER.address: Stand(ROASTER.address, uses=15),
        SCANNER.address: Stand(
            GROWER.address, uses=Use.RECORD, from_at=ANCHORED_AT - 1000, until_at=ANCHORED_AT + 1000
        ),
    }
    return replace(RecordedAnswers(NOW, anchors=anchors, stands=stands), **changes)


def judge(
    entries: list[BundleRecord], answers: RecordedAnswers | None = None, identifier: str | None = None
) -> Verdict:
    """The verdict over the bundle as a file."""
    data = bundle_json(bundle_of(entries))
    return verify(data, trusted=TRUSTED, answers=answers or answers_for(entries), identifier=identifier)


def results(verdict: Verdict) -> list[str]:
    """What stands beside each record: its code where it failed, else its result."""
    return [str(record.code or record.result) for record in verdict.records]


def name_of(entry: BundleRecord) -> bytes:
    return record_hash(DOMAIN, entry.record)


def altered(index: int, change: Callable[[BundleRecord], BundleRecord]) -> list[BundleRecord]:
    entries = story()
    entries[index] = change(entries[index])
    return entries


def test_a_genuine_bundle_is_verified() -> None:
    verdict = judge(story())
    assert (verdict.result, verdict.code) == (Result.VERIFIED, None)
    assert results(verdict) == ["verified"] * 3
    assert [record.anchored_at for record in verdict.records] == [ANCHORED_AT] * 3
    assert [record.seconds_to_anchor for record in verdict.records] == [60.0] * 3


def test_without_a_chain_the_best_result_is_consistent() -> None:
    verdict = verify(bundle_json(bundle_of(story())))
    assert (verdict.result, verdict.code, results(verdict)) == (Result.CONSISTENT, None, ["consistent"] * 3)


# 1


def test_step_1_a_file_that_is_no_bundle_is_malformed_and_no_record_is_judged() -> None:
    for data in (b"", b"{}", b"\xff", bundle_json(bundle_of(story()))[:-1]):
        verdict = verify(data, trusted=TRUSTED, answers=answers_for())
        assert (verdict.result, verdict.code, verdict.records) == (Result.FAILED, Code.MALFORMED, ())


# 2


@pytest.mark.parametrize("change", [{"chain_id": 1}, {"event_log": b"\1" * 20}, {"party_registry": b"\1" * 20}])
def test_step_2_another_chain_or_contract_than_trusted_is_refused(change: dict[str, Any]) -> None:
    data = bundle_json(bundle_of(story()))
    verdict = verify(data, trusted=replace(TRUSTED, **change), answers=answers_for(story()))
    assert (verdict.result, verdict.code, verdict.records) == (Result.FAILED, Code.WRONG_CHAIN, ())


def test_step_2_is_checked_without_a_network_too() -> None:
    verdict = verify(bundle_json(bundle_of(story())), trusted=replace(TRUSTED, chain_id=1))
    assert verdict.code is Code.WRONG_CHAIN
    assert f"trusted is chain 1, EventLog {to_address(TRUSTED.event_log)}" in verdict.reason


def test_answers_of_an_unnamed_chain_are_no_evidence() -> None:
    with pytest.raises(ValueError, match="say which it is"):
        verify_bundle(bundle_of(story()), trusted=None, answers=answers_for())


# 3


@pytest.mark.parametrize(
    "change",
    [
        {"bizStep": "shipping"},
        {"epcList": BAGS[:1]},
        {"epcList": BAGS[::-1]},
        {"eventTime": "2026-03-01T08:00:00.001Z"},
        {"eventTime": "2026-03-01T08:00:00Z"},
        {"eventID": "ni:///sha-256;00?ver=CBV2.0"},
        {"recordTime": HARVEST},
        {"errorDeclaration": {"declarationTime": HARVEST}},
    ],
    ids=str,
)
def test_step_3_an_event_is_altered_by_any_change_even_one_that_its_event_hash_leaves_out(
    change: dict[str, Any],
) -> None:
    verdict = judge(altered(0, lambda entry: replace(entry, event=entry.event | change)))
    assert (verdict.result, verdict.code) == (Result.FAILED, Code.EVENT_ALTERED)
    assert results(verdict) == ["event_altered", "verified", "verified"]


def test_step_3_a_changed_context_alters_the_event() -> None:
    context = [*CONTEXT, {"farm": "https://farm.example/"}]
    verdict = judge(altered(1, lambda entry: replace(entry, context=context)))
    assert results(verdict) == ["verified", "event_altered", "verified"]


def test_step_3_an_event_hash_that_the_signer_made_up_is_found_out() -> None:
    """The content hash holds, signature and proof are real: only computing the event hash again tells."""
    honest = seal(GROWER, GROWER.address, 0, CONTEXT, COMMISSIONING)
    record = replace(honest.record, event_hash=b"\1" * 32)
    (entry,) = anchor([replace(honest, record=record, signature=GROWER.sign(record_hash(DOMAIN, record)))])
    verdict = judge([entry])
    assert verdict.code is Code.EVENT_ALTERED
    assert verdict.records[0].reason == "the event hash is not that of the event"


# 4


def high_s(signature: bytes) -> bytes:
    s = CURVE_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def test_step_4_the_signatures_twin_with_high_s_is_refused() -> None:
    verdict = judge(altered(2, lambda entry: replace(entry, signature=high_s(entry.signature))))
    assert results(verdict) == ["verified", "verified", "bad_signature"]
    assert "above half the group order" in verdict.records[2].reason


# 5


def test_step_5_a_record_signed_for_another_party_leads_to_another_root() -> None:
    verdict = judge(altered(0, lambda entry: replace(entry, record=replace(entry.record, party=ROASTER.address))))
    assert results(verdict) == ["not_in_batch", "verified", "verified"]


def test_step_5_a_record_signed_again_by_another_key_leads_to_another_root() -> None:
    verdict = judge(altered(0, lambda entry: replace(entry, signature=STRANGER.sign(name_of(entry)))))
    assert results(verdict) == ["not_in_batch", "verified", "verified"]


def test_step_5_an_anchored_root_that_is_another_batchs_does_not_count() -> None:
    others = anchor([seal(ROASTER, ROASTER.address, 9, CONTEXT, RECEIVING)])
    entries = altered(0, lambda entry: replace(entry, anchor=others[0].anchor))
    assert results(judge(entries, answers_for(entries, others)))[0] == "not_in_batch"


# 6


def test_step_6_a_root_that_the_chain_does_not_know_is_not_anchored() -> None:
    verdict = judge(story(), answers_for(story(), anchors={}))
    assert (verdict.result, verdict.code) == (Result.FAILED, Code.ROOT_NOT_ANCHORED)


# 7


def without(name: bytes) -> dict[bytes, Stand]:
    return {signer: stand for signer, stand in answers_for().stands.items() if signer != name}


@pytest.mark.parametrize(
    "stands",
    [
        without(SCANNER.address),
        answers_for().stands | {SCANNER.address: Stand(ROASTER.address, uses=15)},
        answers_for().stands | {SCANNER.address: Stand(GROWER.address, uses=Use.ATTEST | Use.ANCHOR | Use.WITHDRAW)},
        answers_for().stands | {SCANNER.address: Stand(GROWER.address, uses=15, from_at=ANCHORED_AT + 1)},
        answers_for().stands | {SCANNER.address: Stand(GROWER.address, uses=15, until_at=ANCHORED_AT)},
    ],
    ids=["unknown", "another party's", "not for recording", "not yet", "not any more"],
)
def test_step_7_a_signer_that_did_not_stand_for_the_party_at_the_anchor(stands: dict[bytes, Stand]) -> None:
    verdict = judge(story(), answers_for(story(), stands=stands))
    assert (verdict.result, verdict.code) == (Result.FAILED, Code.SIGNER_NOT_AUTHORISED)
    assert results(verdict) == ["verified", "signer_not_authorised", "verified"]


def test_step_7_a_key_revoked_since_then_stood_when_it_counted() -> None:
    assert answers_for().stands[SCANNER.address].until_at < NOW
    assert results(judge(story())) == ["verified"] * 3


def test_step_7_the_signer_of_a_record_not_anchored_yet_must_stand_now() -> None:
    pending = [replace(entry, anchor=None) for entry in story()]
    assert results(judge(pending, answers_for(story()))) == ["pending", "signer_not_authorised", "pending"]


# 8


def timed(event_time: str) -> BundleRecord:
    return seal(GROWER, GROWER.address, 0, CONTEXT, COMMISSIONING | {"eventTime": event_time})


@pytest.mark.parametrize(
    "event_time, expected",
    [("2026-03-01T08:06:00Z", "verified"), ("2026-03-01T08:06:00.001Z", "postdated"),
     ("2026-03-01T09:06:00+01:00", "verified"), ("2026-03-01T08:06:00.0004Z", "verified"),
     ("2026-03-01T08:06:00.0005Z", "postdated")],
)  # fmt: skip
def test_step_8_an_event_may_be_five_minutes_ahead_of_its_anchor_and_no_more(event_time: str, expected: str) -> None:
    assert results(judge(anchor([timed(event_time)]))) == [expected]


@pytest.mark.parametrize(
    "event_time, expected", [("2026-06-01T00:05:00Z", "pending"), ("2026-06-01T00:05:00.001Z", "postdated")]
)
def test_step_8_an_event_not_anchored_yet_is_held_against_now(event_time: str, expected: str) -> None:
    assert results(judge([timed(event_time)], answers_for())) == [expected]


# 9


def two_stories() -> list[BundleRecord]:
    """The scanner gave number 0 to two different records."""
    return [*story(), *anchor([seal(SCANNER, GROWER.address, 0, CONTEXT, PACKING | {"bizStep": "loading"})])]


def test_step_9_one_number_for_two_records_condemns_both() -> None:
    verdict = judge(two_stories())
    assert (verdict.result, verdict.code) == (Result.FAILED, Code.EQUIVOCAL)
    assert results(verdict) == ["verified", "equivocal", "verified", "equivocal"]


def test_step_9_a_record_that_failed_before_accuses_no_other() -> None:
    entries = two_stories()
    entries[3] = replace(entries[3], event=entries[3].event | {"action": "DELETE"})
    assert results(judge(entries)) == ["verified", "verified", "verified", "event_altered"]


def test_step_9_the_same_record_twice_is_one_story() -> None:
    entries = story()
    assert results(judge([*entries, entries[1], replace(entries[0], anchor=None)])) == [*["verified"] * 4, "pending"]


def test_step_9_the_same_number_of_two_keys_is_no_contradiction() -> None:
    assert {entry.record.sequence for entry in story()} == {0}
    assert judge(story()).result is Result.VERIFIED


# 10


@pytest.mark.parametrize("identifier", [BAGS[0], PALLET, "https://example.com/01/09521234123453/21/2?x=1"])
def test_step_10_every_record_of_the_chain_from_bag_to_pallet_is_related(identifier: str) -> None:
    assert judge(story(), identifier=identifier).result is Result.VERIFIED


def test_step_10_a_strangers_event_among_the_records_is_unrelated() -> None:
    other = anchor([seal(ROASTER, ROASTER.address, 1, CONTEXT, RECEIVING | {"epcList": [BAGS[0] + "7"]})])
    entries = [*story(), *other]
    verdict = judge(entries, identifier=BAGS[0])
    assert (verdict.result, verdict.code) == (Result.FAILED, Code.UNRELATED)
    assert results(verdict) == ["verified", "verified", "verified", "unrelated"]


def test_step_10_a_record_that_fails_joins_nothing() -> None:
    entries = altered(1, lambda entry: replace(entry, event=entry.event | {"bizStep": "loading"}))
    assert results(judge(entries, identifier=BAGS[0])) == ["verified", "event_altered", "unrelated"]


def test_step_10_a_bundle_for_an_item_that_no_event_names_fails_whole() -> None:
    assert results(judge(story(), identifier=BAGS[0] + "9")) == ["unrelated"] * 3


def test_step_10_a_class_does_not_stand_for_its_instances() -> None:
    assert results(judge(story(), identifier="urn:epc:idpat:sgtin:9521234.012345.*")) == ["unrelated"] * 3


# 11


def test_step_11_a_number_that_the_party_disowned_when_it_revoked_the_key() -> None:
    stands = answers_for().stands
    stands[ROASTER.address] = replace(stands[ROASTER.address], first_disowned=0)
    verdict = judge(story(), answers_for(story(), stands=stands))
    assert (verdict.result, verdict.code) == (Result.DISOWNED, None)
    assert results(verdict) == ["verified", "verified", "disowned"]


# 12


def test_step_12_a_record_withdrawn_on_chain_is_corrected() -> None:
    entries = story()
    verdict = judge(entries, answers_for(entries, withdrawals={(GROWER.address, name_of(entries[0])): NOW - 5}))
    assert (verdict.result, verdict.code) == (Result.CORRECTED, None)
    assert results(verdict) == ["corrected", "verified", "verified"]


def test_step_12_another_party_can_not_withdraw_it() -> None:
    entries = story()
    verdict = judge(entries, answers_for(entries, withdrawals={(ROASTER.address, name_of(entries[0])): NOW - 5}))
    assert verdict.result is Result.VERIFIED


def test_step_12_an_error_declaration_in_the_bundle_corrects_the_event_that_it_declares_wrong() -> None:
    declaration = anchor([seal(GROWER, GROWER.address, 1, CONTEXT, declared_wrong(COMMISSIONING))])
    entries = [*story(), *declaration]
    assert results(judge(entries)) == ["corrected", "verified", "verified", "verified"]
    offline = verify(bundle_json(bundle_of(entries)))
    assert (offline.result, offline.withdrawal_claimed) == (Result.CONSISTENT, (0,))


def test_step_12_a_declaration_that_is_not_anchored_yet_corrects_already() -> None:
    entries = [*story(), seal(GROWER, GROWER.address, 1, CONTEXT, declared_wrong(COMMISSIONING))]
    verdict = judge(entries)
    assert (verdict.result, results(verdict)) == (Result.CORRECTED, ["corrected", "verified", "verified", "pending"])


def test_step_12_a_key_that_may_only_record_declares_no_error() -> None:
    declaration = anchor([seal(SCANNER, GROWER.address, 1, CONTEXT, declared_wrong(COMMISSIONING))])
    assert results(judge([*story(), *declaration])) == ["verified"] * 4


def test_step_12_another_partys_declaration_corrects_nothing() -> None:
    declaration = anchor([seal(ROASTER, ROASTER.address, 1, CONTEXT, declared_wrong(COMMISSIONING))])
    assert results(judge([*story(), *declaration])) == ["verified"] * 4


def test_step_12_a_declaration_that_fails_corrects_nothing() -> None:
    (declaration,) = anchor([seal(GROWER, GROWER.address, 1, CONTEXT, declared_wrong(COMMISSIONING))])
    changed = replace(declaration, event=declaration.event | {"eventID": "urn:uuid:1"})
    assert results(judge([*story(), changed])) == ["verified", "verified", "verified", "event_altered"]


def test_step_12_a_declaration_is_withdrawn_on_chain_only() -> None:
    first = seal(GROWER, GROWER.address, 1, CONTEXT, declared_wrong(COMMISSIONING))
    second = seal(GROWER, GROWER.address, 2, CONTEXT, declared_wrong(COMMISSIONING) | {"recordTime": HARVEST})
    entries = [*story(), *anchor([first, second])]
    assert results(judge(entries)) == ["corrected", *["verified"] * 4]
    withdrawals = {(GROWER.address, name_of(first)): NOW}
    assert results(judge(entries, answers_for(entries, withdrawals=withdrawals)))[3] == "corrected"


# 13


def test_step_13_a_record_without_anchor_is_pending() -> None:
    entries = altered(0, lambda entry: replace(entry, anchor=None))
    verdict = judge(entries, answers_for(entries))
    assert (verdict.result, verdict.code, results(verdict)) == (
        Result.PENDING,
        None,
        ["pending", "verified", "verified"],
    )
    assert verdict.records[0].anchored_at is None
    assert verify(bundle_json(bundle_of(entries))).result is Result.PENDING


def test_step_13_a_root_anchored_after_the_final_block_is_pending_and_its_signer_must_stand_now() -> None:
    root = story()[0].anchor
    assert root is not None
    verdict = judge(story(), answers_for(story(), anchors={}, later={root.root}))
    assert results(verdict) == ["pending", "signer_not_authorised", "pending"]


# which counts


def test_the_worst_result_is_the_bundles_and_the_first_failed_record_gives_the_code() -> None:
    declaration = seal(GROWER, GROWER.address, 5, CONTEXT, declared_wrong(COMMISSIONING))
    stands = answers_for().stands
    stands[ROASTER.address] = replace(stands[ROASTER.address], first_disowned=0)
    entries = [*story(), declaration]
    verdict = judge(entries, answers_for(entries, stands=stands))
    assert (verdict.result, results(verdict)) == (Result.DISOWNED, ["corrected", "verified", "disowned", "pending"])
    entries[1] = replace(entries[1], signature=high_s(entries[1].signature))
    entries[3] = replace(entries[3], event=COMMISSIONING)
    verdict = judge(entries, answers_for(entries, stands=stands))
    assert (verdict.result, verdict.code) == (Result.FAILED, Code.BAD_SIGNATURE)
    assert results(verdict) == ["verified", "bad_signature", "disowned", "event_altered"]


def test_a_disowned_record_that_is_withdrawn_too_is_disowned() -> None:
    entries = story()
    stands = answers_for().stands
    stands[ROASTER.address] = replace(stands[ROASTER.address], first_disowned=0)
    withdrawals = {(ROASTER.address, name_of(entries[2])): NOW}
    assert results(judge(entries, answers_for(entries, stands=stands, withdrawals=withdrawals)))[2] == "disowned"


# what is said


def test_the_verdict_as_json_names_events_and_reasons() -> None:
    entries = altered(0, lambda entry: replace(entry, event=entry.event | {"eventID": "urn:uuid:1"}))
    written = judge(entries).to_json()
    assert {name: written[name] for name in ("result", "code", "withdrawalClaimed")} == {
        "result": "failed", "code": "event_altered", "withdrawalClaimed": []}  # fmt: skip
    assert written["records"][0]["eventID"] == "urn:uuid:1"
    assert written["records"][1]["eventID"] == f"ni:///sha-256;{entries[1].record.event_hash.hex()}?ver=CBV2.0"
    assert written["records"][1]["secondsToAnchor"] == 60.0


def test_the_words_tell_the_time_to_the_anchor_and_that_others_may_exist() -> None:
    words = judge(story()).words()
    assert words[0] == "Verified: all 3 records are genuine."
    assert words[1].endswith("verified, the record is genuine; anchored 1.0 minutes after the event's own time.")
    assert words[-1] == "Genuine records need not be all records: nothing shows that there are no others."
    ahead = anchor([timed("2026-03-01T08:03:30Z")])
    assert "anchored 2.5 minutes before the event's own time." in judge(ahead).words()[1]


def test_a_bundle_put_together_in_the_house_is_judged_like_its_file() -> None:
    bundle: Bundle = bundle_of(two_stories())
    answers = answers_for(two_stories())
    assert verify_bundle(bundle, trusted=TRUSTED, answers=answers) == judge(two_stories(), answers)


def test_the_leaf_holds_the_signature() -> None:
    entry = story()[0]
    assert leaf(name_of(entry), entry.signature) != leaf(name_of(entry), STRANGER.sign(name_of(entry)))
