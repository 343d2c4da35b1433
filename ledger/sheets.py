"""The cells of a CSV or XLSX file as text, or the reason why they can't be had. Pure: bytes in.

CSV (RFC 4180) is UTF-8, with or without a byte order mark, separated by comma, semicolon or tab; no other encoding is
guessed at. XLSX (ECMA-376) has one sheet with something in it.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from datetime import time as time_of_day
from itertools import islice

from ledger.errors import InvoiceFileError

BYTES_MAX = 64 << 20
UNPACKED_BYTES_MAX = 1 << 30
ROWS_MAX = 500_000
HEADER_MAX = 1 << 16
COLUMNS_MAX = 100
SEPARATORS = ",;\t"

Row = list[str]

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_MALFORMED = (
    zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, AttributeError, IndexError,
    SyntaxError, OverflowError, EOFError, NotImplementedError, RuntimeError, OSError,
)  # fmt: skip
"""What openpyxl and the modules under it raise for bytes that are no workbook."""


def read_rows(data: bytes) -> list[Row]:
    """The file's rows from the first one on, each cell stripped; empty rows stay, so that numbers are the file's.

    Raises InvoiceFileError with the reason.
    """
    if len(data) > BYTES_MAX:
        raise InvoiceFileError(f"the file has {len(data):,} bytes, {BYTES_MAX:,} are taken")
    if data.startswith(_OLD_EXCEL):
        raise InvoiceFileError("it is a workbook of the old Excel format (.xls): save it as .xlsx or CSV UTF-8")
    rows = _xlsx_rows(data) if data.startswith(b"PK\x03\x04") else _csv_rows(_text(data))
    found = list(islice(rows, ROWS_MAX + 1))
    if len(found) > ROWS_MAX:
        raise InvoiceFileError(f"it has more than {ROWS_MAX:,} rows")
    return found


def _text(data: bytes) -> str:
    if data.startswith(_UTF_16):
        raise InvoiceFileError("its encoding is UTF-16, as its byte order mark says: save it as CSV UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02X} in line {line}"
        raise InvoiceFileError(
            f"its encoding is not UTF-8 ({found}), perhaps Windows-1252 or another: save it as CSV UTF-8"
        ) from error
    if "\0" in text:
        raise InvoiceFileError("its encoding is not UTF-8, there are zero bytes in it: save it as CSV UTF-8")
    return text


def _csv_rows(text: str) -> Iterator[Row]:
    try:
        first, _, following = text.partition("\n")
        if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:
            # Excel's own way of naming the separator, a row of its own.
            separator, text = first.strip()[4], following
            yield []
        else:
            # The one that makes the most of the first row that has anything.
            header = next(filter(None, map(str.strip, text[:HEADER_MAX].splitlines())), "")
            separator = max(SEPARATORS, key=lambda one: len(next(csv.reader([header], delimiter=one), [])))
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            yield [cell.strip() for cell in row]
    except (csv.Error, TypeError, ValueError) as error:
        raise InvoiceFileError(f"it is no CSV: {error}") from error


def _xlsx_rows(data: bytes) -> Iterator[Row]:
    # Loaded by whoever reads a workbook, for it takes a third of a second that every command would pay.
    from openpyxl import load_workbook  # noqa: PLC0415
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
        if unpacked > UNPACKED_BYTES_MAX:
            raise InvoiceFileError(f"the workbook unpacks to {unpacked:,} bytes, {UNPACKED_BYTES_MAX:,} are taken")
        # Through defusedxml, which openpyxl uses where it is installed: no DTD, no entities.
        workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        filled = [sheet for sheet in workbook.worksheets if any(any(row) for row in _cells(sheet, 50))]
        if len(filled) > 1:
            names = ", ".join(sheet.title for sheet in filled)
            raise InvoiceFileError(f"the workbook has several sheets ({names}): save the one with the invoices alone")
        for sheet in filled:
            yield from _cells(sheet, ROWS_MAX + 1)
    except (*_MALFORMED, InvalidFileException) as error:
        raise InvoiceFileError(f"it is no XLSX workbook: {error}") from error


def _cells(sheet: object, rows_max: int) -> Iterator[Row]:
    # The sheet's own word on how large it is may be anything.
    sheet.reset_dimensions()  # type: ignore[attr-defined]
    rows: Iterable[tuple[object, ...]] = sheet.iter_rows(  # type: ignore[attr-defined]
        max_row=rows_max, max_col=COLUMNS_MAX, values_only=True
    )
    for row in rows:
        cells = [_cell(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        yield cells


def _cell(value: object) -> str:
    """A cell as it would be typed: a number with the 15 digits that Excel keeps, a date as ISO 8601 has it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return format(value, ".15g")
    if isinstance(value, datetime) and value.time() == time_of_day():
        return value.date().isoformat()
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value).strip()
