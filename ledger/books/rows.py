"""The journal as a table, a row a posting, in CSV and XLSX; text that a spreadsheet would run stays text.

Pure: entries in, bytes out. https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

import xlsxwriter

from ledger.books import Heading, moment
from ledger.hexadecimal import to_hex
from ledger.journal import Entry

COLUMNS = (
    "date", "time", "block", "log", "transaction", "kind", "order", "milestone", "delivery", "counterparty", "account",
    "amount", "currency",
)  # fmt: skip
DIGITS_MAX = 15
"""So many digits of a number a spreadsheet keeps; a longer amount is written as text."""

_AMOUNT = COLUMNS.index("amount")
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_WIDTHS = {"transaction": 20, "order": 20, "delivery": 20, "counterparty": 24, "account": 32, "amount": 16}


def journal_csv(entries: Iterable[Entry], heading: Heading) -> bytes:
    """The journal as RFC 4180 CSV in UTF-8, separated by commas, amounts with a decimal point."""
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerow(COLUMNS)
    writer.writerows(_rows(entries, heading))
    return sheet.getvalue().encode()


def journal_xlsx(entries: Iterable[Entry], heading: Heading) -> bytes:
    """The journal as a workbook (ECMA-376) with one sheet. Amounts are numbers, as far as numbers keep every unit."""
    file = io.BytesIO()
    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    }  # fmt: skip
    with xlsxwriter.Workbook(file, options) as workbook:
        # A fixed date, so that the same journal makes the same file.
        workbook.set_properties({"title": f"Journal of {heading.name}", "created": moment(0)})
        sheet = workbook.add_worksheet("journal")
        formats = {
            currency.decimals: workbook.add_format({"num_format": "0." + "0" * currency.decimals})
            if currency.decimals else workbook.add_format({"num_format": "0"})
            for currency in heading.currencies.values()
        }  # fmt: skip
        decimals = {currency.code: currency.decimals for currency in heading.currencies.values()}
        for at, title in enumerate(COLUMNS):
            sheet.set_column(at, at, _WIDTHS.get(title, 11))
            sheet.write_string(0, at, title)
        for number, row in enumerate(_rows(entries, heading), 1):
            for at, cell in enumerate(row):
                if at == _AMOUNT and sum(one.isdigit() for one in cell) <= DIGITS_MAX:
                    sheet.write_number(number, at, float(cell), formats[decimals[row[-1]]])
                else:
                    sheet.write_string(number, at, cell)
        sheet.freeze_panes(1, 0)
    return file.getvalue()


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula: one that looks like it gets an apostrophe in front."""
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) else text


def _rows(entries: Iterable[Entry], heading: Heading) -> Iterator[Sequence[str]]:
    for entry in entries:
        block_number, log_index, block_at, transaction_hash = entry.place
        time = moment(block_at)
        about = (
            time.date().isoformat(), time.strftime("%H:%M:%SZ"), str(block_number), str(log_index),
            to_hex(transaction_hash), entry.kind.value, to_hex(entry.order) if entry.order is not None else "",
            str(entry.milestone) if entry.milestone is not None else "",
            to_hex(entry.delivery) if entry.delivery is not None and any(entry.delivery) else "",
            guarded(heading.counterparty(entry.counterparty)),
        )  # fmt: skip
        for posting in entry.postings:
            currency = heading.currencies[posting.token]
            yield *about, posting.account, currency.text(posting.amount), currency.code
