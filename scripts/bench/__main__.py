"""`python -m scripts.bench [NAME...]`: run the measurements, print one table, write bench.json."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from scripts.bench import (
    Row,
    books,
    bounded,
    event_hash,
    history,
    meets_target,
    orders,
    recovery,
    single,
    throughput,
    verification,
)

MEASUREMENTS: dict[str, Callable[[], Iterable[Row]]] = {
    "throughput": throughput.measure,
    "single": single.measure,
    "event_hash": event_hash.measure,
    "verification": verification.measure,
    "bounded": bounded.measure,
    "history": history.measure,
    "books": books.measure,
    "orders": orders.measure,
    "recovery": recovery.measure,
}


def figure(value: float) -> str:
    """A number with three significant digits and thousands separators: for a table that people compare by eye."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(rows: Iterable[Row]) -> Table:
    """One line a comparison."""
    result = Table("measurement", "ours", "plain way", "unit", "ratio", "target", "")
    for column in result.columns[1:6]:
        column.justify = "right"
    for measured in rows:
        sign = "≥" if measured["better"] == "higher" else "≤"
        result.add_row(
            measured["name"],
            figure(measured["ours"]),
            figure(measured["theirs"]),
            measured["unit"],
            figure(measured["ratio"]),
            f"{sign} {figure(measured['target'])}",
            "[green]met[/]" if meets_target(measured) else "[red]missed[/]",
        )
    return result


def main(names: list[str]) -> int:
    """Run the named measurements (all without a name). Exit code 2 for an unknown name."""
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        print(f"no measurement named {unknown[0]!r}; there are: {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    console = Console()
    rows: list[Row] = []
    for name in names or MEASUREMENTS:
        with console.status(f"measuring {name}"):
            rows.extend(MEASUREMENTS[name]())
    console.print(table(rows))
    Path("bench.json").write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
