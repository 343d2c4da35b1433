"""A purchase order's file, CSV or JSON, as cells by field: of the order, and of each of its milestones. Pure.

Headers are known by several words each, whatever their case and spaces. What the values mean is purchase_order.py's
business.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from traceability import strict_json
from traceability.errors import BadPurchaseOrder, MalformedJson, OrderProblem

BYTES_MAX: Final = 1 << 20
ORDER_FIELDS: Final[Mapping[str, Sequence[str]]] = {
    "references": ("reference", "order", "orderno", "ordernumber", "purchaseorder", "po", "ponumber"),
    "buyer": ("customer",),
    "seller": ("supplier", "vendor"),
    "currency": ("token",),
    "fundBy": ("fundingdeadline", "fundinguntil"),
    "arbiter": (),
    "splits": ("split", "royalties"),
    "delivery": ("deliveryby", "deliveryname"),
}
MILESTONE_FIELDS: Final[Mapping[str, Sequence[str]]] = {
    "amount": ("lineamount", "price", "total"),
    "quantity": ("qty", "ordered"),
    "uom": ("unit", "unitofmeasure"),
    "decimals": (),
    "products": ("product", "gtin", "item"),
    "readPoints": ("readpoint", "place", "deliveryplace", "shipto"),
    "businessStep": ("step", "bizstep"),
    "accept": ("accepted",),
    "reject": ("rejected",),
    "deduction": ("deductionfield",),
    "deductionUnit": (),
    "attestors": ("attestor",),
    "threshold": ("quorum",),
    "due": ("duedate", "deliverydate"),
    "grace": ("graceperiod",),
    "window": ("inspectionwindow",),
    "arbitration": ("arbitrationtime",),
    "latePenalty": ("latepenaltyperday",),
    "lateCap": ("latepenaltycap",),
    "deductionCap": (),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it stands in the file; texts are a list where several may stand."""

    value: Any
    row: int | None = None
    column: str | None = None


@dataclass(slots=True)
class Sheet:
    """The file's cells by field: the order's, and each milestone's. `problems` grows while it is read."""

    order: dict[str, Cell]
    milestones: list[dict[str, Cell]]
    rows: list[int | None]
    problems: list[OrderProblem] = field(default_factory=list)

    def cell(self, number: int | None, name: str) -> Cell | None:
        """The cell of a field of the order (None) or of a milestone."""
        cells = self.order if number is None else self.milestones[number]
        return cells.get(name)

    def problem(self, number: int | None, name: str, reason: str) -> OrderProblem:
        """What is wrong with a field of the order (None) or of a milestone, with its place in the file."""
        cell = self.cell(number, name) or self.cell(None, name)
        if cell is not None:
            return OrderProblem(cell.row, cell.column, name, reason)
        row = self.rows[number] if number is not None else None
        name = name if number is None or row is not None else f"milestones/{number}/{name}"
        return OrderProblem(row, None, name, reason)


def sheet_of(data: bytes) -> Sheet:
    """The cells of a file. Raises BadPurchaseOrder where there are none; `problems` has what is wrong with some."""
    if len(data) > BYTES_MAX:
        raise BadPurchaseOrder([OrderProblem(None, None, "", f"the file has more than {BYTES_MAX:,} bytes")])
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        reason = f"the file is not UTF-8 (byte {error.start}): save it as UTF-8"
        raise BadPurchaseOrder([OrderProblem(None, None, "", reason)]) from error
    return _from_json(data) if text.lstrip().startswith("{") else _from_csv(text)


def _from_json(data: bytes) -> Sheet:
    try:
        value = strict_json.parse(data, bytes_max=BYTES_MAX)
    except MalformedJson as error:
        raise BadPurchaseOrder([OrderProblem(None, None, "", f"the file is no JSON: {error.reason}")]) from error
    entries = value.pop("milestones", None)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadPurchaseOrder([OrderProblem(None, None, "milestones", "is no list of objects")])
    sheet = Sheet(_cells(value), [_cells(entry) for entry in entries], [None] * len(entries))
    for cells, known, prefix in [
        (sheet.order, ORDER_FIELDS, ""),
        *((cells, MILESTONE_FIELDS, f"milestones/{number}/") for number, cells in enumerate(sheet.milestones)),
    ]:
        for name in cells.keys() - known.keys():
            sheet.problems.append(OrderProblem(None, None, f"{prefix}{name[:80]}", "is no field of a purchase order"))
    return sheet


def _cells(value: Mapping[str, Any]) -> dict[str, Cell]:
    return {name: Cell(entry) for name, entry in value.items()}


def _from_csv(text: str) -> Sheet:
    head = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if head.count(";") > head.count(",") else ",",
                      strict=True)  # fmt: skip
    sheet = Sheet({}, [], [])
    try:
        columns = _columns(next(rows, []), sheet)
        for row in rows:
            if any(value.strip() for value in row):
                _add_row(sheet, columns, row, rows.line_num)
    except csv.Error as error:
        raise BadPurchaseOrder([OrderProblem(rows.line_num, None, "", f"is no CSV: {error}")]) from error
    if not sheet.milestones and not sheet.problems:
        sheet.problems.append(OrderProblem(None, None, "", "the file has no row below its header"))
    return sheet


def _columns(header: Sequence[str], sheet: Sheet) -> list[tuple[str, str]]:
    """For each column the field that it is, and its header as it stands."""
    words = {
        word: name
        for fields in (ORDER_FIELDS, MILESTONE_FIELDS)
        for name, others in fields.items()
        for word in (name.lower(), *others)
    }
    columns: list[tuple[str, str]] = []
    for title in header:
        name = words.get(re.sub(r"[\s_.-]", "", title).lower(), "")
        if not name:
            sheet.problems.append(OrderProblem(1, title[:80], "", "the column is no field of a purchase order"))
        elif any(name == other for other, _ in columns):
            sheet.problems.append(OrderProblem(1, title[:80], name, "two columns are the same field"))
        columns.append((name, title))
    return columns


def _add_row(sheet: Sheet, columns: Sequence[tuple[str, str]], row: Sequence[str], number: int) -> None:
    if len(row) > len(columns):
        sheet.problems.append(OrderProblem(number, None, "", f"has {len(row)} cells under {len(columns)} columns"))
    cells: dict[str, Cell] = {}
    for (name, title), value in zip(columns, row, strict=False):
        if not name or not value.strip():
            continue
        cell = Cell(value.strip(), number, title)
        if name in MILESTONE_FIELDS:
            cells[name] = cell
        elif sheet.order.setdefault(name, cell).value != cell.value:
            reason = f"is not what row {sheet.order[name].row} says: one file is one order"
            sheet.problems.append(OrderProblem(number, title, name, reason))
    sheet.milestones.append(cells)
    sheet.rows.append(number)
