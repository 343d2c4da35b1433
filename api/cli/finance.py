"""Commands of finance: the journal and the statements of a party, and invoices against what was received and paid."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from api.books import Format, books_of, journal_file, period_of
from api.cli.checks import read_file
from api.cli.console import DATA_DEFAULT, DataFolder, Json, Outcome, emit, finish, mention, say, table
from api.cli.events import Party
from api.consortium import current_registry, party_named
from api.node import opened_node
from api.reconciling import Reconciliation, invoices_in, reconciliation_of
from ledger.judgement import Side, State

From = Annotated[str | None, typer.Option("--from", metavar="DAY", help="First day, as in 2026-10-01 (UTC).")]
To = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day, as in 2026-10-31 (UTC).")]
_COLOURS = {
    State.MATCHED.value: "green",
    State.REFUNDED.value: "yellow",
    State.UNPAID.value: "yellow",
    State.DISPUTED.value: "yellow",
    **{
        state.value: "red"
        for state in State
        if state not in {State.MATCHED, State.REFUNDED, State.UNPAID, State.DISPUTED}
    },
}


def write_journal(
    party: Party,
    kind: Annotated[Format, typer.Option("--format", help="What to write.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")],
    from_day: From = None,
    to_day: To = None,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Write a party's double-entry journal, or its statements (camt053), from the chain's logs alone.

    Beancount has all entries, whatever the period: only all of them add up to the balances.
    """
    period = period_of(from_day, to_day)
    with opened_node(data) as node:
        books = books_of(node, party_named(node, current_registry(node)[0], party))
    written = journal_file(books, kind, period, int(time.time()))
    output.write_bytes(written)
    if as_json:
        emit({"file": str(output), "party": books.heading.name, "format": kind.value, "entries": len(books.entries)})
        return
    say(f"{output}: {books.heading.name}, {len(books.entries)} entries, {len(written)} bytes")


def reconcile_invoices(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Invoices, as CSV or XLSX.")],
    party: Party,
    side: Annotated[
        Side | None, typer.Option("--side", help="The party's orders as this; else what the invoices are about.")
    ] = None,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Compare invoices with orders, receipts and settlements. Exit code 1 where something does not match."""
    content = read_file(file)
    with opened_node(data) as node:
        account = party_named(node, current_registry(node)[0], party)
        found = reconciliation_of(node, account, invoices_in(node, content), side)
    if as_json:
        emit(found.to_json())
    else:
        _print(found)
    finish(Outcome.GOOD if found.is_in_order else Outcome.FAILED)


def _print(found: Reconciliation) -> None:
    shown = found.to_json()
    rows = []
    for item in shown["items"]:
        difference, code = item["difference"], item["difference"]["currency"] or ""
        rows.append(
            (
                item["state"],
                item["invoice"] or "",
                found.order_names.get(item["order"], item["order"] or ""),
                ", ".join(map(str, item["milestones"])),
                item["invoiced"] or "",
                item["expected"],
                item["paid"],
                code,
                _signed(difference["money"]),
                f"{_signed(difference['quantity'])} {difference['uom']}" if _signed(difference["quantity"]) else "",
                item["note"],
            )
        )
    columns = (
        *("state", "invoice", "order", "milestone", "invoiced", "expected", "paid", ""),
        *("money differs", "quantity differs", ""),
    )
    say(table(columns, rows, colours=_COLOURS))
    say()
    say(", ".join(f"{count} {state}" for state, count in shown["states"].items()) or "nothing to compare")
    if not found.is_in_order:
        mention("--json names the events and transactions behind each; docs/finance.md says what to do about a state")


def _signed(text: str | None) -> str:
    """A difference with its sign; empty where there is none."""
    if text is None or not text.strip("-0."):
        return ""
    return text if text.startswith("-") else f"+{text}"
