"""The consortium's affairs on the command line. Each command returns when its transaction is final."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ledger.hexadecimal import to_address
from tests.api.conftest import Tally, Village, bag, document, seen


@pytest.mark.slow
def test_a_candidate_applies_members_vote_and_it_is_a_party(village: Village, tally: Tally, tmp_path: Path) -> None:
    file = tmp_path / "application.json"
    profile = ("--name", "Valley Mill", "--gln", "9521234500049", "--role", "manufacturer")
    applied = tally("party", "apply", "mill", *profile, "-o", file)
    assert applied.code == 0, applied.err
    proposed = tally("party", "propose", "admit", file, "--as", "grower", "--json")
    assert (proposed.code, proposed.json["votes"], proposed.json["passed"]) == (0, 1, False), proposed.err
    again = tally("party", "propose", "gln", "mill", "9521234500049", "--as", "grower")
    assert again.code == 2
    (listed,) = [each for each in tally("party", "proposals", "--json").json if each["id"] == proposed.json["id"]]
    assert listed["content"] == "Valley Mill, GLN 9521234500049"
    for member in ("roaster", "retailer"):
        voted = tally("party", "vote", proposed.json["id"], "--as", member, "--json")
        assert voted.code == 0, voted.err
    assert voted.json["passed"]
    assert "Valley Mill" in tally("party", "list").out
    twice = tally("party", "vote", proposed.json["id"], "--as", "roaster")
    assert (twice.code, "ProposalPassed" in twice.err) == (1, True)


@pytest.mark.slow
def test_a_scanner_records_for_its_party_until_it_is_revoked(village: Village, tally: Tally, tmp_path: Path) -> None:
    given = tally("party", "signer", "authorise", "scanner", "--party", "roaster", "--use", "record", "--json")
    assert (given.code, given.json["uses"], given.json["until"]) == (0, ["record"], None), given.err
    for _ in range(100):
        time.sleep(0.1)
        (tmp_path / "d.json").write_bytes(document(seen(bag(f"scan-{_}"))))
        record = tally("capture", tmp_path / "d.json", "--party", "roaster", "--json").json["events"][0]["recordHash"]
        with village.client() as client:
            (entry,) = client.get(f"/events/{record}").json()
        if entry["signer"] == given.json["address"]:
            break
    else:
        raise AssertionError("the scanner never signs")
    listed = tally("party", "signer", "list", "roaster")
    assert given.json["address"] in listed.out
    ended = tally("party", "signer", "revoke", "scanner", "--party", "roaster", "--first-disowned", "1000", "--json")
    assert (ended.code, ended.json["firstDisowned"]) == (0, 1000), ended.err
    refused = tally("party", "signer", "revoke", "roaster", "--party", "roaster")
    assert (refused.code, "IsController" in refused.err) == (1, True)


def test_whoever_acts_has_to_be_named_and_its_key_to_be_here(village: Village, tally: Tally) -> None:
    nobody = tally("party", "propose", "suspend", "grower")
    assert (nobody.code, "--as NAME" in nobody.err) == (2, True)
    unknown = tally("party", "vote", "0x" + "ab" * 32, "--as", "grower")
    assert (unknown.code, "tally party proposals" in unknown.err) == (2, True)
    wrong_use = tally("party", "signer", "authorise", "x", "--party", "grower", "--use", "dancing")
    assert (wrong_use.code, "record, attest, anchor, withdraw" in wrong_use.err) == (2, True)


def test_show_tells_what_the_registry_has_of_a_party(village: Village, tally: Tally) -> None:
    run = tally("party", "show", "9521234500001", "--json")
    assert (run.json["name"], run.json["account"]) == ("Highland Growers", to_address(village.keys["grower"].address))
    assert "Highland Growers" in tally("party", "show", "grower").out
