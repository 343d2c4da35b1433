"""Commands that keep a node's data: made again, put away, brought back, looked over."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from api.backup import back_up, restore
from api.cli.console import DATA_DEFAULT, DataFolder, Json, Outcome, emit, finish, mention, say, table
from api.doctor import examine
from api.node import opened_node
from api.recording import now_us
from ledger import losses
from ledger.hexadecimal import to_address
from ledger.rebuilding import rebuild
from traceability.reindexing import EventIndex


def rebuild_tables(data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Make every derived table again from the chain and the stored events. The node may run meanwhile."""
    with opened_node(data, upgrades=True) as node:
        folder = node.settings.data / "rebuild"
        chain, anchoring = node.chain, node.settings.anchoring
        counts = rebuild(node.engine, folder, chain, node.deployment, anchoring, now_us(), [EventIndex()])
    if as_json:
        emit({"rows": counts})
        return
    say(table(("table", "rows"), sorted(counts.items())))


def look_over(
    full: Annotated[bool, typer.Option("--full", help="Hash every record again, not a sample.")] = False,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Look for what is wrong with the node, and say what to do. Exit code 1 where something was found."""
    examined = examine(data, now_us(), is_full=full)
    if as_json:
        emit({"checks": list(examined.checks), "findings": [each.to_json() for each in examined.findings]})
    elif examined.findings:
        rows = [(each.check, each.detail, each.remedy) for each in examined.findings]
        say(table(("check", "what is wrong", "what to do"), rows))
    else:
        say(f"nothing is wrong: {', '.join(examined.checks)}")
    finish(Outcome.FAILED if examined.findings else Outcome.GOOD)


def resume_payments(data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Let payments go on that stand still because the chain has lost blocks which were final."""
    with opened_node(data) as node:
        count = losses.resume(node.engine, now_us())
    if as_json:
        emit({"resumed": count})
        return
    say("payments go on" if count else "nothing stood still")


def back_up_node(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The file that is to be made.")],
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Write a consistent copy of the node into one file, also while it runs. Key files stay encrypted."""
    with opened_node(data) as node:
        manifest = back_up(node, output, now_us())
    if as_json:
        emit(manifest)
        return
    say(f"{output}: {output.stat().st_size:,} bytes, {len(manifest['files'])} files, revision {manifest['revision']}")
    mention("the password of the key files is not in it: keep it elsewhere")


def restore_node(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As `tally backup` has made it.")],
    skip_numbers: Annotated[
        bool, typer.Option("--skip-numbers", help="Skip 2^32 sequence numbers of each key, so that all sign again.")
    ] = False,
    times: Annotated[
        int, typer.Option(min=1, max=2**20, help="The how-manieth restore of this same backup: skips so many times.")
    ] = 1,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Make a node of a backup, in a folder that is empty or not there yet.

    It may not know which sequence numbers its keys have used since, and records nothing before that is settled.
    """
    restored = restore(file, data, now_us(), skips_numbers=skip_numbers, times=times)
    if as_json:
        emit({
            "data": str(data), "revision": restored.revision, "madeAtUs": restored.made_at_us,
            "held": [to_address(signer) for signer in restored.held],
            "nextNumbers": {to_address(signer): number for signer, number in restored.skipped.items()},
        })  # fmt: skip
        return
    say(f"{data} is the node as it was at {moment(restored.made_at_us)}.")
    if restored.held:
        say("Which sequence numbers its keys have used since is not known here: nothing is recorded with\n"
            + "".join(f"  {to_address(signer)}\n" for signer in restored.held)
            + "before `tally party signer skip KEY` has skipped 2^32 of its numbers, or it is retired\n"
            "(`tally party signer revoke KEY --party NAME`) and another is authorised.")  # fmt: skip
    for signer, number in restored.skipped.items():
        say(f"{to_address(signer)} goes on with number {number}")


def moment(at_us: int) -> str:
    """A time of this node's clock for people."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
