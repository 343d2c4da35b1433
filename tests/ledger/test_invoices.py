"""invoices: what is read off CSV and XLSX files, and what is refused, with the reason, the row and the column."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime, time

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from ledger.errors import InvoiceFileError
from ledger.invoices import CellReason, Invoice, InvoiceFile, read_invoices
from ledger.money import Currency, Number

HEADER = "invoice,order,seller,quantity,uom,amount,currency,date"
ROW = "INV-1,PO-1,Highland Growers,1000.5,KGM,1250.00,XTS,2026-03-01"
EXPECTED = Invoice(
    2, "INV-1", "PO-1", "Highland Growers", Number(10_005, 1), "KGM", 125_000, "XTS", date(2026, 3, 1)
)  # fmt: skip
XTS = Currency("XTS", 2)


def read(text: str | bytes) -> InvoiceFile:
    return read_invoices(text.encode() if isinstance(text, str) else text, [XTS])


def with_cell(column: str, value: str) -> str:
    """The one row with another value in that column, separated by tabs so that the value may hold anything else."""
    columns, cells = HEADER.split(","), ROW.split(",")
    cells[columns.index(column)] = value
    return "\t".join(columns) + "\n" + "\t".join(cells) + "\n"


def workbook(rows: list[list[object]], **sheets: list[list[object]]) -> bytes:
    book, file = Workbook(), io.BytesIO()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    for title, more in sheets.items():
        sheet = book.create_sheet(title)
        for row in more:
            sheet.append(row)
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_csv_file_is_read_whatever_separates_its_cells(separator: str, mark: bytes, end: str) -> None:
    data = mark + f"{HEADER}{end}{ROW}{end}".replace(",", separator).encode()
    assert read(data) == InvoiceFile([EXPECTED], [])


def test_excels_own_line_about_the_separator_is_understood() -> None:
    assert read(f"sep=;\n{HEADER}\n{ROW}\n".replace(",", ";")).invoices == [EXPECTED._replace(row=3)]


def test_a_workbook_is_read_with_its_numbers_and_dates() -> None:
    row: list[object] = ["INV-1", "PO-1", "Highland Growers", 1000.5, "KGM", 1250, "XTS"]
    midnight = datetime.combine(date(2026, 3, 1), time())
    for day in (midnight, date(2026, 3, 1), "2026-03-01"):
        assert read(workbook([HEADER.split(","), [*row, day]])) == InvoiceFile([EXPECTED], [])


def test_a_workbook_from_another_program_is_read_as_well() -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADER.split(","))
        sheet.write_row(1, 0, ["INV-1", "PO-1", "Highland Growers", 1000.5, "KGM", 1250.0, "XTS", "2026-03-01"])
    assert read(file.getvalue()) == InvoiceFile([EXPECTED], [])


def test_what_binary_fractions_do_to_a_price_is_undone() -> None:
    row: list[object] = ["INV-1", "PO-1", "Highland Growers", 1, "KGM", 0.1 + 0.2, "XTS", "2026-03-01"]
    assert [invoice.amount for invoice in read(workbook([HEADER.split(","), row])).invoices] == [30]


@pytest.mark.parametrize(
    "header",
    [
        "Invoice No.;Purchase Order;Supplier;Qty;Unit;Total;Currency;Invoice Date",
        "Rechnungsnummer;Bestellnummer;Lieferant;Menge;Mengeneinheit;Rechnungsbetrag;Währung;Rechnungsdatum",
        "Numéro de facture;Commande;Fournisseur;Quantité;Unité;Montant;Devise;Date de facture",
        "发票号;订单号;供应商;数量;单位;金额;币种;开票日期",
        "INVOICE_NUMBER;order id;Seller;QUANTITY;uom;amount;ccy;date",
    ],
)
def test_columns_are_found_by_their_headers_in_any_order(header: str) -> None:
    titles, cells = header.split(";"), ROW.split(",")
    backwards = ";".join(reversed([*titles, "Remarks"])) + "\n" + ";".join(reversed([*cells, "urgent"]))
    assert read(backwards) == InvoiceFile([EXPECTED], [])


def test_milestone_delivery_and_payee_are_read_where_they_are_there() -> None:
    text = f"{HEADER},milestone,delivery note,payee\n{ROW},1,DA-7,First Bank\n{ROW.replace('INV-1', 'INV-2')},,,\n"
    first, second = read(text).invoices
    assert (first.milestone, first.delivery, first.payee) == (1, "DA-7", "First Bank")
    assert second == EXPECTED._replace(row=3, number="INV-2")


def test_empty_rows_are_passed_over_and_rows_are_counted_as_spreadsheets_do() -> None:
    assert [invoice.row for invoice in read(f"\n{HEADER}\n\n,,,,,,,\n{ROW}\n").invoices] == [5]


def test_a_quoted_cell_may_hold_separators_and_line_ends() -> None:
    text = f'{HEADER}\nINV-1,PO-1,"Growers, Highland\nLtd.",1,KGM,1.5,XTS,2026-03-01\n'
    assert read(text).invoices[0].seller == "Growers, Highland\nLtd."


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (f"{HEADER}\n{ROW}".encode("utf-16"), "encoding is UTF-16.*save it as CSV UTF-8"),
        (f"{HEADER}\n{ROW}".encode("utf-16-be"), "zero bytes"),
        (f"{HEADER}\n{ROW}\n{ROW} Söhne".encode("cp1252"), r"not UTF-8 \(byte 0xF6 in line 3\), perhaps Windows-1252"),
        (f"{HEADER}\n{ROW}种".encode("gb18030"), "not UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old", "old Excel format"),
        (f"{HEADER}\n\"INV-1,PO-1".encode(), "no CSV"),
        (b"PK\x03\x04 not a workbook", "no XLSX workbook"),
        (b"invoice,order\n1,2\n", "no column for seller, quantity, uom, amount, currency, date"),
        (f"{HEADER},Total\n{ROW},1".encode(), "'amount' and 'Total' both are the column 'amount'"),
        (b"just some text", "no column for invoice"),
        (b"sep=\"\n1", "no CSV|no column"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_of_invoices_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(InvoiceFileError, match=reason):
        read(data)


def test_a_workbook_with_two_sheets_is_for_a_person() -> None:
    header = HEADER.split(",")
    with pytest.raises(InvoiceFileError, match=r"several sheets \(Sheet, March\)"):
        read(workbook([header], March=[list(header)]))
    assert read(workbook([header], March=[])).invoices == []


def test_a_workbook_that_declares_entities_is_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook([["invoice"]]))) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            body = old.read(name)
            is_sheet = name == "xl/worksheets/sheet1.xml"
            new.writestr(name, bomb + body.removeprefix(b'<?xml version="1.0"?>') if is_sheet else body)
    with pytest.raises(InvoiceFileError, match="no XLSX workbook"):
        read(file.getvalue())


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("amount", "1,250.00", CellReason.THOUSANDS_SEPARATOR),
        ("amount", "1.250,00", CellReason.THOUSANDS_SEPARATOR),
        ("amount", "1 250.00", CellReason.THOUSANDS_SEPARATOR),
        ("amount", "1\u202f250,00", CellReason.THOUSANDS_SEPARATOR),
        ("amount", "1'250.00", CellReason.THOUSANDS_SEPARATOR),
        ("amount", "1,234,567", CellReason.THOUSANDS_SEPARATOR),
        ("amount", "12,34,567.00", CellReason.THOUSANDS_SEPARATOR),
        ("quantity", "1,234", CellReason.AMBIGUOUS_NUMBER),
        ("amount", "0", CellReason.NOT_POSITIVE),
        ("amount", "0.00", CellReason.NOT_POSITIVE),
        ("amount", "-5", CellReason.NOT_POSITIVE),
        ("amount", "\u22125", CellReason.NOT_POSITIVE),
        ("amount", "(5.00)", CellReason.NOT_POSITIVE),
        ("amount", "5-", CellReason.NOT_POSITIVE),
        ("quantity", "0", CellReason.NOT_POSITIVE),
        ("amount", "12.345", CellReason.TOO_FINE),
        ("amount", "9" * 40, CellReason.TOO_LARGE),
        ("amount", "€ 12.50", CellReason.NOT_A_NUMBER),
        ("amount", "1e3", CellReason.NOT_A_NUMBER),
        ("amount", "12.5.", CellReason.NOT_A_NUMBER),
        ("amount", "\uff11\uff12", CellReason.NOT_A_NUMBER),
        ("amount", "=1+1", CellReason.NOT_A_NUMBER),
        ("amount", "", CellReason.MISSING),
        ("invoice", "", CellReason.MISSING),
        ("order", "", CellReason.MISSING),
        ("seller", "x" * 201, CellReason.TOO_LONG),
        ("currency", "EUR", CellReason.UNKNOWN_CURRENCY),
        ("date", "01/03/2026", CellReason.NOT_A_DATE),
        ("date", "2026-02-30", CellReason.NOT_A_DATE),
        ("date", "20260301", CellReason.NOT_A_DATE),
        ("date", "2026-03-01T12:00:00", CellReason.NOT_A_DATE),
    ],
)
def test_a_wrong_cell_is_named_with_row_column_and_reason(column: str, value: str, reason: CellReason) -> None:
    found = read(with_cell(column, value) + with_cell(column, "").split("\n")[0] + "\n" + "\t".join(ROW.split(",")))
    assert [(error.row, error.column, error.reason) for error in found.errors if error.row == 2] == [
        (2, column, reason)
    ]
    assert found.invoices == [EXPECTED._replace(row=4)]
    assert str(found.errors[0]).startswith(f"row 2, {column}: {value[:40]!r} ")


@pytest.mark.parametrize(
    ("value", "amount"), [("1250,5", 125_050), ("1250,50", 125_050), ("0,05", 5), ("007.50", 750), ("12", 1_200)]
)
def test_an_unmistakable_decimal_comma_is_understood(value: str, amount: int) -> None:
    assert read(with_cell("amount", value)).invoices[0].amount == amount


def test_a_point_is_ambiguous_beside_decimal_commas_and_else_a_decimal_point() -> None:
    assert read(with_cell("quantity", "1.234")).invoices[0].quantity == Number(1_234, 3)
    found = read(with_cell("quantity", "1.234").replace("1250.00", "1250,00"))
    assert [(error.column, error.reason) for error in found.errors] == [("quantity", CellReason.AMBIGUOUS_NUMBER)]


def test_a_separator_that_is_not_quoted_makes_too_many_cells() -> None:
    found = read(f"{HEADER}\n{ROW.replace('1250.00', '1,250.00')}\n")
    assert CellReason.TOO_MANY_CELLS in [error.reason for error in found.errors]
    assert found.invoices == []


def test_a_milestone_is_a_small_number() -> None:
    found = read(f"{HEADER},milestone\n{ROW},first\n{ROW},16\n{ROW},15\n")
    assert [(error.row, error.reason) for error in found.errors] == [
        (2, CellReason.NOT_A_MILESTONE), (3, CellReason.NOT_A_MILESTONE),
    ]  # fmt: skip
    assert [invoice.milestone for invoice in found.invoices] == [15]


@given(data=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda text: f"{HEADER}\n{text}".encode())))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = read(data)
    except InvoiceFileError as error:
        assert error.reason
    else:
        assert all(invoice.amount > 0 and invoice.quantity.digits > 0 for invoice in found.invoices)


@pytest.mark.filterwarnings("ignore::UserWarning:openpyxl.*")
@given(position=st.integers(0, 6_000), byte=st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_a_damaged_workbook_is_read_or_refused(position: int, byte: int) -> None:
    data = bytearray(workbook([HEADER.split(","), list(ROW.split(","))]))
    data[position % len(data)] = byte
    try:
        read(bytes(data))
    except InvoiceFileError as error:
        assert error.reason


@given(digits=st.integers(1, 10**20), scale=st.integers(0, 12), decimals=st.integers(0, 18))
def test_a_number_has_units_exactly_where_it_is_not_finer(digits: int, scale: int, decimals: int) -> None:
    units = Number(digits, scale).units(decimals)
    if units is None:
        assert digits % 10 ** (scale - decimals)
    else:
        assert units * 10**scale == digits * 10**decimals


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [(1_250, 2, "12.50"), (-5, 2, "-0.05"), (0, 2, "0.00"), (7, 0, "7"), (1, 3, "0.001")],
)
def test_amounts_are_shown_with_all_their_decimals(amount: int, decimals: int, text: str) -> None:
    assert Currency("XTS", decimals).text(amount) == text


@pytest.mark.parametrize(("code", "decimals"), [("xts", 2), ("XT", 2), ("XTSX", 2), ("", 2), ("XTS", -1), ("XTS", 37)])
def test_a_currency_has_a_code_and_decimals_that_books_can_carry(code: str, decimals: int) -> None:
    with pytest.raises(ValueError, match=r"currency code|decimals"):
        Currency(code, decimals)
