"""What every command shares: its common options, how it prints, and what an error looks like and exits with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from api.errors import ApiError
from api.problems import Problem, problem_of
from ledger.errors import LedgerError
from traceability.errors import TraceabilityError

DataFolder = Annotated[Path, typer.Option("--data", envvar="TALLY_DATA", help="The node's data folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
DATA_DEFAULT = Path("data")

NAMED_ERRORS = (LedgerError, TraceabilityError, ApiError)
"""Errors whose message tells a person what to do. Any other is a mistake of ours."""

PROBLEMS_SHOWN_MAX = 20

WIDTH_ELSEWHERE = 240
"""Columns where the output goes into a file or a pipe: there nothing is folded that can be kept on its line."""

_out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH_ELSEWHERE)
_err = Console(highlight=False, soft_wrap=True, stderr=True)


class Outcome(IntEnum):
    """Exit codes, the same for every command."""

    GOOD = 0
    FAILED = 1
    BAD_INPUT = 2
    PENDING = 3


_OUTCOMES = {
    "bundle_refused": Outcome.FAILED,
    "transaction_refused": Outcome.FAILED,
    "chain_reverted": Outcome.FAILED,
    "not_final_yet": Outcome.PENDING,
}
"""Exit codes of errors; of all others 2."""

_NEXT: dict[str, str] = {
    "chain_unreachable": "see whether the chain's node runs (`rpc_url` in DATA/node.toml), then `tally status`",
    "chain_wrong_chain": "compare `rpc_url` and `chain_id` in DATA/node.toml, or use another data folder",
    "chain_no_contract": "compare `event_log` and `party_registry` in DATA/node.toml with the consortium's addresses",
    "chain_insufficient_funds": "send the sending account some of the chain's coin, then try again",
    "key_locked": "put the password into a file and name it in TALLY_KEY_PASSWORD_FILE",
    "unknown_party": "tally party list",
    "unknown_product": "tally capture FILE --party NAME, or tally receive FILE for another node's goods",
    "unknown_event": "tally history ID shows the events of a product with their record hashes",
    "invalid_identifier": "give an EPC URN (urn:epc:id:…) or a GS1 Digital Link (https://id.gs1.org/01/…)",
}
"""The next command to give, where the message of an error does not already say it."""


def emit(value: Any) -> None:
    """Prints a value as JSON, two spaces deep."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def say(text: str | Text | Table = "") -> None:
    """Prints a line, or a table, for people. Square brackets in a plain text are text."""
    if isinstance(text, Table):
        # Drawn first, because rich fills each line up with spaces.
        with _out.capture() as drawn:
            _out.print(text)
        sys.stdout.write("".join(line.rstrip() + "\n" for line in drawn.get().splitlines()))
        sys.stdout.flush()
    else:
        _out.print(Text(text) if isinstance(text, str) else text)


def show(value: RenderableType) -> None:
    """Prints anything that rich can draw."""
    _out.print(value)


def mention(text: str) -> None:
    """Prints a remark where it is in nobody's way: on stderr."""
    _err.print(Text(text))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, colours: Mapping[str, str] | None = None
) -> Table:
    """A plain table; long values are folded, never cut off. A cell that is a key of `colours` has that colour."""
    is_headed = any(columns)
    result = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=is_headed)
    for column in columns:
        result.add_column(column, overflow="fold")
    for row in rows:
        result.add_row(*(Text(str(cell), style=(colours or {}).get(str(cell), "")) for cell in row))
    return result


def finish(outcome: Outcome) -> None:
    """Ends the command with this exit code."""
    raise typer.Exit(int(outcome))


def report(error: Exception, *, as_json: bool, traceback: Callable[[], None] | None) -> Outcome:
    """Prints what went wrong and what to do next. Returns the exit code. `traceback` prints one, where it is wanted."""
    if traceback is not None:
        traceback()
    if not isinstance(error, NAMED_ERRORS):
        mention(f"tally made a mistake: {type(error).__name__}: {error}")
        mention("next: the same command with --verbose, and tell us")
        return Outcome.BAD_INPUT
    problem = problem_of(error)
    if as_json:
        emit(problem.to_json())
    else:
        _mention_problem(problem)
    return _OUTCOMES.get(problem.code, Outcome.BAD_INPUT)


def _mention_problem(problem: Problem) -> None:
    mention(f"error: {problem.detail}")
    for each in problem.errors[:PROBLEMS_SHOWN_MAX]:
        where = "document" if each.event_index is None else f"event {each.event_index}"
        mention(f"  {where} {each.path or '/'}: {each.reason} ({each.code})")
    if len(problem.errors) > PROBLEMS_SHOWN_MAX:
        mention(f"  and {len(problem.errors) - PROBLEMS_SHOWN_MAX} more: --json lists all")
    listed = problem.extra.get("errors", [])
    for each in listed[:PROBLEMS_SHOWN_MAX]:
        row = f"row {each['row']}, " if each["row"] else ""
        mention(f"  {row}{each['column'] or each.get('field') or 'the file'}: {each['reason']}")
    if len(listed) > PROBLEMS_SHOWN_MAX:
        mention(f"  and {len(listed) - PROBLEMS_SHOWN_MAX} more: --json lists all")
    if problem.code in _NEXT:
        mention(f"next: {_NEXT[problem.code]}")
