"""The command line `tally`: the same answers as over HTTP, on a data folder, also while its node runs."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from api.cli import checks, events, finance, keeping, node, order_items, orders, parties, signers
from api.cli import keys as api_keys
from api.cli.console import Outcome, report

app = typer.Typer(
    name="tally",
    help="A ledger for supply chains: signed EPCIS events, anchored on a chain, provable by anyone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 good, 1 failed, 2 bad input, usage or no answer from the chain, 3 pending.",
)

app.command("init")(node.init)
app.command("serve")(node.serve)
app.command("worker")(node.work)
app.command("status")(node.status)
app.command("migrate")(node.migrate)
app.command("doctor")(keeping.look_over)
app.command("resume")(keeping.resume_payments)
app.command("rebuild")(keeping.rebuild_tables)
app.command("backup")(keeping.back_up_node)
app.command("restore")(keeping.restore_node)
app.command("openapi", hidden=True)(node.openapi)

app.command("capture")(events.capture_file)
app.command("trace")(events.trace_goods)
app.command("history")(events.show_history)
app.command("proof")(events.write_proof)
app.command("receive")(events.receive_bundle)
app.command("withdraw")(events.withdraw_event)

app.command("hash")(checks.hash_events)
app.command("id")(checks.show_identifiers)
app.command("verify")(checks.verify_bundle)

order = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Orders whose payments follow delivery.")
order.command("propose")(orders.propose)
order.command("accept")(orders.accept)
order.command("cancel")(orders.cancel)
order.command("fund")(orders.fund)
order.command("list")(orders.list_orders)
order.command("show")(orders.show)
order.command("terms")(orders.export_terms)
order.command("import")(orders.import_file)
order.command("attest")(order_items.attest)
order.command("take-back")(order_items.take_back)
order.command("settle")(order_items.settle)
order.command("release")(order_items.release)
order.command("give-back")(order_items.give_back)
order.command("divide")(order_items.divide)
order.command("dispute")(order_items.dispute)
order.command("rule")(order_items.rule)
order.command("collect")(order_items.collect)
order.command("tokenise")(order_items.tokenise)
order.command("transfer")(order_items.transfer)
app.add_typer(order, name="order")

app.command("journal")(finance.write_journal)
app.command("reconcile")(finance.reconcile_invoices)

party = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Who takes part, and who may act for whom.")
party.command("list")(parties.list_parties)
party.command("show")(parties.show_party)
party.command("apply")(parties.apply)
party.command("propose")(parties.propose)
party.command("proposals")(parties.list_proposals)
party.command("vote")(parties.vote)
party.command("leave")(parties.leave)

signer = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Further keys of a party: a plant, a device.")
signer.command("list")(signers.list_signers)
signer.command("authorise")(signers.authorise)
signer.command("revoke")(signers.revoke)
signer.command("skip")(signers.skip_numbers)
signer.command("consent")(signers.give_consent)
party.add_typer(signer, name="signer")

key = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="API keys of a party, for HTTP.")
key.command("create")(api_keys.create)
key.command("list")(api_keys.list_keys)
key.command("revoke")(api_keys.revoke)
party.add_typer(key, name="key")

app.add_typer(party, name="party")


@app.callback()
def _options(
    verbose: Annotated[bool, typer.Option("--verbose", help="With an error, show where it arose. Anywhere.")] = False,
    data: Annotated[Path | None, typer.Option("--data", help="The node's data folder; also after the command.")] = None,
) -> None:
    """A ledger for supply chains: signed EPCIS events, anchored on a chain, provable by anyone."""
    if data is not None:
        # Where the commands' own options look for it.
        os.environ["TALLY_DATA"] = str(data)


def main() -> None:
    """Runs the command that the arguments name; ends the process with its exit code."""
    arguments = sys.argv[1:]
    # Taken out here, because whoever sees an error puts it at the end of the same line.
    is_verbose = "--verbose" in arguments
    arguments = [argument for argument in arguments if argument != "--verbose"]
    try:
        app(arguments, prog_name="tally")
    except Exception as error:  # noqa: BLE001 - the outermost edge: everything ends in words and an exit code
        outcome = report(error, as_json="--json" in arguments, traceback=traceback.print_exc if is_verbose else None)
        sys.exit(int(outcome))
    sys.exit(int(Outcome.GOOD))
