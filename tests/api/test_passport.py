"""The page in words: each failed check spoils its own tick, and nothing after it is called good."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.pages.passport import Passport, passport_of, thing_words
from api.places import Place
from ledger.record import Record
from traceability.history import Entry, History
from traceability.lineage import Direction, Reason, Relation
from traceability.repository import StoredEvent
from traceability.verdict import Code, RecordVerdict, Result

BAG = "https://id.gs1.org/01/09521234001010/21/77"
GROWER = b"\x01" * 20
STORED = StoredEvent(
    record_id=1, record=Record(b"\x02" * 32, b"\x03" * 32, GROWER, 0, b"\x04" * 32), record_hash=b"\x05" * 32,
    signer=GROWER, signature=b"\x06" * 65, received_at_us=0, is_foreign=False, batch_id=None, root=None, proof=None,
    job_id=None, event_time_ms=1_772_440_200_000, given_event_id=None, is_declaration=False, marks=(), context=[],
    event={
        "type": "ObjectEvent", "eventTime": "2026-03-02T09:30:00+01:00", "eventTimeZoneOffset": "+01:00",
        "bizStep": "https://ref.gs1.org/cbv/BizStep-shipping", "readPoint": {"id": "urn:epc:id:sgln:9521234.00001.0"},
        "coffee:position": "geo:-1.5,76.25",
    },
)  # fmt: skip


def entry(result: Result = Result.VERIFIED, code: Code | None = None, anchored_at: int | None = 1_772_440_260) -> Entry:
    verdict = RecordVerdict("ni:x", STORED.record_hash, result, code, "the reason", anchored_at, 60.0)
    return Entry(STORED, Reason(Relation.ITSELF, BAG, None), verdict, result.value, (), ())


def page(*entries: Entry) -> Passport:
    history = History(BAG, Direction.BACKWARD, entries, (), is_truncated=False)
    place = Place("Packing shed", "Pitalito", "CO", None, None)
    return passport_of(
        history, BAG, chain_id=77, checked_at=0, party_name=lambda _: "Highland Growers", place_of=lambda *_: place
    )


def test_a_good_stop_says_what_when_where_by_whom_and_has_four_ticks() -> None:
    (stop,) = page(entry()).stops
    assert (stop.when, stop.title, stop.place) == ("2 March 2026, 09:30", "Sent off", "Packing shed, Pitalito")
    assert (stop.position, stop.position_words) == ("geo:-1.5,76.25", "1.500° S, 76.250° E")
    assert [(tick.state, tick.label) for tick in stop.ticks] == [
        ("pass", "unchanged"),
        ("pass", "signed for Highland Growers"),
        ("pass", "anchored 2 Mar 2026, 08:31 UTC"),
        ("pass", "no contradiction"),
    ]


@pytest.mark.parametrize(
    ("code", "good", "bad"),
    [
        (Code.EVENT_ALTERED, 0, "altered"),
        (Code.BAD_SIGNATURE, 1, "not signed for Highland Growers"),
        (Code.SIGNER_NOT_AUTHORISED, 1, "not signed for Highland Growers"),
        (Code.NOT_IN_BATCH, 2, "not anchored as it says"),
        (Code.ROOT_NOT_ANCHORED, 2, "not anchored as it says"),
        (Code.POSTDATED, 3, "contradicted"),
        (Code.EQUIVOCAL, 3, "contradicted"),
        (Code.UNRELATED, 3, "contradicted"),
    ],
)
def test_a_failed_check_spoils_its_tick_and_ends_the_row(code: Code, good: int, bad: str) -> None:
    passport = page(entry(Result.FAILED, code))
    (stop,) = passport.stops
    assert [tick.state for tick in stop.ticks] == ["pass"] * good + ["fail"]
    assert stop.ticks[-1].label == bad
    assert (stop.tone, stop.is_struck, stop.note) == ("bad", True, "The reason.")
    assert passport.answer.startswith("Do not rely on this")


def test_every_code_of_a_record_has_its_tick() -> None:
    judging_no_record = {Code.MALFORMED, Code.WRONG_CHAIN}
    for code in set(Code) - judging_no_record:
        assert page(entry(Result.FAILED, code)).stops[0].ticks[-1].state == "fail"


def test_what_is_not_anchored_yet_waits_and_is_not_called_wrong() -> None:
    passport = page(entry(Result.PENDING, anchored_at=None))
    assert [tick.state for tick in passport.stops[0].ticks] == ["pass", "pass", "wait", "pass"]
    assert (passport.tone, passport.answer) == ("wait", "Nothing is wrong. 1 of 1 records are not anchored yet.")


def test_the_worst_record_decides_the_answer() -> None:
    assert page(entry(), entry(Result.CORRECTED)).answer == "Genuine. 1 of 2 records were later withdrawn as mistaken."
    assert page(entry(), entry(Result.DISOWNED)).tone == "bad"


def test_a_run_of_the_same_thing_is_one_group_but_only_where_all_is_well() -> None:
    assert [len(group) for group in page(*[entry()] * 5).groups] == [5]
    mixed = page(*[entry()] * 2, entry(Result.FAILED, Code.EQUIVOCAL), *[entry()] * 5)
    assert [len(group) for group in mixed.groups] == [1, 1, 1, 5]


def test_an_event_of_another_thing_says_why_it_is_there() -> None:
    lot = "https://id.gs1.org/01/09521234001010/10/L-7"
    (stop,) = page(replace(entry(), reason=Reason(Relation.MADE_FROM, lot, BAG))).stops
    assert stop.why == "of GTIN 09521234001010, lot L-7, from which it was made"


@pytest.mark.parametrize(
    ("identifier", "words"),
    [
        (BAG, "GTIN 09521234001010, serial 77"),
        ("urn:epc:id:sscc:9521234.0000000077", "SSCC 095212340000000778"),
        ("urn:epc:id:grai:9521006.00203.ISGU301744", "GRAI 09521006002030, serial ISGU301744"),
        ("urn:uuid:1234", "urn:uuid:1234"),
    ],
)
def test_things_have_names_that_can_be_said(identifier: str, words: str) -> None:
    assert thing_words(identifier) == words
