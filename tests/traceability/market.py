"""A market on an embedded chain: orders that are really funded, nodes of several companies that follow and attest.

Time goes by where a test says so. What people do outside the nodes (propose, fund) is sent straight to the chain.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.engine import Engine
from sqlmodel import select

from ledger.abi import interface
from ledger.book import OrderState
from ledger.chain import Call, Chain
from ledger.consortium import FOREVER, RegistryDomain, consent_digest
from ledger.consortium import call as registry_call
from ledger.database import reading
from ledger.deployment import Deployment, bind, deploy
from ledger.devnet import Devnet
from ledger.keystore import LocalSigner
from ledger.orderbook import credits_of, order_of
from ledger.orders import Milestone, Terms, call, order_id, propose_call
from ledger.progress import Progress
from ledger.tables import TransactionRow
from ledger.transaction import Transaction, sign
from ledger.worker import Worker, run_once
from tests.traceability.nodes import GROWER, ROASTER, drawn
from tests.traceability.orders import COFFEE_CONTEXT, INSPECTOR, terms_of
from traceability import attesting, repository
from traceability.capture import capture
from traceability.decisions import Entry, entries
from traceability.judging import AttestationState
from traceability.order_terms import import_terms
from traceability.terms import TermsDocument, terms_bytes

DAY_S = 86_400
FOUNDERS = [
    (who.address, (gln, name, 1, "", b""))
    for who, gln, name in (
        (GROWER, "9521234000006", "Highland Growers"),
        (ROASTER, "9524321000002", "Harbour Roasters"),
        (INSPECTOR, "9525555000004", "Cup Laboratory"),
    )
]
PLENTY = 10**9


@dataclass
class Company:
    """A company's node: its database, and the keys that it holds. The first sends and anchors."""

    market: Market
    worker: Worker
    draw: Callable[[int], bytes] = field(default_factory=drawn)

    @property
    def engine(self) -> Engine:
        return self.worker.engine

    def attest(self) -> Progress:
        """One step of attesting, and nothing else."""
        worker = self.worker
        return attesting.step(
            worker.engine, worker.deployment, worker.signers, worker.anchoring_key, self.market.now * 1_000_000
        )

    def capture(self, signer: LocalSigner, *events: dict[str, Any], party: LocalSigner | None = None) -> list[bytes]:
        """Captures events as of now; the hashes of their records."""
        document = {
            "@context": COFFEE_CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0",
            "creationDate": "2026-03-01T00:00:00Z", "epcisBody": {"eventList": list(events)},
        }  # fmt: skip
        job = capture(
            self.engine, domain=self.worker.deployment.domain, party=(party or signer).address, signer=signer,
            document=orjson.dumps(document), now_us=self.market.now * 1_000_000, randomness=self.draw,
        )  # fmt: skip
        return [item.record_hash for item in job.items if item.record_hash is not None]

    def record_id(self, record_hash: bytes) -> int:
        with reading(self.engine) as session:
            (found,) = repository.named(session, "0x" + record_hash.hex())
            return found

    def take_terms(self, document: TermsDocument) -> None:
        import_terms(self.engine, terms_bytes(document), self.market.now * 1_000_000)

    def entries(self, **which: Any) -> list[Entry]:
        with reading(self.engine) as session:
            return entries(session, **which)

    def entry(self) -> Entry:
        (entry,) = self.entries()
        return entry

    def states(self) -> list[AttestationState]:
        return [entry.state for entry in self.entries()]

    def outbox(self, prefix: str = "attest:") -> list[TransactionRow]:
        with reading(self.engine) as session:
            rows = session.exec(select(TransactionRow).order_by(TransactionRow.id)).all()
            return [row for row in rows if row.intent.startswith(prefix)]

    def order(self, order: bytes) -> OrderState:
        with reading(self.engine) as session:
            return order_of(session, order)

    def paid(self, order: bytes) -> int:
        """What the order has paid to its seller. Asserts that nothing is owed any more: money has arrived."""
        with reading(self.engine) as session:
            assert credits_of(session, [GROWER.address, ROASTER.address]) == {}
        return self.order(order).paid


