"""A node on a chain of its own: grower and roaster found the consortium, the clock moves only when it is told to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.engine import Engine
from sqlmodel import select

from ledger import record as records
from ledger.batch import AnchoringSettings
from ledger.chain import Chain
from ledger.consortium import FOREVER, RegistryDomain, call, consent_digest
from ledger.database import reading, writing
from ledger.deployment import Deployment, bind, deploy
from ledger.devnet import Devnet
from ledger.keystore import LocalSigner
from ledger.merkle import leaf, proof_from_nodes
from ledger.progress import Progress
from ledger.standing import LocalAnswers
from ledger.submission import plan
from ledger.tables import AttemptRow, BatchRow, RecordRow, TransactionRow
from ledger.worker import Worker, run_once
from tests.databases import MakeEngine

START = 1_800_000_000
GROWER, ROASTER = LocalSigner(b"\x11" * 32), LocalSigner(b"\x22" * 32)
FOUNDERS = [
    (GROWER.address, ("9521234500001", "Highland Growers", 1, "", b"")),
    (ROASTER.address, ("9521234500018", "Harbour Roasters", 2, "", b"")),
]


@dataclass
class Node:
    """A worker with its database, and the clock it is told. `mine` lets the chain go on by one step."""

    worker: Worker
    mine: Callable[[int], object]
    now_us: int = START * 1_000_000
    sequences: dict[bytes, int] = field(default_factory=dict)

    @property
    def engine(self) -> Engine:
        return self.worker.engine

    @property
    def now(self) -> int:
        return self.now_us // 1_000_000

    def record(self, count: int = 1, signer: LocalSigner = GROWER, party: bytes | None = None) -> list[bytes]:
        """Signs and stores so many records, as a capture would, and returns their hashes."""
        rows = [self._row(signer, party or signer.address) for _ in range(count)]
        with writing(self.engine) as session:
            session.execute(insert(RecordRow), rows)
        return [bytes(row["record_hash"]) for row in rows]  # type: ignore[arg-type]

    def authorise(self, signer: LocalSigner, uses: int, from_at: int = 0) -> None:
        """The grower lets a key stand for it; planned, not sent yet."""
        registry = self.worker.deployment.party_registry
        domain = RegistryDomain(self.worker.deployment.chain_id, registry)
        consent = signer.sign(consent_digest(domain, GROWER.address, signer.address, uses, from_at, FOREVER))
        data = call("authorise", signer.address, uses, from_at, FOREVER, consent)
        self.plan(f"authorise:{signer.address.hex()}", registry, data)

    def plan(self, intent: str, to: bytes, data: bytes) -> int:
        """Puts a transaction of the grower's into the outbox."""
        with writing(self.engine) as session:
            return plan(session, intent=intent, sender=GROWER.address, to=to, data=data, now_us=self.now_us)

    def pass_by(self, seconds: float = 0.0) -> Progress:
        """One pass of the worker and one step of the chain, so much later."""
        self.now_us += int(seconds * 1_000_000)
        progress = run_once(self.worker, self.now_us)
        self.mine(self.now)
        return progress

    def settle(self, seconds: float = 0.0) -> None:
        """Passes until nothing moves any more, the first one so much later."""
        self.now_us += int(seconds * 1_000_000)
        for _ in range(60):
            progress = run_once(self.worker, self.now_us)
            if not self.mine(self.now) and progress.done == 0 and not progress.is_waiting:
                return
        raise AssertionError(f"still busy after 60 passes: {progress}")

    def anchored_at(self, record_hashes: list[bytes]) -> list[int]:
        """For each record the time of its final anchor, 0 where it has none."""
        with reading(self.engine) as session:
            query = select(RecordRow.record_hash, BatchRow.root).join(BatchRow, RecordRow.batch_id == BatchRow.id)
            root_of = dict(session.exec(query.where(RecordRow.record_hash.in_(record_hashes))).all())
            roots = [root_of.get(one, b"") for one in record_hashes]
            return list(LocalAnswers.of(session).anchored_at(roots))

    def transactions(self) -> list[TransactionRow]:
        with reading(self.engine) as session:
            return list(session.exec(select(TransactionRow).order_by(TransactionRow.id)).all())

    def attempts(self) -> list[AttemptRow]:
        with reading(self.engine) as session:
            return list(session.exec(select(AttemptRow).order_by(AttemptRow.id)).all())

    def batches(self) -> list[BatchRow]:
        with reading(self.engine) as session:
            return list(session.exec(select(BatchRow).order_by(BatchRow.id)).all())

    def proof(self, record_hash: bytes) -> tuple[bytes, list[bytes], bytes]:
        """(signature, proof, root) of an own record that is in a batch."""
        with reading(self.engine) as session:
            row = session.exec(select(RecordRow).where(RecordRow.record_hash == record_hash)).one()
            batch = session.get(BatchRow, row.batch_id)
        assert batch is not None
        return row.signature, proof_from_nodes(batch.tree, leaf(record_hash, row.signature)), batch.root

    def _row(self, signer: LocalSigner, party: bytes) -> dict[str, object]:
        sequence = self.sequences.get(signer.address, 0)
        self.sequences[signer.address] = sequence + 1
        record = records.Record(os.urandom(32), os.urandom(32), party, sequence, os.urandom(32))
        record_hash = records.record_hash(self.worker.deployment.domain, record)
        return {
            "record_hash": record_hash, "event_hash": record.event_hash, "content_hash": record.content_hash,
            "party": party, "signer": signer.address, "sequence": sequence, "disclosure_root": record.disclosure_root,
            "signature": signer.sign(record_hash), "received_at_us": self.now_us, "is_foreign": False,
        }  # fmt: skip


@pytest.fixture
def devnet(tmp_path: Path, port: int) -> Iterator[Devnet]:
    """An embedded chain at its first start."""
    devnet = Devnet.start(tmp_path / "chain", port=port, started_at=START - 3_600)
    yield devnet
    devnet.stop()


@pytest.fixture
def port() -> int:
    import socket  # noqa: PLC0415 - only here

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def deployment(devnet: Devnet) -> Deployment:
    """The contracts, on the embedded chain, with grower and roaster in effect."""
    chain = Chain(devnet.rpc_url, devnet.chain_id)
    deployment = deploy(chain, devnet.deployer, FOUNDERS, wait=lambda: devnet.mine_at(devnet.head_at), first_nonce=0)
    devnet.mine_at(START - 1)
    return deployment


@pytest.fixture
def make_node(make_engine: MakeEngine) -> Callable[..., Node]:
    """Makes nodes, each with a database of its own, unless one is given the engine of another."""

    def make(
        chain: Chain, deployment: Deployment, mine: Callable[[int], object], *, engine: Engine | None = None,
        settings: AnchoringSettings = AnchoringSettings(),  # noqa: B008 - frozen
        signer: LocalSigner = GROWER,
    ) -> Node:  # fmt: skip
        engine = engine or make_engine()
        bind(engine, deployment)
        worker = Worker(engine, chain, deployment, {signer.address: signer}, signer.address, settings)
        return Node(worker, mine)

    return make


@pytest.fixture
def node(devnet: Devnet, deployment: Deployment, make_node: Callable[..., Node]) -> Node:
    """The grower's node on the embedded chain. Batches close by age after two seconds."""
    node = make_node(Chain(devnet.rpc_url, devnet.chain_id), deployment, devnet.step)
    node.settle()
    return node
