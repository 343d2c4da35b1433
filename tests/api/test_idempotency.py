"""Idempotency-Key, over HTTP
├── the same request with the same key
│   ├── is done once and answered twice, to the letter: also a refusal
│   ├── a hundred at once: once
│   └── after what it would have changed by now has changed: still the first answer
├── another request with the same key, by body, address or what its headers mean: refused
├── another party's same key: another key
├── a key that is none: refused, naming the header
├── what may go better another time (the chain is away): not kept
└── kept for as long as the setting says, and forgotten in bounded steps
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.engine import Engine

from api.answers import FORGOTTEN_AT_ONCE, AnswerRow, Given, forget, given, keep
from api.app import create_app
from api.errors import BadIdempotencyKey
from api.idempotency import CHANGING, key_of
from api.node import Node
from api.settings import load_settings
from ledger.database import reading, writing
from tests.api.conftest import Village, bag, document, seen, serving, working
from traceability.tables import CaptureJobRow

JSON = {"Content-Type": "application/json"}
GROWER = b"\x01" * 20


def post(client: httpx.Client, key: str | None, body: bytes, path: str = "/capture", **more: str) -> httpx.Response:
    headers = JSON | ({"Idempotency-Key": key} if key is not None else {}) | more
    return client.post(path, content=body, headers=headers)


def told(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """What an answer says: all but what belongs to its delivery."""
    delivery = {"date", "server", "idempotent-replayed", "x-request-id"}
    return answer.status_code, answer.content, {k: v for k, v in answer.headers.items() if k not in delivery}


def job_count(village: Village) -> int:
    with reading(village.node.engine) as session:
        return session.execute(select(func.count()).select_from(CaptureJobRow)).scalar_one()


@pytest.fixture
def grower(village: Village) -> Iterator[httpx.Client]:
    with village.client("grower") as client:
        yield client


def test_the_same_request_is_done_once_and_answered_twice(village: Village, grower: httpx.Client) -> None:
    body, before = document(seen(bag("idem-1"))), job_count(village)
    first, second = post(grower, "idem-1", body), post(grower, "idem-1", body)
    assert first.status_code == 202
    assert told(first) == told(second)
    assert ("idempotent-replayed" in first.headers, second.headers["idempotent-replayed"]) == (False, "true")
    assert job_count(village) == before + 1
    assert grower.get(second.headers["location"]).json()["captureID"] == first.json()["captureID"]


def test_without_a_key_each_request_is_one_of_its_own(village: Village, grower: httpx.Client) -> None:
    body = document(seen(bag("idem-2")))
    first, second = post(grower, None, body), post(grower, None, body)
    assert first.json()["captureID"] != second.json()["captureID"]
    assert second.json()["events"][0]["status"] == "known"


def test_a_key_in_quotation_marks_is_the_same_key(grower: httpx.Client) -> None:
    body = document(seen(bag("idem-3")))
    assert told(post(grower, "idem-3", body)) == told(post(grower, '"idem-3"', body))


def test_a_hundred_at_once_are_one(village: Village) -> None:
    body, before = document(*(seen(bag(f"idem-4-{n}")) for n in range(20))), job_count(village)
    with village.client("grower") as client, ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: post(client, "idem-4", body), range(100)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert job_count(village) == before + 1


def test_the_first_answer_stands_when_the_record_has_gone_on(village: Village, grower: httpx.Client) -> None:
    body = document(seen(bag("idem-5")))
    first = post(grower, "idem-5", body)
    village.settled(grower, first.headers["location"])
    again = post(grower, "idem-5", body)
    assert (told(again), again.json()["events"][0]["status"]) == (told(first), "accepted")


def test_a_refusal_is_an_answer_too(village: Village, grower: httpx.Client) -> None:
    body, before = document({**seen(bag("idem-6")), "eventTime": "soon"}), job_count(village)
    first, second = post(grower, "idem-6", body), post(grower, "idem-6", body)
    assert (first.status_code, first.headers["content-type"]) == (400, "application/problem+json")
    assert told(first) == told(second)
    assert second.headers["idempotent-replayed"] == "true"
    assert job_count(village) == before
    assert post(grower, "idem-6", document(seen(bag("idem-6")))).status_code == 422
    assert post(grower, "idem-6 anew", document(seen(bag("idem-6")))).status_code == 202


@pytest.mark.parametrize("changed", ["body", "address", "meaning of a header", "content type"])
def test_another_request_with_the_same_key_is_refused(village: Village, grower: httpx.Client, changed: str) -> None:
    key, body = f"idem-7 {changed}", document(seen(bag("idem-7")))
    first = post(grower, key, body)
    assert first.status_code == 202
    before = job_count(village)
    match changed:
        case "body":
            other = post(grower, key, body + b" ")
        case "address":
            other = post(grower, key, body, "/capture?again")
        case "meaning of a header":
            other = post(grower, key, body, **{"GS1-Capture-Error-Behaviour": "proceed"})
        case _:
            other = post(grower, key, body, **{"Content-Type": "application/ld+json"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert job_count(village) == before
    assert told(post(grower, key, body)) == told(first)


def test_another_partys_same_key_is_another_key(village: Village, grower: httpx.Client) -> None:
    body = document(seen(bag("idem-8")))
    with village.client("roaster") as roaster:
        of_grower, of_roaster = post(grower, "idem-8", body), post(roaster, "idem-8", body)
    assert (of_grower.status_code, of_roaster.status_code) == (202, 202)
    assert of_grower.json()["captureID"] != of_roaster.json()["captureID"]
    assert "idempotent-replayed" not in of_roaster.headers


def test_a_stranger_learns_nothing_of_a_key(village: Village, grower: httpx.Client) -> None:
    body = document(seen(bag("idem-9")))
    post(grower, "idem-9", body)
    with village.client() as stranger:
        assert post(stranger, "idem-9", body).status_code == 401


def test_who_hands_in_a_bundle_twice_is_answered_as_the_first_time(village: Village, grower: httpx.Client) -> None:
    job = village.capture("roaster", seen(bag("idem-10")))
    proof = grower.get(f"/events/{job['events'][0]['recordHash']}/proof").content
    first, second = post(grower, "idem-10", proof, "/bundles"), post(grower, "idem-10", proof, "/bundles")
    assert first.status_code == 201
    assert told(first) == told(second)


def test_what_the_chain_is_needed_for_is_tried_anew_when_it_is_back(village: Village, tmp_path: Path) -> None:
    job = village.capture("roaster", seen(bag("idem-11")))
    away = load_settings(village.data).model_copy(update={"rpc_url": "http://127.0.0.1:1", "embedded": False})
    cut_off = Node(away, village.node.engine, village.deployment, village.node.keyring)
    with village.client("grower") as client, serving(cut_off) as url:
        proof = client.get(f"/events/{job['events'][0]['recordHash']}/proof").content
        assert post(client, "idem-11", proof, f"{url}/bundles").status_code == 503
        assert post(client, "idem-11", proof, "/bundles").status_code == 201


@pytest.mark.parametrize(
    "key",
    ["", '"', '"half', '"a" b', "Größe".encode().decode("latin-1"), "a\tb", "k" * 256, '"' + "k" * 256 + '"'],
    ids=["empty", "one mark", "half", "beside", "umlaut", "tab", "long", "long in marks"],
)
def test_a_key_that_is_none_is_refused_by_the_headers_name(village: Village, key: str) -> None:
    body, before = document(seen(bag("idem-12"))), job_count(village)
    headers = [(b"Content-Type", b"application/json"), (b"Idempotency-Key", key.encode("latin-1"))]
    with village.client("grower") as client:
        answer = client.post("/capture", content=body, headers=[*client.headers.raw, *headers])
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "bad_idempotency_key")
    assert "Idempotency-Key" in problem["detail"]
    assert job_count(village) == before


def test_two_keys_are_none(village: Village) -> None:
    headers = [(b"Content-Type", b"application/json"), (b"Idempotency-Key", b"a"), (b"Idempotency-Key", b"b")]
    with village.client("grower") as client:
        answer = client.post("/capture", content=document(), headers=[*client.headers.raw, *headers])
    assert answer.json()["code"] == "bad_idempotency_key"


def test_a_key_is_what_is_between_the_marks() -> None:
    assert [key_of([text]) for text in ("k", ' "k" ', r'"a\"b\\"', "a b", "k" * 255)] == [
        "k", "k", 'a"b\\', "a b", "k" * 255,
    ]  # fmt: skip
    assert key_of([]) is None
    with pytest.raises(BadIdempotencyKey, match="no quoted string"):
        key_of([r'"a\b"'])


def test_every_route_that_changes_something_takes_a_key() -> None:
    judging_only = {"/verify"}
    paths = create_app(None).openapi()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            names = {each["name"] for each in operation.get("parameters", [])}
            is_changing = method.upper() in CHANGING and path not in judging_only
            assert ("Idempotency-Key" in names) == is_changing, f"{method} {path}: see api/dependencies.py, TheOnce"


# ------------------------------------------------------------------------------------------------------- how long


def answer(number: int) -> Given:
    return Given(b"\7" * 32, 202, {"location": f"/capture/{number}"}, b"{}")


def test_answers_are_forgotten_oldest_first_and_in_bounded_steps(engine: Engine) -> None:
    count = FORGOTTEN_AT_ONCE + 20
    with writing(engine) as session:
        for number in range(count):
            keep(session, GROWER, str(number), answer(number), now_us=number)
    assert forget(engine, 0) == 0
    assert forget(engine, count - 10) == FORGOTTEN_AT_ONCE
    assert forget(engine, count - 10) == 10
    assert forget(engine, count - 10) == 0
    with reading(engine) as session:
        kept = session.execute(select(AnswerRow.key).order_by(AnswerRow.id)).scalars().all()  # type: ignore[arg-type]
        assert kept == [str(number) for number in range(count - 10, count)]
        assert given(session, GROWER, str(count - 1)) == answer(count - 1)
        assert given(session, b"\2" * 20, str(count - 1)) is None


def test_the_worker_forgets_what_is_older_than_the_setting(village: Village, grower: httpx.Client) -> None:
    with writing(village.node.engine) as session:
        keep(session, GROWER, "old", answer(1), now_us=time.time_ns() // 1000 - 400_000 * 1_000_000)
    post(grower, "idem-13", document(seen(bag("idem-13"))))

    def keys() -> set[Any]:
        with reading(village.node.engine) as session:
            return set(session.execute(select(AnswerRow.key)).scalars())  # type: ignore[call-overload]

    with working(village.node):
        for _ in range(100):
            if "old" not in keys():
                break
            time.sleep(0.05)
    assert ("old" in keys(), "idem-13" in keys()) == (False, True)
