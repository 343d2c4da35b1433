"""`tally demo`: an embedded chain, a consortium, a coffee story of 120 days, and the node that serves it. One terminal.

This process runs the chain and looks after the one that serves. Whatever is killed, and whenever:
starting again finds everything and goes on.
"""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from api.children import Child
from api.errors import ApiError
from api.node import Node, opened_node
from api.settings import NODE_FILE, load_settings, write_rpc_url, write_settings
from ledger.chain import Chain
from ledger.database import reading
from ledger.devnet import Devnet
from ledger.hexadecimal import to_address, to_hex
from ledger.keystore import LocalSigner
from scripts.founding import Founding, make_api_keys, make_keys, write_private
from scripts.playing import Stage, is_all_final
from scripts.scenario import PARTIES, Story, bookkeeping, trade
from scripts.supervision import Stopped, StopRequest
from scripts.trading import Trader
from traceability.identifiers import parse

STORY_S = 120 * 86_400
"""The embedded chain begins so long before its first start."""
STEP_S = 0.02
PORT_FREE_S_MAX = 5.0
HEALTH_S_MAX = 60.0
SERVER_STOP_S_MAX = 15.0
HOST = "127.0.0.1"

_console = Console(highlight=False)


class DemoError(ApiError):
    """The demo can't be run as it was asked for."""

    code = "demo_error"


def run(port: int, data: Path, database_url: str | None = None) -> None:
    """Serves the demo until somebody asks it to stop; then all of it has stopped. `port` is the API's.

    Raises DemoError (the port is taken, or the folder is another kind of node), DevnetError, ChainError.
    """
    stop = StopRequest()
    stop.listen()
    data.mkdir(parents=True, exist_ok=True)
    (data / "demo.json").unlink(missing_ok=True)
    with suppress(Stopped):
        _await_free(port, stop)
        devnet = Devnet.start(data.resolve() / "chain", port=_free_port(), started_at=int(time.time()) - STORY_S)
        try:
            keys = make_keys(data / "keys")
            _settle_in(data, devnet, keys, database_url)
            with opened_node(data, upgrades=True) as node:
                _play_and_serve(node, devnet, keys, port, stop)
        finally:
            devnet.stop()


def _settle_in(data: Path, devnet: Devnet, keys: dict[str, LocalSigner], database_url: str | None) -> None:
    """Founds the consortium where there is none yet. From then on DATA/node.toml says where everything is."""
    if not (data / NODE_FILE).exists():
        deployment = Founding(devnet, Chain(devnet.rpc_url, devnet.chain_id), keys).run()
        write_settings(
            data,
            embedded=True,
            chain_id=deployment.chain_id,
            event_log=to_address(deployment.event_log),
            party_registry=to_address(deployment.party_registry),
            delivery_escrow=to_address(deployment.require_escrow().address),
            tokens={to_address(token): trade.CURRENCY for token in deployment.require_escrow().tokens},
            database_url=database_url,
        )
    settings = load_settings(data)
    if not settings.embedded or settings.chain_id != devnet.chain_id:
        raise DemoError(f"{data} is a node on a chain of its own: `tally serve` runs it, or use another --data")
    if database_url not in {None, settings.database_url}:
        raise DemoError(f"{data} keeps its records in another database (node.toml): use another --data")
    write_rpc_url(settings, devnet.rpc_url)


def _play_and_serve(node: Node, devnet: Devnet, keys: dict[str, LocalSigner], port: int, stop: StopRequest) -> None:
    data = node.settings.data
    api_keys = make_api_keys(node.engine, data / "api-keys.json", keys, time.time_ns() // 1000)
    stage = Stage(node.engine, devnet, node.chain, node.deployment, keys)
    story = stage.story()
    _introduce(story, devnet)
    _play(stage, story, stop)
    devnet.mine_at(int(time.time()))

    url = f"http://{HOST}:{port}"
    serve = ("serve", f"--port={port}", f"--data={data}")
    with Child(serve, node.keyring.password(), stop_s_max=SERVER_STOP_S_MAX).kept():
        _await_ready(node, devnet, url, stop)
        write_private(data / "demo.json", json.dumps(_facts(node, devnet, story, keys, api_keys, url), indent=1))
        _say_what_next(story, url, data)
        print(f"ready: {url}", flush=True)
        while True:
            stop.check(STEP_S)
            devnet.step(int(time.time()))


def _play(stage: Stage, story: Story, stop: StopRequest) -> None:
    """Plays what is missing of the story, under a progress bar, until it is all final or somebody wants to stop."""
    columns = TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=_console) as progress:
        remaining = stage.remaining(story)
        task = progress.add_task("events", total=story.event_count)

        def went_on(event_count: int) -> None:
            progress.advance(task, event_count)
            stop.check()

        progress.advance(task, story.event_count - sum(len(each.events) for each in remaining))
        stage.play(remaining, went_on, story.orders)


