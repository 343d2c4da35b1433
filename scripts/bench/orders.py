"""A thousand orders with three milestones each, from proposal to their end, on the embedded chain: time and gas a step.

Of each order the first milestone is paid with the delivery, in one transaction; the second after a window of a day, in
every tenth order after a dispute and a ruling; nothing comes for the third, whose rest goes back. What is promised is
the gas of the first: one attestor, no window, no split, a proof of 11 nodes.
"""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from ledger.abi import interface
from ledger.chain import Chain
from ledger.deployment import Deployment, deploy
from ledger.devnet import Devnet
from ledger.keystore import LocalSigner
from ledger.merkle import Tree, leaf
from ledger.orders import (
    DAY_S,
    REST,
    Attestation,
    EscrowDomain,
    Evidence,
    Milestone,
    Terms,
    attest_call,
    attestation_digest,
    call,
    collect_call,
    delivery_id,
    multicall,
    order_id,
    propose_call,
    settle_call,
)
from ledger.record import Record, record_hash
from ledger.transaction import Transaction, sign, transaction_hash
from scripts.bench import Row, row
from scripts.bench.node import free_port

ORDERS = 1_000
DISPUTED_EVERY = 10
AMOUNT = 100_000
GAS_MAX = 240_000
LEAVES = 2_048
"""Of a batch, so that a proof has 11 nodes."""
GAS_LIMIT = 4_000_000
BATCH = 200
WIDTH = 120
DIGITS = ("9521234500001", "9521234500018", "9521234500025")
SALT = bytes(range(1, 33))


@dataclass
class Step:
    """What one step of all orders took."""

    name: str
    count: int
    seconds: float
    gas: list[int]


