"""Invoices read off a CSV or XLSX file: columns by their headers, errors by row and column, nothing guessed.

Pure: bytes in. A file that can't be read as a table of invoices raises; what is wrong in a row is listed beside the
invoices that could be read. docs/finance.md describes the format.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from ledger.errors import InvoiceFileError
from ledger.money import Currency, Number
from ledger.orders import AMOUNT_MAX, MILESTONES_MAX
from ledger.sheets import Row, read_rows

TEXT_MAX = 200


class Invoice(NamedTuple):
    """One row. `amount` is in the smallest unit of the token that has the currency; texts are as they stand there.

    `order` is an order's id or a reference of its terms, `delivery` a reference that names a delivery.
    """

    row: int
    number: str
    order: str
    seller: str
    quantity: Number
    uom: str
    amount: int
    currency: str
    date: date
    milestone: int | None = None
    delivery: str | None = None
    payee: str | None = None


class CellReason(StrEnum):
    """Why a cell, or a row, is not taken. Stable."""

    MISSING = "missing"
    TOO_LONG = "too_long"
    NOT_A_NUMBER = "not_a_number"
    THOUSANDS_SEPARATOR = "thousands_separator"
    AMBIGUOUS_NUMBER = "ambiguous_number"
    NOT_POSITIVE = "not_positive"
    TOO_LARGE = "too_large"
    TOO_FINE = "too_fine"
    UNKNOWN_CURRENCY = "unknown_currency"
    NOT_A_DATE = "not_a_date"
    NOT_A_MILESTONE = "not_a_milestone"
    TOO_MANY_CELLS = "too_many_cells"


class CellError(NamedTuple):
    """What is wrong where: `row` counts from 1 as spreadsheets do, `column` is the file's own header."""

    row: int
    column: str
    reason: CellReason
    text: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: {self.text}"


class InvoiceFile(NamedTuple):
    """What could be read of a file, and what could not. With any error the invoices are not all."""

    invoices: list[Invoice]
    errors: list[CellError]


_SYNONYMS: Mapping[str, str] = {
    "invoice": "invoice invoiceno invoicenr invoicenumber invoiceid documentnumber documentno billnumber"
    " rechnung rechnungsnummer rechnungsnr belegnummer facture numerodefacture factura 发票 发票号 发票号码",
    "order": "order orderid orderno ordernumber orderreference purchaseorder purchaseordernumber po pono ponumber"
    " bestellung bestellnummer auftrag auftragsnummer commande pedido 订单 订单号 采购订单 采购订单号",
    "seller": "seller sellername supplier suppliername vendor vendorname issuer lieferant verkaufer rechnungssteller"
    " fournisseur vendeur proveedor vendedor 卖方 供应商 销售方",
    "quantity": "quantity qty invoicedquantity menge quantite cantidad 数量",
    "uom": "uom unit unitofmeasure einheit mengeneinheit unite unidad 单位 计量单位",
    "amount": "amount invoiceamount total totalamount betrag rechnungsbetrag gesamtbetrag montant importe"
    " 金额 发票金额",
    "currency": "currency currencycode ccy wahrung waehrung devise moneda divisa 币种 货币",
    "date": "date invoicedate issuedate dateofissue datum rechnungsdatum datedefacture fecha 日期 发票日期 开票日期",
    "milestone": "milestone milestonenumber meilenstein jalon hito 里程碑",
    "delivery": "delivery deliverynote deliverynumber despatchadvice despatchadvicenumber sscc lieferschein"
    " lieferscheinnummer bondelivraison albaran 送货单 送货单号 发货单 发货单号",
    "payee": "payee payto beneficiary zahlungsempfanger beneficiaire beneficiario 收款方 收款人",
}
_COLUMN_OF = {synonym: column for column, synonyms in _SYNONYMS.items() for synonym in synonyms.split()}
_OPTIONAL = {"milestone", "delivery", "payee"}

