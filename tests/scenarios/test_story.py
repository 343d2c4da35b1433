"""The coffee story as data, before anybody plays it.

tell
├── always the same story, whenever it starts       same documents for the same start, same identifiers for any
├── in time                                         captures in order, no event later than its capture, local offsets
├── valid                                           GS1's own schema takes every document
├── demonstration keys only                         every company prefix begins with 952, check digits hold
├── weights conserve                                nothing gives more than went in, nobody uses more than there is
└── mishaps                                         the rejected lot is used nowhere; one clone; one withdrawal
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from biip.checksums import gs1_standard_check_digit

from scripts.scenario import DAYS, PARTIES, Story, tell

START = datetime(2026, 7, 27, 14, 37, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def story() -> Story:
    return tell(START)


def events(story: Story) -> Iterator[dict[str, Any]]:
    for capture in story.captures:
        yield from capture.document["epcisBody"]["eventList"]


def quantities(event: dict[str, Any], member: str) -> dict[str, float]:
    return {element["epcClass"]: element["quantity"] for element in event.get(member, []) if "quantity" in element}


def test_the_same_start_tells_the_same_story() -> None:
    assert tell(START) == tell(START)


def test_another_start_moves_the_times_and_keeps_the_identifiers(story: Story) -> None:
    winter = tell(datetime(2027, 1, 5, 23, 59, 59, tzinfo=UTC))
    assert (winter.products, winter.lots, winter.cloned) == (story.products, story.lots, story.cloned)
    assert winter.captures[0].document != story.captures[0].document


def test_it_is_large_enough_and_shows_all_of_epcis(story: Story) -> None:
    assert story.event_count >= 400
    assert len(PARTIES) >= 10
    assert {event["type"] for event in events(story)} == {
        "ObjectEvent",
        "AggregationEvent",
        "TransactionEvent",
        "TransformationEvent",
        "AssociationEvent",
    }
    assert len(story.products) == len(set(story.products)) == 20


@pytest.mark.parametrize("start", [START, datetime(2027, 1, 5, 0, 0, 0, tzinfo=UTC)])
def test_captures_follow_their_events_within_the_story(start: datetime) -> None:
    story = tell(start)
    at = [capture.at for capture in story.captures]
    assert at == sorted(at)
    assert at[0] > timedelta() and at[-1] < timedelta(days=DAYS)
    for capture in story.captures:
        for event in capture.document["epcisBody"]["eventList"]:
            assert start < datetime.fromisoformat(event["eventTime"]) <= start + capture.at


def test_every_event_has_the_offset_of_its_place(story: Story) -> None:
    offsets = defaultdict(set)
    for event in events(story):
        assert event["eventTime"].endswith(event["eventTimeZoneOffset"])
        offsets[event["readPoint"]["id"].split(":")[-1].split(".")[0]].add(event["eventTimeZoneOffset"])
    assert offsets["9521001"] == {"-05:00"}
    assert offsets["9521009"] == {"+02:00", "+01:00"}  # clocks in Berlin change while the story runs


def test_every_place_has_coordinates(story: Story) -> None:
    for event in events(story):
        assert re.fullmatch(r"geo:-?\d+\.\d+,-?\d+\.\d+", event["coffee:position"])
    headers = [capture.document["epcisHeader"] for capture in story.captures if "epcisHeader" in capture.document]
    known = {
        element["id"]
        for header in headers
        for vocabulary in header["epcisMasterData"]["vocabularyList"]
        for element in vocabulary["vocabularyElementList"]
        if {"cbvmda:latitude", "cbvmda:longitude"} <= {attribute["id"] for attribute in element["attributes"]}
    }
    assert {event["readPoint"]["id"] for event in events(story)} <= known


def test_gs1s_own_schema_takes_every_document(story: Story, vectors: Path) -> None:
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    schema = json.loads((vectors / "gs1-epcis" / "EPCIS-JSON-Schema.json").read_text())
    validator = jsonschema_rs.validator_for(schema, validate_formats=True)
    assert [str(error) for capture in story.captures for error in validator.iter_errors(capture.document)] == []


def test_every_company_prefix_is_for_demonstrations(story: Story) -> None:
    text = json.dumps([capture.document for capture in story.captures])
    prefixes = set(re.findall(r"urn:epc:(?:id|class):[a-z]+:(\d+)\.", text))
    assert {prefix[:3] for prefix in prefixes} == {"952"}
    glns = set(re.findall(r"urn:epcglobal:cbv:bt:(\d{13}):", text)) | {party.gln for party in PARTIES}
    assert {gln for gln in glns if int(gln[-1]) != gs1_standard_check_digit(gln[:-1])} == set()
    assert len({party.gln for party in PARTIES}) == len(PARTIES)


def test_a_transformation_gives_no_more_than_went_in(story: Story) -> None:
    inputs: dict[str, float] = defaultdict(float)
    outputs: dict[str, float] = defaultdict(float)
    for number, event in enumerate(events(story)):
        if event["type"] == "TransformationEvent":
            name = event.get("transformationID", str(number))
            inputs[name] += sum(quantities(event, "inputQuantityList").values())
            outputs[name] += sum(quantities(event, "outputQuantityList").values())
            outputs[name] += 0.25 * len(event.get("outputEPCList", []))
    assert {name for name in inputs if outputs[name] > inputs[name] or not outputs[name]} == set()


def test_nobody_uses_more_of_a_lot_than_was_made(story: Story) -> None:
    made: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for event in events(story):
        if event["type"] == "TransformationEvent":
            made.update(quantities(event, "outputQuantityList"))
            used.update(quantities(event, "inputQuantityList"))
        elif event["type"] == "ObjectEvent" and event["action"] == "ADD":
            made.update(quantities(event, "quantityList"))
    assert {lot for lot in used if used[lot] > made[lot]} == set()


def test_a_pound_of_green_takes_about_six_of_cherries(story: Story) -> None:
    cherries = sum(sum(quantities(e, "quantityList").values()) for e in events(story) if e.get("action") == "ADD"
                   and e.get("bizStep") == "commissioning")  # fmt: skip
    green = sum(
        quantity
        for event in events(story)
        for lot, quantity in quantities(event, "outputQuantityList").items()
        if ".HU-" in lot
    )
    assert 5.5 < cherries / green < 7


def test_a_bag_is_sold_once_but_for_the_clone(story: Story) -> None:
    sold: dict[str, list[tuple[str, datetime]]] = defaultdict(list)
    for event in events(story):
        if event.get("bizStep") == "retail_selling" and "errorDeclaration" not in event:
            for bag in event["epcList"]:
                sold[bag].append((event["readPoint"]["id"], datetime.fromisoformat(event["eventTime"])))
    assert {bag for bag, sales in sold.items() if len(sales) > 1} == {story.cloned}
    (berlin, first), (vienna, second) = sold[story.cloned]
    assert berlin != vienna
    assert second - first == timedelta(hours=1)
    assert set(story.products) <= set(sold)


def test_the_rejected_lot_is_used_nowhere(story: Story) -> None:
    concerned = [event for event in events(story) if story.rejected_lot in json.dumps(event)]
    assert [event["disposition"] for event in concerned if event["bizStep"] == "inspecting"] == ["non_conformant"] * 2
    assert concerned[-1]["bizStep"] == "holding"
    assert not any(story.rejected_lot in json.dumps(event.get("inputQuantityList")) for event in concerned)
    assert not any(event["type"] == "AggregationEvent" for event in concerned)


def test_a_withdrawn_event_is_repeated_word_for_word_beside_its_declaration(story: Story) -> None:
    (declared,) = [event for event in events(story) if "errorDeclaration" in event]
    original = {member: value for member, value in declared.items() if member != "errorDeclaration"}
    assert original in list(events(story))
    assert declared["epcList"] == [story.mistaken]
    (corrective,) = declared["errorDeclaration"]["correctiveEventIDs"]
    assert [event["eventTime"] for event in events(story) if event.get("eventID") == corrective] == [
        original["eventTime"]
    ]


def test_every_unit_is_unpacked_from_the_unit_it_was_packed_into(story: Story) -> None:
    inside: dict[str, str] = {}
    for event in events(story):
        if event["type"] == "AggregationEvent":
            for child in event.get("childEPCs", []):
                if event["action"] == "ADD":
                    assert child not in inside
                    inside[child] = event["parentID"]
                else:
                    assert inside.pop(child) == event["parentID"]
    for bag in story.products:
        assert bag not in inside
