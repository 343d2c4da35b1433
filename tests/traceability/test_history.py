"""history: every event that concerns a product, each with what is to be said of its record
├── states: accepted, batched, submitted, then the verdict
├── why an event is there, step and place
├── order: the event's own time, then its anchor, then arrival
├── what the verdict calls failed, disowned or corrected leads nowhere
└── names: eventID, hash ID, record hash
bundles of it verify against the chain, and say pending where it is not final
"""

from __future__ import annotations

import pytest
from sqlalchemy import update
from sqlalchemy.engine import Engine
from sqlmodel import col

from ledger.database import reading, writing
from ledger.hexadecimal import to_hex
from ledger.standing import LocalAnswers
from ledger.tables import RecordRow, TransactionRow, TransactionState
from tests.traceability.nodes import GROWER, ROASTER, SCANNER, TRUSTED, Chain, Node, found, join
from tests.traceability.stories import BAG, GREEN, OTHER_BAG, PALLET, ROASTED, lot_seen, made, packed, seen
from traceability.bundle import parse
from traceability.drafts import Mark
from traceability.errors import BundleTooLarge, UnknownEvent, UnknownProduct
from traceability.evidence import proof_bundle
from traceability.history import event_proof, events_named, product_proof
from traceability.identifiers import canonical
from traceability.lineage import Reason, Relation
from traceability.verification import Code, Result, verify

PLACE = "urn:epc:id:sgln:9521234.00001.0"


@pytest.fixture
def node(engine: Engine) -> Node:
    chain = Chain()
    node = join(chain, engine)
    found(chain)
    return node


class TestStates:
    def test_a_record_is_accepted_batched_submitted_and_then_verified(self, node: Node) -> None:
        node.capture(GROWER, seen(1, BAG))
        assert node.states(BAG) == ["accepted"]
        roots = node.close_batches()
        assert node.states(BAG) == ["batched"]
        with writing(node.engine) as session:
            session.execute(update(TransactionRow).values(state=TransactionState.SENT.value))
        assert node.states(BAG) == ["submitted"]
        node.chain.anchor(roots[0])
        assert node.states(BAG) == ["verified"]

    def test_an_anchor_in_a_block_that_is_not_final_is_no_anchor_yet(self, node: Node) -> None:
        node.capture(GROWER, seen(1, BAG))
        (root,) = node.close_batches()
        node.chain.anchor(root, is_final=False)
        (entry,) = node.history(BAG).entries
        assert (entry.verdict.result, entry.state) == (Result.PENDING, "batched")

    def test_what_the_chain_says_of_the_signer_is_said_of_the_record(self, node: Node) -> None:
        node.capture(SCANNER, seen(1, BAG), party=GROWER)
        node.anchor()
        node.capture(SCANNER, seen(2, BAG), party=GROWER)
        node.chain.revoke(GROWER, SCANNER, first_disowned=0)
        node.chain.pass_time(5)
        node.anchor()
        disowned, failed = node.history(BAG).entries
        assert (disowned.state, disowned.marks) == ("disowned", (Mark.DISOWNED,))
        assert (failed.state, failed.verdict.code, failed.marks) == (
            "failed", Code.SIGNER_NOT_AUTHORISED, (Mark.NEVER_VERIFIES,),
        )  # fmt: skip

    def test_a_withdrawal_that_is_only_on_chain_corrects_too(self, node: Node) -> None:
        (item,) = node.capture(GROWER, seen(1, BAG)).items
        node.anchor()
        node.chain.withdraw(GROWER, item.record_hash or b"")
        (entry,) = node.history(BAG).entries
        assert (entry.state, entry.withdrawn_by) == ("corrected", ())

    def test_a_record_that_was_altered_in_the_store_fails_and_leads_nowhere(self, node: Node) -> None:
        node.capture(GROWER, packed(1, PALLET, BAG), seen(2, PALLET))
        node.anchor()
        assert node.states(BAG) == ["verified", "verified"]
        with writing(node.engine) as session:
            session.execute(update(RecordRow).where(col(RecordRow.id) == 1).values(content_hash=bytes(32)))
        (entry,) = node.history(BAG).entries
        assert (entry.state, entry.verdict.code) == ("failed", Code.EVENT_ALTERED)

    def test_a_declaration_whose_signer_may_not_withdraw_leaves_the_event_in_force(self, node: Node) -> None:
        node.capture(GROWER, packed(1, PALLET, BAG), seen(2, PALLET))
        declaration = {"declarationTime": "2026-03-02T00:00:00Z", "reason": "incorrect_data"}
        node.capture(SCANNER, packed(1, PALLET, BAG, errorDeclaration=declaration), party=GROWER)
        node.anchor()
        assert node.states(BAG) == ["verified", "verified", "verified"]


