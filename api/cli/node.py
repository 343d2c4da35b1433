"""Commands of the node as a whole: make one, run it, look at it."""

from __future__ import annotations

import getpass
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from api import logs, metrics
from api.children import end_with_parent
from api.cli.console import DATA_DEFAULT, DataFolder, Json, Outcome, emit, finish, say, table
from api.errors import BadArgument, DataFolderTaken
from api.health import Health, health_of
from api.keyring import NODE_KEY, password_of
from api.node import opened_node
from api.recording import now_us
from api.schema import make_ready, revisions
from api.settings import NODE_FILE, Settings, load_settings, settings_of, write_settings
from api.trust import trust_given
from api.worker import await_chain
from api.worker import work as bring_to_the_chain
from ledger.chain import Chain
from ledger.database import open_engine
from ledger.deployment import Deployment, Escrow, bind, check
from ledger.errors import KeyLocked
from ledger.hexadecimal import address_from_text, to_address, to_hex
from ledger.keystore import create_key

Leash = Annotated[
    int | None, typer.Option(metavar="PID", hidden=True, help="End with the process of this id, which started us.")
]
HOST_DEFAULT, PORT_DEFAULT = "127.0.0.1", 8000


def init(
    rpc_url: Annotated[str, typer.Option(help="JSON-RPC address of the chain.")],
    event_log: Annotated[str, typer.Option(help="The consortium's EventLog contract.")],
    party_registry: Annotated[str, typer.Option(help="The consortium's PartyRegistry contract.")],
    start_block: Annotated[int, typer.Option(min=0, help="Block in which they were deployed, or an earlier one.")] = 0,
    confirmations: Annotated[int, typer.Option(min=1, max=200, help="Blocks that make one final, itself counted.")] = 1,
    party: Annotated[str | None, typer.Option(metavar="NAME", help="Also draw a key for a party: NAME.json.")] = None,
    delivery_escrow: Annotated[str | None, typer.Option(help="The DeliveryEscrow, where orders are paid.")] = None,
    token: Annotated[list[str] | None, typer.Option(metavar="ADDRESS=CODE", help="A token, and its currency.")] = None,
    data: DataFolder = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Make a node on a chain that is there: DATA/node.toml, a database, and the node's own key."""
    if (data / NODE_FILE).exists():
        raise DataFolderTaken(data)
    contracts = trust_given(rpc_url, event_log, party_registry).contracts
    given = settings_of(data)
    tokens = dict(_token_and_code(each) for each in token or ())
    watched = [address_from_text(address) for address in tokens]
    escrow = Escrow.at(address_from_text(delivery_escrow), watched) if delivery_escrow else None
    deployment = Deployment(contracts.chain_id, contracts.event_log, contracts.party_registry, start_block, escrow)
    check(Chain(rpc_url, contracts.chain_id), deployment)
    password = _new_password(given)
    _tie_database(given, deployment)
    names = [NODE_KEY, *([party] if party else [])]
    accounts = {name: to_address(create_key(given.keys_folder, name, password).address) for name in names}
    # Last, for it is what makes the folder a node.
    write_settings(
        data,
        rpc_url=rpc_url,
        chain_id=deployment.chain_id,
        event_log=to_address(deployment.event_log),
        party_registry=to_address(deployment.party_registry),
        delivery_escrow=delivery_escrow,
        start_block=start_block,
        confirmations=confirmations,
        tokens=tokens or None,
    )
    if as_json:
        emit({"data": str(data), "chainId": deployment.chain_id, "keys": accounts})
        return
    say(f"{data} is a node on chain {deployment.chain_id}.")
    say(table(("key", "account"), accounts.items()))
    say(f"Next: have a party authorise the node's key for anchoring:\n"
        f"  tally party signer authorise {accounts[NODE_KEY]} --party NAME --use anchor")  # fmt: skip


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HOST_DEFAULT,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on.")] = PORT_DEFAULT,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Do not bring records to the chain.")] = False,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes that answer; one a core at most.")] = 1,
    handed_down: Annotated[int | None, typer.Option("--socket", hidden=True, help="A socket that listens.")] = None,
    leash: Leash = None,
    data: DataFolder = DATA_DEFAULT,
) -> None:
    """Serve the API and the pages, and bring records to the chain, until Ctrl-C."""
    # Only who serves waits for the web framework to be loaded.
    from api.serving import run_server, serve_inherited  # noqa: PLC0415

    _begin_to_watch(data)
    if leash is not None:
        end_with_parent(leash)
    if handed_down is not None:
        serve_inherited(data, handed_down)
    else:
        run_server(data, host, port, with_worker=not no_worker, processes=processes)