def _await_ready(node: Node, devnet: Devnet, url: str, stop: StopRequest) -> None:
    """Returns once /health answers 200 and every record is final. Raises DemoError where that does not come."""
    deadline_s = time.monotonic() + HEALTH_S_MAX
    while time.monotonic() < deadline_s:
        stop.check(STEP_S)
        devnet.step(int(time.time()))
        with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310
            if answer.status == 200:
                with reading(node.engine) as session:
                    if is_all_final(session):
                        return
    raise DemoError(f"the node does not get healthy at {url}/health: look above for what it said")


def _facts(
    node: Node, devnet: Devnet, story: Story, keys: dict[str, LocalSigner], api_keys: dict[str, str], url: str
) -> dict[str, object]:
    """demo.json: what scripts need to go on from here. Writes the invoices that it names."""
    escrow = node.deployment.require_escrow()
    trader = Trader(node.engine, node.chain, node.deployment, keys)
    invoices = node.settings.data / "invoices.csv"
    invoices.write_text(bookkeeping.invoice_file(story.orders, datetime.fromtimestamp(devnet.genesis_at, UTC)))
    return {
        "api": url,
        "rpcUrl": devnet.rpc_url,
        "chainId": devnet.chain_id,
        "eventLog": to_address(node.deployment.event_log),
        "partyRegistry": to_address(node.deployment.party_registry),
        "products": list(story.products),
        "lots": list(story.lots),
        "parties": [
            {"name": party.name, "gln": party.gln, "account": to_address(keys[party.slug].address)} for party in PARTIES
        ],
        "apiKeys": api_keys,
        "token": to_address(escrow.tokens[0]),
        "escrow": to_address(escrow.address),
        "orders": [
            {"id": to_hex(trader.order_of(order, devnet.genesis_at)), "number": order.number, "story": order.story}
            for order in story.orders
        ],
        "invoices": str(invoices.resolve()),
        "invoicesParty": bookkeeping.PARTY.name,
    }


def _introduce(story: Story, devnet: Devnet) -> None:
    since = datetime.fromtimestamp(devnet.genesis_at, UTC).date()
    _console.print(f"chain {devnet.chain_id}, of our own, since {since}; {len(PARTIES)} parties")
    _console.print(f"{story.event_count} events: coffee from two growers in Huila to shops in Berlin and Vienna")


def _say_what_next(story: Story, url: str, data: Path) -> None:
    bag, option = story.products[0], "" if data == Path("data") else f" --data {data}"
    lines = [
        "",
        "Open",
        f"  {url}{_path(bag)}   a bag of coffee, as a customer's phone sees it",
        f"  {url}/   the node itself",
        "Try next, in another terminal",
        f"  .venv/bin/tally history {bag}{option}",
        f"  .venv/bin/tally history {story.cloned}{option}   one code, sold in two cities within an hour",
        f"  .venv/bin/tally trace {story.rejected_lot} --forward{option}   failed inspection: used nowhere",
        f"  .venv/bin/tally order list{option}   eight orders, each of which ended in another way",
        f"  .venv/bin/tally order show {trade.DISPUTED}{option}",
        f"  .venv/bin/tally reconcile {data / 'invoices.csv'} --party {bookkeeping.PARTY.slug}{option}",
        f"  .venv/bin/tally proof {bag} -o bag.json{option} && .venv/bin/tally verify bag.json{option}",
        "Ctrl-C stops everything; the same command goes on from here.",
        "",
    ]
    for line in lines:
        print(line)


def _path(epc: str) -> str:
    """The path of an EPC's GS1 Digital Link: /01/…/21/…"""
    return parse(epc).digital_link.removeprefix("https://id.gs1.org")


def _await_free(port: int, stop: StopRequest) -> None:
    """Returns once nobody listens on the port: what a killed demo left behind ends by itself within a few seconds."""
    deadline_s = time.monotonic() + PORT_FREE_S_MAX
    while not _is_free(port):
        if time.monotonic() > deadline_s:
            raise DemoError(f"port {port} is taken by another program: give another one, as in PORT=8123")
        stop.check(0.1)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    """A port for the chain that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
