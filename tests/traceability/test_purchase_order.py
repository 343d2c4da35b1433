"""read_purchase_order: from a buyer's file to an order's terms, or everything that is wrong with the file.

read_purchase_order
├── given a file in which all can be meant in one way     terms document and terms, in the token's smallest unit
└── given anything else                                   each mistake by row, column, field and reason; nothing is made
"""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import UnknownParty
from ledger.orders import Milestone, Split
from tests.traceability.nodes import GROWER, ROASTER, key
from tests.traceability.orders import INSPECTOR
from traceability.errors import BadPurchaseOrder, OrderProblem
from traceability.order_file import ORDER_FIELDS
from traceability.order_values import base_units, basis_points, duration_s, moment_at
from traceability.purchase_order import KnownParty, PurchaseOrder, Token, read_purchase_order
from traceability.terms import Deduction, DeductionUnit, DeliveryName, Outcome, document_hash, parse_terms, terms_bytes

CHECKOUT = Path(__file__).resolve().parent.parent.parent
NOW_AT = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
XTS = Token(b"\x70" * 20, "XTS", 2)
COOPERATIVE, ARBITER = key("cooperative"), key("arbiter")
PARTIES = {
    "roaster": KnownParty(ROASTER.address, "9521008000003"),
    "grower": KnownParty(GROWER.address, "9521007000004"),
    "9521007000004": KnownParty(GROWER.address, "9521007000004"),
    "inspector": KnownParty(INSPECTOR.address, "9521005000006"),
    "cooperative": KnownParty(COOPERATIVE.address, "9521002000009"),
    "arbiter": KnownParty(ARBITER.address, "9521011000007"),
}
RECEIPT = {
    "amount": "4500.00", "quantity": "1500.5", "uom": "KGM", "decimals": "1", "products": "09521004001011",
    "readPoints": "9521008000010", "due": "2026-05-01", "grace": "3d", "latePenalty": "0.5%", "lateCap": "5%",
}  # fmt: skip
QUALITY = {
    "amount": "500", "quantity": "1500.5", "uom": "KGM", "decimals": "1", "products": "09521004001011",
    "readPoints": "9521008000010|9521005000013", "businessStep": "inspecting", "attestors": "inspector",
    "due": "2026-05-08T12:00:00+02:00", "window": "1d12h", "arbitration": "P7D",
    "deduction": "https://example.com/coffee/deductionPercent", "deductionCap": "1000 bps",
}  # fmt: skip
WHOLE = {
    "references": "PO-M-2207", "buyer": "roaster", "seller": "9521007000004", "currency": "XTS", "fundBy": "2026-04-01",
    "arbiter": "arbiter", "splits": "cooperative: 2.5%",
}  # fmt: skip


def resolve(name: str) -> KnownParty:
    if name not in PARTIES:
        raise UnknownParty(name)
    return PARTIES[name]


def read(data: bytes) -> PurchaseOrder:
    return read_purchase_order(data, resolve=resolve, tokens=[XTS], now_at=NOW_AT, salt=b"\x5a" * 32)


def table(*rows: dict[str, str], delimiter: str = ",") -> bytes:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def as_json(order: dict[str, Any], *milestones: dict[str, Any]) -> bytes:
    lists = {"references", "splits", "products", "readPoints", "attestors", "accept", "reject"}

    def listed(fields: dict[str, Any]) -> dict[str, Any]:
        return {name: value.split("|") if name in lists else value for name, value in fields.items()}

    return json.dumps(listed(order) | {"milestones": [listed(entry) for entry in milestones]}).encode()


def problems_of(data: bytes) -> list[OrderProblem]:
    with pytest.raises(BadPurchaseOrder) as refused:
        read(data)
    return list(refused.value.problems)


