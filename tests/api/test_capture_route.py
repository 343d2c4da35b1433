"""POST /capture and GET /capture/{id}, as EPCIS 2.0's REST binding has them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

import httpx
import orjson
import pytest
from sqlmodel import select

from api.keys import create_api_key, list_api_keys, revoke_api_key
from ledger.database import reading
from ledger.hexadecimal import from_hex, to_address, to_hex
from ledger.record import Record, capture_receipt_digest, record_hash, recover
from ledger.tables import RecordRow, SequenceRow
from tests.api.conftest import CONTEXT, Village, bag, document, seen
from traceability.epcis.canonical import content_hash
from traceability.epcis.event_hash import event_hash, hash_id

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def grower(village: Village) -> Iterator[httpx.Client]:
    with village.client("grower") as client:
        yield client


def test_a_capture_is_answered_with_the_job_its_address_and_the_versions(grower: httpx.Client) -> None:
    event = seen(bag("job-1"))
    answer = grower.post("/capture", content=document(event), headers=JSON)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == f"/capture/{job['captureID']}"
    assert (answer.headers["GS1-EPCIS-Version"], answer.headers["GS1-CBV-Version"]) == ("2.0.0", "2.0.0")
    assert (job["running"], job["success"], job["captureErrorBehaviour"], job["errors"]) == (
        False,
        True,
        "rollback",
        [],
    )
    expected = hash_id(event_hash(event, CONTEXT))
    assert [(each["index"], each["eventID"], each["status"]) for each in job["events"]] == [(0, expected, "accepted")]


def test_the_capture_receipt_is_the_nodes_word_and_can_be_held_against_it(
    village: Village, grower: httpx.Client
) -> None:
    job = grower.post("/capture", content=document(seen(bag("receipt-1"))), headers=JSON).json()
    receipt = job["receipt"]
    assert receipt["recordHashes"] == [each["recordHash"] for each in job["events"]]
    assert receipt["anchorBy"] == receipt["receivedAt"] + 86_400
    hashes = [from_hex(each, 32) for each in receipt["recordHashes"]]
    digest = capture_receipt_digest(village.node.domain, hashes, receipt["receivedAt"], receipt["anchorBy"])
    assert recover(digest, from_hex(receipt["signature"], 65)) == village.keys["node"].address
    assert to_address(village.keys["node"].address) == grower.get("/health").json()["anchoringKey"]


def test_the_job_tells_later_that_the_record_is_final(village: Village, grower: httpx.Client) -> None:
    answer = grower.post("/capture", content=document(seen(bag("final-1"))), headers=JSON)
    job = village.settled(grower, answer.headers["Location"])
    assert [each["status"] for each in job["events"]] == ["final"]
    assert job["receipt"] == answer.json()["receipt"]


def test_the_same_event_again_is_known_and_keeps_its_first_receipt(grower: httpx.Client) -> None:
    body = document(seen(bag("again-1")))
    first, again = (grower.post("/capture", content=body, headers=JSON) for _ in range(2))
    assert again.status_code == 202
    assert again.json()["events"] == [first.json()["events"][0] | {"status": "known"}]
    assert again.json()["receipt"] == first.json()["receipt"]


@pytest.mark.parametrize("kind", ["application/json", "application/ld+json", "application/json; charset=utf-8"])
def test_json_and_json_ld_are_taken(grower: httpx.Client, kind: str) -> None:
    body = document(seen(bag(f"type-{secrets.token_hex(4)}")))
    assert grower.post("/capture", content=body, headers={"Content-Type": kind}).status_code == 202


def test_a_client_may_sign_for_itself(village: Village, grower: httpx.Client) -> None:
    village.capture("grower", seen(bag("signed-0")))
    key, event = village.keys["grower"], seen(bag("signed-1"))
    with reading(village.node.engine) as session:
        number = session.exec(select(SequenceRow.next_sequence).where(SequenceRow.signer == key.address)).one()
    record = Record(
        event_hash(event, CONTEXT), content_hash(CONTEXT, event), key.address, number, secrets.token_bytes(32)
    )
    digest = record_hash(village.node.domain, record)
    fields = {
        "eventHash": to_hex(record.event_hash),
        "contentHash": to_hex(record.content_hash),
        "party": to_hex(record.party),
        "sequence": record.sequence,
        "disclosureRoot": to_hex(record.disclosure_root),
    }
    whole = orjson.loads(document(event))
    body = orjson.dumps({"document": whole, "records": [{"record": fields, "signature": to_hex(key.sign(digest))}]})
    kind = {"Content-Type": "application/vnd.tallystick.capture+json"}
    answer = grower.post("/capture", content=body, headers=kind)
    assert answer.status_code == 202, answer.text
    assert [each["recordHash"] for each in answer.json()["events"]] == [to_hex(digest)]

    other = seen(bag("signed-2"))
    whole = orjson.loads(document(other))
    body = orjson.dumps({"document": whole, "records": [{"record": fields, "signature": to_hex(key.sign(digest))}]})
    problem = grower.post("/capture", content=body, headers=kind)
    assert (problem.status_code, problem.json()["errors"][0]["code"]) == (400, "event_hash_differs")

    # The node holds that key, too: it goes on after the number that its owner has used elsewhere.
    following = grower.post("/capture", content=document(seen(bag("signed-3"))), headers=JSON).json()["events"][0]
    with reading(village.node.engine) as session:
        is_it = RecordRow.record_hash == from_hex(following["recordHash"], 32)
        assert session.exec(select(RecordRow.sequence).where(is_it)).one() == number + 1


# --------------------------------------------------------------------------------------------------------- refusals


def problem_of(answer: httpx.Response, status: int) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, object] = answer.json()
    assert problem["status"] == status
    assert problem["detail"]
    return problem


def test_without_a_key_nothing_is_taken(village: Village) -> None:
    with village.client() as stranger:
        answer = stranger.post("/capture", content=document(seen(bag("x"))), headers=JSON)
    assert problem_of(answer, 401)["type"] == "epcisException:SecurityException"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_unknown_key_and_a_revoked_one_are_told_apart(village: Village) -> None:
    lost = create_api_key(village.node.engine, village.keys["grower"].address, "lost scanner", 1, secrets.token_bytes)
    number = next(key.number for key in list_api_keys(village.node.engine) if key.label == "lost scanner")
    revoke_api_key(village.node.engine, number, 2)
    codes = []
    for secret in ("tally_never_issued", lost):
        headers = JSON | {"Authorization": f"Bearer {secret}"}
        with village.client() as client:
            codes.append(
                problem_of(client.post("/capture", content=document(seen(bag("x"))), headers=headers), 401)["code"]
            )
    assert codes == ["unknown_api_key", "revoked_api_key"]


def test_a_key_of_an_account_that_is_no_party_records_nothing(village: Village) -> None:
    secret = create_api_key(village.node.engine, b"\x99" * 20, "stranger", 1, secrets.token_bytes)
    with village.client() as client:
        headers = JSON | {"Authorization": f"Bearer {secret}"}
        answer = client.post("/capture", content=document(seen(bag("x"))), headers=headers)
    assert problem_of(answer, 409)["code"] == "no_signing_key"


def test_an_invalid_document_is_refused_whole_with_every_place(village: Village, grower: httpx.Client) -> None:
    good, bad = seen(bag("whole-1")), seen(bag("whole-2"), action="LOOK")
    del bad["eventTimeZoneOffset"]
    problem = problem_of(grower.post("/capture", content=document(good, bad), headers=JSON), 400)
    assert problem["type"] == "epcisException:ValidationException"
    assert problem["code"] == "invalid_document"
    errors = problem["errors"]
    assert isinstance(errors, list)
    assert {(each["eventIndex"], each["path"]) for each in errors} >= {(1, "/action")}
    assert all(each["code"] and each["reason"] for each in errors)
    assert grower.get(f"/products/{bag('whole-1')}/history").status_code == 404


def test_proceed_takes_the_good_events_and_lists_the_others(grower: httpx.Client) -> None:
    good, bad = seen(bag("proceed-1")), seen(bag("proceed-2"), action="LOOK")
    headers = JSON | {"GS1-Capture-Error-Behaviour": "proceed"}
    answer = grower.post("/capture", content=document(bad, good), headers=headers)
    job = answer.json()
    assert (answer.status_code, job["success"], job["captureErrorBehaviour"]) == (202, False, "proceed")
    assert [each["status"] for each in job["events"]] == ["refused", "accepted"]
    assert [each["eventIndex"] for each in job["errors"]] == [0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "malformed_json"),
        (b'{"a": 1, "a": 2}', "malformed_json"),
        (b"", "malformed_json"),
        (document(seen(bag("x"), bizStep="dancing")), "invalid_document"),
        (document(seen(bag("x"), **{"wine:grape": "Merlot"})), "invalid_document"),
        (document(seen(bag("x"), eventTime="2026-03-01T10:00:00")), "invalid_document"),
        (document(seen(bag("x"), eventTime="2999-03-01T10:00:00Z")), "invalid_document"),
    ],
)
def test_what_is_no_epcis_is_refused_by_name(grower: httpx.Client, body: bytes, code: str) -> None:
    assert problem_of(grower.post("/capture", content=body, headers=JSON), 400)["code"] == code


def test_another_content_type_is_refused_with_those_that_are_taken(grower: httpx.Client) -> None:
    answer = grower.post("/capture", content=b"<epcis/>", headers={"Content-Type": "application/xml"})
    problem = problem_of(answer, 415)
    assert problem["type"] == "epcisException:UnsupportedMediaTypeException"
    assert "application/vnd.tallystick.capture+json" in str(problem["detail"])


def test_a_body_beyond_the_limit_is_refused_also_without_a_length(village: Village, grower: httpx.Client) -> None:
    limit = village.node.settings.capture_bytes_max

    def endless() -> Iterator[bytes]:
        for _ in range(limit // 2**20 + 2):
            yield b" " * 2**20

    answer = grower.post("/capture", content=endless(), headers=JSON)
    assert problem_of(answer, 413)["type"] == "epcisException:CaptureLimitExceededException"
    assert answer.headers["GS1-EPCIS-Capture-File-Size-Limit"] == str(limit)


def test_an_unknown_error_behaviour_and_another_version_are_refused(grower: httpx.Client) -> None:
    body = document(seen(bag("x")))
    unknown = grower.post("/capture", content=body, headers=JSON | {"GS1-Capture-Error-Behaviour": "hope"})
    assert problem_of(unknown, 400)["code"] == "bad_header"
    older = grower.post("/capture", content=body, headers=JSON | {"GS1-EPCIS-Version": "1.2.0"})
    assert problem_of(older, 406)["type"] == "epcisException:NotAcceptableException"


def test_an_unknown_job_is_not_found(grower: httpx.Client) -> None:
    assert problem_of(grower.get("/capture/nothing"), 404)["code"] == "unknown_capture_job"


def test_the_capture_interface_can_be_discovered(village: Village, grower: httpx.Client) -> None:
    answer = grower.options("/capture")
    assert answer.status_code == 204
    assert answer.headers["GS1-EPCIS-Capture-File-Size-Limit"] == str(village.node.settings.capture_bytes_max)
    assert answer.headers["GS1-Capture-Error-Behaviour"] == "all"
    assert answer.headers["Allow"] == "OPTIONS, POST"


def test_a_capture_is_durable_before_it_is_answered(village: Village, grower: httpx.Client) -> None:
    job = grower.post("/capture", content=document(seen(bag("durable-1"))), headers=JSON).json()
    record = job["events"][0]["recordHash"]
    with reading(village.node.engine) as session:
        found = session.scalars(select(RecordRow.record_hash).where(RecordRow.record_hash == from_hex(record, 32)))
        assert len(found.all()) == 1
    assert time.time() - job["receipt"]["receivedAt"] < 60