@dataclass
class Market:
    """Buyer, seller and arbiter on a chain of their own, and what their steps took."""

    devnet: Devnet
    chain: Chain
    deployment: Deployment
    buyer: LocalSigner
    seller: LocalSigner
    arbiter: LocalSigner
    steps: list[Step] = field(default_factory=list)
    nonces: dict[bytes, int] = field(default_factory=dict)

    @property
    def escrow(self) -> bytes:
        """The escrow's address."""
        return self.deployment.require_escrow().address

    @property
    def token(self) -> bytes:
        """The token's address."""
        return self.deployment.require_escrow().tokens[0]

    def pass_time(self, seconds: int) -> None:
        """An empty block, so much later."""
        self.devnet.mine_at(self.devnet.head_at + seconds)

    def run(self, name: str, signer: LocalSigner, to: bytes, calls: Iterable[bytes]) -> None:
        """Signs, sends and mines all of these, and notes what that took. Raises RuntimeError where one is refused."""
        begun = time.perf_counter()
        raws = [self._signed(signer, to, data) for data in calls]
        for start in range(0, len(raws), BATCH):
            self._rpc([("eth_sendRawTransaction", [f"0x{raw.hex()}"]) for raw in raws[start : start + BATCH]])
        self.devnet.mine_at(self.devnet.head_at + 1)
        receipts: list[dict[str, Any]] = []
        for start in range(0, len(raws), BATCH):
            part = raws[start : start + BATCH]
            receipts += self._rpc([("eth_getTransactionReceipt", [f"0x{transaction_hash(raw).hex()}"]) for raw in part])
        if any(int(receipt["status"], 16) != 1 for receipt in receipts):
            raise RuntimeError(f"the contract refused: {name}")
        gas = [int(receipt["gasUsed"], 16) for receipt in receipts]
        self.steps.append(Step(name, len(raws), time.perf_counter() - begun, gas))

    def _signed(self, signer: LocalSigner, to: bytes, data: bytes) -> bytes:
        nonce = self.nonces.get(signer.address)
        if nonce is None:
            (nonce,) = self.chain.transaction_counts([signer.address])
        self.nonces[signer.address] = nonce + 1
        return sign(Transaction(self.chain.chain_id, nonce, to, data, GAS_LIMIT, 0, 0), signer)

    def _rpc(self, questions: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        body = [{"jsonrpc": "2.0", "id": n, "method": m, "params": p} for n, (m, p) in enumerate(questions)]
        content, headers = json.dumps(body), {"content-type": "application/json"}
        answers = httpx.post(self.devnet.rpc_url, content=content, headers=headers, timeout=120).json()
        if wrong := next((answer["error"] for answer in answers if "error" in answer), None):
            raise RuntimeError(f"{questions[0][0]}: {wrong['message']}")
        return [answer["result"] for answer in sorted(answers, key=lambda answer: answer["id"])]


@contextmanager
def market(folder: Path) -> Iterator[Market]:
    """A consortium of three with an escrow, whose buyer has money and lets the escrow take it."""
    devnet = Devnet.start(folder, port=free_port(), started_at=int(time.time()) - 120 * DAY_S)
    try:
        chain = Chain(devnet.rpc_url, devnet.chain_id)
        buyer, seller, arbiter = (LocalSigner(secrets.token_bytes(32)) for _ in range(3))
        founders = [
            (key.address, (gln, f"Party {gln}", 2, "", b""))
            for key, gln in zip((buyer, seller, arbiter), DIGITS, strict=True)
        ]

        def mine() -> None:
            devnet.mine_at(devnet.head_at + 1)

        deployment = deploy(chain, devnet.deployer, founders, wait=mine, with_escrow=True, with_token=True)
        place = Market(devnet, chain, deployment, buyer, seller, arbiter)
        face = interface("SettlementToken")
        funds = 3 * AMOUNT * ORDERS * 2
        place.run("mint", devnet.deployer, place.token, [face.call("mint", buyer.address, funds)])
        place.run("approve", buyer, place.token, [face.call("approve", place.escrow, funds)])
        place.steps.clear()
        yield place
    finally:
        devnet.stop()


def live(place: Market, count: int = ORDERS) -> list[Step]:
    """All steps of `count` orders' lives."""
    domain = EscrowDomain(place.chain.chain_id, place.escrow)
    now_at = place.devnet.head_at
    terms = [_terms(place, now_at, number) for number in range(count)]
    orders = [order_id(domain, number, each) for number, each in enumerate(terms)]
    place.run("propose, 3 milestones", place.buyer, place.escrow,
              [propose_call(each, number) for number, each in enumerate(terms)])  # fmt: skip
    place.run("accept", place.seller, place.escrow, [call("accept", order) for order in orders])
    place.run("fund", place.buyer, place.escrow, [call("fund", order) for order in orders])
    place.pass_time(DAY_S)
    records = _Records(place, 2 * count)
    records.anchor()

    def attested(milestone: int) -> Iterator[bytes]:
        for number, order in enumerate(orders):
            yield records.attest(domain, order, milestone, 2 * number + milestone)

    collects = [collect_call(place.token, place.seller.address)]
    place.run("attest, settle, collect in one", place.buyer, place.escrow,
              (multicall([attests, settle_call(order, 0, _delivery(order, 0)), *collects])
               for attests, order in zip(attested(0), orders, strict=True)))  # fmt: skip
    place.run("attest, with a window", place.buyer, place.escrow, attested(1))
    disputed = orders[::DISPUTED_EVERY]
    place.run(
        "dispute", place.buyer, place.escrow, [call("dispute", order, 1, _delivery(order, 1)) for order in disputed]
    )
    place.pass_time(DAY_S)
    place.run(
        "rule", place.arbiter, place.escrow, [call("rule", order, 1, _delivery(order, 1), 5_000) for order in disputed]
    )
    quiet = [order for number, order in enumerate(orders) if number % DISPUTED_EVERY]
    place.run("settle, collect", place.seller, place.escrow,
              [multicall([settle_call(order, 1, _delivery(order, 1)), *collects]) for order in quiet])  # fmt: skip
    place.pass_time(30 * DAY_S)
    refund = collect_call(place.token, place.buyer.address)
    place.run("refund of a rest", place.seller, place.escrow,
              [multicall([settle_call(order, 2, REST), refund]) for order in orders])  # fmt: skip
    return place.steps


def measure() -> Iterable[Row]:
    """The gas of a delivery that is paid at once, against what is promised; the table of all steps goes to stderr."""
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as folder, market(Path(folder)) as place:
        first = _fresh_payee(place)
        steps = live(place)
        console = Console(file=sys.stderr, width=WIDTH)
        console.print(table(steps))
    yield row("gas of attest, settle and collect in one", first, GAS_MAX, "gas", 1.0, "lower")


def table(steps: Sequence[Step]) -> Table:
    """One line a step."""
    result = Table("step", "transactions", "seconds", "a second", "gas each", "least", "most")
    for column in result.columns[1:]:
        column.justify = "right"
    for step in steps:
        result.add_row(
            step.name, f"{step.count:,}", f"{step.seconds:.2f}", f"{step.count / step.seconds:,.0f}",
            f"{sum(step.gas) // step.count:,}", f"{min(step.gas):,}", f"{max(step.gas):,}",
        )  # fmt: skip
    whole_s, gas = sum(step.seconds for step in steps), sum(sum(step.gas) for step in steps)
    result.add_section()
    count = sum(step.count for step in steps)
    result.add_row("all", f"{count:,}", f"{whole_s:.2f}", f"{count / whole_s:,.0f}", f"{gas // count:,}", "", "")
    return result


def _fresh_payee(place: Market) -> float:
    """The gas of one delivery whose payee has never held the token."""
    before = len(place.steps)
    live(place, 1)
    gas = next(step.gas[0] for step in place.steps if step.name.startswith("attest, settle"))
    del place.steps[before:]
    return float(gas)


class _Records:
    """Records of the buyer's, as many as are asked for, in batches of LEAVES."""

    def __init__(self, place: Market, count: int) -> None:
        self._place, self._trees = place, []
        size = -(-count // LEAVES) * LEAVES
        domain, key = place.deployment.domain, place.buyer
        self._hashes, self._signatures = [], []
        first = secrets.randbits(32) << 20
        for number in range(size):
            record = Record(
                secrets.token_bytes(32), secrets.token_bytes(32), key.address, first + number, secrets.token_bytes(32)
            )
            digest = record_hash(domain, record)
            # Records that nobody asks for need no signature of the key: any 65 bytes make a leaf.
            self._hashes.append(digest)
            self._signatures.append(key.sign(digest) if number < count else bytes(65))
        leaves = [leaf(*pair) for pair in zip(self._hashes, self._signatures, strict=True)]
        self._leaves = leaves
        self._trees = [Tree.of(leaves[start : start + LEAVES]) for start in range(0, size, LEAVES)]

    def anchor(self) -> None:
        """Brings the roots onto the chain."""
        face = interface("EventLog")
        self._place.run("anchor 2,048 records", self._place.buyer, self._place.deployment.event_log,
                        [face.call("anchor", tree.root, LEAVES) for tree in self._trees])  # fmt: skip

    def attest(self, domain: EscrowDomain, order: bytes, milestone: int, number: int) -> bytes:
        """The calldata by which the buyer attests a delivery of the whole milestone."""
        at = self._place.devnet.head_at - 60
        said = Attestation(order, milestone, _delivery(order, milestone), self._hashes[number], at, 1_000)
        tree = self._trees[number // LEAVES]
        evidence = Evidence(self._signatures[number], tuple(tree.proof(self._leaves[number])), tree.root)
        return attest_call(said, self._place.buyer.sign(attestation_digest(domain, said)), evidence)


def _delivery(order: bytes, milestone: int) -> bytes:
    return delivery_id(order, f"DA-{milestone}", SALT)


def _terms(place: Market, now_at: int, number: int) -> Terms:
    due_at = now_at + 10 * DAY_S
    milestones = (
        Milestone(AMOUNT, 1_000, 1, 1, due_at),
        Milestone(AMOUNT, 1_000, 1, 1, due_at, window_s=DAY_S, arbitration_s=DAY_S),
        Milestone(AMOUNT, 1_000, 1, 1, due_at),
    )
    document = number.to_bytes(31, "big") + b"\1"
    buyer, seller, arbiter = place.buyer.address, place.seller.address, place.arbiter.address
    return Terms(buyer, seller, place.token, document, arbiter, now_at + DAY_S, (), (buyer,), milestones)
