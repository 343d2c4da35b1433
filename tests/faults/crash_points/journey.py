"""The main journeys, as a process that may die anywhere and is started again until it comes to its end.

What it asks of the node it asks as clients do who never had their answer: again, with the same document and the same
Idempotency-Key. `runs.py` forks it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from pathlib import Path

from fastapi import Response
from fastapi.responses import JSONResponse

from api.backup import back_up, restore
from api.consortium import party_named
from api.idempotency import Once
from api.keyring import PASSWORD_FILE
from api.node import Node, opened_node
from api.ordering import Sent, act, fund, order_named, propose
from api.recording import capture_document, now_us
from api.settings import NODE_FILE, load_settings, write_rpc_url
from api.worker import run_pass, worker_of
from ledger import devnet as embedded
from ledger import ordering
from ledger.chain import Chain
from ledger.database import reading
from ledger.deployment import deploy
from ledger.devnet import Devnet
from ledger.errors import KeyNotFound
from ledger.hexadecimal import to_hex
from ledger.keystore import LocalSigner, create_key, open_key
from ledger.orderbook import order_of
from ledger.orders import State
from ledger.standing import LocalAnswers, registry_of
from tests.conftest import free_port
from tests.faults.crash_points.points import Course, watch
from tests.faults.crash_points.stage import (
    DELIVERED_S,
    LIGHT_SCRYPT_N,
    PARTIES,
    PASSWORD,
    PRICES,
    WINDOW_S,
    Stage,
    document,
    founders,
    mine_at,
    purchase_order,
    received,
    seen,
    write_node_file,
)
from traceability.jobs import ErrorBehaviour

PASSES_MAX = 300
QUIET_PASSES = 2
RESEND_US = 6_000_000
"""What passes on the node's clock where a pass had nothing to do: after five seconds it sends again."""
CHECKPOINT_BLOCKS = 5
"""So that the embedded chain's checkpoint, written every 500 blocks, is among the points."""


@dataclass
class Traveller:
    """A node at work, and the clients that ask things of it."""

    stage: Stage
    node: Node
    mine: Callable[[], bool] = lambda: False
    """Lets the chain go on by one step, where it is the node's own. True if it mined."""
    # Of what an earlier run did its clock may be a minute ahead.
    later_us: int = 0

    def asks(self, key: str, party: str, what: Callable[[bytes], dict[str, object]]) -> None:
        """A client asks for something under a key, and notes what it was told."""
        with reading(self.node.engine) as session:
            registry = registry_of(session, LocalAnswers.of(session).block_number)
        account = party_named(self.node, registry, party)

        def answer() -> Response:
            return JSONResponse(what(account), 202)

        fingerprint = hashlib.sha256(key.encode()).digest
        given = Once(self.node.engine, account, key if self.stage.with_keys else None, fingerprint, now_us)(answer)
        assert given.status_code == HTTPStatus.ACCEPTED, bytes(given.body)
        line = json.dumps({"key": key, "told": json.loads(bytes(given.body))}) + "\n"
        with self.stage.told.open("a") as told:
            told.write(line)
            told.flush()
            os.fsync(told.fileno())

    def captures(self, key: str, party: str, content: bytes) -> None:
        """A document, as POST /capture takes it."""

        def captured(account: bytes) -> dict[str, object]:
            job = capture_document(self.node, account, content, ErrorBehaviour.ROLLBACK)
            return {"records": [to_hex(item.record_hash) for item in job.items if item.record_hash]}

        self.asks(key, party, captured)

    def does(self, key: str, party: str, what: Callable[[Node, bytes], Sent]) -> None:
        """Something with an order, as POST /orders does."""
        self.asks(key, party, lambda account: {"order": to_hex(what(self.node, account).order)})

    def works(self) -> None:
        """Passes of the worker until nothing moves any more."""
        worker, quiet = worker_of(self.node), 0
        for _ in range(PASSES_MAX):
            progress = run_pass(worker, now_us() + self.later_us)
            is_quiet = not self.mine() and progress.done == 0
            quiet = quiet + 1 if is_quiet and not progress.is_waiting else 0
            if is_quiet:
                self.later_us += RESEND_US
            if quiet == QUIET_PASSES:
                return
        raise AssertionError(f"still busy after {PASSES_MAX} passes: {progress}")


