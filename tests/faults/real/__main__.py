"""`python -m tests.faults.real`: a node under load while what it stands on fails, and what became of what it promised.

Prints how it recovered from each kind of fault. Exit code 1, with the seed, where a promise was broken; what was seen
then lies in the folder that is named.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.real.checker import Findings, checked
from tests.faults.real.faults import kinds_for
from tests.faults.real.run import Asked, Load, World, say, world
from tests.faults.real.schedule import NeverRecovered, Recoveries, disturb

DRAIN_S = 180.0
console = Console()


def run(asked: Asked, faults: int, folder: Path) -> bool:
    """Whether every promise was kept."""
    with world(asked, folder) as found:
        for what, is_there in (("full disk", found.disk.is_there), ("clock", found.clock.is_there)):
            if not is_there:
                say(f"no {what}: this machine does not let us")
        load = Load.on(found)
        try:
            recoveries = disturb(found, kinds_for(found), faults)
        except NeverRecovered as error:
            console.print(f"[red]{error}")
            _keep(found)
            return False
        open_deals = load.end(found, DRAIN_S)
        _await_rest(found)
        findings = checked(found.journal, found.chain, found.database, found.setting)
        findings.expect("orders that came to no end", (f"{deal.number} {deal.state}" for deal in open_deals))
        for service in (found.server, found.worker):
            if (code := service.stop()) != 0:
                findings.wrong.append(f"{service.name} ended with {code}")
        is_good = not findings.wrong and not recoveries.late
        if not is_good:
            _keep(found)
    report(found, load, recoveries, findings)
    return is_good


def _keep(found: World) -> None:
    """The data folder goes with its disk: a copy stays."""
    shutil.copytree(found.data, found.folder / "data", ignore=shutil.ignore_patterns("metrics"))


def _await_rest(found: World) -> None:
    """Returns once nothing is on its way any more, or it has taken long enough."""
    query = "SELECT count(*) FROM transactions WHERE state NOT IN ('final', 'failed', 'replaced')"
    unbatched = "SELECT count(*) FROM records WHERE batch_id IS NULL AND NOT is_foreign"
    deadline_s = time.monotonic() + DRAIN_S
    while time.monotonic() < deadline_s and (found.database.rows(query) + found.database.rows(unbatched)) != [(0,)] * 2:
        found.wait(0.5)


def report(found: World, load: Load, recoveries: Recoveries, findings: Findings) -> None:
    table = Table("fault", "count", "median s", "worst s")
    for column in (1, 2, 3):
        table.columns[column].justify = "right"
    for kind, count, median_s, worst_s in recoveries.rows():
        table.add_row(kind, str(count), f"{median_s:.1f}", f"{worst_s:.1f}")
    table.add_row("in all", str(recoveries.count), "", "")
    console.print(table)
    table = Table(f"seed {found.asked.seed}, {found.asked.database}, {load.seconds:.0f} s", "count")
    table.columns[1].justify = "right"
    rates = {
        "events a second, accepted": findings.counts["events told accepted"] / load.seconds,
        "orders a second, paid": findings.counts["orders paid"] / load.seconds,
    }
    for name, rate in rates.items():
        table.add_row(name, f"{rate:.1f}")
    for name, count in findings.counts.items():
        table.add_row(name, f"{count:,}")
    rest = {
        "faults that hit nothing, not counted": recoveries.missed,
        "chains rolled back": found.rollbacks,
        **{f"{service.name} ended by itself": len(service.ended_by_itself) for service in found.services},
        **{f"asked again after: {what}": count for what, count in found.journal.troubles.most_common()},
    }
    for name, count in rest.items():
        table.add_row(name, f"{count:,}")
    console.print(table)
    for kind, seconds in recoveries.late:
        console.print(f"[red]too late: {seconds:.1f} s after {kind}")
    for sentence in findings.wrong:
        console.print(f"[red]broken: {sentence}", soft_wrap=True)


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.real", description=__doc__)
    parser.add_argument("--faults", type=int, default=500, help="at least so many")
    parser.add_argument("--seed", type=int, default=20_260_301)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--events", type=float, default=100, help="a second")
    parser.add_argument("--orders", type=float, default=5, help="a second")
    parser.add_argument("--short", action="store_true", help="some kinds once, on a chain that is faster")
    parser.add_argument("--folder", type=Path, help="where to work, and to leave everything")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="tally-faults-"))
    folder.mkdir(exist_ok=True)
    wanted = Asked(asked.seed, asked.events, asked.orders, database=asked.database, is_short=asked.short)
    is_good = run(wanted, asked.faults, folder)
    if is_good and asked.folder is None:
        shutil.rmtree(folder)
    elif not is_good:
        console.print(f"[red]seed {asked.seed} breaks a promise: see {folder}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
