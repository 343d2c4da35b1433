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
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ledger.hexadecimal import to_address
from ledger.keystore import open_key
from tests.conftest import Anvil
from tests.scenarios.nodes import (
    ACCEPTED,
    PASSWORD,
    SIGNED,
    Company,
    Consortium,
    Run,
    Served,
    document,
    founded_consortium,
    happened,
    joined,
    set_up,
    signed_by_client,
    tally,
)

pytestmark = pytest.mark.slow

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


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    with founded_consortium(tmp_path_factory.mktemp("consortium")) as consortium:
        yield consortium


@pytest.fixture(scope="module")
def grower(consortium: Consortium, tmp_path_factory: pytest.TempPathFactory) -> Company:
    return joined(tmp_path_factory.mktemp("companies") / "grower", "grower", consortium)


@pytest.fixture(scope="module")
def roaster(consortium: Consortium, tmp_path_factory: pytest.TempPathFactory) -> Company:
    return joined(tmp_path_factory.mktemp("companies") / "roaster", "roaster", consortium)


@pytest.fixture(scope="module")
def mill(consortium: Consortium, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A second node of the grower's, to which somebody has copied its key. Nothing brings its records to the chain."""
    return joined(tmp_path_factory.mktemp("companies") / "mill", "grower", consortium)


@pytest.fixture(scope="module")
def farm(grower: Company) -> Iterator[Served]:
    """The grower's node over HTTP."""
    with grower.server() as url:
        yield Served(url, grower.good("party", "key", "create", "grower")["key"])


@pytest.fixture(scope="module")
def roastery(roaster: Company) -> Iterator[Served]:
    """The roaster's node over HTTP."""
    with roaster.server() as url:
        yield Served(url, roaster.good("party", "key", "create", "roaster")["key"])


@dataclass(frozen=True)
class Journey:
    """The lot's way from one node to the other, and the bundle that goes on with the roasted coffee."""

    received: Run
    received_over_http: dict[str, Any]
    onward: Path


@pytest.fixture(scope="module")
def journey(grower: Company, roaster: Company, farm: Served, roastery: Served) -> Journey:
    own = [harvested(LOT), packed(40, "ADD", FARM), moved(30, "shipping", FARM)]
    farm.await_final(farm.post("/capture", document(*own)))
    received = roaster.receive(grower.proof(LOT, "lot.json"))

    farm.await_final(farm.post("/capture", document(inspected(LOT))))
    second = grower.proof(LOT, "lot-with-certificate.json")
    answer = roastery.post("/bundles", second.read_bytes(), "application/vnd.tallystick.proof+json")
    assert answer.status_code == 201, answer.text

    own = [moved(20, "receiving", ROASTERY), packed(15, "DELETE", ROASTERY), roasted(5)]
    roastery.await_final(roastery.post("/capture", document(*own)))
    return Journey(received, answer.json(), roaster.proof(ROASTED, "onward.json"))


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


def test_the_roasters_history_is_the_whole_story_all_of_it_verified(journey: Journey, roaster: Company) -> None:
    story = [(each["step"], each["foreign"], each["state"]) for each in roaster.history(ROASTED)]
    assert story == [
        ("commissioning", True, "verified"),
        ("inspecting", True, "verified"),
        ("packing", True, "verified"),
        ("shipping", True, "verified"),
        ("receiving", False, "verified"),
        ("unpacking", False, "verified"),
        ("commissioning", False, "verified"),
    ]


def test_the_same_history_is_answered_over_http(journey: Journey, roaster: Company, roastery: Served) -> None:
    over_http = roastery.get(f"/products/{quote(ROASTED, safe='')}/history")
    assert over_http["events"] == roaster.history(ROASTED)


def test_anyone_verifies_the_roasters_bundle_with_the_growers_records_in_it(
    journey: Journey, verify: Verify, consortium: Consortium
) -> None:
    run = verify(journey.onward, *consortium.trust, "--for", ROASTED)
    assert (run.code, run.json["result"], len(run.json["records"])) == (0, "verified", 7), run
    signed_by = [each["record"]["party"] for each in json.loads(journey.onward.read_bytes())["records"]]
    names = {to_address(key.address).lower(): name for name, key in consortium.founders.items()}
    assert [names[party.lower()] for party in signed_by] == ["grower"] * 4 + ["roaster"] * 3


def test_without_a_network_the_bundle_is_consistent(journey: Journey, verify: Verify) -> None:
    run = verify(journey.onward, "--offline")
    assert (run.code, run.json["result"]) == (0, "consistent")


def altered(bundle: Path, folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of the bundle in which its last record was changed."""
    content = json.loads(bundle.read_bytes())
    change(content["records"][-1])
    (folder / "altered.json").write_text(json.dumps(content))
    return folder / "altered.json"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda record: record["event"]["outputQuantityList"][0].update(quantity=600), "event_altered"),
        (lambda record: record.update(signature=record["signature"][:-2] + "1d"), "bad_signature"),
        (lambda record: record["anchor"].update(root="0x" + "ab" * 32), "not_in_batch"),
    ],
    ids=["event", "signature", "root"],
)
def test_an_altered_bundle_fails_with_its_reason(
    journey: Journey, verify: Verify, tmp_path: Path, change: Callable[[dict[str, Any]], None], code: str
) -> None:
    run = verify(altered(journey.onward, tmp_path, change))
    assert (run.code, run.json["result"], run.json["code"]) == (1, "failed", code)
    assert [each["code"] for each in run.json["records"]] == [None] * 6 + [code]


def test_an_altered_bundle_is_not_received(journey: Journey, grower: Company, tmp_path: Path) -> None:
    """The grower knows its own four records of it; of the roaster's three two are good, and not taken either."""
    file = altered(journey.onward, tmp_path, lambda record: record["event"].update(bizStep="destroying"))
    before = grower.good("status")["records"]
    run = grower.receive(file)
    assert (run.code, run.json["code"]) == (1, "bundle_refused")
    assert grower.good("status")["records"] == before


def test_contracts_that_the_verifier_does_not_trust_are_the_wrong_chain(
    journey: Journey, verify: Verify, consortium: Consortium
) -> None:
    contracts = consortium.deployment
    run = verify(journey.onward, "--offline", "--event-log", to_address(contracts.party_registry),
                 "--party-registry", to_address(contracts.event_log))  # fmt: skip
    assert (run.code, run.json["code"], run.json["records"]) == (1, "wrong_chain", [])


# ------------------------------------------------------------------------------- pending, contradicting, withdrawn


def test_a_bundle_with_a_pending_record_is_refused_whole(mill: Company, roaster: Company, verify: Verify) -> None:
    lot = green("PENDING")
    mill.capture(harvested(lot))
    with mill.worker():
        mill.await_final(lot)
    mill.capture(inspected(lot))  # no worker runs any more
    bundle = mill.proof(lot, "pending.json")
    run = verify(bundle)
    assert (run.code, [each["result"] for each in run.json["records"]]) == (3, ["verified", "pending"])
    refused = roaster.receive(bundle)
    assert (refused.code, refused.json["code"]) == (1, "bundle_refused")
    assert roaster.tally("history", lot, "--json").json["code"] == "unknown_product"


def test_a_record_that_contradicts_a_stored_one_is_listed_not_taken(
    journey: Journey, mill: Company, roaster: Company
) -> None:
    """The grower's key counts from 0 on both of its nodes: two records have the number 0."""
    lot = green("CONTRADICTION")
    mill.capture(harvested(lot))
    with mill.worker():
        (event,) = mill.await_final(lot)
    run = roaster.receive(mill.proof(event["recordHash"], "contradiction.json"))
    assert (run.code, run.json["taken"], run.json["contradicting"]) == (1, [], [event["recordHash"]])
    (listed,) = roaster.good("status")["contradictions"]
    assert (listed["recordHash"], listed["sequence"]) == (event["recordHash"], event["record"]["sequence"])
    stored = [each for each in roaster.history(LOT) if each["recordHash"] == listed["storedRecordHash"]]
    assert [each["record"]["sequence"] for each in stored] == [listed["sequence"]]


def test_a_withdrawn_record_is_corrected_for_everyone(
    grower: Company, farm: Served, roaster: Company, verify: Verify
) -> None:
    lot = green("MISTAKE")
    (event,) = farm.await_final(farm.post("/capture", document(harvested(lot))))
    before = grower.proof(lot, "before.json")
    assert roaster.receive(before).code == 0
    assert grower.good("withdraw", event["recordHash"])["withdrawn"]
    run = verify(before)
    assert (run.code, run.json["result"]) == (0, "corrected")
    assert [each["state"] for each in roaster.history(lot)] == ["corrected"]
    grower.await_final(lot)
    after = verify(grower.proof(lot, "after.json"))
    assert (after.code, [each["result"] for each in after.json["records"]]) == (0, ["corrected", "verified"])


# ----------------------------------------------------------------------------------------------------- the front door


def test_a_client_signs_for_itself_as_long_as_its_key_stands(
    roaster: Company, grower: Company, farm: Served, verify: Verify, consortium: Consortium
) -> None:
    """The grower's node holds no key of the roaster's: the roaster's scanner signs on its own side."""
    domain, party = consortium.deployment.domain, consortium.founders["roaster"].address
    roaster.good("party", "signer", "authorise", "scanner", "--party", "roaster", "--use", "record")
    consortium.let_a_block_pass()
    scanner = open_key(roaster.data / "keys", "scanner", PASSWORD)
    visitor = Served(farm.url, grower.good("party", "key", "create", "Harbour Roasters")["key"])
    lot = green("SCANNED")
    assert visitor.post("/capture", document(inspected(lot))).json()["code"] == "no_signing_key"

    events = [inspected(lot), inspected(lot, 44)]
    visitor.await_final(visitor.post("/capture", signed_by_client(domain, party, scanner, 0, *events), SIGNED))
    run = verify(grower.proof(lot, "scanned.json"))
    assert (run.code, run.json["result"], len(run.json["records"])) == (0, "verified", 2)

    again = signed_by_client(domain, party, scanner, 1, inspected(lot, 43))
    refused = visitor.post("/capture", again, SIGNED)
    assert (refused.status_code, refused.json()["code"]) == (409, "sequence_taken")

    roaster.good("party", "signer", "revoke", "scanner", "--party", "roaster")
    late = signed_by_client(domain, party, scanner, 2, inspected(lot, 42))
    refused = visitor.post("/capture", late, SIGNED)
    assert (refused.status_code, refused.json()["code"]) == (403, "signer_not_authorised")


def test_an_api_key_that_is_unknown_or_revoked_opens_nothing(grower: Company, farm: Served) -> None:
    body = document(inspected(green("KEYS")))
    key = grower.good("party", "key", "create", "grower", "--label", "lost phone")["key"]
    number = next(each["number"] for each in grower.good("party", "key", "list") if each["label"] == "lost phone")
    assert Served(farm.url, key).post("/capture", body).status_code == 202
    grower.good("party", "key", "revoke", str(number))
    for api_key, code in [(key, "revoked_api_key"), ("tally_guess", "unknown_api_key"), (None, "missing_api_key")]:
        refused = Served(farm.url, api_key).post("/capture", body)
        assert (refused.status_code, refused.json()["code"]) == (401, code)


def test_a_party_that_nobody_knows_can_record_nothing(grower: Company) -> None:
    (grower.folder / "capture.json").write_bytes(document(inspected(green("NOBODY"))))
    run = grower.tally("capture", "capture.json", "--party", "Nobody & Sons", "--json")
    assert (run.code, run.json["code"]) == (2, "unknown_party")


# ---------------------------------------------------------------------------------------- chains that are not it


def test_without_its_chain_a_node_captures_all_the_same(tmp_path: Path) -> None:
    lot = green("OUTAGE")
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
    assert len(grower.capture(inspected(lot))) == 1
    status = grower.tally("status", "--json")
    assert (status.code, status.json["anchoring"]["unanchored"]) == (2, 2)
    bundle = grower.proof(lot, "waiting.json")
    assert (grower.receive(bundle).code, grower.receive(bundle).json["code"]) == (2, "chain_unreachable")
    judged = tally(tmp_path, "verify", bundle, *consortium.trust, "--json")
    assert (judged.code, judged.json["code"]) == (2, "chain_unreachable")


def test_a_chain_of_another_id_is_told_apart(
    journey: Journey, grower: Company, start_anvil: Callable[..., Anvil]
) -> None:
    other = start_anvil(chain_id=31_337)
    run = grower.receive(journey.onward, TALLY_RPC_URL=other.url)
    assert (run.code, run.json["code"]) == (2, "chain_wrong_chain")
    status = grower.tally("status", "--json", TALLY_RPC_URL=other.url)
    assert (status.code, status.json["chainReachable"]) == (2, False)
    assert "31337" in status.json["chainReason"]
    assert grower.tally("worker", TALLY_RPC_URL=other.url).code == 2


def test_a_chain_without_the_contracts_is_told_apart(
    journey: Journey, grower: Company, consortium: Consortium, start_anvil: Callable[..., Anvil], tmp_path: Path
) -> None:
    empty = start_anvil(chain_id=consortium.deployment.chain_id)
    run = grower.receive(journey.onward, TALLY_RPC_URL=empty.url)
    assert (run.code, run.json["code"]) == (2, "chain_no_contract")
    assert grower.tally("worker", TALLY_RPC_URL=empty.url).code == 2
    made = tally(tmp_path, "init", *consortium.trust[2:], "--rpc-url", empty.url, "--json")
    assert (made.code, made.json["code"], (tmp_path / "data").exists()) == (2, "chain_no_contract", False)


def test_a_database_of_another_deployment_is_refused(grower: Company, tmp_path: Path) -> None:
    """Its node.toml names other contracts than those for which the database's records were signed."""
    database = f"sqlite:///{grower.data / 'tally.db'}"
    with founded_consortium(tmp_path, chain_id=952_019) as consortium:
        made = tally(tmp_path, "init", *consortium.trust, "--json", TALLY_DATABASE_URL=database,
                     TALLY_KEY_PASSWORD_FILE=grower.folder / "password")  # fmt: skip
        assert (made.code, made.json["code"]) == (2, "wrong_deployment")
        assert not (tmp_path / "data" / "node.toml").exists()
        other = to_address(consortium.deployment.event_log)
    run = grower.tally("status", "--json", TALLY_EVENT_LOG=other[:-1] + ("0" if other[-1] != "0" else "1"))
    assert run.code == 2
    run = grower.tally("status", "--json", TALLY_EVENT_LOG="0x" + secrets.token_hex(20))
    assert (run.code, run.json["code"]) == (2, "wrong_deployment")
