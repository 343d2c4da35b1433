"""Numbers in plain decimal notation, as the event hash writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traceability.epcis.numbers import plain_number, spelled_number
from traceability.errors import MalformedJson


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (0, "0"),
        (-0.0, "0"),
        (12.50, "12.5"),
        (26.0, "26"),
        (1e3, "1000"),
        (1e22, "10000000000000000000000"),
        (1.5e-7, "0.00000015"),
        (-2.5e-7, "-0.00000025"),
        (9007199254740991, "9007199254740991"),
        (0.1, "0.1"),
    ],
)
def test_a_number_has_no_exponent_and_no_zero_too_many(value: float, plain: str) -> None:
    assert plain_number(value) == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("12.50", "12.5"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("1E+02", "100"),
        (f"1e-{'0' * 5000}2", "0.01"),
        (f"1{'0' * 5000}e-5000", "1"),
        (f"0.{'0' * 5000}1e5001", "1"),
        ("100e-2", "1"),
        ("0.1e1", "1"),
        ("-1.50e-2", "-0.015"),
        ("9007199254740993", "9007199254740993"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
        ("0e999999999", "0"),
        ("1." + "0" * 500, "1"),
        ("1e63", "1" + "0" * 63),
        ("1e-62", "0." + "0" * 61 + "1"),
    ],
)
def test_a_text_that_is_a_json_number_is_the_number_it_spells(text: str, plain: str) -> None:
    assert spelled_number(text) == plain


@pytest.mark.parametrize(
    "text", ["+5", "05", ".5", "5.", "1_000", "inf", "NaN", "0x10", "1e", " 5", "5\n", "٣", "", "-"]
)
def test_what_json_does_not_call_a_number_is_text(text: str) -> None:
    assert spelled_number(text) is None


@pytest.mark.parametrize("text", ["1e64", "1e-63", "-1e63", "1" * 65, "1e999999999999999999", "1e-999999999999999999"])
def test_what_takes_over_64_characters_written_plainly_is_text(text: str) -> None:
    assert spelled_number(text) is None


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_what_is_not_finite_is_no_number(value: float) -> None:
    with pytest.raises(MalformedJson, match="no number of JSON"):
        plain_number(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_is_written_plainly_to_its_last_digit(value: float) -> None:
    plain = plain_number(value)
    assert float(plain) == value
    assert "e" not in plain and not plain.endswith((".", ".0")) and plain != "-0"
    assert Decimal(plain) == Decimal(repr(value))