class TestOrders:
    def test_a_csv_file_becomes_terms_in_the_tokens_smallest_unit(self) -> None:
        order = read(table(WHOLE | RECEIPT, QUALITY))
        terms, document = order.terms, order.document
        assert (terms.buyer, terms.seller, terms.token) == (ROASTER.address, GROWER.address, XTS.address)
        assert (terms.arbiter, terms.splits) == (ARBITER.address, (Split(COOPERATIVE.address, 250),))
        assert terms.attestors == (ROASTER.address, INSPECTOR.address)
        assert terms.fund_by == int(datetime(2026, 4, 1, 23, 59, 59, tzinfo=UTC).timestamp())
        assert terms.milestones == (
            Milestone(450_000, 15_005, 0b01, 1, int(datetime(2026, 5, 1, 23, 59, 59, tzinfo=UTC).timestamp()),
                      grace_s=3 * 86_400, late_bps=50, late_cap_bps=500),
            Milestone(50_000, 15_005, 0b10, 1, int(datetime(2026, 5, 8, 10, tzinfo=UTC).timestamp()),
                      window_s=36 * 3600, arbitration_s=7 * 86_400, deduction_cap_bps=1000),
        )  # fmt: skip
        assert terms.document == document_hash(document)
        assert document.references == ("urn:epcglobal:cbv:bt:9521008000003:PO-M-2207",)
        assert document.delivery is DeliveryName.DESPATCH_ADVICE
        receipt, quality = document.milestones
        assert receipt.products == ("https://id.gs1.org/01/09521004001011",)
        assert receipt.read_points == ("https://id.gs1.org/414/9521008000010",)
        assert (receipt.dispositions["in_progress"], receipt.dispositions["damaged"]) == (
            Outcome.ACCEPT,
            Outcome.REJECT,
        )
        assert "in_progress" not in quality.dispositions
        assert quality.deduction == Deduction("https://example.com/coffee/deductionPercent", DeductionUnit.PERCENT)

    def test_json_semicolons_a_byte_order_mark_and_other_headers_say_the_same(self) -> None:
        plain = read(table(WHOLE | RECEIPT, QUALITY))
        renamed = table(WHOLE | RECEIPT, QUALITY).replace(b"due,", b"Due date,").replace(b"seller", b"Supplier")
        for data in (as_json(WHOLE, RECEIPT, QUALITY), table(WHOLE | RECEIPT, QUALITY, delimiter=";"),
                     b"\xef\xbb\xbf" + renamed, table(WHOLE | RECEIPT, WHOLE | QUALITY)):  # fmt: skip
            assert read(data) == plain

    def test_what_was_made_is_a_terms_document_that_others_read(self) -> None:
        document = read(table(WHOLE | RECEIPT, QUALITY)).document
        assert parse_terms(terms_bytes(document)) == document

    def test_the_documented_example_is_read(self) -> None:
        section = (CHECKOUT / "docs" / "terms-document.md").read_text().partition("## 4.")[2]
        example = section.partition("```json\n")[2].partition("```")[0]
        assert read(example.encode()).terms.milestones[0].amount == 450_000

    def test_two_of_three_attestors_are_the_majority_where_nothing_is_said(self) -> None:
        whole = {name: value for name, value in WHOLE.items() if name not in ("arbiter", "splits")}
        milestone = read(table(whole | RECEIPT | {"attestors": "roaster|inspector|cooperative"})).terms.milestones[0]
        assert (milestone.attestor_mask, milestone.threshold) == (0b111, 2)

    def test_a_disposition_that_is_rejected_accepts_no_more(self) -> None:
        whole = {name: value for name, value in WHOLE.items() if name not in ("arbiter", "splits")}
        (rule,) = read(table(whole | RECEIPT | {"reject": "in_progress"})).document.milestones
        assert rule.dispositions["in_progress"] is Outcome.REJECT
        assert rule.dispositions["conformant"] is Outcome.ACCEPT