_PLAIN = re.compile(r"([0-9]{1,60})(?:\.([0-9]{1,60}))?")
_DECIMAL_COMMA = re.compile(r"([0-9]{1,60}),([0-9]{1,2}|[0-9]{4,60})|([0-9]{4,60}),([0-9]{3})")
_DOT_OR_GROUP = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")
_GROUP_COMMA = re.compile(r"[0-9]{1,3},[0-9]{3}")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[ .,'\u2019\u00a0\u202f][0-9]{2,3})+(?:[.,][0-9]+)?")
_NEGATIVE = re.compile(r"[-\u2212(].*[0-9].*|.*[0-9].*-")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class _Wrong(Exception):
    # Never leaves this file.
    def __init__(self, reason: CellReason, text: str) -> None:
        super().__init__(text)
        self.reason, self.text = reason, text


def read_invoices(data: bytes, currencies: Iterable[Currency]) -> InvoiceFile:
    """The invoices of a CSV or XLSX file, and what is wrong with the rows that are none.

    `currencies` are those of the tokens that are booked. Raises InvoiceFileError for a file that is no such table.
    """
    rows = read_rows(data)
    header_at = next((index for index, row in enumerate(rows) if any(row)), None)
    if header_at is None:
        raise InvoiceFileError("it is empty")
    header = rows[header_at]
    columns = _columns(header)
    decimals = {currency.code: currency.decimals for currency in currencies}
    numbers = [columns["quantity"], columns["amount"]]
    has_comma = any(_DECIMAL_COMMA.fullmatch(row[at]) for row in rows for at in numbers if at < len(row))
    found = InvoiceFile([], [])
    for number, row in enumerate(rows[header_at + 1 :], header_at + 2):
        if any(row):
            _take(_Reader(number, row, header, columns, decimals, found.errors, has_comma=has_comma), found)
    return found


def _columns(header: Row) -> dict[str, int]:
    """Where each column is. Raises InvoiceFileError for one that is missing, or is there twice."""
    columns: dict[str, int] = {}
    for index, title in enumerate(header):
        column = _COLUMN_OF.get(_folded(title))
        if column is None:
            continue
        if column in columns:
            raise InvoiceFileError(f"{header[columns[column]]!r} and {title!r} both are the column {column!r}")
        columns[column] = index
    missing = [column for column in _SYNONYMS if column not in columns and column not in _OPTIONAL]
    if missing:
        seen = ", ".join(filter(None, header))[:200]
        raise InvoiceFileError(f"no column for {', '.join(missing)} in the header ({seen})")
    return columns


def _folded(title: str) -> str:
    """A header without case, accents, blanks and punctuation."""
    decomposed = unicodedata.normalize("NFKD", title.casefold())
    return "".join(one for one in decomposed if one.isalnum())


def _take(reader: _Reader, found: InvoiceFile) -> None:
    before = len(found.errors)
    reader.check_width()
    number, order, seller = reader.read("invoice", _word), reader.read("order", _word), reader.read("seller", _word)
    uom, day = reader.read("uom", _word), reader.read("date", _day)
    quantity = reader.read("quantity", reader.number)
    currency = reader.read("currency", reader.currency)
    amount = reader.read("amount", lambda text: reader.amount(text, currency))
    milestone, delivery = reader.read("milestone", _milestone), reader.read("delivery", _word)
    payee = reader.read("payee", _word)
    if len(found.errors) == before:
        optional = milestone, delivery, payee
        found.invoices.append(
            Invoice(reader.row_number, number, order, seller, quantity, uom, amount, currency, day, *optional)
        )


class _Reader:
    """The cells of one row. What is wrong goes to `errors`, and nothing in its place."""

    def __init__(
        self, row_number: int, row: Row, header: Row, columns: Mapping[str, int], decimals: Mapping[str, int],
        errors: list[CellError], *, has_comma: bool,
    ) -> None:  # fmt: skip
        self.row_number = row_number
        self._row, self._header, self._columns, self._decimals = row, header, columns, decimals
        self._errors, self._has_comma = errors, has_comma

    def check_width(self) -> None:
        """Notes a row that has more cells than the header: a separator inside a cell that is not quoted."""
        extra = [cell for cell in self._row[len(self._header) :] if cell]
        if extra:
            text = f"{len(extra)} cells more than the header has: a separator within a number or text, not quoted?"
            self._errors.append(CellError(self.row_number, "(row)", CellReason.TOO_MANY_CELLS, text))

    def read(self, column: str, convert: Callable[[str], Any]) -> Any:
        """The column's value; None where it is optional and empty, or wrong."""
        at = self._columns.get(column)
        text = self._row[at] if at is not None and at < len(self._row) else ""
        if not text and column in _OPTIONAL:
            return None
        try:
            if not text:
                raise _Wrong(CellReason.MISSING, "is empty")
            return convert(text)
        except _Wrong as wrong:
            header = self._header[at] if at is not None else column
            self._errors.append(CellError(self.row_number, header, wrong.reason, f"{text[:40]!r} {wrong.text}"))
            return None

    def number(self, text: str) -> Number:
        """A positive decimal number, with a point or an unmistakable decimal comma."""
        number = _number(text, has_comma=self._has_comma)
        if number.digits == 0:
            raise _Wrong(CellReason.NOT_POSITIVE, "is zero")
        return number

    def amount(self, text: str, currency: str | None) -> int:
        """A positive amount in the currency's smallest unit; zero where the currency is unknown, which is noted."""
        number = self.number(text)
        if currency is None:
            return 0
        units = number.units(self._decimals[currency])
        if units is None:
            raise _Wrong(CellReason.TOO_FINE, f"has more decimals than {currency}, {self._decimals[currency]}")
        if units > AMOUNT_MAX:
            raise _Wrong(CellReason.TOO_LARGE, "is more than any order can hold")
        return units

    def currency(self, text: str) -> str:
        """The code of a currency that a token has."""
        if text.upper() not in self._decimals:
            known = ", ".join(sorted(self._decimals)) or "none"
            raise _Wrong(CellReason.UNKNOWN_CURRENCY, f"is the currency of no token here (there is: {known})")
        return text.upper()


def _word(text: str) -> str:
    if len(text) > TEXT_MAX:
        raise _Wrong(CellReason.TOO_LONG, f"... is longer than {TEXT_MAX} characters")
    return text


def _number(text: str, *, has_comma: bool) -> Number:
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        if has_comma and _DOT_OR_GROUP.fullmatch(text):
            raise _Wrong(
                CellReason.AMBIGUOUS_NUMBER,
                "may have a decimal point or a thousands separator: other numbers here have decimal commas",
            )
        return _of(plain[1], plain[2] or "")
    comma = _DECIMAL_COMMA.fullmatch(text)
    if comma is not None:
        return _of(comma[1] or comma[3], comma[2] or comma[4])
    raise _not_a_number(text)


def _of(whole: str, decimals: str) -> Number:
    return Number(int(whole + decimals), len(decimals))


def _not_a_number(text: str) -> _Wrong:
    if _GROUP_COMMA.fullmatch(text):
        return _Wrong(
            CellReason.AMBIGUOUS_NUMBER, "may have a thousands separator or a decimal comma: write it with a point"
        )
    if _GROUPED.fullmatch(text):
        return _Wrong(CellReason.THOUSANDS_SEPARATOR, "has thousands separators: write the number without them")
    if _NEGATIVE.fullmatch(text):
        return _Wrong(CellReason.NOT_POSITIVE, "is negative: a credit note is no invoice")
    return _Wrong(CellReason.NOT_A_NUMBER, "is not a number")


def _day(text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _Wrong(CellReason.NOT_A_DATE, "is no date as ISO 8601 writes it: 2026-03-01")


def _milestone(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text[:4]) < MILESTONES_MAX:
        return int(text)
    raise _Wrong(CellReason.NOT_A_MILESTONE, f"is no milestone's number, 0 to {MILESTONES_MAX - 1}")
