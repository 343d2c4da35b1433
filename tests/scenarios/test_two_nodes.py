"""Two companies, two nodes, one chain: goods and bundle go from the grower to the roaster, and the story stays whole.

the roaster's node
├── given a bundle whose records are all final      takes it, also over HTTP; the history is whole and verified
├── given a bundle with a record that is pending    refuses it whole
├── given a record that contradicts a stored one    does not take it, lists it
└── given a bundle that was altered                 refuses it whole
anyone with a bundle and no node
├── given chain and contracts                       verified, corrected, pending or failed, each by its exit code
└── given nothing                                   consistent
a node
├── given a client that signs for itself            takes its records, as long as its key stands
├── given an API key that it does not know          401
├── given no chain                                  captures all the same
└── given another chain, or other contracts         says so, and touches nothing
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ledger.hexadecimal import to_address
from ledger.keystore import open_key
from tests.conftest import Anvil
from tests.databases import Databases
from tests.scenarios.nodes import (
    ACCEPTED,
    BUNDLE,
    PASSWORD,
    SIGNED,
    Company,
    Consortium,
    Run,
    Served,
    at_once,
    document,
    founded_consortium,
    happened,
    joined,
    set_up,
    signed_by_client,
    tally,
)

pytestmark = [pytest.mark.slow, pytest.mark.long]

PALLET = "urn:epc:id:sscc:9521234.0000000071"
FARM, ROASTERY = "urn:epc:id:sgln:9521234.50000.0", "urn:epc:id:sgln:9521234.50001.0"
ROASTED = "urn:epc:class:lgtin:9521234.000202.ROAST-1"


def green(lot: str) -> str:
    """A lot of green coffee, as EPC URN."""
    return f"urn:epc:class:lgtin:9521234.000101.{lot}"


LOT = green("HARVEST-1")


def kilograms(lot: str, quantity: float) -> list[dict[str, Any]]:
    return [{"epcClass": lot, "quantity": quantity, "uom": "KGM"}]


def harvested(lot: str, minutes_ago: int = 50) -> dict[str, Any]:
    return happened(minutes_ago, type="ObjectEvent", action="ADD", bizStep="commissioning", readPoint={"id": FARM},
                    quantityList=kilograms(lot, 600))  # fmt: skip


def inspected(lot: str, minutes_ago: int = 45) -> dict[str, Any]:
    return happened(minutes_ago, type="ObjectEvent", action="OBSERVE", bizStep="inspecting", readPoint={"id": FARM},
                    quantityList=kilograms(lot, 600))  # fmt: skip


def packed(minutes_ago: int, action: str, place: str) -> dict[str, Any]:
    step = "packing" if action == "ADD" else "unpacking"
    return happened(minutes_ago, type="AggregationEvent", action=action, bizStep=step, readPoint={"id": place},
                    parentID=PALLET, childQuantityList=kilograms(LOT, 600))  # fmt: skip


def moved(minutes_ago: int, step: str, place: str) -> dict[str, Any]:
    return happened(minutes_ago, type="ObjectEvent", action="OBSERVE", bizStep=step, readPoint={"id": place},
                    epcList=[PALLET])  # fmt: skip


def roasted(minutes_ago: int) -> dict[str, Any]:
    return happened(minutes_ago, type="TransformationEvent", bizStep="commissioning", readPoint={"id": ROASTERY},
                    inputQuantityList=kilograms(LOT, 600), outputQuantityList=kilograms(ROASTED, 510))  # fmt: skip


# -------------------------------------------------------------------------------------------------------- the stage


@dataclass(frozen=True)
class Stage:
    """The two companies, their nodes over HTTP, and a bundle of the grower's from before any worker ran."""

    grower: Company
    roaster: Company
    farm: Served
    roastery: Served
    pending: Path