WRONG_VALUES: list[tuple[str, str, str]] = [
    ("amount", "4500.001", "has 3 decimals, 2 are taken"),
    ("amount", "4,500.00", "comma or thousands separators"),
    ("amount", "4.500,00", "comma or thousands separators"),
    ("amount", "4 500.00", "comma or thousands separators"),
    ("amount", "4'500.00", "comma or thousands separators"),
    ("amount", "4500,00", "comma or thousands separators"),
    ("amount", "1.250", "has 3 decimals"),
    ("amount", "-4500", "is not above zero"),
    ("amount", "0.00", "is not above zero"),
    ("amount", "4500 EUR", "is no number"),
    ("amount", "٤٥٠٠", "is no number"),
    ("amount", "1e3", "is no number"),
    ("amount", "9" * 40, "is not 1 to 2^128-1"),
    ("amount", "9" * 41, "longer than any number"),
    ("quantity", "1500.55", "has 2 decimals, 1 are taken"),
    ("quantity", "0", "is not above zero"),
    ("uom", "kilogram", "is no code of UN/ECE Recommendation 20"),
    ("decimals", "-1", "is no whole number from 0 to 18"),
    ("products", "09521004001012", "the check digit of GTIN"),
    ("products", "952100400101", "the check digit of GTIN"),
    ("products", "95210040", "the check digit of GTIN"),
    ("products", "952100400", "has 9 digits, not 8 or 12 or 13 or 14"),
    ("readPoints", "9521008000011", "the check digit of GLN"),
    ("readPoints", "Berlin", "is no identifier"),
    ("businessStep", "recieving", "is no business step"),
    ("accept", "perfect", "is no disposition"),
    ("attestors", "butler", "is no party of the consortium"),
    ("attestors", "roaster|roaster", "names a party twice"),
    ("threshold", "2", "is more than the 1 attestors"),
    ("threshold", "half", "is no whole number"),
    ("due", "2026-02-01", "is in the past"),
    ("due", "01/05/2026", "is no date YYYY-MM-DD"),
    ("due", "2026-02-30", "is no date YYYY-MM-DD"),
    ("due", "2026-05-01T12:00:00", "is no date YYYY-MM-DD"),
    ("due", "2036-05-01", "more than 5 years after"),
    ("grace", "3", "is no time span"),
    ("grace", "3 days", "is no time span"),
    ("grace", "366d", "longer than 365 days"),
    ("grace", "-1d", "is no time span"),
    ("latePenalty", "0.5", "is no share"),
    ("latePenalty", "0.005%", "finer than a basis point"),
    ("lateCap", "101%", "more than 100%"),
    ("buyer", "butler", "is no party of the consortium"),
    ("seller", "roaster", "is the buyer"),
    ("currency", "EUR", "is no currency that orders are paid in here (XTS)"),
    ("fundBy", "2026-02-28", "is in the past"),
    ("fundBy", "2027-04-01", "is more than 365 days ahead"),
    ("references", "PO 7/3", "is no order number"),
    ("references", "urn:x:7", "is no identifier"),
    ("splits", "cooperative 2.5%", "is no split"),
    ("splits", "cooperative: 60% | inspector: 50%", "more than 10000 basis points together"),
    ("arbiter", "cooperative", "is the receiver of a split"),
    ("delivery", "invoice", "is not one of despatch_advice, sscc"),
]


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "value", "reason"), WRONG_VALUES, ids=[f"{n} {v[:20]}" for n, v, _ in WRONG_VALUES]
    )
    def test_a_wrong_value_is_told_with_its_row_column_and_reason(self, name: str, value: str, reason: str) -> None:
        row = WHOLE | RECEIPT | {name: value}
        problems = problems_of(table(row, QUALITY))
        assert any(reason in problem.reason and (problem.row, problem.column, problem.field) == (2, name, name)
                   for problem in problems), problems  # fmt: skip
        own, receipt = ({name: value}, {}) if name in ORDER_FIELDS else ({}, {name: value})
        assert any(
            reason in problem.reason for problem in problems_of(as_json(WHOLE | own, RECEIPT | receipt, QUALITY))
        )

    @pytest.mark.parametrize("name", ["references", "buyer", "seller", "currency", "fundBy"])
    def test_what_an_order_needs_is_missed(self, name: str) -> None:
        whole = {field: value for field, value in WHOLE.items() if field != name}
        assert OrderProblem(None, None, name, "is missing") in problems_of(table(whole | RECEIPT))

    @pytest.mark.parametrize("name", ["amount", "quantity", "uom", "products", "readPoints", "due", "lateCap"])
    def test_what_a_milestone_needs_is_missed_in_its_row(self, name: str) -> None:
        receipt = {field: value for field, value in RECEIPT.items() if field != name}
        assert any(problem.row == 3 and problem.field == name and "is" in problem.reason
                   for problem in problems_of(table(WHOLE | QUALITY, receipt)))  # fmt: skip

    def test_every_mistake_is_told_at_once(self) -> None:
        wrong = table(WHOLE | RECEIPT | {"amount": "4,5", "currency": "EUR"}, QUALITY | {"due": "soon"})
        assert {(problem.row, problem.column) for problem in problems_of(wrong)} == {
            (2, "amount"), (2, "currency"), (3, "due")
        }  # fmt: skip

    def test_a_milestone_that_the_contract_would_refuse_is_named_by_its_row(self) -> None:
        (problem,) = problems_of(table(WHOLE | RECEIPT, QUALITY | {"due": "2026-01-01"}))
        assert (problem.row, problem.column, problem.field) == (3, "due", "due")

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"", "has no row below its header"),
            (b"amount,due\n", "has no row below its header"),
            ("währung,buyer\nXTS,roaster\n".encode("latin-1"), "is not UTF-8 (byte 1)"),
            (b"buyer,seller,colour\nroaster,grower,red\n", "the column is no field"),
            (b"buyer,customer\nroaster,roaster\n", "two columns are the same field"),
            (b"buyer\nroaster,grower\n", "has 2 cells under 1 columns"),
            (table(WHOLE | RECEIPT, QUALITY | {"buyer": "grower"}), "is not what row 2 says: one file is one order"),
            (b'buyer\n"roaster\n', "is no CSV"),
            (b"{", "the file is no JSON"),
            (b'{"milestones": {}}', "is no list of objects"),
            (b'{"milestones": [], "note": "x"}', "is no field of a purchase order"),
            (as_json(WHOLE, RECEIPT | {"note": "x"}), "is no field of a purchase order"),
            (as_json(WHOLE, *[RECEIPT] * 17), "are not 1 to 16"),
            (as_json(WHOLE, RECEIPT | {"amount": True}), "is no text"),
            (as_json(WHOLE, RECEIPT | {"amount": ["1", "2"]}), "is no text"),
            (as_json(WHOLE, RECEIPT | {"accept": "conformant", "reject": "conformant"}), "which is accepted"),
            (as_json({**WHOLE, "arbiter": "arbiter"}, RECEIPT), "no milestone with arbitration time"),
            (as_json(WHOLE, QUALITY | {"deductionCap": "0%"}), "is needed where there is a deduction"),
            (b"a" * (1 << 20) + b"b", "more than 1,048,576 bytes"),
        ],
    )
    def test_a_file_that_is_none_is_refused_with_the_reason(self, data: bytes, reason: str) -> None:
        problems = problems_of(data)
        assert any(reason in problem.reason for problem in problems), problems


@settings(deadline=None)
@given(st.integers(1, 2**128 - 1), st.integers(0, 18))
def test_every_amount_is_read_back_from_how_it_is_written(units: int, decimals: int) -> None:
    written = f"{units // 10**decimals}" + (f".{units % 10**decimals:0{decimals}d}" if decimals else "")
    assert base_units(written, decimals) == units


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_every_share_is_read_in_percent_and_in_basis_points(bps: int) -> None:
    assert basis_points(f"{Decimal(bps) / 100}%") == basis_points(f"{bps} bps") == bps


@settings(deadline=None)
@given(st.text(max_size=12), st.sampled_from([lambda t: base_units(t, 2), basis_points, duration_s, moment_at]))
def test_any_text_is_a_value_or_refused_by_value_error(text: str, read_value: Any) -> None:
    try:
        assert isinstance(read_value(text), int)
    except ValueError as wrong:
        assert str(wrong)
