"""The command line on a data folder whose node runs: what it prints, what it exits with, what it says of mistakes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.hexadecimal import to_address
from tests.api.conftest import CONTEXT, Tally, Village, bag, document, seen
from traceability.epcis.event_hash import event_hash, hash_id
from traceability.identifiers import parse


@pytest.fixture
def captured(tally: Tally, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Captures events for a party from a file, on the command line, and returns the job."""

    def capture(party: str, *events: dict[str, Any]) -> dict[str, Any]:
        file = tmp_path / "document.json"
        file.write_bytes(document(*events))
        run = tally("capture", file, "--party", party, "--json")
        assert run.code == 0, run.err
        job: dict[str, Any] = run.json
        return job

    return capture


# ----------------------------------------------------------------------------------------------- without any node


def test_hash_gives_the_published_ids_of_every_vector(tally: Tally, vectors: Path) -> None:
    documents = sorted((vectors / "event-hash").glob("*.jsonld"))
    published = [line for path in documents for line in path.with_suffix(".hashes").read_text().split()]
    assert tally("hash", *documents).out.split() == published


def test_hash_names_an_event_that_lies_ahead(tally: Tally, tmp_path: Path) -> None:
    planned = seen(bag(1), eventTime="2999-01-01T00:00:00Z")
    (tmp_path / "plan.json").write_bytes(document(planned))
    assert tally("hash", tmp_path / "plan.json").out.strip() == hash_id(event_hash(planned, CONTEXT))


def test_hash_prints_one_id_a_line_in_document_order(tally: Tally, tmp_path: Path) -> None:
    events = [seen(bag("h1")), seen(bag("h2"))]
    for number, event in enumerate(events):
        (tmp_path / f"{number}.json").write_bytes(document(event))
    (tmp_path / "both.json").write_bytes(document(*events))
    expected = [hash_id(event_hash(event, CONTEXT)) for event in events]
    assert tally("hash", tmp_path / "both.json").out.splitlines() == expected
    assert tally("hash", tmp_path / "1.json", tmp_path / "0.json", "--json").json == expected[::-1]


def test_id_shows_both_forms_with_parts_and_check_digit(tally: Tally) -> None:
    run = tally("id", bag("77"), "https://id.gs1.org/01/09521234001010/21/77", "--gcp-length", "7", "--json")
    assert run.code == 0
    assert [each["urn"] for each in run.json] == [bag("77"), bag("77")]
    assert {each["digitalLink"] for each in run.json} == {"https://id.gs1.org/01/09521234001010/21/77"}
    assert {(each["key"], each["checkDigit"]) for each in run.json} == {("GTIN", "0")}
    assert "09521234001010" in tally("id", bag("77")).out


def test_id_of_what_is_none_exits_with_2_and_says_what_to_give(tally: Tally) -> None:
    run = tally("id", "hello")
    assert (run.code, run.out) == (2, "")
    assert "next: give an EPC URN" in run.err