@dataclass
class Market:
    """The chain with its contracts, its clock, and the companies' nodes."""

    devnet: Devnet
    chain: Chain
    deployment: Deployment
    companies: list[Company] = field(default_factory=list)
    nonces: Iterator[int] = field(default_factory=count)
    now: int = 0

    @property
    def token(self) -> bytes:
        return self.deployment.require_escrow().tokens[0]

    def company(self, engine: Engine, *signers: LocalSigner) -> Company:
        bind(engine, self.deployment)
        keys = {signer.address: signer for signer in signers}
        company = Company(self, Worker(engine, self.chain, self.deployment, keys, signers[0].address))
        self.companies.append(company)
        return company

    def at(self, seconds: int = 0) -> str:
        """The market's time in words, so many seconds later."""
        return datetime.fromtimestamp(self.now + seconds, UTC).isoformat(timespec="seconds")

    def act(self, signer: LocalSigner, to: bytes, data: bytes) -> None:
        """One transaction in a block of its own, a second later. Raises ChainError where it would be refused."""
        prepared = self.chain.prepare(signer.address, to, data)
        self.chain.send(sign(Transaction(
            chain_id=self.chain.chain_id, nonce=prepared.sender_count, to=to, data=data, gas=prepared.gas * 2,
            tip_wei=0, max_fee_wei=0,
        ), signer))  # fmt: skip
        self.now += 1
        self.devnet.mine_at(self.now)

    def escrow(self, signer: LocalSigner, function: str, *arguments: object) -> None:
        self.act(signer, self.deployment.require_escrow().address, call(function, *arguments))

    def propose(self, document: TermsDocument, **kinds: Any) -> tuple[bytes, Terms]:
        """An order that the roaster proposes: its id and terms."""
        milestones: Sequence[Milestone] = kinds.pop("milestones", ())
        times = {"due_at": self.now + DAY_S, "fund_by": self.now + DAY_S // 2}
        terms = replace(terms_of(document, *milestones, **times, **kinds), token=self.token)
        nonce = next(self.nonces)
        self.act(ROASTER, self.deployment.require_escrow().address, propose_call(terms, nonce))
        return order_id(self.deployment.escrow_domain, nonce, terms), terms

    def fund(self, order: bytes, terms: Terms) -> None:
        self.escrow(GROWER, "accept", order)
        escrow = self.deployment.require_escrow().address
        self.act(ROASTER, self.token, interface("SettlementToken").call("approve", escrow, terms.amount))
        self.escrow(ROASTER, "fund", order)

    def funded(self, document: TermsDocument, **kinds: Any) -> bytes:
        """An order that is proposed, accepted and funded."""
        order, terms = self.propose(document, **kinds)
        self.fund(order, terms)
        return order

    def by_two(self) -> Milestone:
        """A milestone on which roaster and inspector have to agree."""
        return Milestone(1_000_00, 15_000, 0b11, 2, self.now + DAY_S, grace_s=3 * DAY_S)

    def authorise(self, party: LocalSigner, signer: LocalSigner, uses: int) -> None:
        registry = self.deployment.party_registry
        domain = RegistryDomain(self.chain.chain_id, registry)
        consent = signer.sign(consent_digest(domain, party.address, signer.address, uses, 0, FOREVER))
        self.act(party, registry, registry_call("authorise", signer.address, uses, 0, FOREVER, consent))

    def balance(self, account: bytes) -> int:
        face = interface("SettlementToken")
        (answer,) = self.chain.call([Call(self.token, face.call("balanceOf", account))], self.chain.head().number)
        (amount,) = face.answer("balanceOf", answer)
        assert isinstance(amount, int)
        return amount

    def pass_by(self, seconds: int = 0, *, attests: bool = True) -> None:
        """Every node works until nothing moves any more, the first time so much later."""
        self.now += seconds
        for _ in range(80):
            progress = Progress()
            for company in self.companies:
                progress += run_once(company.worker, self.now * 1_000_000)
                if attests:
                    progress += company.attest()
            self.now += 1
            if not self.devnet.step(self.now) and progress.done == 0 and not progress.is_waiting:
                return
        raise AssertionError("still busy after 80 passes")


@contextmanager
def open_market(folder: Path) -> Iterator[Market]:
    """A chain with all contracts, three founding parties in effect, and money in the roaster's account."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    start = 1_800_000_000
    devnet = Devnet.start(folder / "chain", port=port, started_at=start - 3_600)
    try:
        chain = Chain(devnet.rpc_url, devnet.chain_id)
        deployment = deploy(
            chain, devnet.deployer, FOUNDERS, wait=lambda: devnet.mine_at(devnet.head_at), first_nonce=0,
            with_escrow=True, with_token=True,
        )  # fmt: skip
        market = Market(devnet, chain, deployment, now=start)
        devnet.mine_at(start - 1)
        market.act(devnet.deployer, market.token, interface("SettlementToken").call("mint", ROASTER.address, PLENTY))
        yield market
    finally:
        devnet.stop()
