"""The field-swap matrix (tests/proofs/swaps.py): every value removed, changed, or taken from another genuine bundle."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from scripts.evidence import TRUSTED
from tests.proofs.bundles import ANSWERS, RESULTS, STORY, TWIN
from tests.proofs.matrix import (
    GENUINE,
    LEAVES,
    PLACES,
    TABLES,
    assert_alike,
    assert_refused,
    judgement,
    outcomes,
    tampered,
)
from tests.proofs.swaps import ONLINE, Path, alterations, at, leaves, rule_of
from traceability.verification import Code, Result, Verdict, verify


def judged(file: Any, way: str) -> Verdict:
    return judgement(json.dumps(file).encode(), way)


def test_both_stories_are_genuine_to_begin_with() -> None:
    for story in (STORY, TWIN):
        assert outcomes(judged(story.file, "online")) == RESULTS
        assert outcomes(judged(story.file, "offline")) == ["consistent", "consistent", "consistent", "pending"]
        assert judged(story.file, "offline").withdrawal_claimed == (0,)
    both = copy.deepcopy(STORY.file)
    both["records"] += TWIN.records
    assert outcomes(judged(both, "online")) == RESULTS * 2


@pytest.mark.parametrize("way", TABLES)
def test_every_place_is_relied_on_by_a_check_or_declared_a_hint(way: str) -> None:
    """And every line of the table speaks of a place that there is."""
    used = {rule_of(TABLES[way], path)[0] for path in LEAVES}
    assert used == TABLES[way].keys()
    assert {rule.step for _, rule in (rule_of(TABLES[way], path) for path in LEAVES)} >= {3, 4, 5, None}
    hints = {path[-1] for path in LEAVES if rule_of(ONLINE, path)[1].step is None}
    assert hints == {"index", "transaction", "block"}


def test_the_twin_has_every_place_and_nearly_everywhere_another_value() -> None:
    assert leaves(TWIN.file) == LEAVES
    equal = [path for path in LEAVES if at(STORY.file, path) == at(TWIN.file, path)]
    # What the twins must share: form, chain, the context's words, who is who, and null.
    shared = {"format", "chain", "context", "type", "action", "party", "anchor", "index"}
    assert all(shared & {str(step) for step in path} for path in equal), equal


@pytest.mark.parametrize("path", PLACES, ids=lambda path: "/".join(map(str, path)))
def test_another_value_is_refused_with_the_code_of_the_check_that_relies_on_it(path: Path) -> None:
    for alteration in tampered(path):
        data = json.dumps(alteration.file).encode()
        for way in TABLES:
            assert_refused(data, way, alteration)


def test_the_outsider_says_the_same_of_one_in_twenty() -> None:
    """Which ones is drawn by a seed; `python -m tests.proofs swaps` compares all of them."""
    source = random.Random(20_260_301)
    for path in PLACES:
        for name, file in alterations(STORY.file, path, TWIN.file):
            if source.random() < 0.05:
                assert_alike(json.dumps(file).encode(), name)


# The four places that hold more than one check's evidence.


@pytest.mark.parametrize("place", range(3))
def test_the_anchor_of_another_record_is_not_this_ones(place: int) -> None:
    anchors = [record["anchor"] for record in (*STORY.records, *TWIN.records) if record["anchor"]]
    for other in anchors:
        if other == STORY.records[place]["anchor"]:
            continue
        file = copy.deepcopy(STORY.file)
        file["records"][place]["anchor"] = other
        assert outcomes(judged(file, "online"))[place] == "not_in_batch"
        assert outcomes(judged(file, "offline"))[place] == "not_in_batch"


@pytest.mark.parametrize("place", range(3))
def test_a_record_whose_anchor_is_kept_back_is_pending_and_nothing_worse(place: int) -> None:
    file = copy.deepcopy(STORY.file)
    file["records"][place]["anchor"] = None
    verdict = judged(file, "online")
    assert verdict.code is None
    assert outcomes(verdict)[place] == ("corrected" if place == 0 else "pending")


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("other", range(4))
def test_a_whole_record_of_another_bundle_is_genuine_and_judged_for_the_named_item(place: int, other: int) -> None:
    file = copy.deepcopy(STORY.file)
    file["records"][place] = TWIN.records[other]
    assert judged(file, "online").code is None
    verdict = verify(json.dumps(file).encode(), trusted=TRUSTED, answers=ANSWERS, identifier=STORY.bags[0])
    assert (verdict.result, verdict.code) == (Result.FAILED, Code.UNRELATED)
    failed = {index for index, record in enumerate(verdict.records) if record.code is not None}
    # Without the packing nothing joins the pallet that was received to the bag.
    assert failed == {place} | ({3} if place == 1 else set())
    assert {record.code for record in verdict.records} == {None, Code.UNRELATED}


def test_a_whole_record_left_out_is_not_noticed_and_the_words_say_so() -> None:
    for place in range(4):
        file = copy.deepcopy(STORY.file)
        del file["records"][place]
        verdict = judged(file, "online")
        assert verdict.code is None
        assert verdict.words()[-1] == "Genuine records need not be all records: nothing shows that there are no others."


def test_the_order_of_the_records_changes_nothing_but_the_order() -> None:
    file = copy.deepcopy(STORY.file)
    file["records"].reverse()
    assert judged(file, "online").records == GENUINE["online"].records[::-1]