def test_verify_needs_no_data_folder(village: Village, tally: Tally, captured: Callable[..., Any], tmp_path: Path,
                                     monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    village.capture("grower", seen(bag("cli-verify")))
    bundle = tmp_path / "bag.json"
    assert tally("proof", bag("cli-verify"), "-o", bundle).code == 0
    monkeypatch.setenv("TALLY_DATA", str(tmp_path / "nowhere"))
    trust = ["--rpc-url", village.rpc_url, "--event-log", to_address(village.deployment.event_log),
             "--party-registry", to_address(village.deployment.party_registry)]  # fmt: skip
    good = tally("verify", bundle, *trust, "--for", bag("cli-verify"), "--json")
    assert (good.code, good.json["result"], [each["result"] for each in good.json["records"]]) == (
        0,
        "verified",
        ["verified"],
    )
    assert tally("verify", bundle, "--offline", "--json").json["result"] == "consistent"
    assert tally("verify", bundle, "--offline", "--for", bag("another")).code == 1
    swapped = tally("verify", bundle, "--offline", "--event-log", trust[5], "--party-registry", trust[3], "--json")
    assert (swapped.code, swapped.json["code"], swapped.json["records"]) == (1, "wrong_chain", [])
    away = tally("verify", bundle, "--rpc-url", "http://127.0.0.1:1", *trust[2:])
    assert away.code == 2
    assert "tally status" in away.err
    missing = tally("verify", bundle, "--rpc-url", village.rpc_url)
    assert (missing.code, "--event-log, --party-registry" in missing.err) == (2, True)
    assert tally("verify", bundle).code == 2


def test_verify_of_a_file_that_is_no_bundle_fails_and_judges_no_record(tally: Tally, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    run = tally("verify", tmp_path / "x.json", "--json")
    assert (run.code, run.json["code"], run.json["records"]) == (1, "malformed", [])
    assert tally("verify", tmp_path / "missing.json").code == 2


# --------------------------------------------------------------------------------------------------- on the folder


@pytest.mark.parametrize("name", ["grower", "Highland Growers", "highland growers", "9521234500001"])
def test_capture_knows_a_party_by_key_file_legal_name_or_gln(captured: Callable[..., Any], name: str) -> None:
    job = captured(name, seen(bag("cli-names")))
    assert [each["status"] for each in job["events"]] in (["accepted"], ["known"], ["final"])
    assert job["receipt"] is not None


def test_capture_knows_a_party_by_its_account(village: Village, captured: Callable[..., Any]) -> None:
    assert captured(to_address(village.keys["roaster"].address), seen(bag("cli-account")))["success"]


def test_capture_for_an_unknown_party_exits_with_2_and_names_the_next_command(tally: Tally, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_bytes(document(seen(bag("x"))))
    run = tally("capture", tmp_path / "d.json", "--party", "nobody")
    assert (run.code, "tally party list" in run.err, "Traceback" in run.err) == (2, True, False)
    assert "Traceback" in tally("capture", tmp_path / "d.json", "--party", "nobody", "--verbose").err


def test_an_invalid_document_is_refused_with_its_places(tally: Tally, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_bytes(document(seen(bag("x"), action="LOOK")))
    run = tally("capture", tmp_path / "d.json", "--party", "grower")
    assert (run.code, "event 0 /action" in run.err) == (2, True)
    as_json = tally("capture", tmp_path / "d.json", "--party", "grower", "--json")
    assert (as_json.code, as_json.json["errors"][0]["path"]) == (2, "/action")


def test_history_and_trace_tell_the_way_of_a_bag(village: Village, tally: Tally) -> None:
    lot = "urn:epc:class:lgtin:9521234.000101.CLI"
    green = seen("x", epcList=[], quantityList=[{"epcClass": lot, "quantity": 60, "uom": "KGM"}])
    made = {
        "type": "TransformationEvent", "eventTime": green["eventTime"], "eventTimeZoneOffset": "+00:00",
        "bizStep": "commissioning", "inputQuantityList": [{"epcClass": lot, "quantity": 60, "uom": "KGM"}],
        "outputEPCList": [bag("cli-way")],
    }  # fmt: skip
    village.capture("grower", green)
    village.capture("roaster", made)
    history = tally("history", bag("cli-way"))
    assert history.code == 0
    rows = history.out.partition("recorded by")[2].splitlines()[1:]
    assert [row[0] for row in rows if row[0].strip()] == ["✓", "✓"], history.out
    assert "Highland Growers" in history.out
    assert "Harbour Roasters" in history.out
    assert "made from GTIN 09521234001010, lot CLI" in tally("trace", bag("cli-way")).out
    assert "became GTIN 09521234001010, serial cli-way" in tally("trace", lot, "--forward").out
    as_json = tally("history", parse(bag("cli-way")).digital_link, "--json").json
    assert [each["event"]["type"] for each in as_json["events"]] == ["ObjectEvent", "TransformationEvent"]


def test_a_product_that_nobody_recorded_exits_with_2(tally: Tally) -> None:
    assert tally("history", bag("never")).code == 2
    assert tally("proof", bag("never"), "-o", "never.json").code == 2


def test_withdraw_takes_back_one_record_and_asks_which_where_there_are_several(village: Village, tally: Tally) -> None:
    event = seen(bag("cli-withdraw"))
    records = [village.capture(party, event)["events"][0]["recordHash"] for party in ("grower", "roaster")]
    name = village.capture("grower", event)["events"][0]["eventID"]
    which = tally("withdraw", name)
    assert which.code == 2
    assert all(record in which.err for record in records)
    done = tally("withdraw", records[0], "--json")
    assert (done.code, done.json["withdrawn"], done.json["recordHash"]) == (0, True, records[0])
    states = {
        each["recordHash"]: each["state"] for each in tally("history", bag("cli-withdraw"), "--json").json["events"]
    }
    assert (states[records[0]], states[records[1]]) == ("corrected", "verified")
    assert tally("withdraw", records[0], "--json").json["new"] is False


def test_receive_knows_its_own_records_and_refuses_a_forged_bundle(
    village: Village, tally: Tally, tmp_path: Path
) -> None:
    village.capture("grower", seen(bag("cli-receive")))
    bundle = tmp_path / "b.json"
    assert tally("proof", bag("cli-receive"), "-o", bundle).code == 0
    received = tally("receive", bundle, "--json")
    assert (received.code, received.json["taken"], len(received.json["known"])) == (0, [], 1)
    bundle.write_bytes(bundle.read_bytes().replace(b'"shipping"', b'"holding"'))
    refused = tally("receive", bundle)
    assert (refused.code, "Nothing of it was stored" in refused.err) == (1, True)


def test_status_says_how_the_node_is(village: Village, tally: Tally) -> None:
    run = tally("status", "--json")
    assert (run.code, run.json["chainId"], run.json["chainReachable"]) == (0, village.deployment.chain_id, True)
    assert to_address(village.deployment.event_log) in tally("status").out


def test_an_api_key_is_made_listed_and_revoked(village: Village, tally: Tally) -> None:
    secret = tally("party", "key", "create", "retailer", "--label", "till 7").out.strip()
    listed = {each["label"]: each for each in tally("party", "key", "list", "retailer", "--json").json}
    assert secret.startswith("tally_")
    assert listed["till 7"]["party"] == to_address(village.keys["retailer"].address)
    assert secret not in tally("party", "key", "list").out
    assert tally("party", "key", "revoke", str(listed["till 7"]["number"])).code == 0
    with village.client() as client:
        answer = client.post("/capture", headers={"Authorization": f"Bearer {secret}"}, content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (401, "revoked_api_key")


@pytest.mark.parametrize("arguments", [("capture",), ("nonsense",), ("history",), ("id", "--gcp-length", "99", "x")])
def test_wrong_usage_exits_with_2(tally: Tally, arguments: tuple[str, ...]) -> None:
    assert tally(*arguments).code == 2


def test_a_folder_without_a_node_says_how_to_make_one(tally: Tally, tmp_path: Path) -> None:
    run = tally("status", "--data", tmp_path / "empty")
    assert (run.code, "tally init" in run.err) == (2, True)
    assert "tally init" in tally("--data", tmp_path / "empty", "status").err
