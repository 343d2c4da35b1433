"""Which date-times are taken, and the instant they mean: docs/proof-format.md, section 2."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceability.epcis.times import check_date_times, check_event, epoch_ms, instant
from traceability.errors import MalformedJson


def harvest(**members: Any) -> dict[str, Any]:
    return {
        "type": "ObjectEvent",
        "eventTime": "2026-03-01T10:00:00+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "ADD",
    } | members


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000Z"),
        ("2026-03-01T10:00:00+08:00", "2026-03-01T02:00:00.000Z"),
        ("2026-03-01T00:30:00-09:30", "2026-03-01T10:00:00.000Z"),
        ("2026-03-01T10:00:00-00:00", "2026-03-01T10:00:00.000Z"),
        ("2026-03-01T10:00:00.1+14:00", "2026-02-28T20:00:00.100Z"),
        ("2024-02-29T23:59:59.123456Z", "2024-02-29T23:59:59.123Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_an_instant_is_written_in_utc_to_the_millisecond(text: str, utc: str) -> None:
    assert instant(text).utc == utc


@pytest.mark.parametrize(
    ("fraction", "rounded"),
    [
        ("0004", "10:00:00.000"),
        ("0005", "10:00:00.001"),
        ("1235", "10:00:00.124"),
        ("1245", "10:00:00.125"),
        ("00049999999999999999999999999", "10:00:00.000"),
        ("9994", "10:00:00.999"),
        ("9995", "10:00:01.000"),
        ("99999999", "10:00:01.000"),
    ],
)
def test_finer_times_are_rounded_half_up_and_carried_into_the_next_second(fraction: str, rounded: str) -> None:
    assert instant(f"2026-03-01T10:00:00.{fraction}Z").utc == f"2026-03-01T{rounded}Z"


def test_rounding_carries_over_midnight_and_new_year() -> None:
    assert instant("2025-12-31T23:59:59.9996Z").utc == "2026-01-01T00:00:00.000Z"
    assert epoch_ms("1969-12-31T23:59:59.9996Z") == 0


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T10:00:00",
        "2026-03-01 10:00:00Z",
        "2026-03-01T10:00:00z",
        "2026-03-01t10:00:00Z",
        "2026-03-01T10:00Z",
        "2026-03-01",
        "2026-03-01T10:00:00.Z",
        "2026-03-01T10:00:00,5Z",
        "2026-03-01T10:00:00+0800",
        "2026-03-01T10:00:00+08",
        "2026-03-01T10:00:00−08:00",
        "2026-03-01T24:00:00Z",
        "2026-06-30T23:59:60Z",
        "2026-03-01T10:60:00Z",
        "2026-02-29T10:00:00Z",
        "2026-13-01T10:00:00Z",
        "2026-00-10T10:00:00Z",
        "2026-03-01T10:00:00+14:01",
        "2026-03-01T10:00:00-15:00",
        "2026-03-01T10:00:00+08:60",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59.9995Z",
        "9999-12-31T23:59:59-00:01",
        "+2026-03-01T10:00:00Z",
        "２０２６-03-01T10:00:00Z",
        "2026-03-01T10:00:00Z ",
        "2026-03-01T10:00:00Z\n",
        "",
    ],
)
def test_any_other_spelling_or_a_time_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(MalformedJson):
        instant(text)


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001 - local times
def test_an_instant_is_the_same_in_every_offset(moment: datetime, minutes: int) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    local = (moment + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")
    sign, size = ("-", -minutes) if minutes < 0 else ("+", minutes)
    spelled = instant(f"{local}{sign}{size // 60:02}:{size % 60:02}")
    assert spelled == instant(moment.isoformat(timespec="milliseconds") + "Z")
    assert spelled.epoch_ms == (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (harvest(eventTime="yesterday"), "event/eventTime"),
        (harvest(eventTime=1_772_330_400), "event/eventTime"),
        (harvest(recordTime="2026-03-01T10:00:00"), "event/recordTime"),
        (harvest(errorDeclaration={"declarationTime": "2026-03-01"}), "event/errorDeclaration/declarationTime"),
        (
            harvest(sensorElementList=[{}, {"sensorMetadata": {"startTime": "2026"}}]),
            "event/sensorElementList/1/sensorMetadata/startTime",
        ),
        (
            harvest(sensorElementList=[{"sensorMetadata": {"endTime": ["2026-03-01T10:00:00Z"]}}]),
            "event/sensorElementList/0/sensorMetadata/endTime",
        ),
        (
            harvest(sensorElementList=[{"sensorReport": [{}, {"time": "now"}]}]),
            "event/sensorElementList/0/sensorReport/1/time",
        ),
    ],
)
def test_every_date_time_field_is_judged_and_named(event: dict[str, Any], path: str) -> None:
    with pytest.raises(MalformedJson, match=f"^{path}: "):
        check_date_times(event)
    with pytest.raises(MalformedJson, match=f"^{path}: "):
        check_event(event)


def test_a_time_in_an_extension_is_text() -> None:
    check_event(harvest(**{"grow:when": "yesterday", "ilmd": {"grow:time": "noon"}, "errorDeclaration": "none"}))
    check_event(harvest(sensorElementList="none"))
    check_event(harvest(sensorElementList=["none", {"sensorMetadata": 5, "sensorReport": [5]}]))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ([], "event: must be an object"),
        ({}, "event/type: must be one of"),
        (harvest(type="https://ref.gs1.org/epcis/ObjectEvent"), "event/type: must be one of"),
        (harvest(type="QuantityEvent"), "event/type: must be one of"),
        (harvest(type=["ObjectEvent"]), "event/type: must be one of"),
        ({"type": "ObjectEvent", "eventTimeZoneOffset": "+08:00"}, "event/eventTime: is missing"),
        (harvest(eventTimeZoneOffset="Z"), "event/eventTimeZoneOffset: must be"),
        (harvest(eventTimeZoneOffset="+8:00"), "event/eventTimeZoneOffset: must be"),
        (harvest(eventTimeZoneOffset="+14:01"), "event/eventTimeZoneOffset: must be"),
        (harvest(eventTimeZoneOffset="+08:60"), "event/eventTimeZoneOffset: must be"),
        (harvest(eventTimeZoneOffset=8), "event/eventTimeZoneOffset: must be"),
        ({"type": "ObjectEvent", "eventTime": "2026-03-01T10:00:00Z"}, "event/eventTimeZoneOffset: must be"),
        (harvest(**{"grow:in": {"@context": []}}), "event/grow:in/@context: an @context is taken at the top"),
    ],
)
def test_what_is_no_event_is_refused_by_name(event: object, reason: str) -> None:
    with pytest.raises(MalformedJson, match=reason):
        check_event(event)


@pytest.mark.parametrize("offset", ["+00:00", "-00:00", "+14:00", "-14:00", "+05:45"])
def test_every_offset_up_to_fourteen_hours_is_taken(offset: str) -> None:
    check_event(harvest(eventTimeZoneOffset=offset))