class TestEntries:
    def test_each_says_why_it_is_there_at_which_step_and_where(self, node: Node) -> None:
        node.capture(
            GROWER,
            packed(1, PALLET, BAG, bizStep="packing", bizLocation={"id": PLACE}),
            seen(2, PALLET, bizStep="shipping", readPoint={"id": f"{PLACE}-gate"}, bizLocation={"id": PLACE}),
        )
        first, second = node.history(BAG).entries
        assert (first.step, first.place, second.step, second.place) == ("packing", PLACE, "shipping", f"{PLACE}-gate")
        assert first.reason == Reason(Relation.ITSELF, canonical(BAG), None)
        assert second.reason == Reason(Relation.TRAVELLED_IN, canonical(PALLET), canonical(BAG))
        assert second.to_json()["because"] == {
            "relation": "travelled_in", "thing": canonical(PALLET), "of": canonical(BAG),
        }  # fmt: skip

    def test_events_of_one_time_are_in_the_order_of_their_anchors(self, node: Node) -> None:
        device_job = node.capture(GROWER, seen(1, BAG))
        node.capture(ROASTER, seen(1, BAG))
        node.anchor()
        node.capture(GROWER, seen(1, BAG, eventID="urn:uuid:1"), seen(0, BAG))
        entries = node.history(BAG).entries
        assert [entry.stored.record_id for entry in entries] == [4, 1, 2, 3]
        assert entries[1].stored.record_hash == device_job.items[0].record_hash

    def test_forward_leads_to_what_was_made(self, node: Node) -> None:
        node.capture(GROWER, lot_seen(1, GREEN), made(2, [GREEN], [ROASTED]), made(3, [ROASTED], [BAG]), seen(4, BAG))
        assert len(node.history(GREEN, forward=True).entries) == 4
        assert len(node.history(GREEN).entries) == 2

    def test_a_truncated_history_says_so(self, node: Node) -> None:
        node.capture(GROWER, *(seen(minute, BAG) for minute in range(4)))
        assert not node.history(BAG).is_truncated
        assert node.history(BAG, limit=3).is_truncated

    def test_as_json_it_has_everything_that_a_page_needs(self, node: Node) -> None:
        (item,) = node.capture(GROWER, packed(1, PALLET, BAG)).items
        node.anchor()
        told = node.history(BAG).to_json()
        assert (told["product"], told["direction"], told["truncated"]) == (canonical(BAG), "backward", False)
        (entry,) = told["events"]
        assert (entry["eventID"], entry["recordHash"]) == (item.event_id, to_hex(item.record_hash or b""))
        assert (entry["state"], entry["code"], entry["foreign"], entry["notes"]) == ("verified", None, False, [])
        assert told["links"] == [
            {"relation": "travelled_in", "thing": canonical(PALLET), "of": canonical(BAG), "since": 1772344860000,
             "until": None}
        ]  # fmt: skip

    def test_a_product_that_nobody_spoke_of_is_unknown(self, node: Node) -> None:
        with pytest.raises(UnknownProduct):
            node.history(OTHER_BAG)


class TestNames:
    def test_event_id_hash_id_and_record_hash_all_name_an_event(self, node: Node) -> None:
        job = node.capture(GROWER, seen(1, BAG), seen(1, BAG, eventID="urn:uuid:1"), seen(2, BAG, eventID="urn:uuid:1"))
        first, second, third = job.items
        assert first.event_id is not None
        with reading(node.engine) as session:
            for name, items in [
                ("urn:uuid:1", [second, third]),
                (first.event_id, [first, second]),
                (to_hex(third.record_hash or b""), [third]),
            ]:
                found = events_named(session, TRUSTED, name)
                assert [entry.stored.record_hash for entry in found] == [item.record_hash for item in items]
                assert {entry.reason for entry in found} == {None}

    @pytest.mark.parametrize("name", ["urn:uuid:2", "0x12", "0x" + "ab" * 32, "ni:///sha-256;00?ver=CBV2.0", ""])
    def test_what_nobody_captured_is_unknown(self, node: Node, name: str) -> None:
        node.capture(GROWER, seen(1, BAG))
        with reading(node.engine) as session, pytest.raises(UnknownEvent):
            events_named(session, TRUSTED, name)


class TestBundles:
    def test_the_bundle_of_a_product_verifies_against_the_chain(self, node: Node) -> None:
        node.capture(GROWER, packed(1, PALLET, BAG), seen(2, PALLET))
        node.capture(SCANNER, seen(3, BAG), party=GROWER)
        node.anchor()
        with reading(node.engine) as session:
            data = product_proof(session, TRUSTED, BAG)
            verdict = verify(data, trusted=TRUSTED, answers=LocalAnswers.of(session), identifier=BAG)
        assert verdict.result is Result.VERIFIED
        assert [record.result for record in verdict.records] == [Result.VERIFIED] * 3
        assert verify(data).result is Result.CONSISTENT

    def test_a_record_of_a_batch_of_one_has_an_empty_proof(self, node: Node) -> None:
        (item,) = node.capture(GROWER, seen(1, BAG)).items
        node.anchor()
        with reading(node.engine) as session:
            data = event_proof(session, TRUSTED, to_hex(item.record_hash or b""))
        (record,) = parse(data).records
        assert record.anchor is not None
        assert record.anchor.proof == ()

    def test_before_the_anchor_is_known_it_is_null(self, node: Node) -> None:
        node.capture(GROWER, seen(1, BAG))
        node.close_batches()
        with reading(node.engine) as session:
            data = product_proof(session, TRUSTED, BAG)
        assert [record.anchor for record in parse(data).records] == [None]

    def test_a_bundle_beyond_what_a_verifier_takes_is_not_made(
        self, node: Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        node.capture(GROWER, seen(1, BAG), seen(2, BAG))
        monkeypatch.setattr("traceability.evidence.RECORDS_MAX", 1)
        with reading(node.engine) as session, pytest.raises(BundleTooLarge, match="2 records"):
            proof_bundle(session, TRUSTED, [1, 2])
