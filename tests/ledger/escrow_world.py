"""Orders on a real Anvil with time travel: the roaster buys of the grower, others attest, arbitrate, share and lend."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ledger import record as records
from ledger.abi import interface
from ledger.chain import Call, Chain
from ledger.consortium import FOREVER, RegistryDomain, consent_digest
from ledger.consortium import call as registry_call
from ledger.deployment import Deployment, deploy
from ledger.errors import ChainError, ChainReason
from ledger.keystore import LocalSigner
from ledger.merkle import leaf
from ledger.orders import (
    DAY_S,
    NOBODY,
    REST,
    Attestation,
    Division,
    Evidence,
    Milestone,
    Split,
    Terms,
    attest_call,
    attestation_digest,
    call,
    collect_call,
    delivery_id,
    divide_call,
    division_digest,
    order_id,
    propose_call,
    settle_call,
)
from ledger.transaction import Transaction, sign, transaction_hash

START = 1_800_000_000
ROASTER, GROWER, CARRIER = (LocalSigner(bytes([n]) * 32) for n in (0x22, 0x11, 0x33))
INSPECTOR, ARBITER, COOPERATIVE = (LocalSigner(bytes([n]) * 32) for n in (0x44, 0x55, 0x66))
FINANCIER, STRANGER = LocalSigner(b"\x77" * 32), LocalSigner(b"\x88" * 32)
"""Two accounts that are no party's."""
MEMBERS = (ROASTER, GROWER, CARRIER, INSPECTOR, ARBITER, COOPERATIVE)
NAMES = ("Harbour Roasters", "Highland Growers", "Coast Carriers", "Fair Inspectors", "Port Arbiters", "Valley Co-op")
GLNS = ("9521234500001", "9521234500018", "9521234500025", "9521234500032", "9521234500049", "9521234500056")
ANVIL = (
    "--no-mining", f"--timestamp={START}", "--hardfork=osaka", "--order=fifo", "--accounts=0", "--base-fee=0",
    "--gas-price=0", "--disable-min-priority-fee", "--disable-default-create2-deployer",
)  # fmt: skip
SALT = bytes(range(32))


