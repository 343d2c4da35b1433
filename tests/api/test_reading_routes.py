"""What anyone may read: events, histories, proofs, parties, health. No key is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import orjson
import pytest

from ledger.hexadecimal import to_address
from tests.api.conftest import Village, bag, seen
from traceability.identifiers import parse
from traceability.verification import verify


@pytest.fixture
def reader(village: Village) -> Iterator[httpx.Client]:
    with village.client() as client:
        yield client


def test_an_event_is_found_by_its_event_id_its_hash_id_and_its_record_hash(
    village: Village, reader: httpx.Client
) -> None:
    own_id = "urn:uuid:5d2f1c30-0000-4000-8000-000000000001"
    job = village.capture("grower", seen(bag("names-1"), eventID=own_id))
    record = job["events"][0]["recordHash"]
    (entry,) = reader.get(f"/events/{record}").json()
    hash_name = f"ni:///sha-256;{entry['record']['eventHash'][2:]}?ver=CBV2.0"
    assert job["events"][0]["eventID"] == own_id
    for name in (own_id, hash_name, record):
        answer = reader.get(f"/events/{quote(name, safe='')}")
        assert [each["recordHash"] for each in answer.json()] == [record], name


def test_a_hash_id_in_the_path_may_be_encoded_as_little_as_its_characters_need(
    village: Village, reader: httpx.Client
) -> None:
    job = village.capture("grower", seen(bag("raw-1")))
    name = job["events"][0]["eventID"]
    assert name.startswith("ni:///sha-256;")
    assert name.endswith("?ver=CBV2.0")
    loosely = name.replace("/", "%2F").replace("?", "%3F")
    assert [each["eventID"] for each in reader.get(f"/events/{loosely}").json()] == [name]
    assert reader.get(f"/events/{quote(name, safe='')}/proof").status_code == 200


def test_an_event_that_two_parties_recorded_is_a_list_oldest_first(village: Village, reader: httpx.Client) -> None:
    event = seen(bag("two-1"))
    first, second = (village.capture(name, event)["events"][0]["recordHash"] for name in ("grower", "roaster"))
    name = village.capture("grower", event)["events"][0]["eventID"]
    assert [each["recordHash"] for each in reader.get(f"/events/{quote(name, safe='')}").json()] == [first, second]


def test_a_history_is_found_by_either_form_of_the_identifier(village: Village, reader: httpx.Client) -> None:
    record = village.capture("grower", seen(bag("forms-1")))["events"][0]["recordHash"]
    for identifier in (bag("forms-1"), parse(bag("forms-1")).digital_link):
        history = reader.get(f"/products/{quote(identifier, safe='')}/history").json()
        assert [(each["recordHash"], each["state"]) for each in history["events"]] == [(record, "verified")]


def test_a_proof_from_the_api_verifies_by_itself(village: Village, reader: httpx.Client) -> None:
    village.capture("grower", seen(bag("proof-1")))
    answer = reader.get(f"/products/{quote(bag('proof-1'), safe='')}/proof")
    assert answer.headers["Content-Type"] == "application/vnd.tallystick.proof+json"
    verdict = verify(
        answer.content, trusted=village.node.trust.contracts, answers=village.node.answers(), identifier=bag("proof-1")
    )
    assert verdict.result == "verified"


@pytest.mark.parametrize("path", ["/events/0x" + "ab" * 32, "/products/urn%3Afoo/history", "/products/urn%3Afoo/proof"])
def test_what_is_not_there_is_a_problem_of_status_404(reader: httpx.Client, path: str) -> None:
    answer = reader.get(path)
    assert (answer.status_code, answer.json()["type"]) == (404, "epcisException:NoSuchNameException")


@pytest.mark.parametrize("path", ["/nowhere", "/events", "/products/x"])
def test_an_unknown_path_is_a_problem_too(reader: httpx.Client, path: str) -> None:
    answer = reader.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_a_wrong_method_and_a_path_that_is_no_utf_8_are_problems(reader: httpx.Client) -> None:
    assert (wrong := reader.delete("/health")).status_code == 405
    assert wrong.json()["code"] == "method_not_allowed"
    assert reader.get("/events/%FF").status_code == 400


def test_parties_are_listed_with_names_roles_status_and_keys(village: Village, reader: httpx.Client) -> None:
    parties = {each["name"]: each for each in reader.get("/parties").json()}
    grower = parties["Highland Growers"]
    account = to_address(village.keys["grower"].address)
    assert (grower["account"], grower["controller"], grower["status"]) == (account, account, "active")
    assert (grower["gln"], grower["roles"]) == ("9521234500001", ["supplier"])
    assert account in {each["address"] for each in grower["signers"]}


def test_health_names_chain_contracts_key_and_lag(village: Village, reader: httpx.Client) -> None:
    health = reader.get("/health").json()
    assert (health["status"], health["chainReachable"]) == ("ok", True)
    assert health["chainId"] == village.deployment.chain_id
    assert health["eventLog"] == to_address(village.deployment.event_log)
    assert health["partyRegistry"] == to_address(village.deployment.party_registry)
    assert health["anchoringKey"] == to_address(village.keys["node"].address)
    assert health["anchoring"]["lagSeconds"] >= 0


# ----------------------------------------------------------------------------------------------------------- bundles


def test_verify_judges_a_bundle_for_anyone(village: Village, reader: httpx.Client) -> None:
    village.capture("grower", seen(bag("judge-1")))
    bundle = reader.get(f"/products/{quote(bag('judge-1'), safe='')}/proof").content
    kind = {"Content-Type": "application/vnd.tallystick.proof+json"}
    assert reader.post("/verify", content=bundle, headers=kind).json()["result"] == "verified"
    for_other = reader.post("/verify", params={"for": bag("another")}, content=bundle, headers=kind).json()
    assert (for_other["result"], for_other["code"]) == ("failed", "unrelated")
    altered = bundle.replace(b'"shipping"', b'"holding"')
    assert reader.post("/verify", content=altered, headers=kind).json()["code"] == "event_altered"
    nonsense = reader.post("/verify", content=b"{}", headers=kind)
    assert (nonsense.status_code, nonsense.json()["code"], nonsense.json()["records"]) == (200, "malformed", [])


def test_a_bundle_is_taken_with_a_key_only(village: Village, reader: httpx.Client) -> None:
    village.capture("grower", seen(bag("hand-in-1")))
    bundle = reader.get(f"/products/{quote(bag('hand-in-1'), safe='')}/proof").content
    kind = {"Content-Type": "application/vnd.tallystick.proof+json"}
    assert reader.post("/bundles", content=bundle, headers=kind).status_code == 401
    with village.client("roaster") as roaster:
        taken = roaster.post("/bundles", content=bundle, headers=kind)
        assert (taken.status_code, taken.json()["taken"], len(taken.json()["known"])) == (201, [], 1)
        forged = roaster.post("/bundles", content=bundle.replace(b'"shipping"', b'"holding"'), headers=kind)
    assert (forged.status_code, forged.json()["code"]) == (422, "bundle_refused")


def test_a_bundle_of_another_chain_is_refused(village: Village) -> None:
    village.capture("grower", seen(bag("elsewhere-1")))
    with village.client("roaster") as roaster:
        bundle = orjson.loads(roaster.get(f"/products/{quote(bag('elsewhere-1'), safe='')}/proof").content)
        bundle["chain"]["chainId"] += 1
        answer = roaster.post("/bundles", json=bundle)
    assert (answer.status_code, answer.json()["code"]) == (422, "bundle_refused")
