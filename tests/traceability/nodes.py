"""A node for the tests of capture and history: a real database, real keys, a chain as the follower's tables show it.

`Chain` writes what a follower would have read: who is who, what is anchored and withdrawn. No network, no waiting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import orjson
from sqlalchemy import update
from sqlalchemy.engine import Engine
from sqlmodel import select

from ledger import anchoring
from ledger.abi import interface
from ledger.answers import Use
from ledger.batch import AnchoringSettings
from ledger.database import reading, writing
from ledger.deployment import Deployment
from ledger.follower import NAME
from ledger.keystore import LocalSigner
from ledger.record import Domain, Record, record_hash
from ledger.standing import LocalAnswers
from ledger.tables import AnchorRow, BatchRow, PositionRow, RegistryLogRow, TransactionRow, WithdrawalRow
from tests.traceability.stories import GREEN, START, lot_seen
from traceability import foreign, repository
from traceability.capture import CaptureSettings, capture, capture_signed
from traceability.drafts import Draft, SignedDraft
from traceability.epcis.canonical import canonical_json, content_hash
from traceability.epcis.event_hash import event_hash
from traceability.evidence import proof_bundle
from traceability.foreign import Received
from traceability.history import History, history
from traceability.jobs import CaptureJob, ErrorBehaviour, capture_job
from traceability.lineage import EVENTS_MAX, Direction
from traceability.verification import Trusted

CHAIN_ID = 9_520_017
EVENT_LOG, PARTY_REGISTRY = b"\x0e" * 20, b"\x0a" * 20
DEPLOYMENT = Deployment(CHAIN_ID, EVENT_LOG, PARTY_REGISTRY)
DOMAIN = Domain(CHAIN_ID, EVENT_LOG)
TRUSTED = Trusted(CHAIN_ID, EVENT_LOG, PARTY_REGISTRY)
CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"coffee": "https://example.com/coffee/"}]
START_AT = int(START.timestamp())
FOR_EVER = 2**64 - 1
ALL_USES = 15


def key(name: str) -> LocalSigner:
    """A named character's key, the same in every run."""
    return LocalSigner(hashlib.sha256(name.encode()).digest())


GROWER, ROASTER, SCANNER, NODE, STRANGER = (key(name) for name in ("grower", "roaster", "scanner", "node", "stranger"))