@pytest.fixture(scope="module")
def consortium(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    """One for each kind of database, for what the tests change of it stays changed."""
    with founded_consortium(tmp_path_factory.mktemp(f"consortium-{databases.kind}")) as consortium:
        yield consortium


@pytest.fixture(scope="module")
def stage(consortium: Consortium, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("companies")
    with databases.empty() as at_the_farm, databases.empty() as at_the_roastery:
        yield from _staged(folder, consortium, at_the_farm, at_the_roastery)


def _staged(folder: Path, consortium: Consortium, at_the_farm: str, at_the_roastery: str) -> Iterator[Stage]:
    bundles: list[Path] = []

    def grower_joins() -> tuple[Company, str]:
        grower, api_key = joined(folder / "grower", "grower", consortium, at_the_farm)
        grower.capture(inspected(green("PENDING")))
        bundles.append(grower.proof(green("PENDING"), "pending.json"))
        return grower, api_key

    (grower, farm_key), (roaster, roastery_key) = at_once(
        grower_joins, lambda: joined(folder / "roaster", "roaster", consortium, at_the_roastery)
    )
    with grower.server() as farm, roaster.server() as roastery:
        yield Stage(grower, roaster, Served(farm, farm_key), Served(roastery, roastery_key), *bundles)


@dataclass(frozen=True)
class Journey:
    """The lot's way from one node to the other, and the bundle that goes on with the roasted coffee."""

    received: Run
    received_over_http: dict[str, Any]
    onward: Path


@pytest.fixture(scope="module")
def journey(stage: Stage) -> Journey:
    stage.farm.capture(harvested(LOT), packed(40, "ADD", FARM), moved(30, "shipping", FARM))
    received = stage.roaster.receive(stage.grower.proof(LOT, "lot.json"))

    stage.farm.capture(inspected(LOT))
    answer = stage.roastery.post("/bundles", stage.farm.proof(LOT), BUNDLE)
    assert answer.status_code == 201, answer.text

    stage.roastery.capture(moved(20, "receiving", ROASTERY), packed(15, "DELETE", ROASTERY), roasted(5))
    return Journey(received, answer.json(), stage.roaster.proof(ROASTED, "onward.json"))


Verify = Callable[..., Run]


@pytest.fixture
def verify(consortium: Consortium, tmp_path: Path) -> Verify:
    """`tally verify` by somebody who has no node, and trusts the consortium's contracts."""
    return lambda bundle, *options: tally(tmp_path, "verify", bundle, *(options or consortium.trust), "--json")


# ------------------------------------------------------------------------------------------------------ the journey


def test_bundles_are_taken_by_command_and_over_http(journey: Journey) -> None:
    assert (journey.received.code, len(journey.received.json["taken"])) == (0, 3)
    http = journey.received_over_http
    assert (len(http["taken"]), len(http["known"]), http["contradicting"]) == (1, 3, [])


def test_the_roasters_history_is_the_whole_story_all_of_it_verified(journey: Journey, stage: Stage) -> None:
    history = stage.roaster.good("history", ROASTED)["events"]
    assert [(each["step"], each["foreign"], each["state"]) for each in history] == [
        ("commissioning", True, "verified"),
        ("inspecting", True, "verified"),
        ("packing", True, "verified"),
        ("shipping", True, "verified"),
        ("receiving", False, "verified"),
        ("unpacking", False, "verified"),
        ("commissioning", False, "verified"),
    ]
    assert stage.roastery.history(ROASTED) == history


def test_anyone_verifies_the_roasters_bundle_with_the_growers_records_in_it(
    journey: Journey, verify: Verify, consortium: Consortium
) -> None:
    online, offline = at_once(
        lambda: verify(journey.onward, *consortium.trust, "--for", ROASTED),
        lambda: verify(journey.onward, "--offline"),
    )
    assert (online.code, online.json["result"], len(online.json["records"])) == (0, "verified", 7)
    assert (offline.code, offline.json["result"]) == (0, "consistent")
    parties = [each["record"]["party"].lower() for each in json.loads(journey.onward.read_bytes())["records"]]
    names = {to_address(key.address).lower(): name for name, key in consortium.founders.items()}
    assert [names[party] for party in parties] == ["grower"] * 4 + ["roaster"] * 3


Change = Callable[[dict[str, Any]], None]


def altered(bundle: Path, file: Path, change: Change) -> Path:
    """A copy of the bundle in which its last record was changed."""
    content = json.loads(bundle.read_bytes())
    change(content["records"][-1])
    file.write_text(json.dumps(content))
    return file


CHANGES: dict[str, Change] = {
    "event_altered": lambda record: record["event"]["outputQuantityList"][0].update(quantity=600),
    "bad_signature": lambda record: record.update(signature=record["signature"][:-2] + "1d"),
    "not_in_batch": lambda record: record["anchor"].update(root="0x" + "ab" * 32),
}


def test_an_altered_bundle_fails_with_its_reason(
    journey: Journey, stage: Stage, verify: Verify, consortium: Consortium, tmp_path: Path
) -> None:
    files = {code: altered(journey.onward, tmp_path / f"{code}.json", change) for code, change in CHANGES.items()}
    ways = {"event_altered": consortium.trust, "bad_signature": ["--offline"], "not_in_batch": ["--offline"]}
    runs = at_once(*(partial(verify, files[code], *options) for code, options in ways.items()))
    for code, run in zip(ways, runs, strict=True):
        assert (run.code, run.json["result"], run.json["code"]) == (1, "failed", code)
        assert [each["code"] for each in run.json["records"]] == [None] * 6 + [code]


def test_a_bundle_is_received_whole_or_not_at_all(journey: Journey, stage: Stage, tmp_path: Path) -> None:
    """Of the roaster's three records two are good: the grower's node takes none of them."""
    file = altered(journey.onward, tmp_path / "altered.json", CHANGES["event_altered"])
    before = stage.farm.get("/health")["records"]
    refused = stage.farm.post("/bundles", file.read_bytes(), BUNDLE)
    assert (refused.status_code, refused.json()["code"]) == (422, "bundle_refused")
    assert stage.farm.get("/health")["records"] == before


def test_contracts_that_the_verifier_does_not_trust_are_the_wrong_chain(journey: Journey, verify: Verify) -> None:
    somewhere_else = ["--event-log", "0x" + "aa" * 20, "--party-registry", "0x" + "bb" * 20]
    run = verify(journey.onward, "--offline", *somewhere_else)
    assert (run.code, run.json["code"], run.json["records"]) == (1, "wrong_chain", [])


# ------------------------------------------------------------------------------- pending, contradicting, withdrawn


def test_a_record_that_no_worker_has_brought_to_the_chain_is_pending(
    journey: Journey, stage: Stage, verify: Verify, tmp_path: Path
) -> None:
    """Seven good records do not carry it through the roaster's door either, and nothing of the bundle is stored."""
    mixed = tmp_path / "mixed.json"
    bundle = json.loads(stage.pending.read_bytes())
    bundle["records"] += json.loads(journey.onward.read_bytes())["records"]
    mixed.write_text(json.dumps(bundle))
    before = stage.roastery.get("/health")["records"]
    judged, refused = at_once(lambda: verify(mixed), lambda: stage.roaster.receive(mixed))
    assert (judged.code, judged.json["result"]) == (3, "pending")
    assert [each["result"] for each in judged.json["records"]] == ["pending"] + ["verified"] * 7
    assert (refused.code, refused.json["code"]) == (1, "bundle_refused")
    assert stage.roastery.get("/health")["records"] == before


def test_a_record_that_contradicts_a_stored_one_is_listed_not_taken(
    stage: Stage, consortium: Consortium, visitor: Served
) -> None:
    """The grower's key signs two records under the number 1000, and hands each to another node, which can't know."""
    grower, lot = consortium.founders["grower"], green("CONTRADICTION")
    first, second = (
        signed_by_client(consortium.deployment.domain, grower.address, grower, 1000, inspected(lot, minutes))
        for minutes in (31, 30)
    )
    (stored,) = visitor.await_final(visitor.post("/capture", first, SIGNED))
    (contradicting,) = stage.farm.await_final(stage.farm.post("/capture", second, SIGNED))
    run = stage.roaster.receive(stage.grower.proof(contradicting, "contradiction.json"))
    assert (run.code, run.json["taken"], run.json["contradicting"]) == (1, [], [contradicting])
    (listed,) = stage.roaster.good("status")["contradictions"]
    assert (listed["recordHash"], listed["storedRecordHash"]) == (contradicting, stored)
    assert (listed["signer"], listed["sequence"]) == (to_address(grower.address), 1000)
    assert [each["recordHash"] for each in stage.roastery.history(lot)] == [stored]


def test_a_withdrawn_record_is_corrected_for_everyone(stage: Stage, verify: Verify, tmp_path: Path) -> None:
    lot, before, after = green("MISTAKE"), tmp_path / "before.json", tmp_path / "after.json"
    (record_hash,) = stage.farm.capture(harvested(lot))
    before.write_bytes(stage.farm.proof(lot))
    assert stage.roastery.post("/bundles", before.read_bytes(), BUNDLE).status_code == 201
    assert stage.grower.good("withdraw", record_hash)["withdrawn"]
    assert [each["state"] for each in await_states(stage.roastery, lot)] == ["corrected"]
    assert [each["state"] for each in await_states(stage.farm, lot)] == ["corrected", "verified"]
    after.write_bytes(stage.farm.proof(lot))
    for run, results in zip(
        at_once(lambda: verify(before), lambda: verify(after)),
        (["corrected"], ["corrected", "verified"]),
        strict=True,
    ):
        assert (run.code, run.json["result"]) == (0, "corrected")
        assert [each["result"] for each in run.json["records"]] == results


def await_states(node: Served, product: str) -> list[dict[str, Any]]:
    """The product's history once the first event of it is withdrawn and all else final."""
    for _ in range(300):
        events = node.history(product)
        if events[0]["state"] == "corrected" and {each["state"] for each in events[1:]} <= {"verified"}:
            return events
        time.sleep(0.05)
    raise AssertionError([each["state"] for each in events])


# ----------------------------------------------------------------------------------------------------- the front door


@pytest.fixture(scope="module")
def visitor(stage: Stage) -> Served:
    """The grower at the roaster's node, which holds none of its keys."""
    return Served(stage.roastery.url, stage.roaster.good("party", "key", "create", "Highland Growers")["key"])


def test_a_client_signs_for_itself_as_long_as_its_key_stands(
    stage: Stage, visitor: Served, verify: Verify, consortium: Consortium, tmp_path: Path
) -> None:
    domain, party, lot = consortium.deployment.domain, consortium.founders["grower"].address, green("SCANNED")
    stage.grower.good("party", "signer", "authorise", "scanner", "--party", "grower", "--use", "record")
    scanner = open_key(stage.grower.data / "keys", "scanner", PASSWORD)
    unsigned = visitor.post("/capture", document(inspected(lot)))
    assert (unsigned.status_code, unsigned.json()["code"]) == (409, "no_signing_key")

    signed = signed_by_client(domain, party, scanner, 0, inspected(lot), inspected(lot, 44))
    visitor.await_final(visitor.post("/capture", signed, SIGNED))
    (tmp_path / "scanned.json").write_bytes(visitor.proof(lot))
    run = verify(tmp_path / "scanned.json")
    assert (run.code, [each["result"] for each in run.json["records"]]) == (0, ["verified"] * 2)

    again = visitor.post("/capture", signed_by_client(domain, party, scanner, 1, inspected(lot, 43)), SIGNED)
    assert (again.status_code, again.json()["code"]) == (409, "sequence_taken")

    stage.grower.good("party", "signer", "revoke", "scanner", "--party", "grower")
    # Until the visitor's node has read of it the scanner goes on recording, a number each time.
    for number in range(2, 102):
        late = visitor.post("/capture", signed_by_client(domain, party, scanner, number, inspected(lot, 42)), SIGNED)
        if late.status_code != 202:
            break
        time.sleep(0.1)
    assert (late.status_code, late.json()["code"]) == (403, "signer_not_authorised")
    # The scanner's file still lies in the grower's folder: its own key takes over at once, though no block has come.
    assert stage.farm.capture(inspected(lot, 41))


def test_an_api_key_that_is_unknown_or_revoked_opens_nothing(stage: Stage) -> None:
    body = document(inspected(green("KEYS")))
    key = stage.grower.good("party", "key", "create", "grower", "--label", "lost phone")["key"]
    (number,) = (each["number"] for each in stage.grower.good("party", "key", "list") if each["label"] == "lost phone")
    assert Served(stage.farm.url, key).post("/capture", body).status_code == 202
    stage.grower.good("party", "key", "revoke", str(number))
    for api_key, code in [(key, "revoked_api_key"), ("tally_guess", "unknown_api_key"), (None, "missing_api_key")]:
        refused = Served(stage.farm.url, api_key).post("/capture", body)
        assert (refused.status_code, refused.json()["code"]) == (401, code)


# ---------------------------------------------------------------------------------------- chains that are not it


def test_without_its_chain_a_node_captures_all_the_same(tmp_path: Path) -> None:
    lot, bundle = green("OUTAGE"), tmp_path / "waiting.json"
    with founded_consortium(tmp_path, chain_id=952_018) as consortium:
        grower = set_up(tmp_path / "grower", "grower", consortium)
        key = grower.good("party", "key", "create", "grower")["key"]
        with grower.server() as url:
            node = Served(url, key)
            assert node.get("/health")["status"] == "ok"
            consortium.anvil.process.kill()
            consortium.anvil.process.wait()
            answer = node.post("/capture", document(harvested(lot)))
            assert (answer.status_code, [each["status"] for each in answer.json()["events"]]) == (202, [ACCEPTED])
            health = node.get("/health")
            assert (health["status"], health["chainReachable"], health["anchoring"]["unanchored"]) == (
                "degraded", False, 1,
            )  # fmt: skip
            bundle.write_bytes(node.proof(lot))
            unjudged = node.post("/bundles", bundle.read_bytes(), BUNDLE)
            assert (unjudged.status_code, unjudged.json()["code"]) == (503, "chain_unreachable")
    assert len(grower.capture(inspected(lot))) == 1
    status, judged = at_once(
        lambda: grower.tally("status", "--json"),
        lambda: tally(tmp_path, "verify", bundle, *consortium.trust, "--json"),
    )
    assert (status.code, status.json["anchoring"]["unanchored"]) == (2, 2)
    assert (judged.code, judged.json["code"]) == (2, "chain_unreachable")


def test_another_chain_and_one_without_the_contracts_are_told_apart(
    stage: Stage, consortium: Consortium, start_anvil: Callable[..., Anvil], tmp_path: Path
) -> None:
    other, empty = start_anvil(), start_anvil(chain_id=consortium.anvil.chain_id)
    status, worker, received, made = at_once(
        lambda: stage.grower.tally("status", "--json", TALLY_RPC_URL=other.url),
        lambda: stage.grower.tally("worker", TALLY_RPC_URL=other.url),
        lambda: stage.grower.receive(stage.pending, TALLY_RPC_URL=empty.url),
        lambda: tally(tmp_path, "init", "--rpc-url", empty.url, *consortium.trust[2:], "--json"),
    )
    assert (status.code, status.json["chainReachable"]) == (2, False)
    assert str(other.chain_id) in status.json["chainReason"]
    assert (worker.code, str(other.chain_id) in worker.err) == (2, True)
    assert (received.code, received.json["code"]) == (2, "chain_no_contract")
    assert (made.code, made.json["code"], (tmp_path / "data").exists()) == (2, "chain_no_contract", False)


def test_a_database_of_another_deployment_is_refused_and_no_half_node_is_left(stage: Stage, tmp_path: Path) -> None:
    """The records in it are signed for other contracts, so that no root of theirs would ever verify here."""
    strange = "0x" + "cc" * 20
    run = stage.grower.tally("status", "--json", TALLY_EVENT_LOG=strange)
    assert (run.code, run.json["code"]) == (2, "wrong_deployment")
    with founded_consortium(tmp_path, chain_id=952_019) as consortium:
        made = tally(
            tmp_path, "init", *consortium.trust, "--json",
            TALLY_DATABASE_URL=stage.grower.database_url or "",
            TALLY_KEY_PASSWORD_FILE=stage.grower.folder / "password",
        )  # fmt: skip
    assert (made.code, made.json["code"]) == (2, "wrong_deployment")
    assert not (tmp_path / "data").exists()