@dataclass
class World:
    """The chain, its contracts, and the clock of the next block."""

    anvil: Any
    chain: Chain
    deployment: Deployment
    now: int
    count: int = 0

    @property
    def escrow(self) -> bytes:
        return self.deployment.require_escrow().address

    @property
    def token(self) -> bytes:
        return self.deployment.require_escrow().tokens[0]

    @property
    def receivable(self) -> bytes:
        return self.deployment.require_escrow().receivable

    # --------------------------------------------------------------------------------------------- sending, asking

    def mine(self, seconds: int = 1) -> None:
        """The next block, so much later."""
        self.now += seconds
        self.anvil.rpc("evm_mine_detailed", {"timestamp": self.now})

    def send(self, signer: LocalSigner, to: bytes, data: bytes, seconds: int = 1) -> bytes:
        """A transaction in a block of its own; raises ChainError(reverted) where it would fail, with the reason."""
        self.anvil.rpc("evm_setNextBlockTimestamp", self.now + seconds)
        nonce = self.chain.prepare(signer.address, to, data).sender_count
        raw = sign(Transaction(self.chain.chain_id, nonce, to, data, 5_000_000, 0, 0), signer)
        self.chain.send(raw)
        self.mine(seconds)
        (receipt,) = self.chain.receipts([transaction_hash(raw)])
        assert receipt is not None and receipt.is_success
        return transaction_hash(raw)

    def act(self, signer: LocalSigner, function: str, *arguments: object, seconds: int = 1) -> bytes:
        """A call of the escrow."""
        return self.send(signer, self.escrow, call(function, *arguments), seconds)

    def ask(self, contract: str, function: str, *arguments: object) -> Any:
        """A view's only answer."""
        address = {"DeliveryEscrow": self.escrow, "SettlementToken": self.token, "Receivable": self.receivable}[
            contract
        ]
        face = interface(contract)
        (data,) = self.chain.call([Call(address, face.call(function, *arguments))], self.chain.head().number)
        answers = face.answer(function, data)
        return answers[0] if len(answers) == 1 else answers

    def balance(self, account: bytes) -> int:
        return int(self.ask("SettlementToken", "balanceOf", account))

    # ------------------------------------------------------------------------------------------------------ an order

    def terms(self, *milestones: Milestone, **changes: Any) -> Terms:
        """The roaster buys of the grower; carrier and inspector attest where the masks say so."""
        values: dict[str, Any] = {
            "buyer": ROASTER.address, "seller": GROWER.address, "token": self.token, "document": b"\x07" * 32,
            "arbiter": ARBITER.address if any(m.arbitration_s for m in milestones) else NOBODY,
            "fund_by": self.now + DAY_S, "splits": (),
            "attestors": (ROASTER.address, CARRIER.address, INSPECTOR.address), "milestones": milestones,
        }  # fmt: skip
        return Terms(**values | changes)

    def milestone(self, **changes: Any) -> Milestone:
        """100,000 for 3, attested by the roaster, due in ten days."""
        values: dict[str, Any] = {
            "amount": 100_000, "ordered": 3, "attestor_mask": 1, "threshold": 1, "due_at": self.now + 10 * DAY_S,
            "grace_s": 5 * DAY_S,
        }  # fmt: skip
        return Milestone(**values | changes)

    def propose(self, terms: Terms) -> bytes:
        self.count += 1
        self.send(ROASTER, self.escrow, propose_call(terms, self.count))
        return order_id(self.deployment.escrow_domain, self.count, terms)

    def funded(self, terms: Terms) -> bytes:
        """An order that is proposed, accepted and paid in."""
        order = self.propose(terms)
        self.act(GROWER, "accept", order)
        self.send(ROASTER, self.token, interface("SettlementToken").call("approve", self.escrow, terms.amount))
        self.act(ROASTER, "fund", order)
        return order

    def split(self, bps: int) -> tuple[Split, ...]:
        return (Split(COOPERATIVE.address, bps),)

    # ---------------------------------------------------------------------------------------------------- deliveries

    def evidence(self, signer: LocalSigner) -> tuple[bytes, Evidence]:
        """A fresh record of the signer's party, anchored alone: its hash, and the proof."""
        record = records.Record(os.urandom(32), os.urandom(32), signer.address, self.count, os.urandom(32))
        record_hash = records.record_hash(self.deployment.domain, record)
        signature = signer.sign(record_hash)
        root = leaf(record_hash, signature)
        self.send(signer, self.deployment.event_log, interface("EventLog").call("anchor", root, 1))
        return record_hash, Evidence(signature, (), root)

    def attestation(
        self, signer: LocalSigner, order: bytes, name: str, accepted: int, *, milestone: int = 0,
        happened_at: int | None = None, deduction_bps: int = 0,
    ) -> tuple[Attestation, bytes, Evidence]:  # fmt: skip
        """What an attestor signs of a delivery, on a record that it has anchored for that."""
        record_hash, evidence = self.evidence(signer)
        attestation = Attestation(
            order, milestone, delivery_id(order, name, SALT), record_hash, happened_at or self.now, accepted,
            deduction_bps,
        )  # fmt: skip
        return attestation, signer.sign(attestation_digest(self.deployment.escrow_domain, attestation)), evidence

    def attest(self, signer: LocalSigner, order: bytes, name: str, accepted: int, **more: Any) -> bytes:
        """The attestation, submitted by a stranger. Returns the delivery."""
        attestation, signature, evidence = self.attestation(signer, order, name, accepted, **more)
        self.send(STRANGER, self.escrow, attest_call(attestation, signature, evidence))
        return attestation.delivery

    def settle(self, order: bytes, delivery: bytes = REST, milestone: int = 0, seconds: int = 1) -> None:
        self.send(STRANGER, self.escrow, settle_call(order, milestone, delivery), seconds)

    def collect(self, *creditors: LocalSigner) -> None:
        for creditor in creditors:
            self.send(STRANGER, self.escrow, collect_call(self.token, creditor.address))

    def divide(self, order: bytes, delivery: bytes, to_payee: int, to_buyer: int, milestone: int = 0) -> None:
        """The grower signs, the roaster submits."""
        version = self.ask("DeliveryEscrow", "itemOf", order, milestone, delivery)["version"]
        division = Division(order, milestone, delivery, version, to_payee, to_buyer, self.now + 3_600)
        signature = GROWER.sign(division_digest(self.deployment.escrow_domain, division))
        self.send(ROASTER, self.escrow, divide_call(division, signature))

    def mint(self, order: bytes) -> None:
        self.send(GROWER, self.receivable, interface("Receivable").call("mint", order))

    def transfer(self, order: bytes, sender: LocalSigner, receiver: bytes) -> None:
        version = self.ask("DeliveryEscrow", "orderOf", order)["version"]
        data = interface("Receivable").call("transferIf", receiver, int.from_bytes(order, "big"), version)
        self.send(sender, self.receivable, data)

    def authorise(self, party: LocalSigner, signer: LocalSigner, uses: int) -> None:
        """Lets a key stand for a party."""
        registry = self.deployment.party_registry
        domain = RegistryDomain(self.chain.chain_id, registry)
        consent = signer.sign(consent_digest(domain, party.address, signer.address, uses, 0, FOREVER))
        self.send(party, registry, registry_call("authorise", signer.address, uses, 0, FOREVER, consent))


def found(anvil: Any, *, money: int = 10**9) -> World:
    """All contracts on that Anvil (started with the options ANVIL), six members, and money for the roaster."""
    chain = Chain(anvil.url, anvil.chain_id)
    founders = [
        (member.address, (gln, name, 1, "", b"")) for member, gln, name in zip(MEMBERS, GLNS, NAMES, strict=True)
    ]
    clock = [START]

    def mine() -> None:
        clock[0] += 1
        anvil.rpc("evm_mine_detailed", {"timestamp": clock[0]})

    deployer = LocalSigner(b"\x99" * 32)
    deployment = deploy(chain, deployer, founders, wait=mine, first_nonce=0, with_escrow=True, with_token=True)
    world = World(anvil, chain, deployment, clock[0])
    world.mine()
    world.send(deployer, world.token, interface("SettlementToken").call("mint", ROASTER.address, money))
    return world


@contextmanager
def undone(world: World) -> Iterator[World]:
    """The world as it is; afterwards nothing of what was done to it has happened."""
    snapshot = world.anvil.rpc("evm_snapshot")
    yield replace(world)
    world.anvil.rpc("evm_revert", snapshot)


def refusal(world: World, signer: LocalSigner, to: bytes, data: bytes) -> str:
    """The contract's words where it refuses that call; empty where it takes it (and then it has been done)."""
    try:
        world.send(signer, to, data)
    except ChainError as error:
        return error.detail
    return ""


def tried(action: Callable[[], object]) -> bool:
    """Whether it was not refused."""
    try:
        action()
    except ChainError as error:
        assert error.reason is ChainReason.REVERTED, error
        return False
    return True
