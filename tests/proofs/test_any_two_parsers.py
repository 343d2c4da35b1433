"""What two parsers may read in two ways is refused by name: in Python, on the command line, and at every HTTP door.

The verifier that was written from the page alone, over another parser, refuses the same files.
"""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest

from scripts.evidence import CONTEXT, anchor, bundle_of, key, seal
from tests.api.conftest import Tally, Village, bag, document, seen
from tests.outsider.verifier import verdict as outsiders_verdict
from tests.proofs.ambiguous import FILES, SPOT, Ambiguous
from traceability.bundle import MEDIA_TYPE, bundle_json
from traceability.capture import SIGNED_MEDIA_TYPE
from traceability.verification import Code, verify

GROWER = key("grower")
EVENT: dict[str, Any] = {
    "type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+01:00", "action": "OBSERVE",
    "epcList": ["urn:epc:id:sgtin:9521234.012345.1"], "farm:x": SPOT,
}  # fmt: skip
BUNDLE = bundle_json(bundle_of(anchor([seal(GROWER, GROWER.address, 0, CONTEXT, EVENT)])))
each = pytest.mark.parametrize("case", FILES, ids=lambda case: case.name)


def test_the_bundle_and_the_document_are_good_to_begin_with(village: Village) -> None:
    assert verify(BUNDLE).result == outsiders_verdict(BUNDLE)["result"] == "consistent"
    with village.client("grower") as client:
        answer = client.post("/capture", content=captured("good"), headers={"Content-Type": "application/json"})
    assert answer.status_code == 202, answer.text


def captured(name: str) -> bytes:
    return document(seen(bag(f"parsers-{name}"), **{"coffee:x": SPOT}))


@each
def test_both_verifiers_refuse_it_and_ours_says_why(case: Ambiguous) -> None:
    data = case.done_to(BUNDLE)
    verdict = verify(data)
    assert (verdict.code, verdict.records) == (Code.MALFORMED, ())
    assert case.says in verdict.reason
    assert len(verdict.reason) < 1_000
    assert outsiders_verdict(data)["code"] == "malformed"


@each
def test_tally_verify_refuses_it_by_name(case: Ambiguous, tally: Tally, tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_bytes(case.done_to(BUNDLE))
    run = tally("verify", tmp_path / "bundle.json", "--json")
    assert run.code == 1
    assert run.json["code"] == "malformed"
    assert case.says in run.json["reason"]


@each
def test_every_http_door_refuses_it_by_name(case: Ambiguous, village: Village) -> None:
    """POST /verify has a verdict on any file; the others take nothing of one that they can't read."""
    signed = orjson.dumps({"records": []})[:-1] + b',"document":' + captured("signed") + b"}"
    with village.client("grower") as client:
        judged = client.post("/verify", content=case.done_to(BUNDLE), headers={"Content-Type": MEDIA_TYPE})
        assert judged.status_code == 200
        assert judged.json()["code"] == "malformed"
        assert case.says in judged.json()["reason"]
        for door, kind, body in (
            ("/capture", "application/json", captured("plain")),
            ("/capture", "application/ld+json", captured("plain")),
            ("/capture", SIGNED_MEDIA_TYPE, signed),
            ("/bundles", MEDIA_TYPE, BUNDLE),
        ):
            assert_refused(client.post(door, content=case.done_to(body), headers={"Content-Type": kind}), case)


def assert_refused(answer: httpx.Response, case: Ambiguous) -> None:
    assert answer.status_code in {400, 422}, answer.text
    problem = answer.json()
    assert problem["code"] in {"malformed_json", "bundle_refused"}
    assert case.says in problem["detail"]


def test_nothing_of_what_was_refused_is_stored(village: Village) -> None:
    with village.client() as client:
        for name in ("plain", "signed"):
            assert client.get(f"/products/{quote(bag(f'parsers-{name}'), safe='')}/history").status_code == 404


# Unicode normalisation takes place nowhere: two spellings of one letter are two contents, for everyone.

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


@pytest.mark.parametrize("name", ["farm:x", f"farm:{COMPOSED}"])
def test_a_text_or_name_in_another_normal_form_is_another_event(name: str) -> None:
    event = EVENT | {name: COMPOSED, "farm:x": COMPOSED}
    data = bundle_json(bundle_of(anchor([seal(GROWER, GROWER.address, 0, CONTEXT, event)])))
    assert verify(data).result == outsiders_verdict(data)["result"] == "consistent"
    other = data.replace(COMPOSED.encode(), DECOMPOSED.encode())
    assert other != data
    assert verify(other).code == outsiders_verdict(other)["code"] == "event_altered"


def test_two_names_that_look_alike_are_two_members() -> None:
    event = EVENT | {f"farm:{COMPOSED}": 1, f"farm:{DECOMPOSED}": 2}
    data = bundle_json(bundle_of(anchor([seal(GROWER, GROWER.address, 0, CONTEXT, event)])))
    assert verify(data).result == outsiders_verdict(data)["result"] == "consistent"
    exchanged = data.replace(f'{COMPOSED}":1'.encode(), f'{COMPOSED}":2'.encode())
    exchanged = exchanged.replace(f'{DECOMPOSED}":2'.encode(), f'{DECOMPOSED}":1'.encode())
    assert verify(exchanged).code == outsiders_verdict(exchanged)["code"] == "event_altered"


def test_texts_travel_as_they_were_captured(village: Village) -> None:
    event = seen(bag("normal-forms"), **{"coffee:names": [COMPOSED, DECOMPOSED, "\u2028", "\U0001f33f", "\ufeff"]})
    village.capture("grower", event)
    with village.client() as client:
        answer = client.get(f"/products/{quote(bag('normal-forms'), safe='')}/proof")
    assert json.loads(answer.content)["records"][0]["event"].items() >= event.items()
    verdict = verify(answer.content, trusted=village.node.trust.contracts, answers=village.node.answers())
    assert verdict.result == "verified"
    assert outsiders_verdict(answer.content)["result"] == "consistent"


def test_an_identifier_in_another_normal_form_names_something_else() -> None:
    event = EVENT | {"epcList": [COMPOSED]}
    data = bundle_json(bundle_of(anchor([seal(GROWER, GROWER.address, 0, CONTEXT, event)])))
    for identifier, code in ((COMPOSED, None), (DECOMPOSED, "unrelated")):
        assert verify(data, identifier=identifier).code == code
        assert outsiders_verdict(data, identifier=identifier)["code"] == code