def travel(stage: Stage) -> None:
    """Two orders from proposal to payment, the events that say so, a new key, a backup and a node made of it."""
    stage.use_database()
    with opened_node(stage.data, upgrades=True) as node:
        key_of(stage.data / "keys", "scanner")
        traveller = Traveller(stage, node, later_us=RESEND_US * 20 if stage.told.exists() else 0)
        traveller.works()
        for number in PRICES:
            _propose(traveller, number)
        traveller.works()
        for number in PRICES:
            _step(traveller, number, State.PROPOSED, "accept", "grower", lambda node, order: act(
                node, order, ordering.accept))  # fmt: skip
        traveller.works()
        for number in PRICES:
            # One after the other: two permits that are signed at once have the same number.
            _step(traveller, number, State.ACCEPTED, "fund", "roaster", fund)
            traveller.works()
        mine_at(node.chain.rpc_url, stage.at + DELIVERED_S)
        for number in PRICES:
            traveller.captures(f"receive {number}", "roaster", document(received(stage, number)))
        traveller.captures("ship", "grower", document(*(seen(stage, f"bag-{each}") for each in range(3))))
        traveller.works()
        mine_at(node.chain.rpc_url, stage.at + 2 * WINDOW_S)
        traveller.works()
        backup = stage.watched / "backup.tar"
        if not backup.exists():
            back_up(node, backup, now_us())
    os.environ.pop("TALLY_DATABASE_URL", None)
    restored = stage.watched / "restored"
    if not restored.exists():
        restore(backup, restored, now_us(), skips_numbers=True)


def travel_embedded(stage: Stage) -> None:
    """A consortium founded from nothing on a chain of its own, and events that it anchors there."""
    stage.use_database()
    embedded.CHECKPOINT_BLOCKS = CHECKPOINT_BLOCKS
    keys = {name: key_of(stage.data / "keys", name) for name in PARTIES}
    password = stage.data / "keys" / PASSWORD_FILE
    if not password.exists() or password.read_text() != PASSWORD + "\n":
        password.write_text(PASSWORD + "\n")
    devnet = Devnet.start(stage.data / "chain", port=free_port(), started_at=stage.at - 7_200)
    try:
        chain = Chain(devnet.rpc_url, devnet.chain_id)
        deployment = deploy(chain, devnet.deployer, founders(keys), first_nonce=0,
                            wait=lambda: devnet.mine_at(devnet.head_at + 1))  # fmt: skip
        devnet.mine_at(devnet.head_at + 10)
        if not (stage.data / NODE_FILE).exists():
            write_node_file(stage.data, deployment, embedded=True)
        write_rpc_url(load_settings(stage.data), devnet.rpc_url)
        times = count(devnet.head_at + 1)
        with opened_node(stage.data, upgrades=True) as node:
            # Whoever died may have done so at any time of the chain's; the node's own clock only goes on.
            later_us = RESEND_US * 20 if stage.told.exists() else 0
            traveller = Traveller(stage, node, lambda: devnet.step(next(times)), later_us)
            traveller.works()
            for number in range(2):
                events = (seen(stage, f"bag-{number}-{each}") for each in range(2))
                traveller.captures(f"ship {number}", "grower", document(*events))
                traveller.works()
    finally:
        devnet.stop()


def key_of(folder: Path, name: str) -> LocalSigner:
    """The key of that name, drawn where there is none."""
    with suppress(KeyNotFound):
        return open_key(folder, name, PASSWORD)
    return create_key(folder, name, PASSWORD, scrypt_n=LIGHT_SCRYPT_N)


def _propose(traveller: Traveller, number: str) -> None:
    content = purchase_order(traveller.stage, number)
    traveller.does(f"propose {number}", "roaster", lambda node, party: propose(node, party, content)[0])


def _step(
    traveller: Traveller, number: str, state: State, name: str, party: str, what: Callable[[Node, bytes], Sent]
) -> None:
    """The party does its own, unless its answer was lost: then it has the answer given again."""

    def done(node: Node, _: bytes) -> Sent:
        with reading(node.engine) as session:
            order = order_named(session, number)
            assert order_of(session, order).state is state, number
        return what(node, order)

    traveller.does(f"{name} {number}", party, done)


def run(stage: Stage, course: Course, *, is_embedded: bool) -> None:
    """One run of a journey in this process, where it does not die on the course. Raises what ends it."""
    watch(course)
    (travel_embedded if is_embedded else travel)(stage)