def work(
    leash: Leash = None,
    data: DataFolder = DATA_DEFAULT,
) -> None:
    """Bring records to the chain and follow it, until Ctrl-C. `serve` does so by itself."""
    _begin_to_watch(data)
    if leash is not None:
        end_with_parent(leash)
    with opened_node(data, upgrades=True) as node, _stop_on_signals() as stop:
        await_chain(node, stop)
        bring_to_the_chain(node, stop)


def status(data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Show how the node is: chain, anchoring lag, outbox, contradictions. Exit code 2 where the chain is away."""
    with opened_node(data) as node:
        health = health_of(node, now_us())
    if as_json:
        emit(health.to_json())
    else:
        _print_health(health)
    finish(Outcome.GOOD if health.chain.is_reachable else Outcome.BAD_INPUT)


def migrate(data: DataFolder = DATA_DEFAULT, as_json: Json = False) -> None:
    """Bring the database of an older version up to date. `serve`, `worker` and `demo` do so when they start."""
    engine = open_engine(load_settings(data).resolved_database_url)
    try:
        steps = make_ready(engine, upgrades=True)
    finally:
        engine.dispose()
    revision = revisions()[-1]
    if as_json:
        emit({"revision": revision, "steps": list(steps)})
        return
    say(f"brought up to date: revision {revision}" if steps else f"already up to date: revision {revision}")


def openapi(output: Annotated[Path, typer.Option("--output", "-o", help="Where to write it.")]) -> None:
    """Write the API's OpenAPI document, as it is committed in docs/openapi.json."""
    from api.app import openapi_document  # noqa: PLC0415 - as in serve

    output.write_text(json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _token_and_code(text: str) -> tuple[str, str]:
    """`0x…=XTS` in its two parts. Raises BadArgument."""
    address, is_there, code = text.partition("=")
    if not is_there:
        raise BadArgument(f"--token {text}: write the token's address and its currency code, as in 0x…=XTS")
    return address, code


def _tie_database(settings: Settings, deployment: Deployment) -> None:
    """Ties the node's database to its deployment before anything else is written. Raises WrongDeployment."""
    if settings.database_url is None:
        settings.data.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings.resolved_database_url)
    try:
        make_ready(engine)
        bind(engine, deployment)
    finally:
        engine.dispose()


def _new_password(settings: Settings) -> str:
    """The password for new key files: from the file that is named, else typed twice. Raises KeyLocked."""
    if settings.key_password_file is not None or not sys.stdin.isatty():
        return password_of(settings)()
    first = getpass.getpass("A password for the key files: ")
    if getpass.getpass("The same again: ") != first:
        raise KeyLocked(NODE_KEY, "the two passwords differ")
    return first


def _begin_to_watch(data: Path) -> None:
    """From now on this process logs as the settings say, and counts together with the node's other processes."""
    logs.configure(load_settings(data).log_format)
    metrics.gather_in(data)
    metrics.watch_rpc()


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets: whatever runs comes to its end between two passes."""
    stop = threading.Event()
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _final_words(health: Health) -> str:
    """When a record is final, and how long that takes from now."""
    rule = "once the chain says so" if health.finality == "finalized" else f"after {health.finality}"
    return rule if health.expected_final_s is None else f"{rule}, about {health.expected_final_s:.0f} s from a capture"


def _print_health(health: Health) -> None:
    followed = health.followed
    rows: list[tuple[str, str]] = [
        ("chain", f"eip155:{health.chain_id}, " + (health.chain.reason or "answers")),
        ("EventLog", to_address(health.event_log)),
        ("PartyRegistry", to_address(health.party_registry)),
        (
            "anchoring key",
            to_address(health.anchoring_key) if health.anchoring_key else "none: put it into keys/node.json",
        ),
        ("followed", f"to block {followed.block_number}, final {followed.final_number}" if followed else "nothing yet"),
        ("final", _final_words(health)),
        ("records", str(health.record_count)),
        ("not anchored", f"{health.backlog.record_count}, the oldest for {health.backlog.lag_s:.1f} s"),
        ("outbox", f"{health.open_transactions} on their way"),
    ]
    say(table(("", ""), rows))
    for intent, reason in health.failed:
        say(f"failed: {intent}: {reason}")
    for each in health.contradictions:
        stored = to_hex(each.stored_record_hash)
        say(f"contradiction: {to_hex(each.record_hash)} has the number {each.sequence} of {stored}")