def drawn() -> Callable[[int], bytes]:
    """Bytes that look random and are the same in every run."""
    numbers = count()

    def draw(size: int) -> bytes:
        blocks = (hashlib.sha256(b"%d" % next(numbers)).digest() for _ in range(-(-size // 32)))
        return b"".join(blocks)[:size]

    return draw


def document(*events: dict[str, Any], context: Any = None, **members: Any) -> bytes:
    whole = {
        "@context": CONTEXT if context is None else context,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T00:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }
    return orjson.dumps(whole | members)


_chains = count()


@dataclass
class Chain:
    """A chain as its followers see it. Time goes by where a test says so; every node that listens is told."""

    now_at: int = START_AT
    block: int = 1
    listeners: list[Engine] = field(default_factory=list)
    number: int = field(default_factory=lambda: next(_chains))

    def tell(self, name: str, **arguments: Any) -> None:
        """A log of PartyRegistry, in a block of its own."""
        self.pass_time(1)
        text = interface("PartyRegistry").arguments_to_json(arguments)
        for engine in self.listeners:
            with writing(engine) as session:
                session.add(
                    RegistryLogRow(
                        block_number=self.block,
                        log_index=0,
                        block_hash=self._hash(),
                        block_at=self.now_at,
                        transaction_hash=bytes(32),
                        name=name,
                        arguments=text,
                    )
                )

    def admit(self, party: LocalSigner, gln: str) -> None:
        profile = {"gln": gln, "name": gln, "roles": 1, "endpoint": "", "encryptionKey": b""}
        self.tell("PartyAdmitted", party=party.address, profile=profile, **{"from": self.now_at + 2})
        self.tell("StatusChanged", party=party.address, status=1, **{"from": self.now_at + 2})
        self.authorise(party, party, ALL_USES)

    def authorise(self, party: LocalSigner, signer: LocalSigner, uses: int, after_s: int = 1,
                  until_at: int = FOR_EVER) -> None:  # fmt: skip
        starts = {"from": self.now_at + 1 + after_s}
        self.tell("SignerAuthorised", party=party.address, signer=signer.address, uses=uses, until=until_at, **starts)

    def revoke(self, party: LocalSigner, signer: LocalSigner, first_disowned: int = FOR_EVER) -> None:
        self.tell("SignerRevoked", party=party.address, signer=signer.address, until=self.now_at + 2,
                  firstDisowned=first_disowned)  # fmt: skip

    def suspend(self, party: LocalSigner) -> None:
        self.tell("StatusChanged", party=party.address, status=2, **{"from": self.now_at + 2})

    def pass_time(self, seconds: int) -> None:
        """One block, so many seconds later."""
        self.now_at += seconds
        self.block += 1
        for engine in self.listeners:
            self.show(engine)

    def show(self, engine: Engine) -> None:
        with writing(engine) as session:
            session.merge(PositionRow(name=NAME, block_number=self.block, block_hash=self._hash(), block_at=self.now_at,
                                      final_number=self.block, final_at=self.now_at,
                                      contact_at_us=self.now_at * 1_000_000))  # fmt: skip

    def anchor(self, root: bytes, *, is_final: bool = True) -> None:
        """The root in the next block."""
        self.pass_time(1)
        for engine in self.listeners:
            with writing(engine) as session:
                session.add(AnchorRow(root=root, anchor_index=self.block, anchored_at=self.now_at, leaf_count=1,
                                      operator=GROWER.address, block_number=self.block,
                                      transaction_hash=self._hash()))  # fmt: skip
                if not is_final:
                    session.execute(update(PositionRow).values(final_number=self.block - 1, final_at=self.now_at - 1))

    def withdraw(self, party: LocalSigner, record_hash: bytes) -> None:
        self.pass_time(1)
        for engine in self.listeners:
            with writing(engine) as session:
                session.add(WithdrawalRow(party=party.address, record_hash=record_hash, withdrawn_at=self.now_at,
                                          block_number=self.block))  # fmt: skip

    def _hash(self) -> bytes:
        """A block's hash stands for all that came before it, so no two chains share one."""
        return hashlib.sha256(b"chain %d, block %d" % (self.number, self.block)).digest()


@dataclass
class Node:
    """A node that holds keys, over a database of its own."""

    engine: Engine
    chain: Chain
    draw: Callable[[int], bytes] = field(default_factory=drawn)

    @property
    def now_us(self) -> int:
        return self.chain.now_at * 1_000_000

    def capture(
        self,
        signer: LocalSigner,
        *events: dict[str, Any],
        party: LocalSigner | None = None,
        data: bytes | None = None,
        error_behaviour: ErrorBehaviour = ErrorBehaviour.ROLLBACK,
        settings: CaptureSettings | None = None,
        receipt_signer: LocalSigner | None = NODE,
    ) -> CaptureJob:
        return capture(
            self.engine, domain=DOMAIN, party=(party or signer).address, signer=signer, now_us=self.now_us,
            document=document(*events) if data is None else data, randomness=self.draw,
            settings=settings or CaptureSettings(), receipt_signer=receipt_signer, error_behaviour=error_behaviour,
        )  # fmt: skip

    def capture_signed(self, party: LocalSigner, data: bytes,
                       error_behaviour: ErrorBehaviour = ErrorBehaviour.ROLLBACK) -> CaptureJob:  # fmt: skip
        return capture_signed(self.engine, domain=DOMAIN, party=party.address, document=data, now_us=self.now_us,
                              randomness=self.draw, receipt_signer=NODE, error_behaviour=error_behaviour)  # fmt: skip

    def capture_unchecked(self, signer: LocalSigner, event: dict[str, Any]) -> None:
        """Signs and stores an event that no capture would take: what a node with other manners may do."""
        record = Record(event_hash(event, CONTEXT), content_hash(CONTEXT, event), signer.address, 0, b"\x01" * 32)
        digest = record_hash(DOMAIN, record)
        draft = Draft(0, lot_seen(0, GREEN), canonical_json(event), record.event_hash, record.content_hash)
        signed = SignedDraft(draft, record, digest, signer.address, signer.sign(digest))
        context_json = canonical_json(CONTEXT)
        with writing(self.engine) as session:
            context = repository.context_id(session, hashlib.sha256(context_json).digest(), context_json)
            repository.insert_signed(session, [signed], [1], [context], self.now_us, job_id=None)

    def anchor(self) -> None:
        """Closes a batch of what may be anchored, and has the chain anchor it."""
        for root in self.close_batches():
            self.chain.anchor(root)
        self.chain.pass_time(1)

    def close_batches(self) -> list[bytes]:
        """The roots of what may be anchored, planned but not sent."""
        settings = AnchoringSettings(batch_age_s_max=0)
        while anchoring.step(self.engine, DEPLOYMENT, NODE.address, settings, self.now_us).done:
            pass
        with reading(self.engine) as session:
            known = set(session.exec(select(AnchorRow.root)))
            return [root for root in session.exec(select(BatchRow.root)) if root not in known]

    def history(self, identifier: str, *, forward: bool = False, limit: int = EVENTS_MAX) -> History:
        direction = Direction.FORWARD if forward else Direction.BACKWARD
        with reading(self.engine) as session:
            return history(session, TRUSTED, identifier, direction, limit)

    def states(self, identifier: str) -> list[str]:
        return [entry.state for entry in self.history(identifier).entries]

    def job(self, capture_id: str) -> CaptureJob:
        with reading(self.engine) as session:
            found = capture_job(session, capture_id)
        assert found is not None
        return found

    def proof(self, record_ids: Sequence[int]) -> bytes:
        with reading(self.engine) as session:
            return proof_bundle(session, TRUSTED, record_ids)

    def receive(self, data: bytes) -> Received:
        with reading(self.engine) as session:
            return foreign.receive(self.engine, data, TRUSTED, LocalAnswers.of(session), self.now_us)

    def outbox(self) -> list[TransactionRow]:
        with reading(self.engine) as session:
            return list(session.exec(select(TransactionRow)))


def join(chain: Chain, engine: Engine) -> Node:
    """A node that follows the chain from its start on. Call it before anything happens."""
    chain.listeners.append(engine)
    chain.show(engine)
    return Node(engine, chain)


def found(chain: Chain) -> None:
    """Grower and roaster; the grower's scanner records for it, and the node's key anchors for the roaster."""
    chain.admit(GROWER, "9521234000013")
    chain.admit(ROASTER, "9524321000019")
    chain.authorise(GROWER, SCANNER, Use.RECORD)
    chain.authorise(ROASTER, NODE, Use.ANCHOR)
    chain.pass_time(3600)
