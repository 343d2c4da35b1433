"""capture: a document of events becomes signed records
├── each event gets a record that its party's key has signed, and its hash ID where it brought no name
├── what was captured before is known, and answered with the first receipt
│   └── taken again only where no earlier record of it can verify any more
├── an equal event hash with other content is stored and marked
├── a stale `ni:` eventID is kept and marked, or refused by a setting
├── a document is taken whole or not at all; with `proceed` the good events of it
├── error declarations withdraw the earlier record, on chain too
├── a client signs on its side: every record is checked before anything is stored
├── whom the signer stands for decides: unknown, revoked, suspended are refused, who stands later waits
└── the receipt is the node's promise: none where the chain was out of reach
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy.engine import Engine
from sqlmodel import func, select

from ledger.abi import interface
from ledger.answers import Use
from ledger.database import reading
from ledger.errors import SequenceTaken, SignerNotAuthorised, UnknownParty
from ledger.hexadecimal import to_address, to_hex
from ledger.keystore import LocalSigner
from ledger.record import Record, capture_receipt_digest, record_hash, recover, withdrawal_digest
from ledger.tables import RecordRow
from tests.traceability.nodes import (
    CONTEXT,
    DOMAIN,
    EVENT_LOG,
    GROWER,
    NODE,
    ROASTER,
    SCANNER,
    STRANGER,
    Chain,
    Node,
    document,
    found,
    join,
)
from tests.traceability.stories import BAG, GREEN, PALLET, ROASTED, lot_seen, made, packed, seen
from traceability import repository
from traceability.capture import CaptureSettings
from traceability.drafts import Mark
from traceability.epcis.canonical import content_hash
from traceability.epcis.event_hash import event_hash, hash_id
from traceability.errors import AmbiguousEvent, FieldProblem, InvalidDocument, MalformedJson, UnknownEvent
from traceability.jobs import CaptureItem, CaptureJob, ErrorBehaviour, Status
from traceability.mentions import mentions
from traceability.withdrawal import withdraw

DECLARATION = {"declarationTime": "2026-03-02T00:00:00Z", "reason": "incorrect_data"}
PROCEED = ErrorBehaviour.PROCEED


@pytest.fixture
def node(engine: Engine) -> Node:
    chain = Chain()
    node = join(chain, engine)
    found(chain)
    return node


def statuses(job: CaptureJob) -> list[Status]:
    return [item.status for item in job.items]


def stored_count(node: Node) -> int:
    with reading(node.engine) as session:
        return session.exec(select(func.count()).select_from(RecordRow)).one()


def stored(node: Node, item: CaptureItem) -> repository.StoredEvent:
    assert item.record_hash is not None
    with reading(node.engine) as session:
        (record_id,) = repository.named(session, to_hex(item.record_hash))
        return repository.load(session, [record_id])[record_id]


class TestRecords:
    def test_each_event_is_signed_by_its_partys_key_with_the_next_number(self, node: Node) -> None:
        events = [seen(1, BAG), packed(2, PALLET, BAG), made(3, [GREEN], [ROASTED])]
        first, second = node.capture(GROWER, *events), node.capture(GROWER, seen(4, PALLET))
        for number, (event, item) in enumerate(
            zip([*events, seen(4, PALLET)], first.items + second.items, strict=True)
        ):
            entry = stored(node, item)
            record = Record(event_hash(event, CONTEXT), content_hash(CONTEXT, event), GROWER.address, number,
                            entry.record.disclosure_root)  # fmt: skip
            assert entry.record == record
            assert any(record.disclosure_root)
            assert item.record_hash == record_hash(DOMAIN, record)
            assert recover(record_hash(DOMAIN, record), entry.signature) == entry.signer == GROWER.address

    def test_numbers_are_counted_per_key_not_per_party(self, node: Node) -> None:
        items = [node.capture(signer, seen(minute, BAG), party=GROWER).items[0]
                 for minute, signer in enumerate([GROWER, SCANNER, GROWER, SCANNER])]  # fmt: skip
        assert [stored(node, item).record.sequence for item in items] == [0, 0, 1, 1]
        assert {stored(node, item).record.party for item in items} == {GROWER.address}

    def test_every_record_draws_randomness_of_its_own(self, node: Node) -> None:
        job = node.capture(GROWER, *(seen(minute, BAG) for minute in range(5)))
        assert len({stored(node, item).record.disclosure_root for item in job.items}) == 5

    def test_an_event_without_event_id_goes_by_its_hash_id_which_is_not_in_what_was_signed(self, node: Node) -> None:
        (item,) = node.capture(GROWER, seen(1, BAG)).items
        assert item.event_id == hash_id(event_hash(seen(1, BAG), CONTEXT))
        assert stored(node, item).event_id == item.event_id
        assert stored(node, item).event == seen(1, BAG)

    def test_an_event_with_event_id_keeps_it(self, node: Node) -> None:
        (item,) = node.capture(GROWER, seen(1, BAG, eventID="urn:uuid:1")).items
        assert item.event_id == stored(node, item).event_id == "urn:uuid:1"

    def test_what_was_signed_is_stored_as_it_was_handed_in(self, node: Node) -> None:
        event = seen(1, BAG) | {"coffee:note": {"coffee:cup": 86.5, "coffee:words": ["日本", "é"]}}
        (item,) = node.capture(GROWER, event).items
        assert stored(node, item).event == event
        assert stored(node, item).context == CONTEXT

    def test_a_context_that_is_a_text_is_signed_as_a_list_of_one(self, node: Node) -> None:
        (item,) = node.capture(GROWER, data=document(seen(1, BAG), context=CONTEXT[0])).items
        assert stored(node, item).context == [CONTEXT[0]]

    def test_the_job_is_the_same_when_asked_for_later(self, node: Node) -> None:
        job = node.capture(GROWER, seen(1, BAG), seen(2, BAG, eventID="urn:uuid:1"))
        assert node.job(job.capture_id) == job

    def test_the_job_shows_how_far_each_record_has_come(self, node: Node) -> None:
        job = node.capture(GROWER, seen(1, BAG))
        node.anchor()
        assert statuses(node.job(job.capture_id)) == [Status.FINAL]

    def test_a_job_that_never_was_is_none(self, node: Node) -> None:
        with pytest.raises(AssertionError):
            node.job("0" * 32)

    def test_the_job_has_the_members_of_epcis(self, node: Node) -> None:
        told = node.capture(GROWER, seen(1, BAG)).to_json()
        assert {name: told[name] for name in ("running", "success", "captureErrorBehaviour", "errors")} == {
            "running": False, "success": True, "captureErrorBehaviour": "rollback", "errors": [],
        }  # fmt: skip
        assert told["createdAt"] == told["finishedAt"] == "2026-03-01T07:00:08.000Z"
        assert [set(event) for event in told["events"]] == [{"index", "eventID", "recordHash", "status"}]
        assert told["receipt"]["recordHashes"] == [told["events"][0]["recordHash"]]


class TestKnown:
    def test_the_same_event_again_is_known_and_answered_with_the_first_receipt(self, node: Node) -> None:
        first = node.capture(GROWER, seen(1, BAG), seen(2, BAG))
        node.chain.pass_time(60)
        second = node.capture(GROWER, seen(1, BAG), seen(2, BAG))
        assert statuses(second) == [Status.KNOWN, Status.KNOWN]
        assert [item.record_hash for item in second.items] == [item.record_hash for item in first.items]
        assert second.receipt == first.receipt
        assert second.capture_id != first.capture_id
        assert stored_count(node) == 2

    def test_of_a_document_that_is_new_in_part_the_rest_is_known(self, node: Node) -> None:
        (first,) = node.capture(GROWER, seen(1, BAG)).items
        job = node.capture(GROWER, seen(1, BAG), seen(2, BAG))
        assert statuses(job) == [Status.KNOWN, Status.ACCEPTED]
        assert job.items[0].record_hash == first.record_hash
        assert job.receipt is not None
        assert job.receipt.record_hashes == tuple(item.record_hash for item in job.items)

    def test_an_event_twice_in_one_document_is_stored_once(self, node: Node) -> None:
        job = node.capture(GROWER, seen(1, BAG), seen(1, BAG))
        assert statuses(job) == [Status.ACCEPTED, Status.KNOWN]
        assert job.items[0].record_hash == job.items[1].record_hash
        assert node.job(job.capture_id) == job
        assert stored_count(node) == 1

    def test_the_same_event_of_another_party_is_another_record(self, node: Node) -> None:
        node.capture(GROWER, seen(1, BAG))
        job = node.capture(ROASTER, seen(1, BAG))
        assert statuses(job) == [Status.ACCEPTED]
        assert job.items[0].marks == ()

    def test_another_key_of_the_same_party_repeats_what_the_party_has_said(self, node: Node) -> None:
        node.capture(GROWER, seen(1, BAG))
        assert statuses(node.capture(SCANNER, seen(1, BAG), party=GROWER)) == [Status.KNOWN]

    def test_it_is_taken_again_where_its_signer_was_revoked_before_it_was_anchored(self, node: Node) -> None:
        first = node.capture(SCANNER, seen(1, BAG), party=GROWER)
        node.chain.revoke(GROWER, SCANNER)
        node.chain.pass_time(10)
        again = node.capture(GROWER, seen(1, BAG))
        assert statuses(again) == [Status.ACCEPTED]
        node.anchor()
        assert node.states(BAG) == ["failed", "verified"]
        (item,) = node.job(first.capture_id).items
        assert (item.status, item.marks) == (Status.FINAL, (Mark.NEVER_VERIFIES,))
        assert statuses(node.capture(GROWER, seen(1, BAG))) == [Status.KNOWN]

    def test_it_is_not_taken_again_where_its_signer_was_revoked_after_it_was_anchored(self, node: Node) -> None:
        node.capture(SCANNER, seen(1, BAG), party=GROWER)
        node.anchor()
        node.chain.revoke(GROWER, SCANNER)
        node.chain.pass_time(10)
        assert statuses(node.capture(GROWER, seen(1, BAG))) == [Status.KNOWN]

    def test_it_is_taken_again_where_its_number_was_disowned(self, node: Node) -> None:
        first = node.capture(SCANNER, seen(1, BAG), party=GROWER)
        node.anchor()
        node.chain.revoke(GROWER, SCANNER, first_disowned=0)
        node.chain.pass_time(10)
        assert statuses(node.capture(GROWER, seen(1, BAG))) == [Status.ACCEPTED]
        assert node.job(first.capture_id).items[0].marks == (Mark.DISOWNED,)


class TestMarks:
    def test_an_equal_hash_with_other_content_is_stored_and_marked(self, node: Node) -> None:
        node.capture(GROWER, seen(1, BAG))
        job = node.capture(GROWER, seen(1, BAG, recordTime="2026-03-01T07:00:00Z"))
        assert statuses(job) == [Status.ACCEPTED]
        assert job.items[0].marks == (Mark.OTHER_CONTENT,)
        assert node.job(job.capture_id) == job

    def test_two_contents_of_one_hash_in_one_document_are_marked_from_the_second_on(self, node: Node) -> None:
        job = node.capture(GROWER, seen(1, BAG), seen(1, BAG, eventID="urn:uuid:1"), seen(2, BAG))
        assert [item.marks for item in job.items] == [(), (Mark.OTHER_CONTENT,), ()]

    def test_a_history_marks_both_contents(self, node: Node) -> None:
        node.capture(GROWER, seen(1, BAG), seen(1, BAG, eventID="urn:uuid:1"))
        assert [entry.marks for entry in node.history(BAG).entries] == [(Mark.OTHER_CONTENT,)] * 2

    def test_a_stale_hash_id_is_kept_and_marked(self, node: Node) -> None:
        stale = hash_id(bytes(32))
        (item,) = node.capture(GROWER, seen(1, BAG, eventID=stale)).items
        assert (item.event_id, item.marks) == (stale, (Mark.STALE_EVENT_ID,))
        assert [entry.marks for entry in node.history(BAG).entries] == [(Mark.STALE_EVENT_ID,)]

    def test_an_events_own_hash_id_is_not_stale(self, node: Node) -> None:
        own = hash_id(event_hash(seen(1, BAG), CONTEXT))
        (item,) = node.capture(GROWER, seen(1, BAG, eventID=own)).items
        assert (item.event_id, item.marks) == (own, ())

    def test_a_stale_hash_id_is_refused_where_the_node_says_so(self, node: Node) -> None:
        settings = CaptureSettings(refuses_stale_event_ids=True)
        with pytest.raises(InvalidDocument) as refused:
            node.capture(GROWER, seen(1, BAG), seen(2, BAG, eventID=hash_id(bytes(32))), settings=settings)
        assert [(each.event_index, each.path, each.code) for each in refused.value.problems] == [
            (1, "/eventID", "stale_event_id")
        ]
        assert stored_count(node) == 0


class TestDocuments:
    def test_one_wrong_event_refuses_the_whole_document(self, node: Node) -> None:
        with pytest.raises(InvalidDocument) as refused:
            node.capture(GROWER, seen(1, BAG), seen(2, BAG) | {"action": "THROW"}, seen(3, BAG))
        assert {problem.event_index for problem in refused.value.problems} == {1}
        assert stored_count(node) == 0

    def test_with_proceed_the_good_events_are_taken_and_the_others_named(self, node: Node) -> None:
        wrong = seen(2, BAG) | {"action": "THROW"}
        job = node.capture(GROWER, seen(1, BAG), wrong, seen(3, BAG), error_behaviour=PROCEED)
        assert statuses(job) == [Status.ACCEPTED, Status.REFUSED, Status.ACCEPTED]
        assert not job.is_success
        assert {error.event_index for error in job.errors} == {1}
        assert node.job(job.capture_id) == job
        assert job.to_json()["errors"][0]["eventIndex"] == 1
        assert stored_count(node) == 2

    def test_with_proceed_a_document_of_which_nothing_is_good_leaves_a_job_and_no_receipt(self, node: Node) -> None:
        job = node.capture(GROWER, seen(2, BAG) | {"action": "THROW"}, error_behaviour=PROCEED)
        assert (statuses(job), job.receipt) == ([Status.REFUSED], None)
        assert node.job(job.capture_id) == job

    def test_an_event_from_the_future_is_refused(self, node: Node) -> None:
        minutes = (node.now_us / 1e6 - 1772344800) / 60
        node.capture(GROWER, seen(minutes + 4.9, BAG))
        with pytest.raises(InvalidDocument, match="future"):
            node.capture(GROWER, seen(minutes + 5.1, BAG))

    def test_bytes_that_are_no_json_are_refused(self, node: Node) -> None:
        with pytest.raises(MalformedJson):
            node.capture(GROWER, data=b'{"a": 1, "a": 2}')
        with pytest.raises(MalformedJson):
            node.capture(GROWER, seen(1, BAG), settings=CaptureSettings(bytes_max=100))

    def test_a_document_without_events_is_an_empty_job(self, node: Node) -> None:
        job = node.capture(GROWER)
        assert (job.items, job.receipt, job.is_success) == ((), None, True)


class TestDeclarations:
    def test_a_declaration_is_a_record_of_its_own_and_withdraws_the_earlier_one_on_chain(self, node: Node) -> None:
        event = seen(1, BAG, eventID="urn:uuid:1")
        (earlier,) = node.capture(GROWER, event).items
        job = node.capture(GROWER, event | {"errorDeclaration": DECLARATION})
        assert (statuses(job), job.items[0].marks) == ([Status.ACCEPTED], ())
        assert earlier.record_hash is not None
        signature = GROWER.sign(withdrawal_digest(DOMAIN, earlier.record_hash))
        (planned,) = node.outbox()
        assert planned.intent == f"withdraw:{to_hex(earlier.record_hash)}"
        assert (planned.to, planned.sender) == (EVENT_LOG, NODE.address)
        assert planned.data == interface("EventLog").call("withdraw", earlier.record_hash, signature)
        node.anchor()
        corrected, declaration = node.history(BAG).entries
        assert (corrected.state, corrected.withdrawn_by) == ("corrected", (job.items[0].record_hash,))
        assert (declaration.state, declaration.withdrawn_by) == ("verified", ())

    def test_a_declaration_in_the_same_document_withdraws_too(self, node: Node) -> None:
        job = node.capture(GROWER, seen(1, BAG), seen(1, BAG, errorDeclaration=DECLARATION))
        assert [row.intent for row in node.outbox()] == [f"withdraw:{to_hex(job.items[0].record_hash or b'')}"]

    def test_a_declaration_of_what_nobody_recorded_here_plans_nothing(self, node: Node) -> None:
        node.capture(ROASTER, seen(1, BAG))
        node.capture(GROWER, seen(1, BAG, errorDeclaration=DECLARATION))
        assert node.outbox() == []

    def test_declaring_twice_withdraws_once(self, node: Node) -> None:
        node.capture(GROWER, seen(1, BAG))
        for reason in ("incorrect_data", "did_not_occur"):
            node.capture(GROWER, seen(1, BAG, errorDeclaration=DECLARATION | {"reason": reason}))
        assert len(node.outbox()) == 1

    def test_a_key_that_does_not_stand_for_withdrawing_withdraws_nothing_and_is_told_so(self, node: Node) -> None:
        node.capture(GROWER, seen(1, BAG))
        job = node.capture(SCANNER, seen(1, BAG, errorDeclaration=DECLARATION), party=GROWER)
        assert job.items[0].marks == (Mark.WITHDRAWS_NOTHING,)
        assert node.outbox() == []
        node.anchor()
        assert node.states(BAG) == ["verified", "verified"]

    def test_nothing_follows_from_a_withdrawn_event(self, node: Node) -> None:
        node.capture(GROWER, packed(1, PALLET, BAG), seen(2, PALLET))
        assert len(node.history(BAG).entries) == 2
        node.capture(GROWER, packed(1, PALLET, BAG, errorDeclaration=DECLARATION))
        assert len(node.history(BAG).entries) == 2
        assert {entry.stored.event["type"] for entry in node.history(BAG).entries} == {"AggregationEvent"}


class TestWithdraw:
    def take_back(self, node: Node, signer: LocalSigner, name: str, party: LocalSigner = GROWER) -> CaptureJob:
        return withdraw(node.engine, domain=DOMAIN, party=party.address, signer=signer, name=name, now_us=node.now_us,
                        randomness=node.draw, receipt_signer=NODE)  # fmt: skip

    def test_it_declares_the_event_of_that_name_wrong(self, node: Node) -> None:
        (item,) = node.capture(GROWER, seen(1, BAG)).items
        assert item.event_id is not None
        job = self.take_back(node, GROWER, item.event_id)
        declared = stored(node, job.items[0])
        assert declared.event == seen(1, BAG) | {
            "errorDeclaration": {"declarationTime": "2026-03-01T07:00:08.000Z", "reason": "incorrect_data"}
        }
        assert declared.record.event_hash == stored(node, item).record.event_hash
        assert len(node.outbox()) == 1
        node.anchor()
        assert node.states(BAG) == ["corrected", "verified"]

    def test_several_records_of_a_name_want_a_record_hash(self, node: Node) -> None:
        job = node.capture(GROWER, seen(1, BAG, eventID="urn:uuid:1"), seen(2, BAG, eventID="urn:uuid:1"))
        with pytest.raises(AmbiguousEvent):
            self.take_back(node, GROWER, "urn:uuid:1")
        self.take_back(node, GROWER, to_hex(job.items[1].record_hash or b""))
        node.anchor()
        assert node.states(BAG) == ["verified", "corrected", "verified"]

    def test_what_is_not_there_or_is_a_declaration_cannot_be_withdrawn(self, node: Node) -> None:
        (item,) = node.capture(GROWER, seen(1, BAG, errorDeclaration=DECLARATION)).items
        for name in ("urn:uuid:1", to_hex(item.record_hash or b"")):
            with pytest.raises(UnknownEvent):
                self.take_back(node, GROWER, name)

    @pytest.mark.parametrize(("party", "signer"), [(ROASTER, ROASTER), (GROWER, SCANNER)])
    def test_nobody_withdraws_for_another_or_without_standing_for_it(
        self, node: Node, party: LocalSigner, signer: LocalSigner
    ) -> None:
        (item,) = node.capture(GROWER, seen(1, BAG)).items
        with pytest.raises(SignerNotAuthorised):
            self.take_back(node, signer, to_hex(item.record_hash or b""), party=party)
        assert stored_count(node) == 1


def signed(signer: LocalSigner, *events: dict[str, Any], first: int = 0, party: LocalSigner | None = None) -> Any:
    """What a client sends that holds its own key."""
    records = [_client_record(signer, event, first + place, party or signer) for place, event in enumerate(events)]
    return {"document": orjson.loads(document(*events)), "records": records}


def _client_record(signer: LocalSigner, event: dict[str, Any], sequence: int, party: LocalSigner) -> dict[str, Any]:
    root = sequence.to_bytes(32, "big").replace(b"\0", b"\x01")
    record = Record(event_hash(event, CONTEXT), content_hash(CONTEXT, event), party.address, sequence, root)
    written = {
        "eventHash": to_hex(record.event_hash),
        "contentHash": to_hex(record.content_hash),
        "party": to_address(record.party),
        "sequence": sequence,
        "disclosureRoot": to_hex(root),
    }
    return {"record": written, "signature": to_hex(signer.sign(record_hash(DOMAIN, record)))}


class TestClientSigned:
    def test_the_clients_own_records_are_stored(self, node: Node) -> None:
        request = signed(SCANNER, seen(1, BAG), seen(2, BAG), first=7, party=GROWER)
        job = node.capture_signed(GROWER, orjson.dumps(request))
        assert statuses(job) == [Status.ACCEPTED, Status.ACCEPTED]
        entries = [stored(node, item) for item in job.items]
        assert [(entry.signer, entry.record.sequence) for entry in entries] == [
            (SCANNER.address, 7),
            (SCANNER.address, 8),
        ]
        assert [to_hex(entry.signature) for entry in entries] == [each["signature"] for each in request["records"]]
        node.anchor()
        assert node.states(BAG) == ["verified", "verified"]

    def test_sent_again_it_is_known(self, node: Node) -> None:
        data = orjson.dumps(signed(GROWER, seen(1, BAG)))
        first, second = node.capture_signed(GROWER, data), node.capture_signed(GROWER, data)
        assert (statuses(second), second.receipt) == ([Status.KNOWN], first.receipt)

    @pytest.mark.parametrize(
        ("alter", "path", "code"),
        [
            (lambda r: r["record"].update(eventHash=to_hex(b"\x01" * 32)), "/record/eventHash", "event_hash_differs"),
            (lambda r: r["record"].update(contentHash=to_hex(b"\x01" * 32)), "/record/contentHash",
             "content_hash_differs"),
            (lambda r: r["record"].update(party=to_address(ROASTER.address)), "/record/party", "other_party"),
            (lambda r: r["record"].update(sequence="0"), "/record/sequence", "malformed_record"),
            (lambda r: r["record"].update(sequence=-1), "/record/sequence", "malformed_record"),
            (lambda r: r["record"].update(sequence=1.5), "/record/sequence", "malformed_record"),
            (lambda r: r["record"].update(sequence=True), "/record/sequence", "malformed_record"),
            (lambda r: r["record"].update(disclosureRoot=to_hex(bytes(32))), "/record/disclosureRoot",
             "malformed_record"),
            (lambda r: r["record"].update(eventHash="0x12"), "/record/eventHash", "malformed_record"),
            (lambda r: r["record"].pop("party"), "/record", "malformed_record"),
            (lambda r: r.update(extra=1), "", "malformed_record"),
            (lambda r: r.update(signature=to_hex(b"\x01" * 64)), "/signature", "malformed_record"),
            (lambda r: r.update(signature=to_hex(b"\x01" * 64 + b"\x1d")), "/signature", "bad_signature"),
            (lambda r: r.update(withdrawalSignature=to_hex(b"\x01" * 64 + b"\x1b")), "/withdrawalSignature",
             "withdraws_nothing"),
        ],
    )  # fmt: skip
    def test_a_record_that_does_not_fit_is_refused_by_place(
        self, node: Node, alter: Callable[[dict[str, Any]], None], path: str, code: str
    ) -> None:
        request = signed(GROWER, seen(1, BAG), seen(2, BAG))
        alter(request["records"][1])
        with pytest.raises(InvalidDocument) as refused:
            node.capture_signed(GROWER, orjson.dumps(request))
        (problem,) = refused.value.problems
        assert (problem.event_index, problem.path, problem.code) == (1, f"/records/1{path}", code)
        assert stored_count(node) == 0

    def test_there_is_one_record_for_each_event(self, node: Node) -> None:
        request = signed(GROWER, seen(1, BAG), seen(2, BAG))
        request["records"].pop()
        with pytest.raises(InvalidDocument, match="1 records for 2 events"):
            node.capture_signed(GROWER, orjson.dumps(request))

    @pytest.mark.parametrize("body", [[], {"document": {}}, {"document": {}, "records": {}}])
    def test_anything_else_is_no_signed_capture(self, node: Node, body: Any) -> None:
        with pytest.raises(InvalidDocument, match="two members"):
            node.capture_signed(GROWER, orjson.dumps(body))

    def test_with_proceed_records_stay_with_their_events(self, node: Node) -> None:
        request = signed(GROWER, seen(1, BAG), seen(2, BAG), seen(3, BAG))
        request["document"]["epcisBody"]["eventList"][1]["action"] = "THROW"
        job = node.capture_signed(GROWER, orjson.dumps(request), PROCEED)
        assert statuses(job) == [Status.ACCEPTED, Status.REFUSED, Status.ACCEPTED]
        assert [stored(node, job.items[place]).record.sequence for place in (0, 2)] == [0, 2]

    def test_the_very_same_record_is_known_even_where_it_never_verifies(self, node: Node) -> None:
        data = orjson.dumps(signed(SCANNER, seen(1, BAG), party=GROWER))
        node.capture_signed(GROWER, data)
        node.chain.authorise(GROWER, STRANGER, Use.RECORD)
        node.chain.revoke(GROWER, SCANNER, first_disowned=0)
        assert statuses(node.capture_signed(GROWER, data)) == [Status.KNOWN]

    def test_a_number_is_never_used_for_two_records(self, node: Node) -> None:
        node.capture_signed(GROWER, orjson.dumps(signed(GROWER, seen(1, BAG), first=5)))
        with pytest.raises(SequenceTaken):
            node.capture_signed(GROWER, orjson.dumps(signed(GROWER, seen(2, BAG), first=5)))
        twice = signed(GROWER, seen(2, BAG), first=6)
        other = signed(GROWER, seen(3, BAG), first=6)
        twice["document"]["epcisBody"]["eventList"] += other["document"]["epcisBody"]["eventList"]
        twice["records"] += other["records"]
        with pytest.raises(SequenceTaken):
            node.capture_signed(GROWER, orjson.dumps(twice))
        assert stored_count(node) == 1

    def test_a_key_that_signed_for_itself_goes_on_after_its_numbers_when_the_node_holds_it(self, node: Node) -> None:
        node.capture_signed(GROWER, orjson.dumps(signed(GROWER, seen(1, BAG), first=5)))
        (item,) = node.capture(GROWER, seen(2, BAG)).items
        assert stored(node, item).record.sequence == 6

    def test_the_record_of_a_key_that_stands_for_nobody_is_refused(self, node: Node) -> None:
        with pytest.raises(SignerNotAuthorised):
            node.capture_signed(GROWER, orjson.dumps(signed(STRANGER, seen(1, BAG), party=GROWER)))

    def test_a_declaration_brings_its_withdrawals_signature(self, node: Node) -> None:
        (earlier,) = node.capture_signed(GROWER, orjson.dumps(signed(GROWER, seen(1, BAG)))).items
        assert earlier.record_hash is not None
        request = signed(GROWER, seen(1, BAG, errorDeclaration=DECLARATION), first=1)
        signature = GROWER.sign(withdrawal_digest(DOMAIN, earlier.record_hash))
        request["records"][0]["withdrawalSignature"] = to_hex(signature)
        node.capture_signed(GROWER, orjson.dumps(request))
        (planned,) = node.outbox()
        assert planned.data == interface("EventLog").call("withdraw", earlier.record_hash, signature)

    @pytest.mark.parametrize("signer", [STRANGER, SCANNER])
    def test_a_withdrawal_by_nobody_who_may_withdraw_is_refused(self, node: Node, signer: LocalSigner) -> None:
        (earlier,) = node.capture(GROWER, seen(1, BAG)).items
        request = signed(GROWER, seen(1, BAG, errorDeclaration=DECLARATION), first=1)
        signature = signer.sign(withdrawal_digest(DOMAIN, earlier.record_hash or b""))
        request["records"][0]["withdrawalSignature"] = to_hex(signature)
        with pytest.raises(InvalidDocument) as refused:
            node.capture_signed(GROWER, orjson.dumps(request))
        assert refused.value.problems[0].code == "bad_withdrawal"
        assert (stored_count(node), node.outbox()) == (1, [])


class TestWhoMayRecord:
    def test_an_unknown_party_is_named(self, node: Node) -> None:
        with pytest.raises(UnknownParty):
            node.capture(STRANGER, seen(1, BAG))

    @pytest.mark.parametrize("signer", [STRANGER, ROASTER, NODE])
    def test_a_key_that_does_not_record_for_the_party_is_refused(self, node: Node, signer: LocalSigner) -> None:
        with pytest.raises(SignerNotAuthorised):
            node.capture(signer, seen(1, BAG), party=GROWER)
        assert stored_count(node) == 0

    def test_a_revoked_key_is_refused_for_whatever_is_new(self, node: Node) -> None:
        first = node.capture(SCANNER, seen(1, BAG), party=GROWER)
        node.anchor()
        node.chain.revoke(GROWER, SCANNER)
        node.chain.pass_time(5)
        with pytest.raises(SignerNotAuthorised):
            node.capture(SCANNER, seen(1, BAG), seen(2, BAG), party=GROWER)
        assert node.capture(SCANNER, seen(1, BAG), party=GROWER).receipt == first.receipt

    def test_a_suspended_party_records_nothing(self, node: Node) -> None:
        node.chain.suspend(GROWER)
        node.chain.pass_time(5)
        with pytest.raises(SignerNotAuthorised):
            node.capture(GROWER, seen(1, BAG))

    def test_the_record_of_a_key_that_stands_from_tomorrow_on_waits(self, node: Node) -> None:
        device = STRANGER
        node.chain.authorise(GROWER, device, Use.RECORD, after_s=86_400)
        job = node.capture(device, seen(1, BAG), party=GROWER)
        node.anchor()
        assert statuses(node.job(job.capture_id)) == [Status.WAITING]
        assert node.states(BAG) == ["waiting"]
        node.chain.pass_time(86_400)
        node.anchor()
        assert statuses(node.job(job.capture_id)) == [Status.FINAL]
        assert node.states(BAG) == ["verified"]

    def test_before_the_chain_was_first_read_everyone_is_let_in(self, engine: Engine) -> None:
        node = Node(engine, Chain())
        job = node.capture(STRANGER, seen(1, BAG))
        assert (statuses(job), job.receipt) == ([Status.ACCEPTED], None)
        assert node.states(BAG) == ["accepted"]
        assert statuses(node.job(job.capture_id)) == [Status.ACCEPTED]

    def test_a_follower_that_has_begun_but_read_no_founder_judges_nobody(self, engine: Engine) -> None:
        # Its position is then the block before the contracts' own: captures were refused for that moment.
        node = join(Chain(), engine)
        job = node.capture(STRANGER, seen(1, BAG))
        assert statuses(job) == [Status.ACCEPTED]
        assert job.receipt is not None


class TestReceipt:
    def test_it_is_signed_by_the_nodes_key_over_the_records_and_both_times(self, node: Node) -> None:
        job = node.capture(GROWER, seen(1, BAG), lot_seen(2, GREEN))
        receipt, now_at = job.receipt, node.chain.now_at
        assert receipt is not None
        assert receipt.record_hashes == tuple(item.record_hash for item in job.items)
        assert (receipt.received_at, receipt.anchor_by) == (now_at, now_at + 86_400)
        digest = capture_receipt_digest(DOMAIN, receipt.record_hashes, now_at, now_at + 86_400)
        assert recover(digest, receipt.signature) == NODE.address

    def test_a_node_that_has_not_reached_its_chain_for_that_long_promises_nothing(self, node: Node) -> None:
        job = node.capture(GROWER, seen(1, BAG), settings=CaptureSettings(anchor_by_s=60))
        assert job.receipt is not None
        node.chain.listeners.clear()
        node.chain.pass_time(61)
        assert node.capture(GROWER, seen(2, BAG), settings=CaptureSettings(anchor_by_s=60)).receipt is None

    def test_a_node_without_anchoring_key_promises_nothing(self, node: Node) -> None:
        assert node.capture(GROWER, seen(1, BAG), receipt_signer=None).receipt is None

    def test_what_was_known_without_a_receipt_gets_one(self, node: Node) -> None:
        node.capture(GROWER, seen(1, BAG), receipt_signer=None)
        assert node.capture(GROWER, seen(1, BAG)).receipt is not None


def test_a_problem_reads_as_a_problem_detail() -> None:
    job = CaptureJob(
        "id", bytes(20), 0, 0, PROCEED, (FieldProblem(3, "/action", "unknown_word", "no such action"),), (), None
    )
    assert job.to_json()["errors"] == [{
        "type": "epcisException:ValidationException", "title": "The event is not valid EPCIS 2.0", "status": 400,
        "detail": "no such action", "eventIndex": 3, "path": "/action", "code": "unknown_word",
    }]  # fmt: skip


def test_captures_at_the_same_time_share_no_number(node: Node) -> None:
    node.capture(GROWER, seen(0, BAG))
    with ThreadPoolExecutor(4) as threads:
        told = [[seen(minute + place / 10, BAG) for place in range(5)] for minute in range(1, 9)]
        jobs = list(threads.map(lambda events: node.capture(GROWER, *events), told))
    entries = [stored(node, item) for job in jobs for item in job.items]
    assert sorted(entry.record.sequence for entry in entries) == list(range(1, 41))
    assert sorted(entry.record_id for entry in entries) == list(range(2, 42))


def test_gs1s_own_examples_are_captured_and_found_again(node: Node, vectors: Path) -> None:
    """All but the two that give a prefix another meaning, or have a member twice."""
    node.chain.pass_time(30 * 365 * 86_400)
    refused = []
    for path in sorted((vectors / "gs1-epcis" / "JSON").rglob("*.jsonld")):
        try:
            job = node.capture(GROWER, data=path.read_bytes())
        except (InvalidDocument, MalformedJson) as error:
            refused.append((path.stem, error.code))
            continue
        for item in job.items:
            event = stored(node, item).event
            for thing, _ in mentions(event):
                assert stored(node, item).record_id in {
                    entry.stored.record_id for entry in node.history(thing).entries
                }, (path.name, thing)
    assert len(refused) == 2, refused
